"""What a program said about its own end, line by line in JSON; it may have been damaged when it wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    Frame = tuple[str, int, str]


class Told(NamedTuple):
    """What the program said about its end, and the cell it was in."""

    end: str = ""
    type: str = ""
    text: str = ""
    frames: tuple[Frame, ...] = ()
    cell: int = 0


def read_told(text: str) -> Told:
    """Read what the program said; whatever does not have the exact form is left out."""
    told = Told()
    for line in text.splitlines():
        try:
            words = json.loads(line)
        except (ValueError, RecursionError):
            continue
        match words:
            case {"cell": int(cell)}:
                told = told._replace(cell=cell)
            case {"end": str(end), "type": str(kind), "text": str(message), "frames": list(frames)}:
                read = tuple((f[0], f[1], f[2]) for f in frames if _is_frame(f))
                told = told._replace(end=end, type=kind, text=message, frames=read)
            case _:
                continue
    return told


def _is_frame(value: object) -> bool:
    match value:
        case [str(), int(), str()]:
            return True
        case _:
            return False


def exception_words(told: Told) -> str:
    """Return type and last line of an exception."""
    last = [line.strip() for line in told.text.splitlines() if line.strip()][-1:]
    return f"{told.type}: {last[0][:300]}" if last else told.type


def limit_behind(told: Told) -> tuple[str, ...]:
    """Say which limit stands behind an exception of the system that does not name it."""
    if "Resource temporarily unavailable" in told.text or "can't start new thread" in told.text:
        return ("no more processes or threads may be started: ulimit -u, or pids.max of the container",)
    if "Too many open files" in told.text:
        return ("no more files may be open: ulimit -n",)
    if "No space left on device" in told.text:
        return ("a disk is full, or /dev/shm: df names it",)
    return ()
