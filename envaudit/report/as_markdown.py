"""The report as Markdown, for the summary of a CI run or a comment on a change.

Texts of a target are escaped so that no character of them is markup, no address becomes a link, and nobody is called by
``@name``. Commands and error texts stand in code, whose fence is longer than any in them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit import __version__
from envaudit.report.plain import number, plain
from envaudit.report.rows import headline, reasons, rows, view_of
from envaudit.report.words import causes, standing, target_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Report
    from envaudit.report.options import ReportOptions
    from envaudit.report.rows import View
    from envaudit.report.words import Cause

# Bytes; GitHub shows nothing of a summary of more than 1 MiB, and a step may write one of its own as well.
LIMIT = 900_000

# What is markup anywhere, at the beginning of a line (lists, headings), and what becomes a link without any markup.
_MARKUP = re.compile(r"([\\`*_\[\]<>#|~&$]|^[-+=]|:(?=//))")
_DOT = re.compile(r"(^\d+|\bwww)([.)])", re.IGNORECASE)
_CALL = re.compile(r"@(?=\w)")
_TICKS = re.compile(r"`+")


def render(report: Report, options: ReportOptions) -> str:
    """Return the report as sections, worst first; what would make it too long is counted."""
    view = view_of(report, options)
    word, rest, _ = standing(report, hint=False)
    head = f"## envaudit: {word}\n\n{escaped(rest)}\n\n{escaped(target_line(report, options.root))}\n"
    tail = "".join((*_gaps(report, view), *_suppressed(report), f"\n<sub>envaudit {__version__}</sub>\n"))
    left = LIMIT - len(head.encode("utf-8", "replace"))
    parts = [head]
    found = causes(report.findings)
    for count, cause in enumerate(found):
        section = _finding(cause, view)
        left -= len(section.encode("utf-8", "replace"))
        if left < 0:
            parts.append(f"\nand {number(len(found) - count, 'more finding')}, for which there is no room here\n")
            break
        parts.append(section)
    if len(tail.encode("utf-8", "replace")) > max(left, 10_000):
        counts = (
            f"{number(len(report.gaps), 'thing')} not checked, {number(len(report.suppressed), 'finding')} left out"
        )
        tail = f"\n{counts}; there is no room here to list them\n"
    return "".join((*parts, tail))


def _finding(cause: Cause, view: View) -> str:
    finding = cause.finding
    about, rest = headline(finding)
    bold = f"**{escaped(about)}**{' ' if rest.startswith(' ') else ''}" if about else ""
    lines = [f"\n### {finding.severity.value} {escaped(finding.code)}\n", f"{bold}{escaped(rest)}\n"]
    pending: list[str] = []
    last = ""
    for row in rows(cause, view):
        if pending and (row.label != last or not row.whole or row.repeat):
            lines.append(_fenced(pending))
            pending = []
        if row.whole and row.label != "in":
            if row.label != last or row.repeat:
                lines.append(f"- **{escaped(row.label)}**\n")
            pending.append(row.text)
        else:
            lines.append(f"- **{escaped(row.label)}** {escaped(row.text)}")
        last = row.label
    if pending:
        lines.append(_fenced(pending))
    return "\n".join(lines) + "\n"


def _gaps(report: Report, view: View) -> Iterator[str]:
    if not report.gaps:
        return
    yield f"\n### not checked: {len(report.gaps)}\n\n"
    for (code, why), things in reasons(report.gaps, view).items():
        where = f"{plain(code)} {', '.join(things)}"
        yield f"- {escaped(where)}: {escaped(plain(why))}\n"


def _suppressed(report: Report) -> Iterator[str]:
    if not report.suppressed:
        return
    yield f"\n### left out: {len(report.suppressed)}\n\n"
    for each in report.suppressed:
        about, rest = headline(each.finding)
        yield f"- {escaped(f'{plain(each.finding.code)} {about}{rest}')} (by {escaped(plain(each.by))})\n"


def escaped(text: str) -> str:
    """Return a text that is safe to print as text of Markdown and of the HTML that is made of it."""
    single = " ".join(text.split())  # spaces at the ends, or four of them, would be markup
    return _CALL.sub("@\u200b", _DOT.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", single)))


def _fenced(lines: list[str]) -> str:
    """Return lines as a block of code in a list, behind a fence that none of them can close."""
    longest = max((len(run) for line in lines for run in _TICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join((f"  {fence}", *(f"  {line}" for line in lines), f"  {fence}", ""))
