"""Hold a crashing process still and look at it, with nothing but a pipe.

The program watched has Python's ``faulthandler`` write to a pipe that holds one packet. Its first words fill the pipe
and wake the supervisor; the next block inside the signal handler. Until the pipe is emptied the process stands there,
with its memory and the registers of the crash to be read by its parent under the rights a parent has anyway.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.watch.fault import Fault, describe, find_context
from envaudit.watch.memory import Memory
from envaudit.watch.regions import read_regions
from envaudit.watch.unwind import NativeFrame, native_stack

if TYPE_CHECKING:
    from collections.abc import Iterable

_O_DIRECT = 0o40000  # of pipe2: packets
_F_SETPIPE_SZ = 1031
_WRITE = "1"  # number of the system call on x86_64
_LOOKS = 200
_BETWEEN = 0.001  # seconds
_MOST_THREADS = 4096
_QUIET = 0.15  # seconds without another word after which a text is complete
_LONGEST = 2.0  # seconds a text may take
_MOST_TEXT = 256 * 1024

_SIGNALS = {
    "Segmentation fault": "SIGSEGV",
    "Bus error": "SIGBUS",
    "Illegal instruction": "SIGILL",
    "Floating-point exception": "SIGFPE",
    "Floating point exception": "SIGFPE",
    "Aborted": "SIGABRT",
}
_FRAME = re.compile(r'^ {2}File "(?P<path>.*)", line (?P<line>\d+) in (?P<function>.*)$')
_MOST_FRAMES = 60


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


def can_look() -> str:
    """Return why the native stack of a crash cannot be read on this system; empty where it can."""
    if sys.platform != "linux":
        return "the library of a crash can be read on Linux only: the signal and the Python line are known here"
    if platform.machine() != "x86_64":
        return "the library of a crash can be read on x86_64 only: the signal and the Python line are known here"
    return ""


def make_pipe() -> tuple[int, int]:
    """Return both ends of a pipe that holds one packet; on other systems than Linux it holds more and brakes nobody."""
    if sys.platform != "linux":
        return os.pipe()
    import fcntl  # noqa: PLC0415 - not on every platform

    reading, writing = os.pipe2(_O_DIRECT | os.O_CLOEXEC)
    with suppress(OSError):
        fcntl.fcntl(writing, _F_SETPIPE_SZ, 4096)
    return reading, writing


def look(reading: int, writing: int, pids: Iterable[int]) -> Crash:
    """Look at the process of ``pids`` whose first words are in the pipe, then let it go on and read the rest.

    ``writing`` is the number of its end of the pipe in the processes watched.
    """
    pid, stack = _who_writes(writing, list(pids))
    seen: _Seen | None = None
    looked = can_look() or ("" if pid else "the process that crashed could not be found")
    if not looked:
        seen, looked = _see(pid, stack)
    text = _drain(reading)
    reason, frames = read_text(text)
    signal = _SIGNALS.get(reason, "")
    if seen is None:
        return Crash(pid, signal, reason, Fault(""), (), frames, looked, 0, 0)
    fault = seen.faults.get(signal, Fault(""))
    return Crash(pid, signal, reason, fault, seen.native, frames, looked, seen.rss, seen.peak)


class _Seen(NamedTuple):
    """What was read while it stood still; the signal is not known before it goes on."""

    faults: dict[str, Fault]
    native: tuple[NativeFrame, ...]
    rss: int
    peak: int


def _who_writes(writing: int, pids: list[int]) -> tuple[int, int]:
    """Return process and stack pointer of the thread that hangs in a write to the pipe; zeros if there is none."""
    for _ in range(_LOOKS):
        for pid in pids:
            for task in _threads(pid):
                words = _words(f"/proc/{pid}/task/{task}/syscall")
                if len(words) == 9 and words[0] == _WRITE and int(words[1], 16) == writing:
                    return pid, int(words[7], 16)
        time.sleep(_BETWEEN)
    return 0, 0


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")[:_MOST_THREADS]
    except OSError:
        return []


def _words(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read(512).split()
    except (OSError, ValueError):
        return []


def _see(pid: int, stack: int) -> tuple[_Seen | None, str]:
    """Read registers, kind of access and native stack; or say why that is not possible."""
    try:
        regions = read_regions(pid)
        memory = Memory(pid)
    except OSError as error:
        return None, f"the memory of the process cannot be read: {error.strerror}"
    try:
        context = find_context(memory, regions, stack)
        if context is None:
            return None, "the registers at the crash were not found"
        faults = {name: describe(context, name, memory, regions) for name in _SIGNALS.values()}
        native = native_stack(memory, regions, context.registers)
    finally:
        memory.close()
    return _Seen(faults, native, *_memory_of(pid)), ""


def _memory_of(pid: int) -> tuple[int, int]:
    """Return resident memory and its peak in bytes."""
    found = {"VmRSS:": 0, "VmHWM:": 0}
    with suppress(OSError, ValueError), open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split()
            if words and words[0] in found:
                found[words[0]] = int(words[1]) * 1024
    return found["VmRSS:"], found["VmHWM:"]


def _drain(reading: int) -> str:
    """Read until nothing more comes. A thread that crashes again and again says nothing more and never ends."""
    import select  # noqa: PLC0415 - only a crash needs it

    poller = select.poll()
    poller.register(reading, select.POLLIN)
    kept = bytearray()
    deadline = time.monotonic() + _LONGEST
    while time.monotonic() < deadline and len(kept) < _MOST_TEXT:
        if not poller.poll(_QUIET * 1000):
            break
        try:
            chunk = os.read(reading, 65536)
        except OSError:
            break
        if not chunk:
            break
        kept += chunk
    return kept.decode("utf-8", "backslashreplace")


def read_text(text: str) -> tuple[str, tuple[tuple[str, int, str], ...]]:
    """Return the reason that ``faulthandler`` wrote, and the frames of the thread that crashed, outermost first."""
    lines = text.splitlines()
    reason = next((line.split(": ", 1)[1] for line in lines if line.startswith("Fatal Python error: ")), "")
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


def as_plain(crash: Crash) -> dict[str, Any]:
    """Return a crash as values that JSON has."""
    return {
        **crash._asdict(),
        "fault": crash.fault._asdict(),
        "native": [frame._asdict() for frame in crash.native],
        "frames": [list(frame) for frame in crash.frames],
    }


def from_plain(value: dict[str, Any]) -> Crash:
    """Return the crash that ``as_plain`` wrote."""
    native = tuple(NativeFrame(**frame) for frame in value["native"])
    frames = tuple((str(path), int(line), str(function)) for path, line, function in value["frames"])
    return Crash(**{**value, "fault": Fault(**value["fault"]), "native": native, "frames": frames})
