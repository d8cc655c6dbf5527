"""A crash as it was seen, and what ``faulthandler`` wrote of it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

SIGNALS = {
    "Segmentation fault": "SIGSEGV",
    "Bus error": "SIGBUS",
    "Illegal instruction": "SIGILL",
    "Floating-point exception": "SIGFPE",
    "Floating point exception": "SIGFPE",
    "Aborted": "SIGABRT",
}
_FRAME = re.compile(r'^ {2}File "(?P<path>.*)", line (?P<line>\d+) in (?P<function>.*)$')
_MOST_FRAMES = 60
# Why there is no native stack of a crash, with the systems or processors where there is one.
UNSEEN = "the library of a crash can be read on {} only: the signal and the Python line are known here"
_FATAL = "Fatal Python error: "


class Context(NamedTuple):
    """The moment of a crash: registers by their numbers in DWARF, and what the processor reported.

    ``kind`` and ``address`` are those of ``Fault``.
    """

    registers: dict[int, int]
    kind: str
    address: int | None = None


class Fault(NamedTuple):
    """What went wrong.

    ``kind``: ``read``, ``write``, ``execute``, ``address`` (one that cannot exist), ``divide``, ``instruction``,
    ``alignment``, or empty where no instruction was at fault (somebody sent the signal). ``address`` is the one that
    was accessed, ``path`` the file mapped there. ``cause``: ``stack-overflow``, ``truncated-file``, ``full-shm``, or
    empty. ``instruction`` says what the processor did not know.
    """

    kind: str
    address: int | None = None
    path: str = ""
    cause: str = ""
    instruction: str = ""


class NativeFrame(NamedTuple):
    """A step of the native stack, innermost first: the file (empty: no file) and the function, as far as named.

    ``inside`` is false when ``symbol`` is only the nearest name before the address. ``sure`` is false for a frame
    that was guessed from the content of the stack.
    """

    address: int
    path: str
    symbol: str
    inside: bool
    sure: bool


class Crash(NamedTuple):
    """One crash. ``frames`` are of Python, ``(path, line, function)`` from the outermost; ``native`` innermost first.

    ``signal`` is empty where only Python itself gave up (``reason`` says why). ``looked`` says why there is no native
    stack, empty if there is one. ``rss`` and ``peak`` are bytes of memory at that moment.
    """

    pid: int
    signal: str
    reason: str
    fault: Fault
    native: tuple[NativeFrame, ...]
    frames: tuple[tuple[str, int, str], ...]
    looked: str
    rss: int
    peak: int

    def as_plain(self) -> dict[str, Any]:
        """Return it as values that JSON has."""
        return {
            **self._asdict(),
            "fault": self.fault._asdict(),
            "native": [frame._asdict() for frame in self.native],
            "frames": [list(frame) for frame in self.frames],
        }


def from_plain(value: dict[str, Any]) -> Crash:
    """Return the crash that ``as_plain`` wrote."""
    native = tuple(NativeFrame(**frame) for frame in value["native"])
    frames = tuple((str(path), int(line), str(function)) for path, line, function in value["frames"])
    return Crash(**{**value, "fault": Fault(**value["fault"]), "native": native, "frames": frames})


def read_text(text: str) -> tuple[str, tuple[tuple[str, int, str], ...]]:
    """Return the reason that ``faulthandler`` wrote, and the frames of the thread that crashed, outermost first."""
    lines = text.splitlines()
    reason = _reason(next((line for line in lines if line.startswith(_FATAL)), ""))
    heads = [
        number
        for number, line in enumerate(lines)
        if line.startswith(("Current thread ", "Stack (")) and line.endswith("(most recent call first):")
    ]
    # A thread that Python does not know has no Python line: then that of the first thread, which is listed last.
    heads = heads or [number for number, line in enumerate(lines) if line.startswith("Thread 0x")]
    frames: list[tuple[str, int, str]] = []
    for line in lines[heads[-1] + 1 :] if heads else ():
        match = _FRAME.match(line)
        if match is None or len(frames) == _MOST_FRAMES:
            break
        frames.append((match["path"], int(match["line"]), match["function"]))
    return reason[:200], tuple(reversed(frames))


def _reason(line: str) -> str:
    """Return why it ended; threads that crash in the same moment write into each other's line."""
    said = line
    while said.startswith(_FATAL):
        said = said[len(_FATAL) :]
    return next((name for name in SIGNALS if said.startswith(name)), said)
