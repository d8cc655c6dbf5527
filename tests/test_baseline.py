from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from envaudit.baseline import SCHEMA_VERSION, Known, dump_baseline, read_baseline
from envaudit.errors import ConfigError
from tests.report.samples import ABI, BROKEN, HOSTILE, MISSING, finding

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = json.loads(resources.files("envaudit").joinpath("baseline.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def written(folder: Path, text: str) -> str:
    (folder / "known.json").write_text(text, encoding="utf-8")
    return str(folder / "known.json")


def test_the_schema_is_a_schema_of_this_version() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["schema_version"]["const"] == SCHEMA_VERSION


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, dump_baseline(BROKEN.findings))
    baseline = read_baseline(path)
    assert baseline.path == path
    assert baseline.known == {
        each.fingerprint: Known(each.code, each.distribution, each.message) for each in BROKEN.findings
    }


@pytest.mark.parametrize("findings", [BROKEN.findings, HOSTILE.findings, (), (finding("EA-0000-my-own"),)])
def test_it_fits_the_schema(tmp_path: Path, findings: tuple[Any, ...]) -> None:
    text = dump_baseline(findings)
    assert text.isascii()
    VALIDATOR.validate(json.loads(text))
    assert len(read_baseline(written(tmp_path, text)).known) == len(findings)


def test_the_order_does_not_depend_on_that_of_the_findings() -> None:
    assert dump_baseline((ABI, MISSING)) == dump_baseline((MISSING, ABI))


DAMAGES: dict[str, tuple[Any, str]] = {
    "a list": ([], ": must be a table, not \\[\\]"),
    "another version": ({"schema_version": 0}, "schema_version: must be 1, not 0"),
    "a newer version": ({"schema_version": 2}, "schema_version: 2 is newer than 1: update envaudit"),
    "no number": ({"schema_version": True}, "schema_version: must be 1, not True"),
    "one more key": ({"finding": []}, r"finding: there is no such key; did you mean findings\?"),
    "another tool": ({"tool": {"name": "x", "version": "1"}}, "tool.name: must be envaudit, not 'x'"),
    "no version of the tool": ({"tool": {"name": "envaudit"}}, "tool.version: is missing"),
    "no list": ({"findings": {}}, "findings: must be a list, not {}"),
    "no table": ({"findings": [1]}, r"findings\[0\]: must be a table, not 1"),
    "a key too few": ({"findings": [{"code": "DEP001"}]}, r"findings\[0\].distribution: is missing"),
    "a short fingerprint": ("fingerprint", r"findings\[0\].fingerprint: must be 16 hexadecimal digits, not 'abc'"),
    "no code": ("code", r"findings\[0\].code: must be the code of a finding, not 'abc'"),
    "a number": ("message", r"findings\[0\].message: must be a text, not 5"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_an_error_that_names_the_place(tmp_path: Path, damage: str) -> None:
    change, sentence = DAMAGES[damage]
    document: Any = json.loads(dump_baseline((ABI,)))
    if isinstance(change, dict):
        document.update(change)
    elif isinstance(change, str):
        document["findings"][0][change] = 5 if change == "message" else "abc"
    else:
        document = change
    assert not VALIDATOR.is_valid(document)
    path = written(tmp_path, json.dumps(document))
    with pytest.raises(ConfigError, match=sentence) as caught:
        read_baseline(path)
    assert str(caught.value).startswith(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is not valid JSON"),
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ('{"schema_version": 1, "schema_version": 1}', "the key 'schema_version' stands in one table twice"),
        ('{"schema_version": ' + "9" * 5000 + "}", "is not valid JSON"),
    ],
)
def test_what_is_no_json(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        read_baseline(written(tmp_path, text))


def test_a_finding_that_stands_there_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"findings\[1\].fingerprint: [0-9a-f]{16} stands in the file twice"):
        read_baseline(written(tmp_path, dump_baseline((ABI, ABI))))


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone.json: cannot be read: no such file"):
        read_baseline(str(tmp_path / "gone.json"))
    with pytest.raises(ConfigError, match="cannot be read: "):
        read_baseline(str(tmp_path))
