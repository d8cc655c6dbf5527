"""The machine a target runs on: what one process that is started here is granted, and what would stand in its way.

Facts only; ``checks.hst`` judges them. They hold for the shell that runs the audit: another one, a service or a
notebook server may have other limits.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.files import is_file
from envaudit.files_host import momentary_text
from envaudit.files_seen import doubt, granted
from envaudit.model_host import Host, Moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What changes which files are loaded, and how many threads the libraries for numbers start.
LOADING = ("LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "KMP_DUPLICATE_LIB_OK")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

# The levels of x86-64 as the psABI defines them, by the names in /proc/cpuinfo.
_V2 = frozenset(["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"])
_V3 = _V2 | frozenset(["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"])
_V4 = _V3 | frozenset(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])


def read_host(environ: Mapping[str, str], cpu_flags: frozenset[str] = frozenset(), *, now: bool = False) -> Host | None:
    """Return what this machine grants, ``None`` where the system does not say in a way that is known here.

    With ``now`` also what is in use at the moment; a report that says so cannot be kept for later.
    """
    values = dict(line.split("=", 1) for line in granted().splitlines())
    memory = _number(values, "MemTotal")
    if not memory:
        return None
    quota = values.get("quota")
    shared = _number(values, "shm")
    return Host(
        memory=memory,
        swap=_number(values, "SwapTotal") or 0,
        overcommit=_number(values, "overcommit") or 0,
        commit_limit=_number(values, "CommitLimit"),
        cgroup_memory=_number(values, "cgroup memory"),
        cgroup_memory_from=values.get("cgroup memory from", ""),
        address_space=_number(values, "limit AS"),
        data=_number(values, "limit DATA"),
        stack=_number(values, "limit STACK"),
        processes=_number(values, "limit NPROC"),
        files=_number(values, "limit NOFILE"),
        cpus=_number(values, "cpus") or 1,
        online=_number(values, "online") or 1,
        quota=float(quota) if quota else None,
        quota_from=values.get("quota from", ""),
        pids=_number(values, "pids"),
        pids_from=values.get("pids from", ""),
        shared=None if shared is None or shared < 0 else shared,
        privileged=values.get("privileged") == "1",
        level=level_of(cpu_flags),
        variables=tuple((name, environ[name]) for name in (*LOADING, *THREADS) if environ.get(name)),
        absent=tuple(_absent(environ.get("LD_PRELOAD", ""))),
        moment=_moment() if now else None,
    )


def _number(values: Mapping[str, str], name: str) -> int | None:
    text = values.get(name, "")
    return int(text) if re.fullmatch(r"-?\d+", text) else None


def level_of(flags: frozenset[str]) -> str:
    """Return the level of an x86-64 processor (``x86-64-v3``), empty for others and when nothing is known of it."""
    if "lm" not in flags:
        return ""
    for level, needed in (("x86-64-v4", _V4), ("x86-64-v3", _V3), ("x86-64-v2", _V2)):
        if needed <= flags:
            return level
    return "x86-64-v1"


def _absent(preload: str) -> Iterator[str]:
    """Yield the files that ``LD_PRELOAD`` names by path and that are not there."""
    for name in re.split(r"[ :]+", preload):
        if "/" in name and "$" not in name and not is_file(name):
            yield name


def _moment() -> Moment | None:
    doubt("memory in use and load change from one moment to the next")
    text = momentary_text()
    found = {name: int(value) * 1024 for name, value in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}
    load = re.search(r"^([\d.]+) [\d.]+ [\d.]+ \d+/\d+", text, re.MULTILINE)
    if "MemAvailable" not in found or load is None:
        return None
    return Moment(found["MemAvailable"], found.get("SwapTotal", 0) - found.get("SwapFree", 0), float(load[1]))
