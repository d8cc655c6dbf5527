"""Hold a crashing process still and look at it, with nothing but a pipe.

The program watched has Python's ``faulthandler`` write to a pipe that holds one packet. Its first words fill the pipe
and wake the supervisor; the next block inside the signal handler. Until the pipe is emptied the process stands there,
with its memory and the registers of the crash to be read by its parent under the rights a parent has anyway.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from envaudit.watch.crash import SIGNALS, UNSEEN, Crash, Fault, NativeFrame, read_text
from envaudit.watch.fault import describe, find_context
from envaudit.watch.machine import X86_64, this_machine
from envaudit.watch.memory import Memory
from envaudit.watch.pipe import drain
from envaudit.watch.regions import read_regions
from envaudit.watch.unwind import native_stack

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOKS = 200
_BETWEEN = 0.001  # seconds
_MOST_THREADS = 4096


def can_look() -> str:
    """Return why the native stack of a crash cannot be read on this system; empty where it can."""
    if sys.platform != "linux":
        return UNSEEN.format("Linux")
    if this_machine() is None:
        return UNSEEN.format("x86_64 and aarch64")
    return ""


def look(reading: int, writing: int, pids: Iterable[int]) -> Crash:
    """Look at the process of ``pids`` whose first words are in the pipe, then let it go on and read the rest.

    ``writing`` is the number of its end of the pipe in the processes watched.
    """
    pid, stack = _who_writes(writing, list(pids))
    seen: _Seen | None = None
    looked = can_look() or ("" if pid else "the process that crashed could not be found")
    if not looked:
        seen, looked = _see(pid, stack)
    text = drain(reading)
    reason, frames = read_text(text)
    signal = SIGNALS.get(reason, "")
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
    machine = this_machine() or X86_64
    for _ in range(_LOOKS):
        for pid in pids:
            for task in _threads(pid):
                words = _words(f"/proc/{pid}/task/{task}/syscall")
                if len(words) == 9 and words[0] == machine.write and int(words[1], 16) == writing:
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
    machine = this_machine() or X86_64
    try:
        context = find_context(memory, regions, stack, machine)
        if context is None:
            return None, "the registers at the crash were not found"
        faults = {name: describe(context, name, memory, regions, machine) for name in SIGNALS.values()}
        native = native_stack(memory, regions, context.registers, machine)
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
