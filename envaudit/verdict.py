"""The one place that decides: what is selected, what is ignored, in which order it is shown, and the exit code.

Checks know nothing of settings; they report all they see. Here findings are left out (and kept aside, with the
setting that did it), brought into one order and turned into a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from envaudit.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_INCOMPLETE
from envaudit.model import Confidence, Evidence, Report, Suppressed, replace
from envaudit.remarks import Judged, ignored_in_vain, no_longer_there
from envaudit.settings import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.baseline import Baseline
    from envaudit.model import Facts, Finding, Gap, RulesInfo, Timings
    from envaudit.settings import Settings

    Verdict = Literal["clean", "findings", "incomplete"]

# What cannot work at all comes before what is damaged or badly declared; smoke tests last, since a failure that
# something above explains is shown there.
FAMILY_ORDER = ("ABI", "PLT", "LNK", "API", "EA", "INS", "DEP", "ENV", "IDX", "HST", "JUP", "RUN")


def decide(  # noqa: PLR0917 - the values of one run, in the order they come about
    facts: Facts,
    rules: RulesInfo,
    findings: Iterable[Finding],
    gaps: Iterable[Gap],
    settings: Settings,
    timings: Timings,
    *,
    crashed: bool,
    baseline: Baseline | None = None,
) -> Report:
    """Turn what the checks saw into the report.

    ``crashed`` says that a check failed and its findings are not among these: the run is then never clean. What stands
    in ``baseline`` is left out.
    """
    seen = _unique(findings)
    kept: list[Finding] = []
    suppressed: list[Suppressed] = []
    for finding in seen:
        by = _left_out_by(settings, finding.code, finding.distribution)
        if by:
            suppressed.append(Suppressed(finding, by))
        elif baseline is not None and finding.fingerprint in baseline.known:
            suppressed.append(Suppressed(finding, f"baseline {baseline.path}", known=True))
        else:
            kept.append(_with_ended_ignore(finding, settings))
    shown = sorted(_raised(kept), key=_order)
    missing = _relevant(gaps, settings, crashed=crashed)
    described = facts.target.kind == "described"
    judged = Judged(settings, missing, tried=timings.smoke_seconds is not None, described=described)
    incomplete = crashed or (settings.strict and bool(missing))
    failing = any(finding.severity.rank <= settings.fail_on.rank for finding in shown)
    code = _exit_code(failing=failing and not settings.exit_zero, incomplete=incomplete)
    return Report(
        facts=facts,
        rules=rules,
        verdict=_verdict(code, failing=failing),
        exit_code=code,
        findings=tuple(shown),
        gaps=missing,
        suppressed=tuple(sorted(suppressed, key=lambda each: _order(each.finding))),
        timings=timings,
        remarks=(*ignored_in_vain(judged, seen), *no_longer_there(judged, seen, baseline)),
    )


def wanted(settings: Settings, code: str) -> bool:
    """Whether a finding of this code or family could be shown, so that work for it is not done in vain.

    What is ignored for a reason is looked for all the same: it is to be told when there is nothing to ignore any more.
    """
    if settings.ignores:
        reasoned = {each.entry for each in settings.ignores}
        settings = settings._replace(ignore=tuple(each for each in settings.ignore if each not in reasoned))
    return _could_be_shown(settings, code)


def _could_be_shown(settings: Settings, code: str) -> bool:
    if not code or any(entry.startswith(code) for entry in settings.select):
        return True  # something of any family, or a part of the family is selected
    return not _left_out_by(settings, code, "")


def _exit_code(*, failing: bool, incomplete: bool) -> int:
    if failing:
        return EXIT_FINDINGS
    return EXIT_INCOMPLETE if incomplete else EXIT_CLEAN


def _verdict(code: int, *, failing: bool) -> Verdict:
    """Name the outcome; ``--exit-zero`` changes the exit code and not what was found."""
    if code == EXIT_INCOMPLETE:
        return "incomplete"
    return "findings" if failing else "clean"


# --- select and ignore ----------------------------------------------------------------------------------------------


class _Match(NamedTuple):
    """The best entry of a list for one finding; the longer code wins, then the one that names the distribution."""

    length: int
    named: bool
    entry: str


_NO_MATCH = _Match(-1, named=False, entry="")


def _left_out_by(settings: Settings, code: str, distribution: str) -> str:
    """Return the setting that leaves a finding out, in words, or nothing."""
    selected = _best(settings.select, code, distribution) if settings.select else _Match(0, named=False, entry="")
    ignored = _best(settings.ignore, code, distribution)
    if ignored.entry and ignored[:2] >= selected[:2]:
        return f"ignore {ignored.entry}{_reason(settings, ignored.entry)}{_origin(settings, 'ignore')}"
    if selected == _NO_MATCH:
        return f"select {','.join(settings.select)}{_origin(settings, 'select')}"
    return ""


def _reason(settings: Settings, entry: str) -> str:
    for each in settings.ignores:
        if each.entry == entry:
            return f": {each.reason}{f' (until {each.until})' if each.until else ''}"
    return ""


def _with_ended_ignore(finding: Finding, settings: Settings) -> Finding:
    """Say of a finding that was ignored until some day why it is back."""
    ended = [each for each in settings.ignores if each.entry not in settings.ignore]
    best = _best((each.entry for each in ended), finding.code, finding.distribution)
    for each in ended:
        if each.entry == best.entry:
            place = settings.sources.get("ignore", "")
            note = Evidence(
                "", f"it was ignored until {each.until} ({each.reason}), which is over; {place}".rstrip("; ")
            )
            return replace(finding, evidence=(note, *finding.evidence))
    return finding


def _best(entries: Iterable[str], code: str, distribution: str) -> _Match:
    best = _NO_MATCH
    for entry in entries:
        prefix, _, name = entry.partition(":")
        if code.startswith(prefix) and (not name or name == normalized(distribution)):
            best = max(best, _Match(len(prefix), bool(name), entry))
    return best


def _origin(settings: Settings, name: str) -> str:
    source = settings.sources.get(name, "")
    return f" ({source})" if source else ""


def _relevant(gaps: Iterable[Gap], settings: Settings, *, crashed: bool) -> tuple[Gap, ...]:
    """Return the gaps that could hide a finding that would be shown, each once and in order.

    When a check crashed none is left out: the run is incomplete, and one of them says why.
    """
    kept = {gap for gap in gaps if crashed or any(_could_be_shown(settings, code) for code in gap.code.split(", "))}
    return tuple(sorted(kept, key=lambda gap: (_family_rank(gap.code), gap.code, gap.what, gap.why)))


# --- order ----------------------------------------------------------------------------------------------------------


def _unique(findings: Iterable[Finding]) -> list[Finding]:
    """Keep one finding of each fingerprint, the worst, with everything that any of them explains."""
    found: dict[str, Finding] = {}
    for finding in sorted(findings, key=_order):
        first = found.setdefault(finding.fingerprint, finding)
        more = tuple(each for each in finding.explains if each not in first.explains)
        if more:
            found[finding.fingerprint] = replace(first, explains=first.explains + more)
    return list(found.values())


def _raised(findings: list[Finding]) -> list[Finding]:
    """Make a cause as bad and as certain as the worst that was seen to come of it.

    A warning that explains a crash seen in a smoke test is the reason of the crash, and is read first.
    """
    by_fingerprint = {finding.fingerprint: finding for finding in findings}
    raised = []
    for finding in findings:
        effects = [by_fingerprint[each] for each in finding.explains if each in by_fingerprint]
        severity = min([finding.severity, *(each.severity for each in effects)], key=lambda each: each.rank)
        proven = any(each.confidence is Confidence.PROVEN for each in effects)
        confidence = Confidence.PROVEN if proven else finding.confidence
        raised.append(replace(finding, severity=severity, confidence=confidence))
    return raised


def _order(finding: Finding) -> tuple[int, int, str, str, str, str]:
    return (
        finding.severity.rank,
        _family_rank(finding.code),
        normalized(finding.distribution),
        finding.code,
        finding.message,
        finding.fingerprint,
    )


def _family_rank(code: str) -> int:
    family = "EA" if code.startswith("EA") else code[:3]
    return FAMILY_ORDER.index(family) if family in FAMILY_ORDER else len(FAMILY_ORDER)
