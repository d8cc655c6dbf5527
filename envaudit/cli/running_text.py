"""The verdict on a program as a block of text."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, cast

from envaudit.report.layout import INDENT, Entry, Line, Span, entries, join, paragraph
from envaudit.report.plain import plain
from envaudit.watch.advice import short_name
from envaudit.watch.samples import plot, plot_processors, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envaudit.cli.running import Ran
    from envaudit.watch.judge import Verdict

    Frame = tuple[str, int, str]

_CELL = re.compile(r"<cell (\d+)>")
_OWN_WILL = frozenset({"ok", "exit", "exception", "interrupted"})  # ends that no machine has a part in
_STYLES = {"dim": "2", "bold": "1", "bold red": "1;31", "bold green": "1;32"}
_WORTH_DRAWING = 1.0  # seconds
_MOST_PYTHON = 12
_MOST_NATIVE = 8
_LIBRARY = ("/site-packages/", "/dist-packages/", "/lib/python", "<frozen ", ".pyx", ".pxd", ".pxi")


def text(ran: Ran, width: int, *, color: bool) -> str:
    """Return the block; a program that ended well gets one line, and its use of memory."""
    verdict = ran.verdict
    good = verdict.kind in {"ok", "interrupted"}
    head = Span(f"{verdict.kind}: ", "bold green" if good else "bold red")
    unsure = "" if verdict.sure else " (the evidence allows other causes)"
    lines: list[Line] = [(), *paragraph((Span("envaudit: ", "dim"), head), plain(verdict.headline) + unsure, width)]
    lines += entries(_rows(ran), width)
    if not good and cast("float", ran.seen["seconds"]) >= _WORTH_DRAWING:
        samples = cast("Sequence[Sequence[float]]", ran.seen["samples"])
        columns = min(60, width - 30)
        drawn = (*plot(samples, ran.memory, columns), *plot_processors(samples, columns))
        lines += [(Span(INDENT + line, "dim"),) for line in drawn]
    if verdict.kind not in _OWN_WILL:
        lines += _machine()
    return _colored(lines) if color else join(lines, color=False)


def _machine() -> Iterator[Line]:
    """Yield what the machine grants at the moment: what ``top`` and ``free -h`` would show."""
    from envaudit.host import read_host  # noqa: PLC0415 - only a death asks for it
    from envaudit.report.machine import machine_of  # noqa: PLC0415

    host = read_host(os.environ, now=True)
    if host is not None:
        yield from machine_of(host)


def _colored(lines: Iterable[Line]) -> str:
    """Turn lines into text with the escape sequences for the three styles used here; more would take longer to load."""
    return "".join(
        "".join(f"\x1b[{_STYLES[span.style]}m{span.text}\x1b[0m" if span.style else span.text for span in line) + "\n"
        for line in lines
    )


def cell_of(path: str) -> int:
    """Return the number of the cell that the name of a frame's file stands for, 0 for a file."""
    match = _CELL.fullmatch(path)
    return int(match[1]) if match else 0


def own_line(frames: Sequence[Frame]) -> Frame | None:
    """Return the innermost frame that is the user's own and not a library's; without one, the innermost."""
    own = [frame for frame in frames if not any(part in frame[0] for part in _LIBRARY)]
    found = own or list(frames)
    return found[-1] if found else None


def _rows(ran: Ran) -> Iterator[Entry]:
    verdict = ran.verdict
    line = own_line(verdict.frames)
    if verdict.kind == "ok":
        line = None
    if line is not None:
        yield Entry("where", _place(line), whole=True)
    elif verdict.cell and verdict.kind != "ok":
        yield Entry("where", f"cell {verdict.cell}")
    if line is not None and verdict.cell and cell_of(line[0]) not in {0, verdict.cell}:
        yield Entry("where", f"while cell {verdict.cell} was running")
    for words in verdict.evidence:
        yield Entry("why", plain(words), repeat=False)
    yield from _library(verdict)
    if verdict.kind not in {"ok", "interrupted"}:
        for frame in verdict.frames[-_MOST_PYTHON:] if len(verdict.frames) > 1 else ():
            yield Entry("python", _place(frame), whole=True)
    yield from (Entry("note", plain(words)) for words in (*verdict.notes, *ran.skipped))
    yield Entry("used", _used(ran))
    yield from (Entry("change", plain(words)) for words in verdict.change)


def _library(verdict: Verdict) -> Iterator[Entry]:
    if verdict.blame is not None:
        yield Entry("library", plain(verdict.blame.frame.path), whole=True)
        owner = verdict.blame.owner
        if owner is not None:
            yield Entry("package", plain(str(owner)))
    if verdict.crash is not None:
        for frame in verdict.crash.native[:_MOST_NATIVE]:
            near = "" if frame.inside or not frame.symbol else "after "
            function = f"{near}{plain(short_name(frame.symbol))}" if frame.symbol else f"{frame.address:#x}"
            guessed = "" if frame.sure else " (guessed)"
            yield Entry(
                "native", f"{function} in {plain(os.path.basename(frame.path) or 'no file')}{guessed}", whole=True
            )


def _place(frame: Frame) -> str:
    cell = cell_of(frame[0])
    function = "" if frame[2] == "<module>" else f", in {plain(frame[2])}"
    return f"cell {cell}, line {frame[1]}{function}" if cell else f"{plain(frame[0])}, line {frame[1]}{function}"


def _used(ran: Ran) -> str:
    seen = ran.seen
    memory = f"at most {size(cast('int', seen['peak']))} of {size(ran.memory)} ({ran.memory_from})"
    return f"{seen['seconds']:.1f} s, processor {seen['cpu']:.1f} s; memory {memory}"
