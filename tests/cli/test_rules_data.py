"""``envaudit rules show|build|diff|assign|verify`` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

import envaudit.proof
from envaudit.cli import main
from envaudit.proof import Outcome
from tests.rulebook.examples import IMPORTED, SOUND, changed, write_rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.rulebook import Rule


@pytest.fixture
def mine(tmp_path: Path) -> str:
    write_rule(tmp_path / "mine", SOUND, "EA-2026-0001.toml")
    return str(tmp_path / "mine")


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "show", "ea-2026-0001"]) == 0
    assert capsys.readouterr().out.startswith("# EA-2026-0001: gensim before 4.3.3")
    assert main(["rules", "show", "EA-2026-9999"]) == 2
    assert "there is no rule EA-2026-9999; did you mean" in capsys.readouterr().err


def test_build_and_use(mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "mine.json")
    assert main(["rules", "build", mine, "-o", file]) == 0
    assert main(["rules", "build", mine]) == 0
    assert capsys.readouterr().out == Path(file).read_text(encoding="utf-8")
    Path(mine, "EA-2026-0001.toml").rename(Path(mine, "EA-0000-same.toml"))
    assert main(["rules", "diff", mine, file]) == 0
    assert capsys.readouterr().out == "0 rules differ; 0 of 3 known environments judged differently\n"


def test_a_mistake_is_not_built(mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rule(Path(mine), changed(('title = "alpha', 'title = "x')), "EA-2026-0001.toml")
    Path(mine, "VERSION").unlink()
    assert main(["rules", "build", mine, "-o", str(tmp_path / "out.json")]) == 2
    assert "VERSION: no version such as 2026.11.1" in capsys.readouterr().out
    assert not (tmp_path / "out.json").exists()


def test_a_wheel(mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "build", mine, "--wheel", str(tmp_path / "dist")]) == 0
    place = Path(capsys.readouterr().out.strip())
    assert place.name == "pyenvaudit_rules-2026.11.1-py3-none-any.whl"
    assert place.stat().st_size > 500
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["rules", "build", mine, "--wheel", str(tmp_path / "file" / "dist")]) == 2
    assert "Not a directory" in capsys.readouterr().err


def test_diff(mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rule(tmp_path / "new", changed(("EA-2026-0001", "EA-2026-0002")), "EA-2026-0002.toml")
    assert main(["rules", "diff", mine, str(tmp_path / "new")]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "EA-2026-0001  gone",
        "EA-2026-0002  new",
        "Python 3.11, alpha==1.9 beta==3.0.1 (bad set of EA-2026-0001)",
        "    no longer EA-2026-0001",
        "    now       EA-2026-0002",
        "2 rules differ; 1 of 3 known environments judged differently",
    ]
    assert main(["rules", "diff", mine, str(tmp_path / "new"), "-f", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["verdicts"][0]["now"] == ["EA-2026-0002"]
    assert data["environments"] == 3
    assert main(["rules", "diff", mine, str(tmp_path / "nothing")]) == 2


def test_assign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "rules"
    write_rule(folder, changed(("EA-2026-0001", "EA-2020-0007")), "EA-2020-0007.toml")
    related = changed(
        ("EA-2026-0001", "EA-0000-one"), ('origin = "hand"', 'origin = "hand"\nrelated = ["EA-0000-one-more"]')
    )
    write_rule(folder, related, "EA-0000-one.toml")
    write_rule(folder, changed(("EA-2026-0001", "EA-0000-one-more")), "EA-0000-one-more.toml")
    assert main(["rules", "assign", str(folder)]) == 0
    first, second = (line.split(" -> ")[1] for line in capsys.readouterr().out.splitlines())
    names = sorted(path.stem for path in folder.glob("*.toml"))
    assert names == sorted(["EA-2020-0007", first, second])
    assert main(["rules", "lint", str(folder)]) == 0
    texts = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.toml")}
    assert sum("related = [" in text for text in texts.values()) == 1
    assert not any("EA-0000" in text for text in texts.values())
    capsys.readouterr()
    assert main(["rules", "assign", str(folder)]) == 0
    assert capsys.readouterr().out == "no rule waits for an id\n"


class _Verifier:
    """Says that a rule holds unless its title says otherwise; the real one is tested with real wheels."""

    seen: ClassVar[list[str]] = []

    def __enter__(self) -> _Verifier:  # noqa: PYI034
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def verify_all(self, rules: Sequence[Rule], jobs: int) -> Iterator[Outcome]:
        assert jobs >= 1
        _Verifier.seen[:] = [rule.id for rule in rules]
        for rule in rules:
            verdict: Any = "rotted" if "rotten" in rule.title else "holds"
            yield Outcome(rule.id, verdict, "exit 1", ("exit 0",), 2, 1.0, "why" if verdict == "rotted" else "")


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(envaudit.proof, "Verifier", _Verifier)
    write_rule(tmp_path / "two", SOUND, "EA-2026-0001.toml")
    rotten = changed(("EA-2026-0001", "EA-2026-0002"), ("alpha before 2.0 imports", "rotten: alpha before 2.0 imports"))
    write_rule(tmp_path / "two", rotten, "EA-2026-0002.toml")
    return str(tmp_path / "two")


def test_verify(two: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "verify", "--rules", two]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[1/2] EA-2026-0001  holds        bad: exit 1; good: exit 0; 1.0 s"
    assert lines[1].startswith("[2/2] EA-2026-0002  rotted ")
    assert lines[2] == "    | why"
    assert lines[3].startswith("1 of 2 rules hold; 4 environments in ")
    assert main(["rules", "verify", "ea-2026-0001", "--rules", two, "-f", "json"]) == 0
    (outcome,) = json.loads(capsys.readouterr().out)
    assert (outcome["rule"], outcome["verdict"], outcome["good"]) == ("EA-2026-0001", "holds", ["exit 0"])


def test_what_was_only_taken_over_is_not_verified_but_marked(
    two: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rule(tmp_path / "taken", IMPORTED.replace("EA-2026-0001", "EA-2026-9003"), "EA-2026-9003.toml")
    assert main(["rules", "list", "--rules", str(tmp_path / "taken")]) == 0
    assert "imports a name that beta 3 removed (imported)" in capsys.readouterr().out
    write_rule(Path(two), IMPORTED.replace("EA-2026-0001", "EA-2026-9003"), "EA-2026-9003.toml")
    assert main(["rules", "verify", "--rules", two]) == 1
    assert "of 2 rules hold" in capsys.readouterr().out
    assert main(["rules", "verify", "EA-2026-9003", "--rules", two]) == 2
    assert "imported, without a reproducer: EA-2026-9003" in capsys.readouterr().err


def test_verify_resumes(two: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = str(tmp_path / "results.jsonl")
    command = ["rules", "verify", "--rules", two, "--results", results]
    assert main([*command, "--resume"]) == 1
    assert _Verifier.seen == ["EA-2026-0001", "EA-2026-0002"]
    assert main([*command, "--resume"]) == 1
    assert _Verifier.seen == ["EA-2026-0002"]
    assert "left out: 1 rule seen to hold" in capsys.readouterr().out
    write_rule(Path(two), changed(('probe = "import alpha"', 'probe = "import alpha, beta"')), "EA-2026-0001.toml")
    main([*command, "--resume"])
    assert _Verifier.seen == ["EA-2026-0001", "EA-2026-0002"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["EA-2026-7777"], "there is no rule EA-2026-7777"),
        (["--resume"], "--resume continues the run"),
        (["--jobs", "0"], "'0' is no number from 1 on"),
        (["--resume", "--results", "{folder}/bad"], "not the outcomes of an earlier run"),
    ],
)
def test_verify_refuses(
    arguments: list[str], reason: str, two: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad").write_text("[1]\n", encoding="utf-8")
    given = [word.replace("{folder}", str(tmp_path)) for word in arguments]
    assert main(["rules", "verify", "--rules", two, *given]) == 2
    assert reason in capsys.readouterr().err
