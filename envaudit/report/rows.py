"""What is said of a finding, as labelled texts that are safe to print; every format for people is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.model import Confidence
from envaudit.report.layout import Entry
from envaudit.report.options import VERBOSE
from envaudit.report.plain import plain, plain_lines, shown_path
from envaudit.settings import normalized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Evidence, Finding, Gap, Report
    from envaudit.report.options import ReportOptions
    from envaudit.report.words import Cause

_EVIDENCE_SHOWN = 3
_SYMPTOM_LINES_SHOWN = 6


class View(NamedTuple):
    """What decides how a finding is shown; ``sites`` are the folders whose paths are cut to their last part."""

    width: int
    verbose: bool
    root: str
    sites: tuple[str, ...]

    def place(self, path: str, line: int | None = None) -> str:
        """Return a path as it is shown, with its line."""
        shown = shown_path(path, self.root, self.sites)
        return f"{shown}:{line}" if line is not None else shown


def view_of(report: Report, options: ReportOptions) -> View:
    """Return how the findings of a report are shown."""
    verbose = options.verbosity == VERBOSE
    sites = () if verbose else tuple(site.path for site in report.facts.target.site_dirs)
    return View(options.width, verbose, options.root, sites)


class Headline(NamedTuple):
    """What a finding begins with: the distribution and its version, if it has one, and the text that goes on there."""

    about: str
    rest: str


def headline(finding: Finding) -> Headline:
    """Return the message of a finding, with its distribution in front.

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
    return Headline(plain(about), plain(message))


def rows(cause: Cause, view: View) -> Iterator[Entry]:
    """Yield all that is said below the headline: evidence, symptom, effects, fixes."""
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


def _evidence(evidence: tuple[Evidence, ...], view: View) -> Iterator[Entry]:
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


def reasons(gaps: tuple[Gap, ...], view: View) -> dict[tuple[str, str], list[str]]:
    """Return by code and reason all that it kept from being looked at."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for gap in gaps:
        by_reason.setdefault((gap.code, gap.why), []).append(view.place(gap.what))
    return by_reason
