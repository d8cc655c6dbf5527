"""What a log says of an error: the passages around each error line, and the packages that stand in their tracebacks.

A log may be a megabyte of noise: colours, the time in front of each line, the name of a container, pytest's ``E``. All
of that is taken away first. Nothing here judges.
"""

from __future__ import annotations

import re
from typing import NamedTuple

TEXT_LIMIT = 32 * 1024 * 1024  # bytes of a log that are looked at; more is cut off in front, the error is at the end
_LINE_LIMIT = 4000  # characters: a longer line is data, not a message
_PASSAGES = 400  # different ones; a log that repeats itself for hours has few
_BEFORE = 60  # lines of a passage that has no "Traceback" to begin with
_LONGEST_TRACEBACK = 1500  # lines: one of a recursion, not shortened
_AFTER = 12  # lines: messages of several lines go on

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_PREFIX = re.compile(
    r"""
    (?:\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d[\d.,]*(?:Z|[+-]\d\d:?\d\d)?\ )?  # the time, as CI writes it
    (?:[\w.-]{1,60}\s{0,30}\|\ ?)?  # docker compose: the name of the service
    (?:\#\#\[error\]|E\ {3})?                                  # CI; pytest
    """,
    re.VERBOSE,
)
BEGINNING = "Traceback (most recent call last)"
# A line with which an error ends, or that a dying process leaves.
_ERROR = re.compile(
    r"""
    ^\s*(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Warning|Conflict|NotFound|Interrupt)\b(?::|$)
    | Segmentation\ fault | Bus\ error | Illegal\ instruction | Floating\ point\ exception | \bAborted\b | \bKilled\b
    | core\ dumped | munmap_chunk\(\) | (?:free|malloc|realloc)\(\): | double\ free | Out\ of\ memory | oom-?kill
    | cannot\ open\ shared\ object | undefined\ symbol | OMP:\ Error | kernel\ .{0,80}(?:died|restart)
    | compiled\ using\ NumPy | may\ indicate\ binary\ incompatibility
    | [Ee]xit(?:ed)?\ (?:with\ )?(?:code|status):?\ (?:1[23]\d|-\d+)\b
    """,
    re.VERBOSE,
)
_PACKAGE = re.compile(r"(?:site|dist)-packages[/\\]([A-Za-z_]\w*)")


class Passage(NamedTuple):
    """The lines that belong to one error; ``number`` and ``line`` are where it says so (lines count from 1)."""

    number: int
    line: str
    text: str


def cleaned(text: str) -> list[str]:
    """Return the lines without what a terminal, a CI service or a test runner has put in front of them."""
    plain = _ESCAPES.sub("", text) if "\x1b" in text else text
    lines = []
    for line in re.split(r"\r\n|\n", plain):
        shown = line.rpartition("\r")[2] if "\r" in line else line  # a progress bar: what stood there in the end
        found = _PREFIX.match(shown)
        lines.append(shown[found.end() if found else 0 :][:_LINE_LIMIT])
    return lines


def passages(lines: list[str]) -> list[Passage]:
    """Return the passages around the errors, the last one first: what ended the program stands at the end of a log."""
    found: list[Passage] = []
    seen: set[str] = set()
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if _ERROR.search(line) is None:
            continue
        text = "\n".join(lines[_beginning(lines, number) : number + 1 + _AFTER])
        key = f"{line}\n{text[-2000:]}"
        if key in seen:
            continue
        seen.add(key)
        found.append(Passage(number + 1, line.strip(), text))
        if len(found) == _PASSAGES:
            break
    return found


def whole(lines: list[str]) -> Passage:
    """Return all lines as one passage, that of the last line with words."""
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    number, line = filled[-1] if filled else (1, "")
    return Passage(number, line.strip(), "\n".join(lines))


def packages_in(text: str) -> tuple[str, ...]:
    """Return the import packages whose files stand in a text, innermost first, each once."""
    return tuple(dict.fromkeys(reversed(_PACKAGE.findall(text))))


def _beginning(lines: list[str], number: int) -> int:
    """Return the line at which the traceback that ends at ``number`` begins, or some lines before."""
    stop = max(0, number - _LONGEST_TRACEBACK)
    at = number
    while at > stop and (lines[at].startswith((" ", "\t")) or at == number):
        at -= 1
        if BEGINNING in lines[at]:
            return at
    for before in range(number, max(-1, number - _BEFORE), -1):
        if BEGINNING in lines[before]:
            return before
    return max(0, number - _BEFORE)
