"""Repeat a smoke test that crashed, alone and held still at its crash, to see which library it was in."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any

from envaudit.errors import EnvauditError
from envaudit.model import CrashPlace
from envaudit.watch.advice import access, short_name
from envaudit.watch.brake import can_look
from envaudit.watch.judge import judge
from envaudit.watch.start import Program, watch

if TYPE_CHECKING:
    from envaudit.model import SmokeResult
    from envaudit.smoke.options import SmokeOptions

_CRASHES = frozenset({"crash", "abort", "illegal-instruction"})


def crashed(result: SmokeResult) -> bool:
    """Whether a test died in compiled code, on a system where more can be seen of it."""
    return result.end in _CRASHES and not can_look()


def repeated(request: dict[str, Any], options: SmokeOptions, folder: str) -> CrashPlace | None:
    """Run the request of a test once more and return where it died; ``None`` when that could not be seen."""
    *python, child, test = request["command"]
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        program = Program(
            tuple(python),
            "script",
            child,
            (test, os.devnull),
            {name: value.replace("{folder}", place) for name, value in request["environment"].items()},
            options.memory,
            options.timeout,
            place,
            inherit=False,
            confined=True,
            limits=tuple((name, amount) for name, amount in request["limits"] if name != "RLIMIT_DATA"),
        )
        try:
            verdict = judge(watch(program), options.memory, options.timeout, options.jobs)
        except EnvauditError:
            return None
    if verdict.blame is None or verdict.crash is None:
        return None
    blame = verdict.blame
    note = ""
    if blame.caller is not None:
        note = f"{blame.caller} had called it: the two may have been built for other releases"
    elif blame.is_python:
        note = "most likely memory was damaged earlier, by compiled code"
    return CrashPlace(
        blame.frame.path,
        short_name(blame.frame.symbol) if blame.frame.inside else "",
        str(blame.owner) if blame.owner is not None else "",
        access(verdict.crash),
        note,
        blame.is_python,
    )
