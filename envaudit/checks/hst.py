"""HST001 to HST010: what this machine grants a process, against what the libraries of the environment take."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envaudit.model import Confidence, Evidence, Finding, Fix, Severity
from envaudit.plain_sizes import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envaudit.model import Facts, Host

_MIB = 1024**2
_GIB = 1024**3
# Below this, importing a usual stack (pandas, scikit-learn, torch: 100 to 260 MiB) with data does not fit.
_LITTLE_MEMORY = _GIB // 2
# OpenBLAS reserves memory for each processor: with less it ends the process, hangs or crashes when it is loaded.
_LITTLE_SPACE = 4 * _GIB
_FEW_TASKS = 512
_FEW_FILES = 256
_FATAL_FILES = 64  # a notebook kernel does not start with 48
_SMALL_STACK = 1 * _MIB
_SMALL_SHARED = 64 * _MIB  # what container engines give when nobody asks for more
_SHM = "/dev/shm"  # noqa: S108  nothing is written to it
# Libraries that start a thread for each processor when they are loaded, by the distributions they come with.
_THREADED = ("numpy", "scipy", "torch", "tensorflow", "scikit-learn")
# Those whose ordinary use hands data to other processes through /dev/shm.
_SHARING = ("torch", "ray", "joblib")


def check_host(facts: Facts) -> Iterator[Finding]:
    """Yield what is noteworthy about the limits and variables of the shell that runs the audit."""
    host = facts.host
    if host is None:
        return
    for check in _CHECKS:
        yield from check(facts, host)


def _finding(
    code: str, severity: Severity, message: str, *, symptom: str, evidence: Evidence, fix: str, subject: str = ""
) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        confidence=Confidence.PROVEN,
        message=message,
        subject=subject or code,
        symptom=symptom,
        evidence=(evidence,),
        fix=(Fix(fix),) if fix else (),
    )


def _has(facts: Facts, names: tuple[str, ...]) -> str:
    """Return the first of these distributions that is installed."""
    visible = {str(key): dist.name for key, dist in facts.visible().items()}
    return next((visible[name] for name in names if name in visible), "")


def _memory(_: Facts, host: Host) -> Iterator[Finding]:
    limit = host.cgroup_memory
    if limit is None or limit >= host.memory:
        return
    yield _finding(
        "HST001",
        Severity.WARNING if limit < _LITTLE_MEMORY else Severity.NOTE,
        f"all processes here share {in_words(limit)} of memory, though the machine has {in_words(host.memory)}: "
        "who takes more is killed",
        symptom="Killed; the kernel appears to have died (exit status 137, no MemoryError)",
        evidence=Evidence(host.cgroup_memory_from, f"{limit} bytes"),
        fix="give the container more memory (docker run --memory, resources.limits.memory), or take less at a time",
    )


def _address_space(facts: Facts, host: Host) -> Iterator[Finding]:
    for size, option, what in (
        (host.address_space, "-v", "address space"),
        (host.data, "-d", "private memory"),
    ):
        if size is None:
            continue
        threaded = _has(facts, _THREADED)
        near = size < _LITTLE_SPACE and bool(threaded)
        yield _finding(
            "HST002",
            Severity.WARNING if near else Severity.NOTE,
            f"ulimit {option} allows a process {in_words(size)} of {what}"
            + (f", of which {threaded} reserves some for every processor when it is imported" if near else ""),
            symptom="MemoryError, or with OpenBLAS: Memory allocation still failed after 10 retries, a hang or a crash",
            evidence=Evidence("ulimit", f"{option} {size // 1024} (KiB)"),
            fix=f"ulimit {option} unlimited",
            subject=f"ulimit{option}",
        )


def _overcommit(_: Facts, host: Host) -> Iterator[Finding]:
    if host.overcommit not in {1, 2}:
        return
    always = host.overcommit == 1
    covered = f" ({in_words(host.commit_limit)})" if host.commit_limit is not None else ""
    yield _finding(
        "HST003",
        Severity.NOTE,
        "the system promises every amount of memory: nothing is refused, and who takes too much is killed later"
        if always
        else f"the system promises only as much memory as it can surely give{covered}, to all processes together",
        symptom="Killed, instead of a MemoryError" if always else "MemoryError while there is free memory",
        evidence=Evidence("/proc/sys/vm/overcommit_memory", str(host.overcommit)),
        fix="sysctl vm.overcommit_memory=0",
    )


def _threads(facts: Facts, host: Host) -> Iterator[Finding]:
    """Yield HST004: libraries count the processors of the machine and not the time that may be spent on them."""
    usable = max(1, round(host.processors()))
    variables = dict(host.variables)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        first = variables.get(name, "").split(",")[0].strip()
        if first.isdigit() and int(first) > usable:
            yield _finding(
                "HST004",
                Severity.NOTE,
                f"{name} asks for {first} threads where {_processors(host)} may be used at a time",
                symptom="computations that get slower the more threads they have",
                evidence=Evidence(name, variables[name]),
                fix=f"export {name}={usable}",
                subject=name,
            )
    threaded = _has(facts, _THREADED)
    told = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"} & set(variables)
    if host.quota is None or host.quota >= host.cpus or told or not threaded:
        return
    yield _finding(
        "HST004",
        Severity.NOTE,
        f"{threaded} will start {host.cpus} threads where {_processors(host)} may be used at a time",
        symptom="computations that take twice as long as with one thread",
        evidence=Evidence(host.quota_from, f"{host.quota:g} of {host.cpus} processors"),
        fix=f"export OMP_NUM_THREADS={usable} OPENBLAS_NUM_THREADS={usable}",
        subject="quota",
    )


def _processors(host: Host) -> str:
    count = host.processors()
    return "1 processor" if count == 1 else f"{count:g} processors"


def _tasks(facts: Facts, host: Host) -> Iterator[Finding]:
    limits = [(host.pids, host.pids_from, "raise the limit of the container (docker run --pids-limit)")]
    if not host.privileged:
        limits.append((host.processes, "ulimit -u", "ulimit -u unlimited"))
    for count, path, fix in limits:
        if count is not None and count < _FEW_TASKS:
            threaded = _has(facts, _THREADED)
            yield _finding(
                "HST005",
                Severity.WARNING if threaded and count < 2 * host.cpus + 32 else Severity.NOTE,
                f"only {count} processes and threads may run at a time, all programs counted",
                symptom="can't start new thread; pthread_create failed; Resource temporarily unavailable",
                evidence=Evidence(path, str(count)),
                fix=fix,
                subject="ulimit-u" if path.startswith("ulimit") else "pids",
            )


def _stack(_: Facts, host: Host) -> Iterator[Finding]:
    if host.stack is not None and host.stack < _SMALL_STACK:
        yield _finding(
            "HST006",
            Severity.WARNING,
            f"ulimit -s gives every thread a stack of {in_words(host.stack)}",
            symptom="Segmentation fault in deep calls or in OpenBLAS, without a Python traceback",
            evidence=Evidence("ulimit", f"-s {host.stack // 1024} (KiB)"),
            fix="ulimit -s 8192",
        )


def _files(_: Facts, host: Host) -> Iterator[Finding]:
    if host.files is not None and host.files < _FEW_FILES:
        yield _finding(
            "HST007",
            Severity.WARNING if host.files < _FATAL_FILES else Severity.NOTE,
            f"a process may have only {host.files} files open",
            symptom="OSError: [Errno 24] Too many open files; ZMQError; a notebook kernel that dies when it starts",
            evidence=Evidence("ulimit", f"-n {host.files}"),
            fix="ulimit -n 1024",
        )


def _shared(facts: Facts, host: Host) -> Iterator[Finding]:
    sharing = _has(facts, _SHARING)
    if host.shared is None or host.shared > _SMALL_SHARED or not sharing:
        return
    yield _finding(
        "HST008",
        Severity.WARNING if host.shared < _SMALL_SHARED // 8 else Severity.NOTE,
        f"{_SHM} holds {in_words(host.shared)}, through which {sharing} hands data to its worker processes"
        if host.shared
        else f"there is no {_SHM}, through which {sharing} hands data to its worker processes",
        symptom="Bus error; DataLoader worker is killed by signal: Bus error; No space left on device",
        evidence=Evidence(_SHM, f"{host.shared} bytes"),
        fix="docker run --shm-size=2g, or in Python fewer worker processes",
    )


def _variables(_: Facts, host: Host) -> Iterator[Finding]:
    for name, value in host.variables:
        if name == "PYTHONHOME":
            yield _finding(
                "HST009",
                Severity.WARNING,
                f"PYTHONHOME is set: every Python started here takes its standard library from {value}",
                symptom="ModuleNotFoundError: No module named 'encodings'; a notebook kernel that dies when it starts",
                evidence=Evidence(name, value),
                fix="unset PYTHONHOME",
                subject=name,
            )
        elif name in {"LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH"}:
            gone = f"; {', '.join(host.absent)} is not there" if name == "LD_PRELOAD" and host.absent else ""
            what = "modules come from there first" if name == "PYTHONPATH" else "libraries come from there first"
            yield _finding(
                "HST009",
                Severity.NOTE,
                f"{name} is set: in every Python started here, {what}{gone}",
                symptom="another library or module than the environment has",
                evidence=Evidence(name, value),
                fix=f"unset {name}",
                subject=name,
            )


_INTEL = re.compile(r"lib(?:iomp5|omp)(?:-[0-9a-f]+)?\.so[.\d]*$")


def _duplicates(facts: Facts, host: Host) -> Iterator[Finding]:
    """Yield HST010, a warning only where there are two of the runtimes that the variable lets run side by side."""
    value = dict(host.variables).get("KMP_DUPLICATE_LIB_OK", "")
    if value.lower() not in {"1", "true", "yes", "on", "t", "y"}:
        return
    owners = {each.owner for each in facts.binaries if _INTEL.search(os.path.basename(each.path))}
    yield _finding(
        "HST010",
        Severity.WARNING if len(owners) > 1 else Severity.NOTE,
        "KMP_DUPLICATE_LIB_OK lets two copies of the OpenMP runtime run in one process, which it would refuse"
        + (f", and {len(owners)} distributions here bring one" if len(owners) > 1 else ""),
        symptom="a deadlock or wrong results, instead of OMP: Error #15",
        evidence=Evidence("KMP_DUPLICATE_LIB_OK", value),
        fix="unset KMP_DUPLICATE_LIB_OK",
    )


_CHECKS: tuple[Callable[[Facts, Host], Iterator[Finding]], ...] = (
    _memory,
    _address_space,
    _overcommit,
    _threads,
    _tasks,
    _stack,
    _files,
    _shared,
    _variables,
    _duplicates,
)
