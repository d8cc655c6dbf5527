"""The sentences of the text report that speak of the whole: what was audited, and how it stands."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from envaudit.model import Severity
from envaudit.report.plain import number, plain, shown_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from envaudit.model import Finding, Report, Target

_SYSTEMS = {"linux": "Linux", "macosx": "macOS", "win": "Windows"}
_IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalPy"}


class Cause(NamedTuple):
    """A finding that stands on its own, with the findings that it is the cause of."""

    finding: Finding
    effects: tuple[Finding, ...]


def causes(findings: Sequence[Finding]) -> tuple[Cause, ...]:
    """Group findings under what explains them, in their order; each finding appears, also if causes form a ring."""
    by_fingerprint = {finding.fingerprint: finding for finding in findings}
    explained = {each for finding in findings for each in finding.explains}
    grouped: dict[str, Cause] = {}
    seen: set[str] = set()
    first = [finding for finding in findings if finding.fingerprint not in explained]
    for finding in (*first, *findings):  # the second round finds the rings, which nothing outside explains
        if finding.fingerprint not in seen:
            effects = _effects(finding, by_fingerprint)
            seen.update((finding.fingerprint, *(each.fingerprint for each in effects)))
            grouped[finding.fingerprint] = Cause(finding, effects)
    return tuple(grouped[finding.fingerprint] for finding in findings if finding.fingerprint in grouped)


def _effects(cause: Finding, by_fingerprint: dict[str, Finding]) -> tuple[Finding, ...]:
    """Return all that a finding explains, also by way of others, without itself."""
    found: dict[str, Finding] = {}
    ahead = list(cause.explains)
    while ahead:
        fingerprint = ahead.pop(0)
        effect = by_fingerprint.get(fingerprint)
        if effect is not None and fingerprint not in found and fingerprint != cause.fingerprint:
            found[fingerprint] = effect
            ahead.extend(effect.explains)
    return tuple(found.values())


def target_line(report: Report, root: str) -> str:
    """Say which environment was audited, what it is and how it was chosen."""
    target = report.facts.target
    facts = [
        _interpreter(target),
        _platform(target),
        *([plain(target.libc)] if target.libc else []),
        number(len(report.facts.distributions), "distribution"),
        number(len(report.facts.binaries), "compiled file"),
    ]
    place = shown_path(target.prefix, root) or target.kind
    chosen = f" ({plain(target.chosen_by)})" if target.chosen_by else ""
    return f"{place}: {', '.join(facts)}{chosen}"


def _interpreter(target: Target) -> str:
    name = _IMPLEMENTATIONS.get(target.implementation.lower(), target.implementation or "Python")
    return plain(f"{name} {target.python}{' free-threaded' if target.free_threaded else ''}")


def _platform(target: Target) -> str:
    system, dash, machine = target.platform.partition("-")
    return plain(f"{_SYSTEMS.get(system, system)}{' ' if dash else ''}{machine}") or "unknown platform"


class Standing(NamedTuple):
    """How an environment stands: one word, the rest of the sentence, and the worst severity (``None``: nothing)."""

    word: str
    rest: str
    worst: Severity | None


def standing(report: Report, *, hint: bool) -> Standing:
    """Sum a report up in one sentence; ``hint`` adds how to see what was left out."""
    found = Counter(cause.finding.severity for cause in causes(report.findings))
    worst = min(found, key=lambda each: each.rank) if found else None
    counts = ", ".join(number(found[each], each.value) for each in Severity)
    left_out = "; ".join(_left_out(report, hint=hint))
    all_left_out = f"no smoke test run; {left_out}" if report.facts.target.root else left_out
    if found[Severity.ERROR]:
        unfinished = "; not all checks could be completed" if report.verdict == "incomplete" else ""
        return Standing("broken", f"{counts}{unfinished}; {all_left_out}", worst)
    if report.verdict == "incomplete":
        return Standing("not fully checked", f"this is no all-clear; so far {counts}; {all_left_out}", worst)
    if report.verdict == "findings":
        return Standing("not accepted", f"{counts}; {all_left_out}", worst)
    if found[Severity.WARNING]:
        return Standing("usable with care", f"{counts}; {all_left_out}", worst)
    notes = f"; {number(found[Severity.NOTE], 'note')}" if found else ""
    all_seen = not report.gaps and not report.suppressed
    return Standing("healthy" if all_seen else "nothing wrong found", f"{_seen(report)}{notes}; {left_out}", worst)


def _seen(report: Report) -> str:
    """Say how much was looked at, which is what "healthy" is worth."""
    ran = sum(result.end != "not-run" for result in report.facts.smoke)
    return ", ".join(
        (
            number(len(report.facts.distributions), "distribution"),
            number(len(report.facts.binaries), "compiled file"),
            number(ran, "smoke test") if ran else "no smoke test run",
        )
    )


def _left_out(report: Report, *, hint: bool) -> Iterable[str]:
    known = sum(each.known for each in report.suppressed)
    if known:
        yield f"{number(known, 'finding')} known by the baseline"
    if len(report.suppressed) > known:
        yield f"{number(len(report.suppressed) - known, 'finding')} ignored by settings"
    gaps = len(report.gaps)
    if not gaps:
        yield "0 not checked"
        return
    text = "1 thing was not checked" if gaps == 1 else f"{gaps} things were not checked"
    yield f"{text} (-v lists {'it' if gaps == 1 else 'them'})" if hint else text
