"""What holds of the rules that ship, all of them together: how many they are, whence they come, and what they spare."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from envaudit.model import Severity
from envaudit.rulebook import default_folder, load_rules, match_rule
from envaudit.rulebook.lint import environment, pinned
from tests.e2e.healthy import ENVIRONMENTS

ROOT = Path(__file__).parents[2]
RULES = load_rules([default_folder()]).active()
PLATFORM = "linux-x86_64"
DATABASES = {
    "import:conda-forge/conda-forge-repodata-patches-feedstock@": "BSD-3-Clause",
    "import:spack/spack-packages#": "Apache-2.0 OR MIT",
}


def matching(pins: list[str], python: str) -> list[str]:
    """Return the rules that apply to a set of pins, certainly or perhaps: errors, and all that was taken over."""
    versions, markers = pinned(pins), environment(python, PLATFORM)
    strict = [rule for rule in RULES if rule.severity is Severity.ERROR or rule.origin != "hand"]
    return [rule.id for rule in strict if match_rule(rule, versions, markers) is not None]


def test_the_documents_say_how_many_there_are() -> None:
    seen = sum(rule.reproducer is not None for rule in RULES)
    taken = sum(rule.origin.startswith("import:") for rule in RULES)
    said = f"{len(RULES)} rules are active: {seen} were seen to happen on real wheels, and {len(RULES) - seen}"
    guide = " ".join((ROOT / "docs" / "rules.md").read_text(encoding="utf-8").split())
    assert said in guide
    assert f"{taken} of the bounds were taken over" in guide
    assert f"{len(RULES)} combinations" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_was_taken_over_names_its_place_and_license() -> None:
    taken = [rule for rule in RULES if rule.origin != "hand"]
    assert len(taken) >= 15
    for rule in taken:
        assert [terms for origin, terms in DATABASES.items() if rule.origin.startswith(origin)] == [rule.license]
        assert re.search(r"#([\w.-]+\.yaml|\w+/package\.py:\d+)$", rule.origin), rule.id
        assert "patch" in {evidence.type for evidence in rule.evidence}, rule.id


def test_no_rule_speaks_of_sets_that_work() -> None:
    """The healthy twins of broken sets, all good sets of all rules, and the healthy environments with pins."""
    combos = (ROOT / "tests" / "e2e" / "data" / "combos.jsonl").read_text(encoding="utf-8").splitlines()
    sets = [(row["good_pins"], row["good_python"]) for row in map(json.loads, combos) if row["good_pins"]]
    sets += [(healthy.requirements.split(), healthy.python) for healthy in ENVIRONMENTS]
    for again in filter(None, (rule.reproducer for rule in RULES)):
        sets += [(list(pins), again.good_python or again.python) for pins in again.good]
    assert len(sets) > 300
    assert [(pins, found) for pins, python in sets if (found := matching(pins, python))] == []


def test_bounds_that_were_not_taken_have_a_reason() -> None:
    with (ROOT / "fixtures" / "bounds" / "not_taken.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 40
    for row in rows:
        assert row["database"] in {"conda-forge", "spack"}
        assert row["bound"]
        assert row["reason"]
        assert bool(row["tried"]) == row["reason"].startswith(("not confirmed", "fails in another way")), row
        tried = row["tried"].split()
        assert matching(tried, "3.11") == [], "an environment that was built and works"
