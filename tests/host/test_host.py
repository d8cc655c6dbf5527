"""What the system says of itself, from real files of kernels, and of this machine."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from envaudit.files_host import group_folders, settled_text
from envaudit.files_seen import QUESTIONS, Seen
from envaudit.host import level_of, read_host
from envaudit.model_host import Granted, Host

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are read on Linux only")
GIB = 1024**3


def test_this_machine() -> None:
    host = read_host({"LD_PRELOAD": "/nowhere/lib.so libfoo.so", "OMP_NUM_THREADS": "3", "HOME": "/"})
    assert host is not None
    assert host.memory == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert host.cpus == len(os.sched_getaffinity(0))
    assert host.files == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert host.variables == (("LD_PRELOAD", "/nowhere/lib.so libfoo.so"), ("OMP_NUM_THREADS", "3"))
    assert host.absent == ("/nowhere/lib.so",)
    assert host.moment is None


def test_what_is_in_use_is_only_told_on_demand_and_never_kept() -> None:
    with Seen() as seen:
        assert read_host({}) is not None
    assert seen.doubt == ""
    with Seen() as seen:
        host = read_host({}, now=True)
    assert host is not None
    assert host.moment is not None
    assert 0 < host.moment.available < host.memory
    assert "memory in use" in seen.doubt


def test_a_limit_that_changes_is_noticed() -> None:
    """The next run asks the same question, and gets another answer under another limit."""
    with Seen() as seen:
        read_host({})
    ((question, path), answer) = next(iter(seen.told.items()))
    assert QUESTIONS[question](path) == answer
    code = "from envaudit.files_seen import QUESTIONS; print(QUESTIONS['granted']('/'))"
    script = ["sh", "-c", 'ulimit -v 3000000; ulimit -n 128; exec "$@"', "sh", sys.executable, "-c", code]
    done = subprocess.run(script, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    lines = done.stdout.splitlines()
    assert f"limit AS={3000000 * 1024}" in lines
    assert "limit NOFILE=128" in lines
    assert done.stdout.strip() != answer


V1 = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices
"""
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"


def test_control_groups_of_version_1_as_a_container_sees_them() -> None:
    groups = "5:memory:/docker/abc/inner\n4:cpu,cpuacct:/docker/abc\n3:devices:/docker/abc\n"
    assert list(group_folders(groups, V1)) == [
        "/sys/fs/cgroup/memory/inner",
        "/sys/fs/cgroup/memory",
        "/sys/fs/cgroup/cpu,cpuacct",
    ]


def test_control_groups_of_version_2() -> None:
    assert list(group_folders("0::/user.slice/job\n", V2)) == [
        "/sys/fs/cgroup/user.slice/job",
        "/sys/fs/cgroup/user.slice",
        "/sys/fs/cgroup",
    ]


def test_a_group_outside_of_the_mount_is_that_of_the_mount() -> None:
    assert list(group_folders("5:memory:/other\n", V1)) == ["/sys/fs/cgroup/memory"]
    assert list(group_folders("0::/../..\nrubbish", V2)) == ["/sys/fs/cgroup"]
    assert list(group_folders("", "")) == []


def test_the_text_stays_the_same_while_nothing_changes() -> None:
    assert settled_text() == settled_text() != ""


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ("lm sse2", "x86-64-v1"),
        ("lm cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3", "x86-64-v2"),
        ("asimd fp", ""),
        ("", ""),
    ],
)
def test_levels_of_processors(flags: str, level: str) -> None:
    assert level_of(frozenset(flags.split())) == level


def test_the_tightest_limit_is_what_can_be_had() -> None:
    host = Host(24 * GIB, swap=8 * GIB)
    assert host.memory_to_be_had() == Granted(32 * GIB, "memory and swap")
    host = host._replace(cgroup_memory=2 * GIB, cgroup_memory_from="/memory.max", address_space=4 * GIB)
    assert host.memory_to_be_had() == Granted(2 * GIB, "/memory.max")
    assert host.memory_before_refusal() == Granted(4 * GIB, "ulimit -v")


def test_what_is_refused_before_anything_is_written() -> None:
    host = Host(24 * GIB, cgroup_memory=GIB, cgroup_memory_from="/memory.max", commit_limit=12 * GIB)
    assert host.memory_before_refusal().size == 24 * GIB
    assert host._replace(overcommit=2).memory_before_refusal() == Granted(12 * GIB, "vm.overcommit_memory=2")
    assert host._replace(overcommit=1).memory_before_refusal().by == ""
