"""Follow one kernel: the cell it is in, its memory, and whether its end was wanted."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from envaudit.watch.host import reserve, room
from envaudit.watch.kernel import hard_limit
from envaudit.watch.kernel_words import Cells
from envaudit.watch.supervisor import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_LINE = 256 * 1024
_MOST_NAMES = 2000
_STEP = 64 * 1024 * 1024  # growth after which a cell that went on is stopped again
_IDLE = 0.5  # seconds between two looks while no cell is running
MEMORY_SIGNAL = int(signal.SIGRTMAX) - 5 if hasattr(signal, "SIGRTMAX") else 0  # used by nobody we know


class KernelWatch(Watch):
    """A program that lives long, is told things by signals, and is rarely in need of a close look."""

    def __init__(self, request: dict[str, Any], lifeline: int, *, interrupts: bool) -> None:
        super().__init__(request, lifeline)
        self.interrupting = interrupts
        self.wanted = False
        self.cell = 0
        self.parent: dict[str, str] = {}
        self.when_shown: Callable[[], None] | None = None
        self._numbers: dict[str, int] = {}
        self._code = ("", "")
        self._threshold = int(request["memory"])
        self._last = ""
        self._over = False
        self._often = self.between

    def cells(self) -> Cells:
        """Return what is known of the cells."""
        return Cells(self._numbers, *self._code)

    def interrupt(self, *_: object) -> None:
        """Hand an interruption to the kernel and what it runs: Jupyter's is for the group."""
        self._to_group(signal.SIGINT)

    def end(self, number: int, *_: object) -> None:
        """Have the kernel end: Jupyter asks with a signal when its own request was not enough."""
        self.wanted = True
        self._to_group(number)

    def abandon(self, *_: object) -> None:
        """Kill everything: the process that Jupyter knows is gone."""
        self.wanted = True
        super().abandon()

    def answer(self) -> dict[str, Any]:
        """Return all that was seen; of what the kernel said, the cell it was in and how it ended."""
        self.talk = bytearray(json.dumps({"cell": self.cell}).encode() + b"\n" + self._last.encode())
        return super().answer()

    def _to_group(self, number: int) -> None:
        with suppress(OSError):
            os.killpg(self.pid, number)

    def _hear(self) -> None:
        data = os.read(self.talking, 65536)
        if not data:
            self.poller.unregister(self.talking)
        self.talk += data
        *lines, rest = bytes(self.talk).split(b"\n")
        self.talk = bytearray(rest[-_MOST_LINE:])
        for line in lines:
            self._told(line)

    def _told(self, line: bytes) -> None:
        """Take up one thing the kernel said; what does not have the form of one is left out."""
        try:
            words = json.loads(line)
        except (ValueError, RecursionError):
            return
        match words:
            case {"name": str(name), "cell": int(cell), "text": str(text), "parent": dict(parent)}:
                if len(self._numbers) >= _MOST_NAMES:
                    self._numbers.pop(next(iter(self._numbers)))
                self._numbers[name] = self.cell = cell
                self._code = (name, text)
                self.parent = parent
                self.due = 0.0  # now it is worth looking again
            case {"idle": True}:
                self.cell, self.parent = 0, {}
            case {"shown": str()}:
                if self.when_shown is not None:
                    with suppress(OSError):
                        self.when_shown()
            case {"end": str()}:
                self._last = line.decode("ascii", "replace")
            case _:
                return

    def _look_at_use(self, now: float) -> None:
        """Look at the memory; seldom while no cell is running, for hours on end perhaps."""
        self._over = False
        super()._look_at_use(now)
        self.between = self._often if self.cell or self.near else _IDLE
        if not self._over:
            self._threshold = self.request["memory"]

    def _stop(self, cause: str) -> None:
        """Have the cell stopped, once for each growth; the whole kernel when that is wished or does not help."""
        if cause != "memory" or not self.interrupting:
            super()._stop(cause)
            return
        self._over = True
        memory = self.tree.memory_exactly()
        if memory > hard_limit(self.request["memory"]):
            super()._stop(cause)
        elif memory > self._threshold:
            self._threshold = memory + _STEP
            with suppress(OSError):
                os.kill(self.pid, MEMORY_SIGNAL)


def limit_for(memory: int) -> int:
    """Return the limit in bytes: what was asked for, else all that the machine and the session could ever give."""
    if memory:
        return memory
    found = room(now=False).bytes
    return found - reserve(found)
