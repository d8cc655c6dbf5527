"""Each run sees a few rules happen for real; over some weeks of runs, all of them."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

import pytest

from envaudit.rulebook import default_folder, load_rules
from tests.e2e.verify_rules import run_probe, verify

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.rulebook import Rule

SAMPLE = 4


def sample(rules: tuple[Rule, ...], day: int, named: str) -> list[Rule]:
    """Return the rules of a day, the next ones on the next day, and those that are named."""
    count = min(SAMPLE, len(rules))
    chosen = {rules[(day * SAMPLE + step) % len(rules)].id for step in range(count)} | set(named.split())
    return [rule for rule in rules if rule.id in chosen]


TODAYS = sample(
    load_rules([default_folder()]).active(),
    dt.datetime.now(dt.timezone.utc).date().toordinal(),
    os.environ.get("ENVAUDIT_RULES", ""),
)


@pytest.mark.network
@pytest.mark.parametrize("rule", TODAYS, ids=lambda rule: rule.id)
def test_a_rule_holds(rule: Rule) -> None:
    outcome = verify(rule)
    assert outcome.verdict == "holds", outcome


def test_the_sample_goes_round_all_rules() -> None:
    rules = load_rules([default_folder()]).active()
    days = range(len(rules) // SAMPLE + 1)
    assert {rule.id for day in days for rule in sample(rules, day, "")} == {rule.id for rule in rules}
    assert rules[0] in sample(rules, 1, rules[0].id)


def test_a_probe_that_takes_too_much_memory_fails(tmp_path: Path) -> None:
    import sys

    ended = run_probe(sys.executable, "bytearray(5 * 1024**3)", tmp_path)
    assert ended.exit == 1
    assert "MemoryError" in ended.output


def test_a_probe_that_dies_is_named_by_its_signal(tmp_path: Path) -> None:
    import sys

    assert run_probe(sys.executable, "import os; os.abort()", tmp_path).exit == "SIGABRT"
