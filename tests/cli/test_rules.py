from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.cli import main
from envaudit.report.plain import number
from envaudit.rulebook import default_folder, load_rules
from tests.rulebook.examples import changed, write_rule

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TITLE = "alpha before 2.0 imports a name that beta 3 removed"


def test_list_the_rules_that_ship(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "list"]) == 0
    *rows, last = capsys.readouterr().out.splitlines()
    book = load_rules([default_folder()])
    assert [row.split("  ")[0] for row in rows] == [rule.id for rule in book.rules]
    assert last == f"{number(book.info.count, 'active rule')}, version {book.info.version}"


def test_list_with_my_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rule(tmp_path, changed(("EA-2026-0001", "EA-0000-a")), "EA-0000-a.toml")
    write_rule(
        tmp_path,
        changed(("EA-2026-0001", "EA-0000-b"), ('"active"', '"draft"'), ('severity = "error"', 'severity = "note"')),
        "EA-0000-b.toml",
    )
    assert main(["rules", "list", "--rules", str(tmp_path)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert f"EA-0000-a  error    {TITLE}" in rows
    assert f"EA-0000-b  note     {TITLE} (draft)" in rows


def test_list_with_a_folder_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "list", "--rules", "gone"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("envaudit: error: ")
    assert "gone" in err


def test_lint_the_rules_that_ship(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "lint"]) == 0
    assert capsys.readouterr().out == f"no mistakes in {default_folder()}\n"


def test_lint_tells_all_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rule(tmp_path, changed(("EA-2026-0001", "EA-0000-a"), ('"error"', '"fatal\\u001b"')), "EA-0000-a.toml")
    write_rule(tmp_path, "no TOML \x1b[2J", "EA-0000-b.toml")
    assert main(["rules", "lint", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    *problems, last = out.splitlines()
    assert any(line.startswith(f"{tmp_path}/EA-0000-a.toml: severity: ") for line in problems)
    assert any(line.startswith(f"{tmp_path}/EA-0000-b.toml: ") for line in problems)
    assert last == f"{len(problems)} mistakes in {tmp_path}"
    assert err == ""
    assert "\x1b" not in out


def test_lint_one_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rule(tmp_path, "broken", "EA-0000-b.toml")
    assert main(["rules", "lint", str(tmp_path)]) == 2
    assert capsys.readouterr().out.splitlines()[-1] == f"1 mistake in {tmp_path}"


def test_lint_a_folder_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "lint", "gone"]) == 2
    assert capsys.readouterr().err.startswith("envaudit: error: gone")
