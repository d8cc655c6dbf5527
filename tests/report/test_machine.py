"""The block about the machine in the verbose report."""

from __future__ import annotations

from envaudit.model import Host, replace
from envaudit.model_host import Moment
from envaudit.report.layout import join
from envaudit.report.machine import machine
from tests.support.facts import make_facts

GIB = 1024**3


def shown(host: Host | None) -> list[str]:
    """Return the lines of the block."""
    return join(machine(replace(make_facts(), host=host)), color=False).splitlines()


def test_an_unknown_machine_is_not_shown() -> None:
    assert shown(None) == []


def test_what_a_container_grants() -> None:
    host = Host(
        24 * GIB,
        8 * GIB,
        cgroup_memory=2 * GIB,
        cgroup_memory_from="/sys/fs/cgroup/memory.max",
        stack=8 * 1024**2,
        files=1024,
        cpus=4,
        online=8,
        quota=1.5,
        pids=512,
        pids_from="/sys/fs/cgroup/pids.max",
        shared=64 * 1024**2,
        level="x86-64-v3",
        variables=(("LD_PRELOAD", "a\x1b.so"), ("OMP_NUM_THREADS", "2")),
        moment=Moment(5 * GIB, GIB // 2, 1.35),
    )
    assert shown(host) == [
        "this machine",
        "    memory      24 GiB, swap 8 GiB; 5 GiB available now, 512 MiB of the swap in use",
        "    to be had   2 GiB for one process, by /sys/fs/cgroup/memory.max",
        "    overcommit  0: obvious excess is refused",
        "    processors  4 processors of 8, x86-64-v3; a quota grants 1.5 at a time; load 1.35 in the last minute",
        "    threads     OMP_NUM_THREADS=2",
        "    ulimit      -v unlimited, -d unlimited, -s 8 MiB, -u unlimited, -n 1024",
        "    tasks       512 at a time, by /sys/fs/cgroup/pids.max",
        "    /dev/shm    64 MiB",
        "    variable    LD_PRELOAD=a\\x1b.so",
        "",
    ]
