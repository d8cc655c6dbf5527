"""All processes that descend from this one: how much they use, and an end to all of them (Linux).

This process must be a "child subreaper" (prctl 36): then whatever loses its parent comes back to it and cannot escape
by starting a session of its own.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import NamedTuple

_KILL_SECONDS = 10.0  # a process in an uninterruptible wait cannot be killed by anybody
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_MOST_THREADS = 4096
# A kernel may have been built without it.
_TELLS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")


class Ended(NamedTuple):
    """A process that was waited for: exit status (negative for a signal), peak memory in bytes, seconds of CPU."""

    status: int
    peak: int
    cpu: float


class Use(NamedTuple):
    """What the tree uses: bytes of memory, seconds of processor time so far, threads that run or could, processes."""

    memory: int
    cpu: float
    running: int
    processes: int


class Tree:
    """The descendants of this process."""

    def __init__(self) -> None:
        self.ended: dict[int, Ended] = {}

    def living(self) -> list[int]:
        """Return the process ids of all descendants that have not ended."""
        found: list[int] = []
        new = _children(os.getpid())
        while new:
            pid = new.pop()
            if pid not in found:
                new += _children(pid)
                if _stat(pid)[:1] not in ([], ["Z"], ["X"]):
                    found.append(pid)
        return found

    def use(self) -> Use:
        """Return what the tree uses; shared pages count in every process."""
        memory = running = 0
        cpu = sum(ended.cpu for ended in self.ended.values())
        living = self.living()
        for pid in living:
            memory += _resident(pid)
            words = _stat(pid)
            if len(words) > 15:
                cpu += sum(int(word) for word in words[11:13]) / _TICKS
            running += _running(pid)
        return Use(memory, cpu, running, len(living))

    def memory_exactly(self) -> int:
        """Return the memory of the tree with shared pages counted once (slow)."""
        return sum(_proportional(pid) or _resident(pid) for pid in self.living())

    def reap(self) -> None:
        """Collect the exit status of every process that has ended and come to this one."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            seconds = usage.ru_utime + usage.ru_stime
            self.ended[pid] = Ended(os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024, seconds)

    def kill(self) -> None:
        """Stop everything, so that nothing new can start, then kill it; again, until nothing is left."""
        deadline = time.monotonic() + _KILL_SECONDS
        while time.monotonic() < deadline:
            living = self.living()
            if not living:
                self.reap()
                if not self.living():
                    return
            for number in (signal.SIGSTOP, signal.SIGSTOP, signal.SIGKILL):  # twice: for what was born meanwhile
                for pid in self.living():
                    with suppress(OSError):
                        os.kill(pid, number)
            time.sleep(0.002)
            self.reap()


def _children(pid: int) -> list[int]:
    """Return the children of all threads of a process."""
    if not _TELLS_CHILDREN:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and _stat(name)[1:2] == [str(pid)]]
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task")[:_MOST_THREADS]:
            with suppress(OSError, ValueError), open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(word) for word in file.read().split()]
    return found


def _stat(pid: int | str) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` from the state on."""
    with suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()
    return []


def _resident(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * _PAGE
    return 0


def _proportional(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _running(pid: int) -> int:
    """Return how many threads run or wait for a processor."""
    count = 0
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task")[:_MOST_THREADS]:
            count += _stat(f"{pid}/task/{task}")[:1] == ["R"]
    return count
