"""The report as GitLab reads it for its Code Quality view: a list of entries, each on a line of a file of the project.

GitLab shows the description alone, so the code stands in it. An entry without a file would not be shown at all: what
belongs to no line is put on the first one of the anchor.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from envaudit.model import Confidence, Severity
from envaudit.report.as_json import dump
from envaudit.report.plain import plain
from envaudit.report.rows import headline, view_of
from envaudit.report.where import place_of
from envaudit.report.words import causes

if TYPE_CHECKING:
    from envaudit.model import Finding, Gap, Report
    from envaudit.report.options import ReportOptions
    from envaudit.report.rows import View
    from envaudit.report.words import Cause


def render(report: Report, options: ReportOptions) -> str:
    """Return the report as a JSON list, with one entry for each cause and for each thing that was not checked."""
    view = view_of(report, options)
    found = [_finding(cause, options) for cause in causes(report.findings)]
    return dump(found + [_gap(gap, view, options) for gap in report.gaps])


def _finding(cause: Cause, options: ReportOptions) -> dict[str, Any]:
    finding = cause.finding
    about, rest = headline(finding)
    place = place_of(finding, options)
    effects = ", ".join(sorted({effect.code for effect in cause.effects}))
    fix = f"; fix: {plain(finding.fix[0].command)}" if finding.fix else ""
    message = f"{about}{rest}".removeprefix(": ")
    return {
        "description": plain(f"{finding.code}: {message}{f' [seen: {effects}]' if effects else ''}{fix}"),
        "check_name": finding.code,
        "fingerprint": finding.fingerprint,
        "severity": _severity(finding),
        "location": {"path": place.path, "lines": {"begin": place.line}},
    }


def _severity(finding: Finding) -> str:
    """Return the severity by GitLab's scale of info, minor, major, critical and blocker."""
    if finding.severity is Severity.ERROR:
        return "critical" if finding.confidence is Confidence.PROVEN else "major"
    return "minor" if finding.severity is Severity.WARNING else "info"


def _gap(gap: Gap, view: View, options: ReportOptions) -> dict[str, Any]:
    identity = "\0".join(("gap", *gap)).encode("utf-8", "backslashreplace")
    return {
        "description": f"not checked: {view.place(gap.what)}: {plain(gap.why)}",
        "check_name": gap.code or "gap",
        "fingerprint": hashlib.sha256(identity).hexdigest()[:16],
        "severity": "info",
        "location": {"path": options.anchor, "lines": {"begin": 1}},
    }
