"""The report for people: what was audited, what is wrong (worst first), why, what to do, and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit import __version__
from envaudit.model import Confidence, Severity
from envaudit.report.layout import INDENT, Entry, Span, entries, join, paragraph
from envaudit.report.options import QUIET, VERBOSE
from envaudit.report.plain import number, plain, plain_lines, shown_path
from envaudit.report.words import causes, standing, target_line
from envaudit.settings import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envaudit.model import Evidence, Finding, Gap, Report
    from envaudit.report.layout import Line
    from envaudit.report.options import ReportOptions
    from envaudit.report.words import Cause

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}
_EVIDENCE_SHOWN = 3
_SYMPTOM_LINES_SHOWN = 6


class _View(NamedTuple):
    """What decides how a finding is shown; ``sites`` are the folders whose paths are cut to their last part."""

    width: int
    verbose: bool
    root: str
    sites: tuple[str, ...]

    def place(self, path: str, line: int | None = None) -> str:
        """Return a path as it is shown, with its line."""
        shown = shown_path(path, self.root, self.sites)
        return f"{shown}:{line}" if line is not None else shown


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
    verbose = options.verbosity == VERBOSE
    sites = () if verbose else tuple(site.path for site in report.facts.target.site_dirs)
    view = _View(options.width, verbose, options.root, sites)
    yield Span(f"envaudit {__version__}", "dim"), Span(f"  {target_line(report, options.root)}")
    yield ()
    for cause in causes(report.findings):
        yield from _finding(cause, view)
        yield ()
    if verbose:
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
    """Return what a finding begins with, and the text that goes on from there.

    Most messages begin with the name of the distribution; the others get it put in front.
    """
    about = " ".join(part for part in (finding.distribution, finding.version) if part)
    message = finding.message
    name = message.split(" ", 1)[0]
    if finding.distribution and normalized(name) == normalized(finding.distribution):
        about = name
        if finding.version and message.startswith(f"{name} {finding.version} "):
            about = f"{name} {finding.version}"
        message = message[len(about) :]
    elif about:
        message = f": {message}"
    label = Span(finding.severity.value, _STYLES[finding.severity]), Span(f"[{plain(finding.code)}] ")
    return (*label, Span(plain(about), "bold")), plain(message)


def _finding(cause: Cause, view: _View) -> Iterator[Line]:
    head, message = _head(cause.finding)
    yield from paragraph(head, message, view.width)
    yield from entries(_rows(cause, view), view.width)


def _rows(cause: Cause, view: _View) -> Iterator[Entry]:
    finding = cause.finding
    if finding.location is not None:
        yield Entry("in", view.place(finding.location.path, finding.location.line), whole=True)
    yield from _evidence(finding.evidence, view)
    yield from _symptom("you see", finding.symptom, verbose=view.verbose)
    for effect in cause.effects:
        yield from _effect(effect, finding.symptom, verbose=view.verbose)
    if view.verbose:
        if finding.involves:
            yield Entry("with", ", ".join(plain(f"{other.name} {other.version}".strip()) for other in finding.involves))
        if finding.confidence is Confidence.PREDICTED:
            yield Entry("basis", "predicted from metadata, a date or a rule; not seen happening")
    for position, fix in enumerate(finding.fix):
        yield Entry("or" if position else "fix", plain(fix.command), "bold", whole=True, repeat=True)
        if view.verbose and fix.constraints:
            yield Entry("", f"keeps it so: {', '.join(plain(each) for each in fix.constraints)}", "dim")


def _evidence(evidence: tuple[Evidence, ...], view: _View) -> Iterator[Entry]:
    shown = evidence if view.verbose else evidence[:_EVIDENCE_SHOWN]
    if len(evidence) - len(shown) == 1:
        shown = evidence  # a line that says "and 1 more" is no shorter than the one it hides
    for each in shown:
        place = view.place(each.path, each.line) if each.path else ""
        yield Entry("because", ": ".join(part for part in (place, plain(each.detail)) if part))
    hidden = len(evidence) - len(shown)
    if hidden:
        yield Entry("because", f"and {hidden:,} more (-v shows all)", "dim")


def _symptom(label: str, symptom: str, *, verbose: bool) -> Iterator[Entry]:
    lines = plain_lines(symptom)
    shown = lines if verbose or len(lines) <= _SYMPTOM_LINES_SHOWN + 1 else lines[:_SYMPTOM_LINES_SHOWN]
    for line in shown:
        yield Entry(label, line, whole=True)
    if len(lines) > len(shown):
        yield Entry(label, f"and {len(lines) - len(shown):,} more lines (-v shows all)", "dim")


def _effect(effect: Finding, said: str, *, verbose: bool) -> Iterator[Entry]:
    """Show what a finding is the cause of, without saying the symptom again that stands right above."""
    label = "seen" if effect.code.startswith("RUN") else "causes"
    message = effect.message.replace(said, "exactly this") if said else effect.message
    yield Entry(label, f"{plain(message)} [{plain(effect.code)}]")
    if effect.symptom and effect.symptom != said:
        for entry in _symptom(label, effect.symptom, verbose=verbose):
            yield entry._replace(text=f"  {entry.text}")


# --- what -v adds ---------------------------------------------------------------------------------------------------


def _details(report: Report, view: _View) -> Iterator[Line]:
    if report.gaps:
        yield (Span("not checked", "bold"),)
        yield from _gaps(report.gaps, view)
        yield ()
    if report.suppressed:
        yield (Span("ignored by settings", "bold"),)
        for each in report.suppressed:
            head, message = _head(each.finding)
            text = f"{message} (by {plain(each.by)})"
            yield from paragraph((Span(INDENT), *head), text, view.width, hanging=INDENT * 2)
        yield ()
    smoke = report.timings.smoke_seconds
    ran = f"smoke tests {smoke:.1f} s" if smoke is not None else "smoke tests not run"
    rules = f"{number(report.rules.count, 'rule')} of version {plain(report.rules.version)}"
    yield Span("took", "bold"), Span(f"  reading and checking {report.timings.static_seconds:.2f} s, {ran}; {rules}")
    yield ()


def _gaps(gaps: Iterable[Gap], view: _View) -> Iterator[Line]:
    """Say each reason once, with all that it kept from being looked at."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for gap in gaps:
        by_reason.setdefault((gap.code, gap.why), []).append(view.place(gap.what))
    for (code, why), things in by_reason.items():
        head = (Span(INDENT), Span(f"{plain(code)}  " if code else ""))
        text = f"{things[0]}: {plain(why)}" if len(things) == 1 else f"{plain(why)}:"
        yield from paragraph(head, text, view.width, hanging=INDENT * 2)
        for thing in things if len(things) > 1 else ():
            yield Span(INDENT * 2), Span(thing)
