"""Ignores that say why, known findings, and what is said of those that have no effect."""

from __future__ import annotations

from typing import Any

import pytest

from envaudit.baseline import Baseline, Known
from envaudit.model import Gap, Timings
from envaudit.setting_kinds import Ignore
from envaudit.settings import Settings
from envaudit.verdict import decide, wanted
from tests.report.samples import FACTS, RULES, finding

IN_A_FILE = {"ignore": "envaudit.toml: ignore"}
GAP = Gap("DEP", "x", "unreadable")


def outcome(
    *findings: Any, gaps: tuple[Gap, ...] = (), known: tuple[Any, ...] = (), tried: bool = True, **more: Any
) -> Any:
    baseline = Baseline(
        "known.json", {each.fingerprint: Known(each.code, each.distribution, each.message) for each in known}
    )
    settings = Settings(**{"sources": IN_A_FILE, "verify": True, "code": ("src",), **more})
    timings = Timings(0.1, 1.0 if tried else None)
    return decide(FACTS, RULES, findings, gaps, settings, timings, crashed=False, baseline=baseline if known else None)


class TestIgnores:
    def test_the_reason_stands_beside_what_was_left_out(self) -> None:
        why = Ignore("DEP001:demo", "the extra is not used", "2026-12-31")
        report = outcome(finding(), ignore=(why.entry,), ignores=(why,))
        assert report.exit_code == 0
        (left_out,) = report.suppressed
        assert left_out.by == "ignore DEP001:demo: the extra is not used (until 2026-12-31) (envaudit.toml: ignore)"
        assert report.remarks == ()

    def test_what_has_ended_comes_back_and_says_so(self) -> None:
        why = Ignore("DEP001:demo", "fixed in the next release", "2026-10-01")
        report = outcome(finding(), finding(distribution="other"), ignores=(why,))
        assert report.exit_code == 1
        back, other = report.findings
        assert back.evidence[0].detail == (
            "it was ignored until 2026-10-01 (fixed in the next release), which is over; envaudit.toml: ignore"
        )
        assert other.evidence == ()
        assert back.fingerprint == finding().fingerprint
        assert report.remarks == ()

    def test_what_is_ignored_for_a_reason_is_still_looked_for(self) -> None:
        assert not wanted(Settings(ignore=("DEP",)), "DEP001")
        assert wanted(Settings(ignore=("DEP",), ignores=(Ignore("DEP", "why"),)), "DEP001")
        gaps = outcome(gaps=(GAP,), ignore=("DEP",), ignores=(Ignore("DEP", "why"),), strict=True).gaps
        assert gaps == ()  # but what could not be looked at hides nothing that would be shown


class TestIgnoredInVain:
    def test_it_is_told_and_changes_no_exit_code(self) -> None:
        report = outcome(ignore=("DEP001:gone",))
        assert report.remarks == ("ignore DEP001:gone leaves nothing out any more; delete it (envaudit.toml: ignore)",)
        assert (report.exit_code, report.verdict, report.findings, report.gaps) == (0, "clean", (), ())

    @pytest.mark.parametrize("entry", ["RUN001:x", "API001:x", "INS002:x", "IDX001:x", "EA-2026-0001:x"])
    def test_what_was_asked_for_is_spoken_of(self, entry: str) -> None:
        assert len(outcome(ignore=(entry,), online=True).remarks) == 1

    def test_a_whole_code_only_if_it_is_looked_for(self) -> None:
        assert outcome(ignore=("DEP",)).remarks == ()
        assert len(outcome(ignore=("DEP",), ignores=(Ignore("DEP", "why"),)).remarks) == 1

    @pytest.mark.parametrize(
        ("entry", "more"),
        [
            ("DEP001:demo", {}),
            ("DEP:demo", {}),
            ("RUN001:x", {"tried": False}),
            ("API001:x", {"code": ()}),
            ("INS002:x", {"verify": False}),
            ("IDX001:x", {"online": False}),
            ("IDX001:x", {"online": True, "offline": True}),
            ("DEP001:x", {"gaps": (GAP,)}),
            ("DEP:x", {"gaps": (Gap("ABI001, DEP001", "x", "y"),)}),
            ("DEP001:x", {"select": ("ABI",)}),
            ("DEP001:x", {"sources": {"ignore": "--ignore"}}),
            ("DEP001:x", {"sources": {"ignore": "ENVAUDIT_IGNORE"}}),
        ],
    )
    def test_nothing_is_said_where_it_is_not_sure(self, entry: str, more: dict[str, Any]) -> None:
        assert outcome(finding(distribution="Demo"), ignore=(entry,), **more).remarks == ()

    def test_nothing_is_said_of_an_environment_by_what_files_describe(self) -> None:
        described = FACTS._replace(target=FACTS.target._replace(kind="described"))
        settings = Settings(ignore=("DEP001:x",), sources=IN_A_FILE)
        known = Baseline("known.json", {"0" * 16: Known("DEP001", "gone", "")})
        report = decide(described, RULES, (), (), settings, Timings(0.1), crashed=False, baseline=known)
        assert report.remarks == ()


class TestBaseline:
    def test_what_is_known_is_left_out_and_what_is_new_fails(self) -> None:
        old, new = finding(), finding(distribution="new")
        report = outcome(old, new, known=(old,))
        assert [each.distribution for each in report.findings] == ["new"]
        assert [(each.finding, each.by, each.known) for each in report.suppressed] == [
            (old, "baseline known.json", True)
        ]
        assert report.exit_code == 1
        assert outcome(old, known=(old,)).exit_code == 0

    def test_an_upgrade_that_changes_nothing_keeps_it_known(self) -> None:
        old = finding(subject="requires:attrs")
        later = finding(subject="requires:attrs", version="2.0", message="demo 2.0 needs attrs>=23")
        assert outcome(later, known=(old,)).exit_code == 0
        assert outcome(finding(subject="requires:six"), known=(old,)).exit_code == 1

    def test_a_setting_goes_first(self) -> None:
        (left_out,) = outcome(finding(), known=(finding(),), ignore=("DEP001:demo",)).suppressed
        assert not left_out.known

    def test_a_new_cause_of_a_known_effect_fails(self) -> None:
        effect = finding("RUN002")
        cause = finding("ABI001", explains=(effect.fingerprint,))
        report = outcome(cause, effect, known=(effect,))
        assert [each.code for each in report.findings] == ["ABI001"]
        assert report.exit_code == 1

    def test_what_is_no_longer_there_is_mentioned(self) -> None:
        gone = tuple(finding(distribution=f"gone{number}") for number in range(5))
        report = outcome(known=gone)
        (remark,) = report.remarks
        assert remark == (
            "5 findings are in the baseline known.json but no longer there: "
            "DEP001 gone0, DEP001 gone1, DEP001 gone2 and 2 more; write it again"
        )
        assert report.exit_code == 0
        assert (
            outcome(known=gone[:1]).remarks[0].startswith("1 finding is in the baseline known.json but no longer there")
        )

    @pytest.mark.parametrize(
        ("code", "more"),
        [
            ("RUN002", {"tried": False}),
            ("DEP001", {"gaps": (GAP,)}),
            ("DEP001", {"select": ("ABI",)}),
            ("DEP001", {"ignore": ("DEP",)}),
        ],
    )
    def test_nothing_is_said_of_what_was_not_looked_for(self, code: str, more: dict[str, Any]) -> None:
        assert outcome(known=(finding(code),), **more).remarks == ()
