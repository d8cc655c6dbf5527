"""Each run sees a few rules happen for real; over some weeks of runs, all of them, and any rule that has changed."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from envaudit.proof import Verifier
from envaudit.rulebook import default_folder, load_rules

if TYPE_CHECKING:
    from envaudit.rulebook import Rule

SAMPLE = 4


def sample(rules: tuple[Rule, ...], day: int, named: str) -> list[Rule]:
    """Return the rules of a day, the next ones on the next day, and those that are named."""
    count = min(SAMPLE, len(rules))
    chosen = {rules[(day * SAMPLE + step) % len(rules)].id for step in range(count)} | set(named.split())
    return [rule for rule in rules if rule.id in chosen]


def changed_in_the_last_commit() -> str:
    """Return the ids of the rules that the last commit touched; none outside of a repository."""
    command = ["git", "diff", "--name-only", "--diff-filter=AMR", "HEAD~1", "HEAD", "--", "rules"]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    return " ".join(Path(name).stem for name in done.stdout.splitlines()) if done.returncode == 0 else ""


TODAYS = sample(
    load_rules([default_folder()]).active(),
    dt.datetime.now(dt.timezone.utc).date().toordinal(),
    f"{os.environ.get('ENVAUDIT_RULES', '')} {changed_in_the_last_commit()}",
)


@pytest.mark.network
@pytest.mark.parametrize("rule", TODAYS, ids=lambda rule: rule.id)
def test_a_rule_holds(rule: Rule) -> None:
    with Verifier() as verifier:
        outcome = verifier.verify(rule)
    assert outcome.verdict == "holds", outcome


def test_the_sample_goes_round_all_rules() -> None:
    rules = load_rules([default_folder()]).active()
    days = range(len(rules) // SAMPLE + 1)
    assert {rule.id for day in days for rule in sample(rules, day, "")} == {rule.id for rule in rules}
    assert rules[0] in sample(rules, 1, rules[0].id)
