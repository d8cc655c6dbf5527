"""Limits and counters of memory, read from trees of files as both versions of cgroups have them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from envaudit.watch.host import MIB, Counters, Group, counters, processors, room, tightest_group

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="cgroups are those of Linux")

GIB = 1024 * MIB
MEMINFO = "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\nSwapTotal: 1048576 kB\nSwapFree: 1048576 kB\n"
V2 = {
    "proc/meminfo": MEMINFO,
    "proc/vmstat": "oom_kill 7\n",
    "proc/self/cgroup": "0::/user.slice/job\n",
    "proc/self/mountinfo": "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
    "sys/fs/cgroup/user.slice/memory.max": f"{4 * GIB}\n",
    "sys/fs/cgroup/user.slice/memory.current": f"{3 * GIB}\n",
    "sys/fs/cgroup/user.slice/memory.peak": f"{3 * GIB + 5}\n",
    "sys/fs/cgroup/user.slice/memory.stat": f"anon 5\ninactive_file {GIB}\n",
    "sys/fs/cgroup/user.slice/memory.events": "low 0\nhigh 0\nmax 99\noom 9\noom_kill 9\n",
    "sys/fs/cgroup/user.slice/job/memory.max": "max\n",
    "sys/fs/cgroup/user.slice/job/memory.events": "low 0\nhigh 3\nmax 2\noom 1\noom_kill 1\n",
    "sys/fs/cgroup/user.slice/job/cpu.max": "50000 100000\n",
    "sys/fs/cgroup/user.slice/job/cpu.stat": "nr_periods 40\nnr_throttled 37\n",
}
V1 = {
    "proc/meminfo": MEMINFO,
    "proc/vmstat": "oom_kill 7\n",
    "proc/self/cgroup": "4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n0::/\n",
    "proc/self/mountinfo": (
        "30 24 0:26 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "31 24 0:27 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
    ),
    "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2 * GIB}\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GIB}\n",
    "sys/fs/cgroup/memory/memory.max_usage_in_bytes": f"{2 * GIB}\n",
    "sys/fs/cgroup/memory/memory.stat": f"cache 9\ntotal_inactive_file {GIB // 2}\n",
    "sys/fs/cgroup/memory/memory.failcnt": "73\n",
    "sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n",
    "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    "sys/fs/cgroup/cpu/cpu.stat": "nr_periods 41\nnr_throttled 4\n",
}


def build(folder: Path, tree: dict[str, str]) -> str:
    for name, text in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(folder)


def test_version_2_counts_the_lowest_limit_up_the_tree(tmp_path: Path) -> None:
    root = build(tmp_path, V2)
    assert tightest_group(root=root) == Group(f"{root}/sys/fs/cgroup/user.slice", 4 * GIB, 2 * GIB, 3 * GIB + 5)
    assert room(root=root) == (2 * GIB, "memory that is free in the container (cgroup)")
    assert room(root=root, now=False) == (4 * GIB, "limit of the container (cgroup)")
    assert counters(root=root) == Counters(7, 1, 40, 37, refused=2, held_back=3)
    assert processors(root=root) == 1


def test_version_1_is_read_through_the_mount_of_a_container(tmp_path: Path) -> None:
    root = build(tmp_path, V1)
    assert tightest_group(root=root) == Group(f"{root}/sys/fs/cgroup/memory", 2 * GIB, GIB // 2, 2 * GIB)
    assert room(root=root, now=False).bytes == 2 * GIB
    assert counters(root=root) == Counters(7, 2, 41, 4, refused=73, held_back=0)
    assert processors(root=root) == 1


def test_the_physical_memory_counts_where_no_group_has_a_limit(tmp_path: Path) -> None:
    without = {name: text for name, text in V2.items() if "memory.max" not in name}
    root = build(tmp_path, {**without, "sys/fs/cgroup/user.slice/memory.max": "max\n"})
    assert tightest_group(root=root) is None
    assert room(root=root, now=False) == (17 * GIB, "memory and swap of this machine")
    assert room(root=root).bytes == 9 * GIB


def test_a_limit_of_the_session_counts_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    limits = {resource.RLIMIT_AS: GIB, resource.RLIMIT_DATA: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limits[kind], resource.RLIM_INFINITY))
    assert room(root=build(tmp_path, V1)) == (GIB, "limit of this session (ulimit -v)")


def test_a_system_that_says_nothing_leaves_an_assumption(tmp_path: Path) -> None:
    assert room(root=str(tmp_path)).why.startswith("an assumption")
    assert counters(root=str(tmp_path)) == Counters(0, 0, 0, 0)
    assert processors(root=str(tmp_path)) >= 1


def test_what_happened_is_the_difference() -> None:
    assert Counters(7, 2, 41, 9, 73, 1).since(Counters(6, 2, 40, 2, 70, 0)) == Counters(1, 0, 1, 7, 3, 1)
