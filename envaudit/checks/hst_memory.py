"""HST011 and HST012: memory that the user's own code will ask for, against what this machine can give one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.model import Confidence, Evidence, Finding, Location, Severity
from envaudit.plain_sizes import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Facts, Host, MemoryDemand

_KILLED = "Killed; the kernel appears to have died (no MemoryError)"


def check_demands(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each demand that is larger than what can be had."""
    host = facts.host
    if host is None:
        return
    granted = host.memory_to_be_had()
    for demand in facts.demands:
        if demand.size > granted.size:
            yield _finding(demand, host)


def _finding(demand: MemoryDemand, host: Host) -> Finding:
    granted = host.memory_to_be_had()
    name = demand.path.rpartition("/")[2]
    where = f"{name}, {demand.place}" if demand.place else f"{name}, line {demand.line}"
    about = "" if demand.sure else "about "
    evidence = [Evidence(demand.path, f"{demand.place}: {demand.call}" if demand.place else demand.call, demand.line)]
    if demand.source:
        evidence.append(Evidence(demand.source, f"{in_words(demand.source_size)}, read as a whole"))
    evidence.append(Evidence(granted.by, f"{granted.size} bytes can be had"))
    return Finding(
        code="HST011" if demand.sure else "HST012",
        severity=_severity(demand, host),
        confidence=Confidence.PREDICTED,
        message=(
            f"{where}: {demand.call} needs {about}{in_words(demand.size)}; {in_words(granted.size)} can be had"
            + (f" ({granted.by})" if granted.by != "the memory of the machine" else "")
        ),
        subject=f"code:{demand.inside}:{demand.call}",
        symptom=_symptom(demand, host),
        evidence=tuple(evidence),
        location=Location(demand.path, demand.line),
    )


def _severity(demand: MemoryDemand, host: Host) -> Severity:
    """Return an error only for what surely fails when the file is run.

    ``zeros`` and ``empty`` take memory when something is written: with a promise that is kept to nothing, they work.
    """
    surely = demand.sure and (not demand.lazy or demand.size > host.memory_before_refusal().size)
    return Severity.ERROR if surely and demand.always else Severity.WARNING


def _symptom(demand: MemoryDemand, host: Host) -> str:
    refused = demand.sure and demand.size > host.memory_before_refusal().size
    return f"MemoryError: Unable to allocate {in_words(demand.size)}" if refused else _KILLED
