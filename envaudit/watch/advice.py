"""Sentences about a crash: what was accessed, where, and what to change."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envaudit.watch.crash import Crash
    from envaudit.watch.owner import Blame

_NEAR_ZERO = 0x10000
# The beginning of a C++ name and the lengths in it (Itanium C++ ABI, section 5.1.2).
_MANGLED = re.compile(r"_Z(?:N[rVK]*)?L?")
_LENGTH = re.compile(r"[1-9][0-9]{0,3}")

_CHANGE = {
    "out-of-memory": (
        "work on less at a time (usecols, dtype and chunksize of read_csv; smaller types; del of what is not needed)",
        "or give it more: --memory-limit, or a larger machine or container",
    ),
    "timeout": ("look at the line it was at; --timeout gives it more time",),
    "stack-overflow": ("end the recursion earlier; if it is in compiled code, report it to that project",),
    "native-exit": ("read the last lines it wrote: compiled code says there why it gave up",),
}


def access(crash: Crash) -> str:
    """Say in one sentence what the processor refused to do; empty where that is not known."""
    fault = crash.fault
    where = "" if fault.address is None else f"address {fault.address:#x}"
    if fault.kind in {"read", "write"}:
        null = " (a null pointer)" if fault.address is not None and fault.address < _NEAR_ZERO else ""
        return f"a {fault.kind} at {where}{null}{f', in {fault.path}' if fault.path else ''}"
    if fault.kind == "instruction":
        if fault.instruction == "trap":
            return "the code stopped itself on purpose (ud2): a failed assertion, not a missing processor feature"
        return f"the instruction: {fault.instruction}"
    return {
        "execute": f"a call to {where}, where there is no code",
        "address": "an access to an address that cannot exist",
        "divide": "an integer division by zero, or one whose result does not fit",
        "alignment": "an access to an address that is not a multiple of its size",
    }.get(fault.kind, "")


def place(blamed: Blame | None) -> str:
    """Return `` in FUNCTION of FILE (DISTRIBUTION)``; empty when nothing is to blame."""
    if blamed is None:
        return ""
    if blamed.is_python:
        return " in the Python interpreter"
    frame = blamed.frame
    function = f"{short_name(frame.symbol)} of " if frame.symbol and frame.inside else ""
    owner = f" ({blamed.owner})" if blamed.owner is not None else ""
    return f" in {function}{os.path.basename(frame.path)}{owner}"


def short_name(symbol: str) -> str:
    """Return the name of a function without its types: ``_ZN2ns5solveIdEvT_`` is ``ns::solve``."""
    match = _MANGLED.match(symbol)
    if match is None:
        return symbol
    parts = []
    place = match.end()
    while (number := _LENGTH.match(symbol, place)) is not None:
        place = number.end() + int(number[0])
        if place > len(symbol):
            break
        parts.append(symbol[number.end() : place])
        if "N" not in match[0]:
            break
    return "::".join(parts) or symbol


def change(kind: str, crash: Crash | None, blamed: Blame | None) -> tuple[str, ...]:
    """Return what to change, the most likely first."""
    if kind in _CHANGE:
        return _CHANGE[kind]
    if crash is None or kind in {"killed", "interrupted", "exception", "exit", "ok"}:
        return ()
    return _by_fault(kind, crash) or _by_library(blamed)


def _by_fault(kind: str, crash: Crash) -> tuple[str, ...]:
    if crash.fault.cause == "truncated-file":
        return (f"install again what {os.path.basename(crash.fault.path)} belongs to",)
    if crash.fault.cause == "full-shm":
        return ("make /dev/shm larger (docker run --shm-size), or use fewer worker processes",)
    if kind == "illegal-instruction" and crash.fault.instruction != "trap":
        return ("install a build for older processors, or an older release",)
    return ()


def _by_library(blamed: Blame | None) -> tuple[str, ...]:
    if blamed is not None and blamed.owner is not None:
        name = blamed.owner.name
        return (
            f"envaudit check names known faults of {name} {blamed.owner.version} and of what it was built for",
            f"install {name} again, or another release of it",
        )
    if blamed is not None and blamed.is_python:
        return ("run it again with PYTHONMALLOC=debug in the environment: it dies nearer to the cause",)
    return ()
