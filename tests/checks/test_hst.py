"""HST001 to HST010: a plain machine is silent, and each limit is told from where it does harm."""

from __future__ import annotations

from typing import Any

import pytest

from envaudit.checks.hst import check_host
from envaudit.model import Binary, Finding, Host, Severity, replace
from tests.support.facts import make_binary, make_dist, make_facts

GIB = 1024**3
MIB = 1024**2
PLAIN = Host(
    24 * GIB, stack=8 * MIB, processes=96365, files=1024, cpus=8, online=8, shared=12 * GIB, commit_limit=12 * GIB
)
SCIENCE = (make_dist("numpy", "2.3.1"), make_dist("torch", "2.8.0"))


def found(*names: str, binaries: tuple[Binary, ...] = (), **changes: Any) -> list[Finding]:
    """Return the findings of a plain machine with these changes, and ``names`` installed."""
    facts = make_facts([make_dist(name) for name in names], binaries)
    return list(check_host(replace(facts, host=PLAIN._replace(**changes))))


def codes(findings: list[Finding]) -> list[tuple[str, Severity]]:
    """Return code and severity of each."""
    return [(each.code, each.severity) for each in findings]


def test_a_plain_machine_is_silent() -> None:
    assert found("numpy", "torch", "joblib") == []


def test_a_target_of_another_machine_is_silent() -> None:
    assert list(check_host(make_facts(SCIENCE))) == []


@pytest.mark.parametrize(
    ("names", "changes", "code", "severity"),
    [
        ((), {"cgroup_memory": 2 * GIB, "cgroup_memory_from": "/memory.max"}, "HST001", Severity.NOTE),
        ((), {"cgroup_memory": 256 * MIB, "cgroup_memory_from": "/memory.max"}, "HST001", Severity.WARNING),
        (("numpy",), {"address_space": 2 * GIB}, "HST002", Severity.WARNING),
        ((), {"address_space": 2 * GIB}, "HST002", Severity.NOTE),
        (("numpy",), {"data": 8 * GIB}, "HST002", Severity.NOTE),
        ((), {"overcommit": 1}, "HST003", Severity.NOTE),
        ((), {"overcommit": 2}, "HST003", Severity.NOTE),
        (("scipy",), {"quota": 1.5, "quota_from": "/cpu.max"}, "HST004", Severity.NOTE),
        ((), {"variables": (("OMP_NUM_THREADS", "64,2"),)}, "HST004", Severity.NOTE),
        ((), {"processes": 100}, "HST005", Severity.NOTE),
        (("numpy",), {"pids": 40, "pids_from": "/pids.max"}, "HST005", Severity.WARNING),
        ((), {"stack": MIB // 4}, "HST006", Severity.WARNING),
        ((), {"files": 128}, "HST007", Severity.NOTE),
        ((), {"files": 48}, "HST007", Severity.WARNING),
        (("torch",), {"shared": 64 * MIB}, "HST008", Severity.NOTE),
        (("torch",), {"shared": 0}, "HST008", Severity.WARNING),
        ((), {"variables": (("LD_LIBRARY_PATH", "/opt/lib"),)}, "HST009", Severity.NOTE),
        ((), {"variables": (("PYTHONHOME", "/usr"),)}, "HST009", Severity.WARNING),
        ((), {"variables": (("KMP_DUPLICATE_LIB_OK", "TRUE"),)}, "HST010", Severity.NOTE),
    ],
)
def test_each_limit(names: tuple[str, ...], changes: dict[str, Any], code: str, severity: Severity) -> None:
    findings = found(*names, **changes)
    assert codes(findings) == [(code, severity)]
    assert findings[0].evidence
    assert findings[0].fix


@pytest.mark.parametrize(
    ("names", "changes"),
    [
        ((), {"cgroup_memory": 32 * GIB, "cgroup_memory_from": "/memory.max"}),
        ((), {"quota": 1.5, "quota_from": "/cpu.max"}),
        (("numpy",), {"quota": 8.0, "quota_from": "/cpu.max"}),
        (("numpy",), {"quota": 2.0, "quota_from": "/cpu.max", "variables": (("OMP_NUM_THREADS", "2"),)}),
        (("numpy",), {"processes": 100, "privileged": True}),
        (("numpy",), {"stack": None, "files": None, "processes": None}),
        (("numpy",), {"shared": 64 * MIB}),
        (("torch",), {"shared": None}),
        ((), {"variables": (("KMP_DUPLICATE_LIB_OK", "FALSE"), ("OPENBLAS_NUM_THREADS", "8"))}),
    ],
)
def test_what_does_no_harm(names: tuple[str, ...], changes: dict[str, Any]) -> None:
    assert found(*names, **changes) == []


def test_two_runtimes_that_are_let_meet() -> None:
    one, two = make_dist("one"), make_dist("two")
    libraries = (
        make_binary(one, "one.libs/libiomp5-ab12.so"),
        make_binary(two, "two/lib/libomp.so.5"),
        make_binary(two, "two/libgomp.so.1"),
    )
    (finding,) = found("one", "two", binaries=libraries, variables=(("KMP_DUPLICATE_LIB_OK", "1"),))
    assert (finding.code, finding.severity) == ("HST010", Severity.WARNING)
    (finding,) = found("one", "two", binaries=libraries[1:], variables=(("KMP_DUPLICATE_LIB_OK", "1"),))
    assert finding.severity is Severity.NOTE


def test_a_preloaded_file_that_is_not_there_is_named() -> None:
    (finding,) = found(variables=(("LD_PRELOAD", "/no/such.so"),), absent=("/no/such.so",))
    assert "/no/such.so is not there" in finding.message


def test_messages_say_sizes_as_people_do() -> None:
    (finding,) = found(cgroup_memory=2 * GIB, cgroup_memory_from="/memory.max")
    assert finding.message == (
        "all processes here share 2 GiB of memory, though the machine has 24 GiB: who takes more is killed"
    )
