"""The schema of rule files says the same as the program that reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import envaudit.rulebook
from envaudit.rulebook import default_folder
from envaudit.rulebook.built import built_text
from envaudit.rulebook.lint import lint_rules
from envaudit.rulebook.load import read_rule_text, rule_paths
from tests.rulebook.examples import IMPORTED, SOUND, changed, write_rule

SCHEMA = json.loads(Path(envaudit.rulebook.__file__).with_name("rule.schema.json").read_text(encoding="utf-8"))


def as_json(text: str) -> Any:
    (rule,) = json.loads(built_text("2026.1.1", [("EA-2026-0001.toml", text)]))["rules"].values()
    return rule


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_rule_that_ships_has_the_form() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    paths = rule_paths(default_folder())
    assert len(paths) > 80
    for path in paths:
        assert not list(validator.iter_errors(as_json(read_rule_text(path)))), path


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('status = "active"', 'status = "retired"'),
        ('severity = "error"', 'severity = "fatal"'),
        ('impact = ["import-error"]', "impact = []"),
        ('impact = ["import-error"]', 'impact = ["explosion"]'),
        ('category = "api-removal"', 'category = "other"'),
        ('origin = "hand"', 'origin = "hand"\nsurprise = 1'),
        ('basis = "reproduced"\n', ""),
        ('id = "EA-2026-0001"', 'id = "EA-1"'),
        ("[match]", "[match]\nmore = 1"),
        ("published = 2026-11-22", 'published = "yesterday"'),
        ('all = ["alpha<2.0", "Beta>=3.0a0"]', "all = []"),
    ],
)
def test_a_defect_is_one_for_both(old: str, new: str, tmp_path: Path) -> None:
    assert old in SOUND
    text = changed((old, new))
    write_rule(tmp_path, text, "EA-2026-0001.toml")
    (tmp_path / "VERSION").write_text("2026.1.1\n", encoding="utf-8")
    assert lint_rules(str(tmp_path))
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(as_json(text)))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('severity = "warning"', 'severity = "error"', "severity"),
        ('origin = "import:example/patches@1234567#alpha.yaml"', 'origin = "hand"', "origin"),
        ('license = "BSD-3-Clause"\n', "", "license"),
        ('license = "BSD-3-Clause"\n', 'license = ""\n', "license"),
        ('basis = "imported"', 'basis = "reproduced"', "reproducer"),
        ("[[evidence]]", SOUND[SOUND.index("[reproducer]") : SOUND.index("[[evidence]]")] + "[[evidence]]", "basis"),
    ],
)
def test_what_an_imported_bound_must_not_be(old: str, new: str, where: str, tmp_path: Path) -> None:
    assert old in IMPORTED
    text = IMPORTED.replace(old, new)
    write_rule(tmp_path, text)
    assert where in [problem.path for problem in lint_rules(str(tmp_path))]
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(as_json(text)))


def test_a_fix_of_an_imported_bound_leaves_all_that_it_matches(tmp_path: Path) -> None:
    write_rule(tmp_path, IMPORTED.replace('constraints = ["beta<3"]', 'constraints = ["beta<3.1"]'))
    assert [problem.path for problem in lint_rules(str(tmp_path))] == ["fix[1]"]


@pytest.mark.parametrize("text", [SOUND, IMPORTED], ids=["seen", "imported"])
def test_a_sound_rule_is_one_for_both(text: str, tmp_path: Path) -> None:
    write_rule(tmp_path, text)
    assert lint_rules(str(tmp_path)) == []
    assert not list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(as_json(text)))
