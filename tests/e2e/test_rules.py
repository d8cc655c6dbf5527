"""Each run sees a few rules happen for real; over some weeks of runs, all of them, and any rule that has changed."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from envaudit.proof import Verifier
from envaudit.rulebook import default_folder, load_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envaudit.rulebook import Rule

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = 4  # rules of a day; each builds two to four environments
# No rule of the day is begun after so long; one that has changed always is. A build ends after 600 s, a probe after
# 180 s.
SECONDS = 900.0
# Where a service says onto which branch a change is to go.
TARGETS = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "BITBUCKET_PR_DESTINATION_BRANCH")
_started = time.monotonic()


def sample(rules: Sequence[Rule], day: int, named: frozenset[str]) -> list[Rule]:
    """Return the rules that are named, then those of a day, the next ones on the next day; they have a reproducer."""
    able = [rule for rule in rules if rule.reproducer is not None]
    count = min(SAMPLE, len(able))
    due = {able[(day * SAMPLE + step) % len(able)].id for step in range(count)}
    return sorted((rule for rule in able if rule.id in due | named), key=lambda rule: rule.id not in named)


def git(folder: Path, *arguments: str) -> str | None:
    """Return what git says, or None when it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, cwd=folder)
    return done.stdout.strip() if done.returncode == 0 else None


def base(folder: Path, environment: Mapping[str, str]) -> str:
    """Return the commit to compare with: where a change left the branch it is to go onto, else the one before."""
    for name in filter(None, map(environment.get, TARGETS)):
        for branch in (f"origin/{name}", str(name)):
            fork = git(folder, "merge-base", branch, "HEAD")
            if fork and fork != git(folder, "rev-parse", "HEAD"):
                return fork
    return git(folder, "rev-parse", "HEAD~1") or ""


def changed(folder: Path, environment: Mapping[str, str]) -> frozenset[str]:
    """Return the ids of the rules that were changed since the base, or are changed and not committed yet."""
    before = base(folder, environment)
    if not before:
        return frozenset()
    said = git(folder, "diff", "--name-only", "--diff-filter=AMR", before, "--", "rules") or ""
    return frozenset(Path(name).stem for name in said.splitlines() if name.endswith(".toml"))


NAMED = changed(ROOT, os.environ) | frozenset(os.environ.get("ENVAUDIT_RULES", "").split())
RULES = load_rules([default_folder()]).active()
TODAYS = sample(RULES, dt.datetime.now(dt.timezone.utc).date().toordinal(), NAMED)


@pytest.mark.network
@pytest.mark.parametrize("rule", TODAYS, ids=lambda rule: rule.id)
def test_a_rule_holds(rule: Rule) -> None:
    if rule.id not in NAMED and time.monotonic() - _started > SECONDS:
        pytest.skip(f"the time for rules is up: envaudit rules verify {rule.id}")
    with Verifier() as verifier:
        outcome = verifier.verify(rule)
    assert outcome.verdict == "holds", outcome


def test_the_sample_goes_round_all_rules() -> None:
    able = [rule for rule in RULES if rule.reproducer is not None]
    days = range(len(able) // SAMPLE + 1)
    seen = [sample(RULES, day, frozenset()) for day in days]
    assert {len(rules) for rules in seen} == {SAMPLE}
    assert {rule.id for rules in seen for rule in rules} == {rule.id for rule in able}
    assert not {rule.id for rule in seen[0]} & {rule.id for rule in seen[1]}
    assert sample(RULES, 1, frozenset({able[0].id}))[0] == able[0], "what was named comes first"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two branches: ``main``, and ``topic`` with two commits of its own, each with a rule."""

    def commit(*names: str) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{time.monotonic_ns()}", encoding="utf-8")
        assert git(tmp_path, "add", "--all") is not None
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        assert git(tmp_path, *who, "commit", "--quiet", "--no-verify", "-m", "next") is not None

    assert git(tmp_path, "init", "--quiet", "--initial-branch", "main") is not None
    commit("rules/EA-2026-0001.toml", "rules/EA-2026-0002.toml", "rules/VERSION", "code.py")
    commit("rules/EA-2026-0001.toml")
    assert git(tmp_path, "checkout", "--quiet", "-b", "topic") is not None
    commit("rules/EA-2026-0002.toml", "rules/VERSION")
    commit("rules/EA-2026-0003.toml", "code.py")
    return tmp_path


def test_the_rules_that_a_commit_or_a_branch_changes_are_found(project: Path) -> None:
    assert changed(project, {}) == {"EA-2026-0003"}
    assert changed(project, {"GITHUB_BASE_REF": "main"}) == {"EA-2026-0002", "EA-2026-0003"}
    assert changed(project, {"GITHUB_BASE_REF": "no-such-branch"}) == {"EA-2026-0003"}
    (project / "rules" / "EA-2026-0001.toml").write_text("not committed", encoding="utf-8")
    assert changed(project, {}) == {"EA-2026-0001", "EA-2026-0003"}
    assert git(project, "checkout", "--quiet", "--force", "main") is not None
    assert changed(project, {"GITHUB_BASE_REF": "main"}) == {"EA-2026-0001"}, "on the branch itself: its last commit"


def test_without_a_history_the_sample_is_what_there_is(tmp_path: Path) -> None:
    assert changed(tmp_path, {}) == frozenset()
