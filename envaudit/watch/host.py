"""How much memory and how many processors there are, and what the kernel counts: read from ``/proc`` and cgroups."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple

MIB = 1024 * 1024
_NO_LIMIT = 2**60  # version 1 of cgroups writes a number of this size for none
_MOST_LINES = 20_000


class Room(NamedTuple):
    """The memory in bytes a program can have, and what sets that limit."""

    bytes: int
    why: str


class Counters(NamedTuple):
    """Numbers of the kernel that only grow; their difference over a run is what happened in it.

    ``host_kills`` and ``group_kills``: processes killed for want of memory, on the whole host and in our own group.
    ``periods`` and ``throttled``: periods of the processor quota, and those in which it was used up.
    """

    host_kills: int
    group_kills: int
    periods: int
    throttled: int


def room() -> Room:
    """Return the memory a program started now can really get, with swap."""
    words = _numbers("/proc/meminfo")
    everything = (words.get("MemTotal:", 0) + words.get("SwapTotal:", 0)) * 1024
    found = [Room(everything, "memory and swap of this machine")] if everything else []
    free = (words.get("MemAvailable:", 0) + words.get("SwapFree:", 0)) * 1024
    if free:
        found.append(Room(free, "memory that is free on this machine"))
    for folder in _groups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            amount = _number(os.path.join(folder, name))
            if amount is not None and 0 < amount < _NO_LIMIT:
                found.append(Room(amount, "limit of the container (cgroup)"))
    found += _own_limit()
    return min(found, default=Room(4096 * MIB, "an assumption: this system does not say how much memory it has"))


def reserve(limit: int) -> int:
    """Return the bytes that are left to the rest of the machine: a twentieth, 256 MiB to 1 GiB."""
    return min(max(limit // 20, 256 * MIB), 1024 * MIB, limit // 2)


def processors() -> int:
    """Return how many processors a program may use: its affinity, or less by the quota of the container."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for folder in _groups("cpu"):
        words = _words(os.path.join(folder, "cpu.max")) or [
            *_words(os.path.join(folder, "cpu.cfs_quota_us")),
            *_words(os.path.join(folder, "cpu.cfs_period_us")),
        ]
        if len(words) == 2 and all(word.isdigit() for word in words) and int(words[1]):
            count = min(count, -(-int(words[0]) // int(words[1])))
    return max(1, count)


def counters() -> Counters:
    """Return the kernel's numbers at this moment; 0 for those it does not have."""
    host = _numbers("/proc/vmstat").get("oom_kill", 0)
    group = 0
    for folder in _groups("memory")[:1]:
        for name in ("memory.events", "memory.oom_control"):
            group = max(group, _numbers(os.path.join(folder, name)).get("oom_kill", 0))
    periods = throttled = 0
    for folder in _groups("cpu"):
        stat = _numbers(os.path.join(folder, "cpu.stat"))
        if stat.get("nr_periods", 0) > periods:
            periods, throttled = stat["nr_periods"], stat.get("nr_throttled", 0)
    return Counters(host, group, periods, throttled)


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


def _groups(kind: str) -> list[str]:
    """Return the folders of our cgroup and of those above it that can be seen, innermost first."""
    found = []
    for line in _lines("/proc/self/cgroup"):
        parts = line.strip().split(":", 2)
        if len(parts) != 3 or not (parts[1] == "" or kind in parts[1].split(",")):
            continue
        base, root = _mount(kind if parts[1] else "")
        if not base:
            continue
        inside = parts[2][len(root) :] if root != "/" and parts[2].startswith(root) else parts[2]
        path = os.path.normpath(base + "/" + inside.strip("/"))
        while path.startswith(base):
            found.append(path)
            if path == base:
                break
            path = os.path.dirname(path)
    return found


def _mount(kind: str) -> tuple[str, str]:
    """Return where a hierarchy of cgroups is mounted (empty: version 2) and which folder of it that is."""
    for line in _lines("/proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        words, kinds = before.split(), after.split()
        if len(words) < 5 or len(kinds) < 3:
            continue
        if (kinds[0] == "cgroup2" and not kind) or (kinds[0] == "cgroup" and kind and kind in kinds[2].split(",")):
            return words[4], words[3]
    return "", ""


def _lines(path: str) -> list[str]:
    with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return [line for _, line in zip(range(_MOST_LINES), file, strict=False)]
    return []


def _words(path: str) -> list[str]:
    lines = _lines(path)
    return lines[0].split() if lines else []


def _number(path: str) -> int | None:
    words = _words(path)
    return int(words[0]) if words and words[0].isdigit() else None


def _numbers(path: str) -> dict[str, int]:
    """Return the numbers behind the words of a file such as ``/proc/vmstat``."""
    found = {}
    for line in _lines(path):
        words = line.split()
        if len(words) >= 2 and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found
