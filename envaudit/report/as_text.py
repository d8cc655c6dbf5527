"""The report for people: what was audited, what is wrong (worst first), why, what to do, and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit import __version__
from envaudit.model import Severity
from envaudit.report.layout import INDENT, Span, entries, join, paragraph
from envaudit.report.machine import machine
from envaudit.report.options import QUIET, VERBOSE
from envaudit.report.plain import number, plain
from envaudit.report.rows import headline, reasons, rows, view_of
from envaudit.report.words import causes, standing, target_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Finding, Gap, Report
    from envaudit.report.layout import Line
    from envaudit.report.options import ReportOptions
    from envaudit.report.rows import View
    from envaudit.report.words import Cause

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}


def render(report: Report, options: ReportOptions) -> str:
    """Return the report as lines of text; escape sequences only if ``options.color``."""
    return join(_lines(report, options), color=options.color)


def _lines(report: Report, options: ReportOptions) -> Iterator[Line]:
    if options.verbosity == QUIET:
        for cause in causes(report.findings):
            if cause.finding.severity is Severity.ERROR:
                head, message = _head(cause.finding)
                yield *head, Span(message)
        yield _verdict(report, options)
        return
    view = view_of(report, options)
    yield Span(f"envaudit {__version__}", "dim"), Span(f"  {target_line(report, options.root)}")
    yield ()
    for cause in causes(report.findings):
        yield from _finding(cause, view)
        yield ()
    if view.verbose:
        yield from machine(report.facts)
        yield from _details(report, view)
    yield _verdict(report, options)


def _verdict(report: Report, options: ReportOptions) -> Line:
    word, rest, worst = standing(report, hint=options.verbosity < VERBOSE)
    style = "bold green" if report.verdict == "clean" else "bold yellow"
    if worst in {Severity.ERROR, Severity.WARNING}:
        style = _STYLES[worst]
    since = report.unchanged_since[:16].replace("T", " ")
    return Span(word, style), Span(f": {rest}"), Span(f"; nothing changed since {since}" if since else "")


# --- one finding ----------------------------------------------------------------------------------------------------


def _head(finding: Finding) -> tuple[Line, str]:
    """Return what a finding begins with, and the text that goes on from there."""
    about, rest = headline(finding)
    label = Span(finding.severity.value, _STYLES[finding.severity]), Span(f"[{plain(finding.code)}] ")
    return (*label, Span(about, "bold")), rest


def _finding(cause: Cause, view: View) -> Iterator[Line]:
    head, message = _head(cause.finding)
    yield from paragraph(head, message, view.width)
    yield from entries(rows(cause, view), view.width)


# --- what -v adds ---------------------------------------------------------------------------------------------------


def _details(report: Report, view: View) -> Iterator[Line]:
    if report.gaps:
        yield (Span("not checked", "bold"),)
        yield from _gaps(report.gaps, view)
        yield ()
    if report.suppressed:
        yield (Span("left out" if any(each.known for each in report.suppressed) else "ignored by settings", "bold"),)
        for each in report.suppressed:
            head, message = _head(each.finding)
            text = f"{message} (by {plain(each.by)})"
            yield from paragraph((Span(INDENT), *head), text, view.width, hanging=INDENT * 2)
        yield ()
    smoke = report.timings.smoke_seconds
    ran = f"smoke tests {smoke:.1f} s" if smoke is not None else "smoke tests not run"
    kept = sum(bool(result.kept) for result in report.facts.smoke)
    ran += f" ({kept} of {len(report.facts.smoke)} as in an earlier run: nothing has changed for them)" if kept else ""
    rules = f"{number(report.rules.count, 'rule')} of version {plain(report.rules.version)}"
    yield Span("took", "bold"), Span(f"  reading and checking {report.timings.static_seconds:.2f} s, {ran}; {rules}")
    yield ()


def _gaps(gaps: tuple[Gap, ...], view: View) -> Iterator[Line]:
    """Say each reason once, with all that it kept from being looked at."""
    for (code, why), things in reasons(gaps, view).items():
        head = (Span(INDENT), Span(f"{plain(code)}  " if code else ""))
        text = f"{things[0]}: {plain(why)}" if len(things) == 1 else f"{plain(why)}:"
        yield from paragraph(head, text, view.width, hanging=INDENT * 2)
        for thing in things if len(things) > 1 else ():
            yield Span(INDENT * 2), Span(thing)
