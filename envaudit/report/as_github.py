"""The report as workflow commands of GitHub Actions, which become annotations of a run and of the changed files.

A line of a log that looks like a command is one, wherever its text comes from: no text of a target is written but as
the escaped argument of a command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.model import Severity
from envaudit.report.plain import plain
from envaudit.report.rows import headline, reasons, rows, view_of
from envaudit.report.where import place_of
from envaudit.report.words import causes, standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Report
    from envaudit.report.options import ReportOptions
    from envaudit.report.rows import View
    from envaudit.report.words import Cause

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def render(report: Report, options: ReportOptions) -> str:
    """Return one command for each cause, one for all that was not checked, and the standing as the last line."""
    view = view_of(report, options)
    lines = [_finding(cause, view, options) for cause in causes(report.findings)]
    if report.gaps:
        lines.append(_command("warning", {"title": "envaudit: not checked"}, "\n".join(_gaps(report, view))))
    word, rest, _ = standing(report, hint=False)  # numbers and words of our own, nothing of the target
    lines.append(f"{word}: {rest}")
    return "".join(f"{line}\n" for line in lines)


def _finding(cause: Cause, view: View, options: ReportOptions) -> str:
    finding = cause.finding
    about, rest = headline(finding)
    place = place_of(finding, options)
    where = {"file": place.path, "line": str(place.line)} if place.exact else {}
    message = f"{about}{rest}".removeprefix(": ")
    text = "\n".join((message, *(f"{row.label}: {row.text}" for row in rows(cause, view))))
    return _command(_COMMANDS[finding.severity], {**where, "title": f"{finding.code} {about}".strip()}, text)


def _gaps(report: Report, view: View) -> Iterator[str]:
    yield "This was not checked, and nothing is known of it:"
    for (code, why), things in reasons(report.gaps, view).items():
        yield f"{plain(code)} {', '.join(things)}: {plain(why)}".strip()


def _command(name: str, properties: dict[str, str], text: str) -> str:
    """Return a workflow command; what does not print has been made visible before, but for line feeds."""
    given = ",".join(f"{key}={plain(value).translate(_PROPERTY)}" for key, value in properties.items())
    return f"::{name} {given}::{text.translate(_DATA)}"
