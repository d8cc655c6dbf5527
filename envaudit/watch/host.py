"""How much memory and how many processors there are, and what the kernel counts: read from ``/proc`` and cgroups.

Both versions of cgroups are read, and every group from our own to the outermost that can be seen: whichever limit is
the lowest counts. Each function takes the ``root`` folder in which ``/proc`` and ``/sys`` are, empty for this system.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple

from envaudit.files_host import group_folders

MIB = 1024 * 1024
_NO_LIMIT = 2**60  # version 1 of cgroups writes a number of this size for none
_MOST_BYTES = 1024 * 1024


class Room(NamedTuple):
    """The memory in bytes a program can have, and what sets that limit."""

    bytes: int
    why: str


class Counters(NamedTuple):
    """Numbers of the kernel that only grow; their difference over a run is what happened in it.

    ``host_kills`` and ``group_kills``: processes killed for want of memory, on the whole host and in our own group.
    ``periods`` and ``throttled``: periods of the processor quota, and those in which it was used up. ``refused``: how
    often our group reached its limit of memory; ``held_back``: how often it was slowed down (``memory.high``).
    """

    host_kills: int
    group_kills: int
    periods: int
    throttled: int
    refused: int = 0
    held_back: int = 0

    def since(self, before: Counters) -> Counters:
        """Return what happened after an earlier look."""
        return Counters(*(now - then for now, then in zip(self, before, strict=True)))


class Group(NamedTuple):
    """The group with the lowest limit of memory: its folder, that limit, what is in use, and the most there ever was.

    In bytes, 0 for what the kernel does not say. Files that the kernel keeps in memory while nobody wants it do not
    count as in use.
    """

    folder: str
    limit: int
    used: int
    peak: int


def room(*, now: bool = True, root: str = "") -> Room:
    """Return the memory a program started now can really get, with swap; not ``now``: if others let go of theirs."""
    words = _numbers(f"{root}/proc/meminfo")
    everything = (words.get("MemTotal:", 0) + words.get("SwapTotal:", 0)) * 1024
    found = [Room(everything, "memory and swap of this machine")] if everything else []
    free = (words.get("MemAvailable:", 0) + words.get("SwapFree:", 0)) * 1024
    if free and now:
        found.append(Room(free, "memory that is free on this machine"))
    group = tightest_group(root=root)
    if group is not None:
        found.append(Room(group.limit, "limit of the container (cgroup)"))
        if now and 0 < group.used < group.limit:
            found.append(Room(group.limit - group.used, "memory that is free in the container (cgroup)"))
    found += _own_limit()
    if not everything and not root:
        found += _without_proc(now=now)
    return min(found, default=Room(4096 * MIB, "an assumption: this system does not say how much memory it has"))


def tightest_group(*, root: str = "") -> Group | None:
    """Return the group with the lowest limit of memory, ``None`` where there is no limit."""
    found = []
    for folder in _folders(root):
        for name, used, peak, cache in (
            ("memory.max", "memory.current", "memory.peak", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max_usage_in_bytes", "total_inactive_file"),
        ):
            limit = _number(f"{folder}/{name}")
            if limit is not None and 0 < limit < _NO_LIMIT:
                kept = _numbers(f"{folder}/memory.stat").get(cache, 0)
                use = max((_number(f"{folder}/{used}") or 0) - kept, 0)
                found.append((limit, Group(folder, limit, use, _number(f"{folder}/{peak}") or 0)))
    return min(found)[1] if found else None


def reserve(limit: int) -> int:
    """Return the bytes that are left to the rest of the machine: a twentieth, 256 MiB to 1 GiB."""
    return min(max(limit // 20, 256 * MIB), 1024 * MIB, limit // 2)


def processors(*, root: str = "") -> int:
    """Return how many processors a program may use: its affinity, or less by the quota of the container."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for folder in _folders(root):
        words = _text(f"{folder}/cpu.max").split() or [
            *_text(f"{folder}/cpu.cfs_quota_us").split(),
            *_text(f"{folder}/cpu.cfs_period_us").split(),
        ]
        if len(words) == 2 and all(word.isdigit() for word in words) and int(words[1]):
            count = min(count, -(-int(words[0]) // int(words[1])))
    return max(1, count)


def counters(*, root: str = "") -> Counters:
    """Return the kernel's numbers at this moment; 0 for those it does not have."""
    host = _numbers(f"{root}/proc/vmstat").get("oom_kill", 0)
    group: dict[str, int] = {}
    periods = throttled = 0
    for folder in _folders(root):
        if "oom_kill" not in group:  # our own, which comes first; the groups around it count others too
            group = _numbers(f"{folder}/memory.events") or _numbers(f"{folder}/memory.oom_control")
            group.setdefault("max", _number(f"{folder}/memory.failcnt") or 0)
        stat = _numbers(f"{folder}/cpu.stat")
        if stat.get("nr_periods", 0) > periods:
            periods, throttled = stat["nr_periods"], stat.get("nr_throttled", 0)
    return Counters(host, group.get("oom_kill", 0), periods, throttled, group.get("max", 0), group.get("high", 0))


def _own_limit() -> list[Room]:
    try:
        import resource  # noqa: PLC0415 - not on every platform
    except ImportError:
        return []
    found = []
    for name in ("RLIMIT_AS", "RLIMIT_DATA"):
        amount = resource.getrlimit(getattr(resource, name))[0]
        if amount != resource.RLIM_INFINITY:
            found.append(Room(amount, f"limit of this session ({'ulimit -v' if name.endswith('AS') else 'ulimit -d'})"))
    return found


def _without_proc(*, now: bool) -> list[Room]:
    """Return the memory of a machine without ``/proc``."""
    import psutil  # noqa: PLC0415 - only other systems need it

    memory = psutil.virtual_memory()
    if now:
        return [Room(int(memory.available), "memory that is free on this machine")]
    return [Room(int(memory.total), "memory of this machine")]


def _folders(root: str) -> list[str]:
    """Return the folders of our groups and of those around them that can be seen, innermost first."""
    own, mounts = _text(f"{root}/proc/self/cgroup"), _text(f"{root}/proc/self/mountinfo")
    return [f"{root}{folder}" for folder in dict.fromkeys(group_folders(own, mounts))]


def _text(path: str) -> str:
    with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read(_MOST_BYTES)
    return ""


def _number(path: str) -> int | None:
    word = _text(path).strip()
    return int(word) if word.isdigit() else None


def _numbers(path: str) -> dict[str, int]:
    """Return the numbers behind the words of a file such as ``/proc/vmstat``."""
    found = {}
    for line in _text(path).splitlines():
        words = line.split()
        if len(words) >= 2 and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found
