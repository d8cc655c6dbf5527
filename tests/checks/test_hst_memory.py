"""HST011 and HST012: what code asks for, against what can be had."""

from __future__ import annotations

from typing import Any

import pytest

from envaudit.checks.hst_memory import check_demands
from envaudit.model import Finding, Host, Location, MemoryDemand, Severity, replace
from tests.support.facts import make_facts

GIB = 1024**3
LAPTOP = Host(16 * GIB, commit_limit=8 * GIB)
POD = LAPTOP._replace(cgroup_memory=2 * GIB, cgroup_memory_from="/memory.max")
DEMAND = MemoryDemand(
    "/w/a.ipynb", "a.ipynb", 12, "code cell 2, line 3", "numpy.random.rand(10000, 10000, 100)", 80 * 10**9
)


def judge(host: Host | None, **changes: Any) -> list[Finding]:
    """Return the findings about one demand."""
    return list(check_demands(replace(make_facts(), host=host, demands=(DEMAND._replace(**changes),))))


def test_more_than_the_machine_has() -> None:
    (finding,) = judge(LAPTOP)
    assert (finding.code, finding.severity) == ("HST011", Severity.ERROR)
    assert finding.message == (
        "a.ipynb, code cell 2, line 3: numpy.random.rand(10000, 10000, 100) needs 74.5 GiB; 16 GiB can be had"
    )
    assert finding.symptom == "MemoryError: Unable to allocate 74.5 GiB"
    assert finding.location == Location("/w/a.ipynb", 12)


@pytest.mark.parametrize("host", [None, LAPTOP._replace(memory=80 * GIB), LAPTOP._replace(swap=80 * GIB)])
def test_what_can_be_had(host: Host | None) -> None:
    assert judge(host) == []


def test_what_is_granted_and_then_killed() -> None:
    (finding,) = judge(POD, size=4 * GIB)
    assert (finding.severity, finding.symptom.split(";")[0]) == (Severity.ERROR, "Killed")
    assert finding.message.endswith("needs 4 GiB; 2 GiB can be had (/memory.max)")


def test_a_promise_costs_nothing() -> None:
    (finding,) = judge(POD, size=4 * GIB, lazy=True)
    assert finding.severity is Severity.WARNING
    (finding,) = judge(POD, lazy=True)
    assert finding.severity is Severity.ERROR
    (finding,) = judge(LAPTOP._replace(overcommit=1), lazy=True)
    assert finding.severity is Severity.WARNING
    (finding,) = judge(LAPTOP._replace(overcommit=1, address_space=GIB), lazy=True)
    assert (finding.severity, finding.symptom[:11]) == (Severity.ERROR, "MemoryError")


def test_what_only_a_function_does() -> None:
    (finding,) = judge(LAPTOP, always=False)
    assert finding.severity is Severity.WARNING


def test_a_file_that_is_too_large() -> None:
    (finding,) = judge(POD, size=3 * GIB, sure=False, source="/w/big.csv", source_size=GIB, call="read", place="")
    assert (finding.code, finding.severity) == ("HST012", Severity.WARNING)
    assert finding.message == "a.ipynb, line 12: read needs about 3 GiB; 2 GiB can be had (/memory.max)"
    assert [each.path for each in finding.evidence] == ["/w/a.ipynb", "/w/big.csv", "/memory.max"]
