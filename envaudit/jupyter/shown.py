"""HTML for notebooks: nothing of an environment or a namespace gets into it unescaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from envaudit.model import Severity
from envaudit.report.plain import number, plain
from envaudit.report.rows import headline, reasons, rows, view_of
from envaudit.report.words import causes, standing
from envaudit.watch.samples import size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envaudit.jupyter.memory import Measured, Use
    from envaudit.model import Report
    from envaudit.report import ReportOptions
    from envaudit.report.rows import View
    from envaudit.report.words import Cause

_COLORS = {Severity.ERROR: "#c62828", Severity.WARNING: "#b26a00", Severity.NOTE: "#00798c"}
_GOOD = "#2e7d32"
_CELL = "text-align: left; vertical-align: top; padding: 1px 10px 1px 0; border: 0; white-space: normal"
_MOST = 100


def as_html(report: Report, options: ReportOptions) -> str:
    """Return a report: one sentence on how it stands, then each finding with its details to be opened."""
    view = view_of(report, options)
    word, rest, worst = standing(report, hint=False)
    color = _COLORS.get(worst, _GOOD) if worst else _GOOD
    prefix = plain(report.facts.target.prefix)
    stands = f'<b style="color: {color}">{escape(word)}</b>: {escape(plain(rest))}'
    parts = [f"<div>{stands}<br><code>{escape(prefix)}</code></div>"]
    found = causes(report.findings)
    parts += [_finding(cause, view) for cause in found[:_MOST]]
    if len(found) > _MOST:
        parts.append(f"<div>and {len(found) - _MOST:,} more findings</div>")
    if report.gaps:
        why = (
            (code, f"{reason}: {number(len(what), 'item')}")
            for (code, reason), what in reasons(report.gaps, view).items()
        )
        title = f"{number(len(report.gaps), 'item')} not checked"
        parts.append(f"<details><summary>{escape(title)}</summary>{_table(why)}</details>")
    return "".join(parts)


def _finding(cause: Cause, view: View) -> str:
    about, message = headline(cause.finding)
    severity = cause.finding.severity
    opened = " open" if severity is Severity.ERROR else ""
    style = f"margin: 2px 0; padding-left: 8px; border-left: 4px solid {_COLORS[severity]}"
    label = f"{severity.value}[{cause.finding.code}]"
    details = _table((entry.label, entry.text) for entry in rows(cause, view))
    title = f"{escape(plain(label))} <b>{escape(about)}</b>{escape(message)}"
    return f'<details{opened} style="{style}"><summary>{title}</summary>{details}</details>'


def memory_as_text(use: Use, largest: Sequence[Measured]) -> str:
    """Return the use of memory and the largest objects as lines of text."""
    lines = [f"memory: {_use(use)}"]
    width = max((len(each.name) for each in largest), default=0)
    for each in largest:
        remark = f" ({each.remark})" if each.remark else ""
        lines.append(f"  {size(each.size):>9}  {plain(each.name):<{width}}  {plain(each.kind)}{remark}")
    return "\n".join(lines) + "\n"


def memory_as_html(use: Use, largest: Sequence[Measured]) -> str:
    """Return the same as a bar and a table."""
    share = min(100, round(100 * use.now / use.limit)) if use.limit else 0
    color = _COLORS[Severity.ERROR] if share >= 90 else _COLORS[Severity.WARNING] if share >= 70 else _GOOD
    bar = (
        '<div style="width: 300px; height: 8px; background: #8884; margin: 3px 0">'
        f'<div style="width: {share}%; height: 8px; background: {color}"></div></div>'
    )
    listed = [(size(each.size), each.name, each.kind, each.remark) for each in largest]
    return f"<div>memory: {escape(plain(_use(use)))}{bar}{_table(listed) if listed else ''}</div>"


def _use(use: Use) -> str:
    return f"{size(use.now)} in use, at most {size(use.peak)} so far, of {size(use.limit)} ({use.why})"


def _table(lines: Iterable[Sequence[str]]) -> str:
    return f'<table style="margin: 2px 0">{"".join(_lines(lines))}</table>'


def _lines(lines: Iterable[Sequence[str]]) -> Iterator[str]:
    for line in lines:
        cells = "".join(f'<td style="{_CELL}">{escape(plain(text))}</td>' for text in line)
        yield f'<tr style="background: none">{cells}</tr>'
