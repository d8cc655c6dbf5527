"""What the system grants this process: memory, processors, limits, as one text that stays the same while they do.

The lowest part of ``envaudit.host``, which gives the words their meaning. It is kept apart because the run that finds
nothing changed asks for this text again and compares it, and must import nothing else for that. What changes from one
moment to the next (memory in use, load) is left out: by that, no two runs would be the same.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMIT = 1 << 20  # bytes of a file of the kernel; the longest, mountinfo, has some 10 KiB
_UNLIMITED = 1 << 60  # what cgroup v1 states where there is no limit is just below 2**63
_LIMITS = ("AS", "CPU", "DATA", "NOFILE", "NPROC", "STACK")
_SHARED = "/dev/shm"  # noqa: S108  only its size is asked for


def settled_text() -> str:
    """Return lines ``name=value``, sorted; empty on a system other than Linux. Memory in bytes."""
    if sys.platform != "linux":
        return ""
    return "\n".join(sorted(f"{name}={value}" for name, value in _settled()))


def momentary_text() -> str:
    """Return ``/proc/meminfo`` and ``/proc/loadavg`` of this moment, one behind the other."""
    return _text("/proc/meminfo") + _text("/proc/loadavg")


def _settled() -> Iterator[tuple[str, object]]:
    for line in _text("/proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if name in {"MemTotal", "SwapTotal", "CommitLimit"} and words and words[0].isdigit():
            yield name, int(words[0]) * 1024
    yield "overcommit", _text("/proc/sys/vm/overcommit_memory").strip()
    yield "cpus", len(os.sched_getaffinity(0))
    yield "online", os.cpu_count() or 1
    yield "privileged", int(os.geteuid() == 0)
    import resource  # noqa: PLC0415  there is none on Windows

    for name in _LIMITS:
        soft = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]
        if soft != resource.RLIM_INFINITY:
            yield f"limit {name}", soft
    try:
        shared = os.statvfs(_SHARED)
        yield "shm", shared.f_frsize * shared.f_blocks if os.path.ismount(_SHARED) else -1
    except OSError:
        yield "shm", 0
    yield from _granted(_text("/proc/self/cgroup"), _text("/proc/self/mountinfo"))


def _granted(groups: str, mounts: str) -> Iterator[tuple[str, object]]:
    """Yield the tightest limits of the control groups this process is in: memory, processors, processes."""
    memory: list[tuple[int, str]] = []
    quotas: list[tuple[float, str]] = []
    pids: list[tuple[int, str]] = []
    for folder in group_folders(groups, mounts):
        for name in ("memory.max", "memory.limit_in_bytes"):
            memory += _number(f"{folder}/{name}")
        pids += _number(f"{folder}/pids.max")
        quotas += _quota(folder)
    for label, found in (("cgroup memory", memory), ("quota", quotas), ("pids", pids)):
        if found:
            value, path = min(found)
            yield label, value
            yield f"{label} from", path


def group_folders(groups: str, mounts: str) -> Iterator[str]:
    """Yield the folders of the control groups of a process and of those around them, by two files of ``/proc/self``.

    A container sees a part of the tree: what its mount begins with is cut off the path of the group.
    """
    places = []
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) >= 5 and kind and kind[0] in {"cgroup", "cgroup2"}:
            words = set(kind[-1].split(",")) if kind[0] == "cgroup" else {""}
            places.append((words, fields[3].rstrip("/"), fields[4]))
    for line in groups.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        own = set(controllers.split(",")) if number != "0" else {""}
        if not path or not own & {"", "memory", "cpu", "pids"}:
            continue
        for words, root, mount in places:
            if words & own:
                inner = path[len(root) :] if (path + "/").startswith(f"{root}/") else ""
                parts = [part for part in inner.split("/") if part not in {"", ".."}]
                yield from ("/".join([mount, *parts[:count]]) for count in range(len(parts), -1, -1))


def _number(path: str) -> list[tuple[int, str]]:
    word = _text(path).strip()
    return [(int(word), path)] if word.isdigit() and int(word) < _UNLIMITED else []


def _quota(folder: str) -> list[tuple[float, str]]:
    """Return the processors a control group grants: time it may use in a period, both in microseconds."""
    for paths in ((f"{folder}/cpu.max",), (f"{folder}/cpu.cfs_quota_us", f"{folder}/cpu.cfs_period_us")):
        words = [word for path in paths for word in _text(path).split()]
        if len(words) == 2 and all(word.isdigit() for word in words) and int(words[1]):
            return [(int(words[0]) / int(words[1]), paths[0])]
    return []


def _text(path: str) -> str:
    """Return what the kernel says in a file, nothing where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        chunks = []
        while chunk := os.read(descriptor, 65536):
            chunks.append(chunk)
            if len(chunks) * 65536 > _LIMIT:
                break
        return b"".join(chunks).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
