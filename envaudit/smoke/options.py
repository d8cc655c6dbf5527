"""How much a smoke test may take."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from envaudit.errors import ReadError
from envaudit.files import read_text

MIB = 1024 * 1024

_MEMORY = "/proc/meminfo"
# CPU time the group of processes may use in a period, both in microseconds: cgroup v2 in one file, v1 in two.
_QUOTA_V2 = "/sys/fs/cgroup/cpu.max"
_QUOTA_V1 = ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us")


def effective_cpus() -> int:
    """Return how many processors this process may really use: its affinity, or less if a container limits it."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return max(1, min(count, quota) if quota else count)


def _quota() -> int | None:
    """Return the processors the container grants, rounded up; ``None`` without a limit."""
    try:
        words = read_text(_QUOTA_V2).split()
    except ReadError:
        try:
            words = [read_text(path).strip() for path in _QUOTA_V1]
        except ReadError:
            return None
    if len(words) != 2 or not all(word.isdigit() for word in words) or words[1] == "0":
        return None  # "max", or -1
    return -(-int(words[0]) // int(words[1]))


def affordable_jobs(jobs: int, memory: int) -> int:
    """Return how many tests may run at a time so that all of them together find the memory each may have."""
    try:
        lines = read_text(_MEMORY).splitlines()
    except ReadError:
        return jobs
    words = next((line.split() for line in lines if line.startswith("MemAvailable:")), [])
    if len(words) < 2 or not words[1].isdigit():
        return jobs
    return max(1, min(jobs, int(words[1]) * 1024 // memory))


@dataclass(frozen=True, slots=True)
class SmokeOptions:
    """Limits for each test, how many run at the same time, and which.

    ``timeout`` is wall-clock seconds; ``memory`` the resident memory in bytes of a test with all the processes it
    starts (importing torch takes about 260 MiB); ``output`` the bytes it may write to standard output and to
    standard error. ``mode`` is ``auto`` or ``all`` and ``keyword`` an expression, as ``choose`` takes them; without
    ``forks`` each test imports everything anew.
    """

    timeout: float = 60.0
    memory: int = 2048 * MIB
    output: int = MIB
    jobs: int = field(default_factory=effective_cpus)
    mode: str = "auto"
    keyword: str = ""
    forks: bool = True
