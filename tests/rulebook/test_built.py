"""Rules in one file, rules as a wheel, and what a change of them changes."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from envaudit.errors import RuleError
from envaudit.rulebook import default_folder, default_rules, load, load_rules
from envaudit.rulebook.built import built_text
from envaudit.rulebook.change import changes, known_sets, turned
from envaudit.rulebook.derived import load_derived
from envaudit.rulebook.lint import lint_rules
from envaudit.rulebook.load import read_rule_text, read_version, rule_paths
from envaudit.rulebook.ship import wheel_bytes, wheel_name
from tests.rulebook.examples import SOUND, changed, write_rule

if TYPE_CHECKING:
    from pathlib import Path


def built(version: str = "2026.11.1", *texts: str) -> str:
    return built_text(version, [(f"EA-2026-{number:04}.toml", text) for number, text in enumerate(texts, 1)])


@pytest.fixture
def shipped(tmp_path: Path) -> str:
    folder = default_folder()
    path = tmp_path / "rules.json"
    texts = [(name, read_rule_text(name)) for name in rule_paths(folder)]
    numpy2 = json.loads(load.derived_text(folder))
    path.write_text(built_text(read_version(folder), texts, numpy2), encoding="utf-8")
    return str(path)


def test_a_built_file_says_the_same_as_its_folder(shipped: str) -> None:
    one, other = load_rules([default_folder()]), load_rules([shipped])
    assert [rule._replace(file="") for rule in one.rules] == [rule._replace(file="") for rule in other.rules]
    assert (one.info.version, one.info.count) == (other.info.version, other.info.count)
    assert not list(changes(one, other))


def test_the_table_of_builds_goes_with_them(shipped: str, tmp_path: Path) -> None:
    one, other = load_derived(default_folder()), load_derived(shipped)
    assert one.names() == other.names()
    assert one.built("pandas", "2.0.3") == other.built("pandas", "2.0.3")
    assert other.built("pandas", "2.0.3") is not None
    without = tmp_path / "without.json"
    without.write_text(built("2026.11.1", SOUND), encoding="utf-8")
    assert load_derived(str(without)).names() == ()


def test_the_digest_covers_the_table(tmp_path: Path) -> None:
    write_rule(tmp_path, SOUND, "EA-2026-0001.toml")
    before = load_rules([str(tmp_path)]).info.digest
    (tmp_path / "derived").mkdir()
    (tmp_path / "derived" / "numpy2.json").write_text('{"schema": 1, "version": "1", "projects": {}}', encoding="utf-8")
    assert load_rules([str(tmp_path)]).info.digest != before
    assert lint_rules(str(tmp_path)) == []
    (tmp_path / "derived" / "numpy2.json").write_text("[]", encoding="utf-8")
    assert "numpy2.json: schema: a number is expected" in str(lint_rules(str(tmp_path))[0])


def test_what_is_not_installed_is_counted_and_not_parsed(shipped: str) -> None:
    installed = {"gensim": "4.3.2", "scipy": "1.13.1"}
    one, other = load_rules([default_folder()], installed), load_rules([shipped], installed)
    assert [rule.id for rule in one.rules] == [rule.id for rule in other.rules]
    assert one.skipped == other.skipped
    assert 0 < len(other.rules) < 10


def test_the_same_folder_gives_the_same_bytes(shipped: str) -> None:
    folder = default_folder()
    texts = [(name, read_rule_text(name)) for name in reversed(rule_paths(folder))]
    with open(shipped, encoding="utf-8") as file:
        assert built_text(read_version(folder), texts, json.loads(load.derived_text(folder))) == file.read()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "neither a folder of rules nor a file made by"),
        ("[" * 100_000, "neither a folder of rules nor"),
        ("[]", "rules: a table of rules is expected"),
        ('{"schema": 2, "version": "1", "rules": {}}', "schema: format 2 is newer than this program"),
        ('{"version": "1", "rules": {}}', "schema: format None is newer"),
        ('{"schema": 1, "rules": {}}', "version: a text is expected"),
        ('{"schema": 1, "version": "1", "rules": {"EA-1": 3}}', "rules.EA-1: a table is expected"),
        ('{"schema": 1, "version": "1", "rules": {"EA-1": {"schema": 1}}}', "EA-1: severity: missing"),
    ],
)
def test_a_bad_file_is_named_with_the_reason(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RuleError) as caught:
        load_rules([default_folder(), str(path)])
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)


def test_there_is_no_such_place(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="no such file or folder"):
        load_rules([str(tmp_path / "nothing")])


def test_a_date_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text(built("1.1.1", SOUND).replace('"published": "2026-11-22"', '"published": "soon"'), encoding="utf-8")
    with pytest.raises(RuleError, match=r"published: a date \(2026-11-22\) is expected"):
        load_rules([str(path)])


def test_a_newer_database_beside_the_program_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "envaudit" / "rulebook"
    beside = tmp_path / "pyenvaudit_rules"
    for folder in (program, beside, tmp_path / "envaudit" / "_rules"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(load, "__file__", str(program / "load.py"))
    (tmp_path / "envaudit" / "_rules" / "VERSION").write_text("2026.11.9\n", encoding="utf-8")
    bundled = str(tmp_path / "envaudit" / "_rules")
    assert default_rules() == bundled
    for version, newer in (("2026.11.8", False), ("2026.11.9", False), ("2026.11.10", True), ("2027.1.1", True)):
        (beside / "rules.json").write_text(built(version, SOUND), encoding="utf-8")
        assert default_rules() == (str(beside / "rules.json") if newer else bundled), version
    (beside / "rules.json").write_text(built("odd", SOUND), encoding="utf-8")
    assert default_rules() == bundled
    (beside / "rules.json").write_text("damaged", encoding="utf-8")
    with pytest.raises(RuleError, match=r"rules\.json"):
        default_rules()


def test_the_wheel_can_be_installed(tmp_path: Path, shipped: str) -> None:
    with open(shipped, encoding="utf-8") as file:
        text = file.read()
    data = wheel_bytes("2027.1.1", text)
    assert data == wheel_bytes("2027.1.1", text)
    wheel = tmp_path / wheel_name("2027.1.1")
    wheel.write_bytes(data)
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        assert archive.read("pyenvaudit_rules/rules.json").decode() == text
    place = tmp_path / "place"
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(place), str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads((place / "pyenvaudit_rules" / "rules.json").read_text(encoding="utf-8"))["version"]


def test_a_change_of_a_rule_turns_known_environments(tmp_path: Path) -> None:
    write_rule(tmp_path / "old", SOUND, "EA-2026-0001.toml")
    narrower = changed(('"alpha<2.0"', '"alpha<1.5"'), ('alpha==1.9", "beta==3.0.1', 'alpha==1.4", "beta==3.0.1'))
    write_rule(tmp_path / "new", narrower, "EA-2026-0001.toml")
    old, new = load_rules([str(tmp_path / "old")]), load_rules([str(tmp_path / "new")])
    (change,) = changes(old, new)
    assert (change.id, change.kind) == ("EA-2026-0001", "changed")
    assert set(change.what) == {"match", "reproducer"}
    sets = known_sets((old, new))
    assert len(sets) == 4  # two bad sets; the good ones are the same
    (each,) = turned(old, new, sets)
    assert each.known.pins == ("alpha==1.9", "beta==3.0.1")
    assert (each.no_longer, each.now) == (("EA-2026-0001",), ())


def test_a_rule_that_is_new_or_gone(tmp_path: Path) -> None:
    write_rule(tmp_path / "old", SOUND, "EA-2026-0001.toml")
    write_rule(tmp_path / "new", changed(("EA-2026-0001", "EA-2026-0002")), "EA-2026-0002.toml")
    old, new = load_rules([str(tmp_path / "old")]), load_rules([str(tmp_path / "new")])
    assert [(change.id, change.kind) for change in changes(old, new)] == [
        ("EA-2026-0001", "gone"),
        ("EA-2026-0002", "new"),
    ]
    (each,) = turned(old, new, known_sets((old, new)))
    assert (each.no_longer, each.now) == (("EA-2026-0001",), ("EA-2026-0002",))
