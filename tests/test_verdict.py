from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from envaudit.model import Confidence, Finding, Gap, Severity, Timings, replace
from envaudit.settings import Settings
from envaudit.verdict import FAMILY_ORDER, decide, wanted
from tests.report.samples import FACTS, RULES, finding

if TYPE_CHECKING:
    from envaudit.model import Report

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
GAP = Gap("ABI", "a.so", "truncated")


def outcome(*findings: Finding, gaps: tuple[Gap, ...] = (), crashed: bool = False, **settings: Any) -> Report:
    return decide(FACTS, RULES, findings, gaps, Settings(**settings), Timings(0.1, 2.0), crashed=crashed)


def codes(report: Report) -> list[str]:
    return [each.code for each in report.findings]


def test_everything_is_carried_over() -> None:
    report = outcome(finding(), gaps=(GAP,))
    assert report.facts is FACTS
    assert report.rules is RULES
    assert report.timings == Timings(0.1, 2.0)
    assert report.findings == (finding(),)
    assert report.gaps == (GAP,)
    assert report.suppressed == ()


class TestExitCode:
    @pytest.mark.parametrize(
        ("severity", "fail_on", "code", "verdict"),
        [
            (ERROR, ERROR, 1, "findings"),
            (WARNING, ERROR, 0, "clean"),
            (NOTE, ERROR, 0, "clean"),
            (ERROR, WARNING, 1, "findings"),
            (WARNING, WARNING, 1, "findings"),
            (NOTE, WARNING, 0, "clean"),
            (NOTE, NOTE, 1, "findings"),
        ],
    )
    def test_the_threshold(self, severity: Severity, fail_on: Severity, code: int, verdict: str) -> None:
        report = outcome(finding(severity=severity), fail_on=fail_on)
        assert (report.exit_code, report.verdict) == (code, verdict)
        assert len(report.findings) == 1

    @pytest.mark.parametrize(
        ("broken", "crashed", "gaps", "settings", "code", "verdict"),
        [
            (False, False, (), {}, 0, "clean"),
            (False, False, (GAP,), {}, 0, "clean"),
            (False, False, (GAP,), {"strict": True}, 3, "incomplete"),
            (False, False, (), {"strict": True}, 0, "clean"),
            (False, True, (), {}, 3, "incomplete"),
            (True, True, (), {}, 1, "findings"),
            (True, False, (GAP,), {"strict": True}, 1, "findings"),
            (True, False, (), {"exit_zero": True}, 0, "findings"),
            (True, True, (), {"exit_zero": True}, 3, "incomplete"),
            (True, False, (GAP,), {"exit_zero": True, "strict": True}, 3, "incomplete"),
            (False, True, (), {"exit_zero": True}, 3, "incomplete"),
        ],
    )
    def test_what_beats_what(
        self, broken: bool, crashed: bool, gaps: tuple[Gap, ...], settings: dict[str, Any], code: int, verdict: str
    ) -> None:
        report = outcome(*([finding()] if broken else []), crashed=crashed, gaps=gaps, **settings)
        assert (report.exit_code, report.verdict) == (code, verdict)


class TestSelectAndIgnore:
    @pytest.mark.parametrize(
        ("select", "ignore", "shown"),
        [
            ((), (), True),
            (("ABI",), (), True),
            (("ABI001",), (), True),
            (("DEP",), (), False),
            (("DEP", "ABI00"), (), True),
            ((), ("ABI",), False),
            ((), ("ABI002",), True),
            ((), ("DEP", "ABI001"), False),
            (("ABI001",), ("ABI",), True),
            (("ABI",), ("ABI001",), False),
            (("ABI001",), ("ABI001",), False),
            ((), ("ABI:big-one",), False),
            ((), ("ABI:other",), True),
            (("ABI001",), ("ABI001:big-one",), False),
            (("ABI001",), ("ABI:big-one",), True),
        ],
    )
    def test_the_longest_prefix_wins(self, select: tuple[str, ...], ignore: tuple[str, ...], shown: bool) -> None:
        report = outcome(finding("ABI001", distribution="Big_One"), select=select, ignore=ignore)
        assert codes(report) == (["ABI001"] if shown else [])
        assert len(report.suppressed) == (0 if shown else 1)
        assert report.exit_code == (1 if shown else 0)

    def test_by_names_the_entry_and_where_it_stands(self) -> None:
        report = outcome(
            finding("ABI001"),
            finding("DEP001"),
            finding("RUN001"),
            select=("ABI", "DEP"),
            ignore=("DEP001:demo", "DEP"),
            sources={"ignore": "envaudit.toml: ignore"},
        )
        assert codes(report) == ["ABI001"]
        assert [(each.finding.code, each.by) for each in report.suppressed] == [
            ("DEP001", "ignore DEP001:demo (envaudit.toml: ignore)"),
            ("RUN001", "select ABI,DEP"),
        ]

    def test_a_cause_that_is_left_out_leaves_its_effect(self) -> None:
        effect = finding("RUN002")
        report = outcome(finding("ABI001", explains=(effect.fingerprint,)), effect, ignore=("ABI",))
        assert codes(report) == ["RUN002"]
        assert report.exit_code == 1

    @pytest.mark.parametrize(
        ("code", "select", "ignore", "kept"),
        [
            ("ABI", (), (), True),
            ("ABI", (), ("ABI",), False),
            ("ABI", (), ("ABI001",), True),
            ("ABI", (), ("ABI:numpy",), True),
            ("ABI", ("DEP",), (), False),
            ("ABI", ("ABI001",), (), True),
            ("", ("DEP",), (), True),
            ("ABI001, ABI002", ("ABI002",), (), True),
            ("ABI001, ABI002", ("DEP",), (), False),
        ],
    )
    def test_only_gaps_that_could_hide_something_count(
        self, code: str, select: tuple[str, ...], ignore: tuple[str, ...], kept: bool
    ) -> None:
        gap = Gap(code, "x", "y")
        report = outcome(gaps=(gap, gap), select=select, ignore=ignore, strict=True)
        assert report.gaps == ((gap,) if kept else ())
        assert report.exit_code == (3 if kept else 0)

    def test_a_crash_is_told_even_if_its_codes_are_ignored(self) -> None:
        report = outcome(gaps=(GAP,), ignore=("ABI",), crashed=True)
        assert report.gaps == (GAP,)
        assert report.verdict == "incomplete"

    def test_work_in_vain_can_be_saved(self) -> None:
        assert wanted(Settings(), "RUN")
        assert not wanted(Settings(ignore=("RUN",)), "RUN")
        assert not wanted(Settings(select=("ABI",)), "RUN")
        assert wanted(Settings(select=("RUN002",)), "RUN")


class TestOrder:
    def test_worst_first_then_family_then_distribution_then_message(self) -> None:
        expected = [
            finding("ABI001", distribution="b"),
            finding("ABI001", distribution="C"),
            finding("ABI002", distribution="C"),
            finding("EA-2026-0002", distribution="a"),
            finding("DEP001", distribution="a", message="a", subject="2"),
            finding("DEP001", distribution="a", message="b", subject="1"),
            finding("RUN001", distribution="a"),
            finding("ZZZ001", distribution="a"),
            finding("ABI001", severity=WARNING, distribution="w"),
            finding("ABI001", severity=NOTE, distribution="n"),
        ]
        assert outcome(*reversed(expected)).findings == tuple(expected)
        assert outcome(*expected[3:], *expected[:3]).findings == tuple(expected)

    def test_gaps_have_the_same_order_of_families(self) -> None:
        gaps = (Gap("ABI", "a", ""), Gap("ABI", "b", ""), Gap("EA-2026-0001", "a", ""), Gap("RUN", "a", ""))
        assert outcome(gaps=tuple(reversed(gaps))).gaps == gaps

    def test_every_family_has_its_place(self) -> None:
        from envaudit.codes import families

        assert families() <= set(FAMILY_ORDER)


class TestSame:
    def test_of_equal_fingerprints_the_worst_stays(self) -> None:
        mild = finding(severity=WARNING, message="mild", explains=("1" * 16, "2" * 16))
        bad = finding(message="bad", explains=("2" * 16,))
        expected = (replace(bad, explains=("2" * 16, "1" * 16)),)
        assert outcome(mild, bad).findings == expected
        assert outcome(bad, mild).findings == expected

    def test_another_subject_is_another_finding(self) -> None:
        assert len(outcome(finding(subject="a"), finding(subject="b")).findings) == 2


class TestRaised:
    def test_a_cause_is_as_bad_as_what_was_seen_of_it(self) -> None:
        effect = finding("RUN002")
        cause = finding(
            "EA-2026-0001", severity=WARNING, confidence=Confidence.PREDICTED, explains=(effect.fingerprint,)
        )
        first, second = outcome(effect, cause).findings
        assert first == replace(cause, severity=ERROR, confidence=Confidence.PROVEN)
        assert second == effect

    def test_an_effect_that_is_left_out_raises_nothing(self) -> None:
        effect = finding("RUN002")
        cause = finding("ABI001", severity=WARNING, explains=(effect.fingerprint,))
        report = outcome(effect, cause, ignore=("RUN",))
        assert report.findings == (cause,)
        assert report.exit_code == 0

    def test_what_nobody_saw_stays_a_prediction(self) -> None:
        guess = finding("DEP001", confidence=Confidence.PREDICTED)
        assert outcome(guess).findings == (guess,)

    def test_one_sighting_is_enough(self) -> None:
        effects = [finding("RUN002", subject=each.value, confidence=each) for each in Confidence]
        cause = finding("ABI001", confidence=Confidence.PREDICTED, explains=tuple(each.fingerprint for each in effects))
        assert outcome(cause, *effects).findings[0].confidence is Confidence.PROVEN

    def test_an_effect_lowers_nothing(self) -> None:
        effect = finding("RUN002", severity=NOTE, confidence=Confidence.PREDICTED)
        cause = finding("ABI001", explains=(effect.fingerprint,))
        assert cause in outcome(effect, cause).findings
