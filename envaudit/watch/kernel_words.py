"""The verdict on a dead kernel in words: as rows of label and text, as plain text, and as HTML for a notebook."""

from __future__ import annotations

import os
import re
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.watch.advice import short_name
from envaudit.watch.samples import size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envaudit.watch.judge import Verdict

    Frame = tuple[str, int, str]

_OWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernel_boot.py")
_LEGACY = re.compile(r"<ipython-input-(\d+)-[0-9a-f]+>")
_LIBRARY = ("/site-packages/", "/dist-packages/", "/lib/python", "<frozen ", ".pyx", ".pxd", ".pxi")
_MOST_FRAMES = 12
_MOST_NATIVE = 6
_LONGEST = 2000
_LONGEST_LINE = 200
_STYLE = "border-left: 4px solid #c62828; padding: 2px 12px; margin: 4px 0"


class Cells(NamedTuple):
    """Numbers of cells by the names of their code, and the source of the one that ran last."""

    numbers: Mapping[str, int]
    name: str = ""
    source: str = ""

    def number(self, path: str) -> int:
        """Return the number of the cell that a frame's file stands for, 0 for a real file."""
        match = _LEGACY.fullmatch(path)
        return self.numbers.get(path, int(match[1]) if match else 0)

    def line(self, frame: Frame) -> str:
        """Return the line of source of a frame of the last cell, empty where it is not known."""
        lines = self.source.splitlines() if frame[0] == self.name else []
        return lines[frame[1] - 1].strip()[:_LONGEST_LINE] if 0 < frame[1] <= len(lines) else ""


def from_cell(frames: Sequence[Frame], cells: Cells) -> tuple[Frame, ...]:
    """Return the frames from the first one in a cell on: those before are of the kernel itself."""
    for number, frame in enumerate(frames):
        if cells.number(frame[0]):
            return tuple(frames[number:])
    return tuple(frame for frame in frames if frame[0] != _OWN)


def rows(verdict: Verdict, cells: Cells, used: str) -> Iterator[tuple[str, str]]:
    """Yield label and text: where it happened, the evidence, the library, what to change; all on one line each."""
    frames = from_cell(verdict.frames, cells)
    own = [frame for frame in frames if not any(part in frame[0] for part in _LIBRARY)]
    if own:
        code = cells.line(own[-1])
        yield "where", _place(own[-1], cells) + (f": {code}" if code else "")
    if verdict.cell and (not own or cells.number(own[-1][0]) not in {0, verdict.cell}):
        yield "where", f"while In [{verdict.cell}] was running"
    for words in verdict.evidence:
        yield "why", words
    yield from _library(verdict)
    for frame in frames[-_MOST_FRAMES:] if len(frames) > 1 else ():
        yield "python", _place(frame, cells)
    for words in verdict.notes:
        yield "note", words
    yield "used", used
    for words in verdict.change:
        yield "change", words
    if verdict.kind in {"exception", "exit"} and not verdict.cell:
        yield "change", "the kernel did not start: envaudit kernel check says what it lacks"


def _library(verdict: Verdict) -> Iterator[tuple[str, str]]:
    if verdict.blame is not None:
        yield "library", verdict.blame.frame.path
        if verdict.blame.owner is not None:
            yield "package", str(verdict.blame.owner)
    for native in verdict.crash.native[:_MOST_NATIVE] if verdict.crash is not None else ():
        function = short_name(native.symbol) if native.symbol and native.inside else f"{native.address:#x}"
        yield "native", f"{function} in {os.path.basename(native.path) or 'no file'}"


def display(headline: str, told: Sequence[tuple[str, str]], path: str) -> dict[str, str]:
    """Return what a notebook shows of a verdict, by media type; ``path`` is where it is kept."""
    title = "Why this notebook's kernel died"
    told = [*told, ("kept in", path)]
    return {
        "text/plain": "\n".join((f"{title}: {_safe(headline)}", *plain_rows(told))),
        "text/html": _html(title, headline, told),
    }


def plain_rows(told: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield lines of text; a label like the one above is left out."""
    last = ""
    for label, text in told:
        yield f"    {'' if label == last else label:<9}{_safe(text)}"
        last = label


def _html(title: str, headline: str, told: Sequence[tuple[str, str]]) -> str:
    first = [row for row in told if row[0] in {"where", "why", "change"}]
    rest = [row for row in told if row not in first]
    return (
        f'<div style="{_STYLE}"><b>{escape(title)}</b><br>{escape(_safe(headline))}{_table(first)}'
        f"<details><summary>more</summary>{_table(rest)}</details></div>"
    )


def _table(told: Sequence[tuple[str, str]]) -> str:
    cell = "text-align: left; vertical-align: top; padding: 1px 8px 1px 0; border: 0; white-space: normal"
    lines = (
        f'<tr style="background: none"><td style="{cell}">{escape(label)}</td>'
        f'<td style="{cell}"><code>{escape(_safe(text))}</code></td></tr>'
        for label, text in told
    )
    return f'<table style="margin: 2px 0">{"".join(lines)}</table>'


def used_by(seen: Mapping[str, Any], memory: int) -> str:
    """Say how long it ran and how much memory it had."""
    return (
        f"{seen['seconds']:.0f} s, processor {seen['cpu']:.1f} s; memory at most {size(seen['peak'])} of {size(memory)}"
    )


def _place(frame: Frame, cells: Cells) -> str:
    function = "" if frame[2] in {"<module>", "<cell line: 1>"} else f", in {frame[2]}"
    cell = cells.number(frame[0])
    return f"In [{cell}], line {frame[1]}{function}" if cell else f"{frame[0]}, line {frame[1]}{function}"


def _safe(text: str) -> str:
    """Return a text without controls and marks that change its direction; those it may have are from anywhere."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:_LONGEST])
