from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.cli import main
from envaudit.codes import CODES
from tests.rulebook.examples import changed, write_rule

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def my_rules(tmp_path: Path) -> str:
    write_rule(tmp_path / "mine", changed(("EA-2026-0001", "EA-0000-my-own")), "EA-0000-my-own.toml")
    return str(tmp_path / "mine")


@pytest.mark.parametrize("code", ["ABI001", "abi001", " Abi001 "])
def test_a_code(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", code]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"# ABI001: {CODES['ABI001']}\n\n## What it detects\n")
    assert out.endswith("\n")


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_a_page(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", code]) == 0
    assert capsys.readouterr().out.startswith(f"# {code}: ")


def test_a_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "dep"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{code}  {title}" for code, title in CODES.items() if code.startswith("DEP")]
    assert main(["explain", "EA"]) == 0
    assert "`envaudit rules list`" in capsys.readouterr().out


def test_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{code}  {title}" for code, title in CODES.items()]


def test_a_rule(my_rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "ea-0000-MY-own", "--rules", my_rules]) == 0
    assert capsys.readouterr().out.startswith("# EA-0000-my-own: ")


def test_rules_of_the_settings_count(
    my_rules: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENVAUDIT_RULES", my_rules)
    assert main(["explain", "EA-0000-my-own"]) == 0


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("ABI00", "did you mean ABI00"),
        ("XYZ", "there is no code 'XYZ'"),
        ("EA-0000-my-ow", "there is no rule EA-0000-MY-OW; did you mean EA-0000-my-own?"),
        ("EA-9", "there is no rule EA-9; `envaudit rules list` lists them"),
    ],
)
def test_what_does_not_exist(code: str, sentence: str, my_rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", code, "--rules", my_rules]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
