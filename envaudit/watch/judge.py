"""From what the supervisor saw to one verdict: how the program ended, where, the evidence, and what to change."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.watch import advice
from envaudit.watch.samples import size
from envaudit.watch.told import Told, exception_words, limit_behind, read_told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.watch.crash import Crash
    from envaudit.watch.owner import Blame

    Frame = tuple[str, int, str]

_NEAR = 0.9  # share of the limit from which a refused or missing allocation is put down to it
_IDLE = 0.05  # processors in use, below which a program is said to wait
_OWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot.py")
_CROWDED = 2.0  # threads that want to run for each processor, from which they hinder one another
_LONG_ENOUGH = 2.0  # seconds a program must have run before its use of processors says anything
_KINDS = {
    "SIGSEGV": "segfault",
    "SIGBUS": "bus-error",
    "SIGILL": "illegal-instruction",
    "SIGFPE": "arithmetic-error",
    "SIGABRT": "abort",
    "SIGTRAP": "abort",
    "SIGSYS": "abort",
}
_CRASHES = frozenset(_KINDS.values()) | {"stack-overflow"}


# Exit statuses by which Windows says what others say with a signal (ntstatus.h).
_WINDOWS = {
    0xC0000005: "SIGSEGV",  # access violation
    0xC00000FD: "SIGSEGV",  # stack overflow
    0xC000001D: "SIGILL",  # illegal instruction
    0xC0000094: "SIGFPE",  # integer division by zero
    0xC0000374: "SIGABRT",  # heap corruption
    0xC0000409: "SIGABRT",  # the code stopped itself
}


class Verdict(NamedTuple):
    """How a program ended.

    ``kind``: ``ok``, ``exit`` (a status of the program's own), ``exception``, ``interrupted``, ``out-of-memory``,
    ``segfault``, ``bus-error``, ``illegal-instruction``, ``arithmetic-error``, ``abort``, ``stack-overflow``,
    ``killed``, ``native-exit``, ``timeout``. ``headline`` is one sentence. ``frames`` are of Python, outermost first;
    ``cell`` the number of a notebook's cell, 0 outside of one. ``sure`` is false where the evidence allows another
    cause. ``seen_by`` says how a crash was seen, the surest first: in its ``memory``, in the text of ``faulthandler``
    (the signal and the Python line), in the ``kernel-log`` (the library), by its ``exit-status`` alone. ``change`` says
    what to do; ``notes`` are observations that did not end the program.
    """

    kind: str
    headline: str
    evidence: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    frames: tuple[Frame, ...] = ()
    cell: int = 0
    crash: Crash | None = None
    blame: Blame | None = None
    seen_by: str = ""
    signal: str = ""
    exit_status: int | None = None
    sure: bool = True


class _End(NamedTuple):
    kind: str
    headline: str
    evidence: tuple[str, ...] = ()
    sure: bool = True


def judge(seen: dict[str, Any], memory: int, timeout: float, processors: int) -> Verdict:
    """Judge what the supervisor saw of a program with a limit of ``memory`` bytes and ``timeout`` seconds (0: none)."""
    told = read_told(seen["talk"])
    crash = _own_crash(seen)
    blamed = _blamed(crash) if crash is not None else None
    name = crash.signal if crash is not None and crash.signal else _signal(seen["status"])
    if crash is None:
        blamed = _logged(seen)
    end = _end(seen, told, crash, blamed, name, memory, timeout)
    frames = told.frames or (crash.frames if crash is not None else ()) or _asked(seen["asked"])
    frames = tuple(frame for frame in frames if not _is_ours(frame))
    status = seen["status"]
    return Verdict(
        end.kind,
        end.headline,
        end.evidence,
        advice.change(end.kind, crash, blamed),
        _notes(seen, processors),
        frames,
        told.cell,
        crash if end.kind in _CRASHES else None,
        blamed if end.kind in _CRASHES else None,
        _seen_by(seen, crash, name) if end.kind in _CRASHES else "",
        name if end.kind in _CRASHES | {"killed"} else "",
        status if isinstance(status, int) and status >= 0 else None,
        end.sure,
    )


def _end(  # noqa: C901, PLR0911, PLR0917 - one line for each way to end
    seen: dict[str, Any],
    told: Told,
    crash: Crash | None,
    blamed: Blame | None,
    name: str,
    memory: int,
    timeout: float,
) -> _End:
    """Return the way it ended; the surest evidence comes first."""
    if seen["cause"] == "memory":
        words = f"it used more than its limit of {size(memory)} and was stopped"
        return _End("out-of-memory", words, _peak(seen, memory))
    if seen["cause"] == "timeout":
        return _End("timeout", f"it did not end within {timeout:g} seconds", _waiting(seen))
    if seen["cause"] == "abandoned" or (name == "SIGINT" and seen["interrupts"]) or told.type == "KeyboardInterrupt":
        return _End("interrupted", "it was interrupted")
    if crash is not None and crash.signal:
        return _crashed(crash, blamed)
    if name in _KINDS:
        return _silent(seen, name, blamed)
    if name == "SIGKILL":
        return _killed(seen, memory)
    if name:
        return _End("killed", f"another process ended it with {_words(name)}")
    if told.end == "memory":
        refused = () if seen["peak"] >= _NEAR * memory else ("what it asked for last did not fit into what was left",)
        return _End(
            "out-of-memory", f"an allocation was refused: {exception_words(told)}", (*_peak(seen, memory), *refused)
        )
    if told.end == "exception":
        return _End("exception", exception_words(told), limit_behind(told))
    status = seen["status"]
    if not told.end:
        return _End(
            "native-exit",
            f"compiled code or os._exit ended Python with status {status}, without an exception",
            (),
        )
    if status == 0:
        return _End("ok", "it ended well")
    if told.end == "ok":
        return _End("native-exit", f"the program had finished; its process then ended with status {status}")
    return _End("exit", f"it ended itself with status {status}")


def _asked(text: str) -> tuple[Frame, ...]:
    """Return the frames of a program that was asked where it is."""
    if not text:
        return ()
    from envaudit.watch.crash import read_text  # noqa: PLC0415 - most programs end well, and at once

    return read_text(text)[1]


def _blamed(crash: Crash) -> Blame | None:
    """Return the library to blame; one that is cut short is to blame itself, whoever loads it."""
    from envaudit.watch.crash import NativeFrame  # noqa: PLC0415 - as above
    from envaudit.watch.owner import Blame, blame, owner_of  # noqa: PLC0415

    path = crash.fault.path
    if crash.fault.cause == "truncated-file" and (".so" in os.path.basename(path) or owner_of(path) is not None):
        frame = NativeFrame(0, path, "", inside=False, sure=True)
        return Blame(frame, is_python=False, owner=owner_of(path), caller=None)
    return blame(crash.native)


def _crashed(crash: Crash, blamed: Blame | None) -> _End:
    kind = "stack-overflow" if crash.fault.cause == "stack-overflow" else _KINDS[crash.signal]
    evidence = [advice.access(crash)] if advice.access(crash) else []
    if crash.looked:
        evidence.append(crash.looked)
    if crash.signal == "SIGSEGV" and not crash.fault.kind and not crash.looked:
        return _End("killed", "another process, or the program itself, sent it SIGSEGV", tuple(evidence), sure=False)
    place = advice.place(blamed)
    if blamed is not None and crash.fault.cause == "truncated-file" and blamed.frame.path == crash.fault.path:
        return _End(kind, f"it died of {_words(crash.signal)}: a library is cut short{place}", tuple(evidence))
    if kind == "stack-overflow":
        return _End(kind, f"its stack overflowed{place}: functions called one another without end", tuple(evidence))
    if crash.fault.cause == "truncated-file":
        evidence.append(f"the file has become shorter than it was, or was never whole: {crash.fault.path}")
    if crash.fault.cause == "full-shm":
        evidence.append(f"there is no room left in /dev/shm for {crash.fault.path}")
    unsure = blamed is None or blamed.is_python
    if unsure and crash.signal in {"SIGSEGV", "SIGABRT"} and not crash.looked:
        evidence.append("Python itself is where it died: most likely memory was damaged earlier, by compiled code")
    if blamed is not None and blamed.caller is not None and blamed.owner is not None:
        evidence.append(f"{blamed.caller} had called {blamed.owner}: the two may have been built for other releases")
    return _End(kind, f"it died of {_words(crash.signal)}{place}", tuple(evidence), sure=not unsure)


def _killed(seen: dict[str, Any], memory: int) -> _End:
    peak = (*_peak(seen, memory), *_group(seen))
    if seen["group_kills"] > 0:
        return _End(
            "out-of-memory",
            "the kernel killed it: the memory of its container was used up",
            (*peak, f"the kernel counts {seen['group_kills']} killed for want of memory in this group meanwhile"),
        )
    if seen["host_kills"] > 0:
        room = min(memory, seen.get("group_limit") or memory)
        return _End(
            "out-of-memory",
            "the kernel killed it: the memory of the machine was used up",
            (*peak, f"the kernel counts {seen['host_kills']} killed for want of memory on this host meanwhile"),
            sure=seen["peak"] >= _NEAR * room,
        )
    evidence = (*peak, "the kernel killed nothing for want of memory")
    return _End("killed", "another process killed it, or it killed itself (SIGKILL)", evidence)


def _group(seen: dict[str, Any]) -> tuple[str, ...]:
    limit, peak = seen.get("group_limit", 0), seen.get("group_peak", 0)
    if not limit:
        return ()
    return (f"the container may use {size(limit)}" + (f" and has used {size(peak)} at most" if peak else ""),)


def _own_crash(seen: dict[str, Any]) -> Crash | None:
    """Return the crash of the program itself, not one of a process that it had started."""
    return next((crash for crash in _crashes(seen) if crash.pid in {0, seen["pid"]}), None)


def _crashes(seen: dict[str, Any]) -> Iterator[Crash]:
    if seen["crashes"]:
        from envaudit.watch.crash import from_plain  # noqa: PLC0415 - as above

        yield from map(from_plain, seen["crashes"])


def _notes(seen: dict[str, Any], processors: int) -> tuple[str, ...]:
    """Return what did not end the program and is worth knowing."""
    notes = []
    for crash in _crashes(seen):
        if crash.pid not in {0, seen["pid"]}:
            place = advice.place(_blamed(crash))
            notes.append(f"process {crash.pid}, which it had started, died of {_words(crash.signal)}{place}")
    if seen["leftovers"]:
        notes.append(f"it left {seen['leftovers']} processes behind, which were killed")
    if seen["seconds"] >= _LONG_ENOUGH and seen["crowded"] >= _CROWDED * processors:
        notes.append(
            f"too many threads: {seen['crowded']:.0f} wanted to run at a time, on {processors} processors "
            "(OMP_NUM_THREADS and OPENBLAS_NUM_THREADS set how many)"
        )
    if seen.get("held_back"):
        notes.append("the container slowed it down for its use of memory (memory.high)")
    if seen["periods"] > 10 and seen["throttled"] > seen["periods"] / 4:
        notes.append(
            f"the processor quota of the container held it back in {seen['throttled']} of {seen['periods']} periods"
        )
    return tuple(notes)


def _peak(seen: dict[str, Any], memory: int) -> tuple[str, ...]:
    return (f"most memory in use: {size(seen['peak'])}, limit {size(memory)}",)


def _waiting(seen: dict[str, Any]) -> tuple[str, ...]:
    """Say whether a program that did not end was busy."""
    threads, locks = seen["threads"]
    samples = seen["samples"]
    later = [sample for sample in samples if sample[0] >= samples[-1][0] / 2] if samples else []
    if len(later) > 1 and later[-1][0] > later[0][0]:
        busy = (later[-1][2] - later[0][2]) / (later[-1][0] - later[0][0])
        if busy >= _IDLE:
            return (f"it was busy: {busy:.1f} processors in the last half of its time",)
        if threads and locks == threads:
            return (f"a deadlock, as it seems: each of its {threads} threads waits for a lock, and none does anything",)
        return (f"it did nothing in the last half of its time: it waits ({locks} of {threads} threads for a lock)",)
    return ()


def _silent(seen: dict[str, Any], name: str, blamed: Blame | None) -> _End:
    """Return the end of a program of whose crash no handler ran."""
    evidence = ["only its exit status is known: Python's handler for crashes did not run"]
    if name == "SIGSEGV":
        evidence.append(
            "so the stack of a thread other than the first overflowed, or a library has replaced the handler"
        )
    if name == "SIGTRAP":
        evidence.append("compiled code stops itself so when something is wrong in it: a failed assertion")
    what, file = seen.get("kernel_log", ("", ""))
    if what:
        evidence.append(f"the kernel's log says: {what}, in {file}")
    words = f"it died of {_words(name)}{advice.place(blamed)}"
    return _End(
        _KINDS[name],
        words if blamed is not None else f"{words}; what it was doing is not known",
        tuple(evidence),
        sure=False,
    )


def _logged(seen: dict[str, Any]) -> Blame | None:
    """Return the library that the kernel's log names: by its name alone, so nobody knows which distribution's it is."""
    _, file = seen.get("kernel_log", ("", ""))
    if not file:
        return None
    from envaudit.watch.crash import NativeFrame  # noqa: PLC0415 - as above
    from envaudit.watch.owner import Blame, blame  # noqa: PLC0415

    found = blame([NativeFrame(0, f"/{file}", "", inside=False, sure=False)])
    return None if found is None else Blame(found.frame._replace(path=file), found.is_python, None, None)


def _seen_by(seen: dict[str, Any], crash: Crash | None, name: str) -> str:
    if crash is not None and crash.signal == name:
        return "faulthandler" if crash.looked else "memory"
    return "kernel-log" if seen.get("kernel_log", ("", ""))[0] else "exit-status"


def _words(name: str) -> str:
    said = {
        "SIGSEGV": "a segmentation fault",
        "SIGBUS": "a bus error",
        "SIGILL": "an illegal instruction",
        "SIGFPE": "an arithmetic error",
        "SIGABRT": "an abort",
        "SIGTRAP": "a trap",
        "SIGSYS": "a forbidden system call",
    }
    return f"{said[name]} ({name})" if name in said else name or "a fatal error"


def _signal(status: object) -> str:
    if not isinstance(status, int):
        return ""
    if status >= 0:
        return _WINDOWS.get(status, "")
    try:
        return signal.Signals(-status).name
    except ValueError:  # a real-time signal
        return f"SIG{-status}"


def _is_ours(frame: Frame) -> bool:
    return frame[0] == _OWN or frame[0] == "<frozen runpy>" or frame[0].endswith("/runpy.py")
