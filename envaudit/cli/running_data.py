"""The verdict on a program as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from envaudit.cli.running_text import cell_of

if TYPE_CHECKING:
    from envaudit.cli.running import Ran
    from envaudit.watch.judge import Verdict

SCHEMA_VERSION = 1


def as_json(ran: Ran, exit_code: int) -> str:
    """Return one JSON object, of the form of ``envaudit/report/run.schema.json``."""
    verdict, seen = ran.verdict, ran.seen
    data = {
        "schema_version": SCHEMA_VERSION,
        "program": ran.program,
        "python": ran.python,
        "exit_code": exit_code,
        "verdict": verdict.kind,
        "headline": verdict.headline,
        "sure": verdict.sure,
        "seen_by": verdict.seen_by,
        "signal": verdict.signal,
        "exit_status": verdict.exit_status,
        "evidence": verdict.evidence,
        "change": verdict.change,
        "notes": (*verdict.notes, *ran.skipped),
        "cell": verdict.cell,
        "frames": [
            {"path": path, "line": line, "function": function, "cell": cell_of(path)}
            for path, line, function in verdict.frames
        ],
        "library": _library(verdict),
        "access": _access(verdict),
        "native_frames": [
            {"path": frame.path, "function": frame.symbol if frame.inside else "", "sure": frame.sure}
            for frame in (verdict.crash.native if verdict.crash is not None else ())
        ],
        "seconds": seen["seconds"],
        "cpu_seconds": seen["cpu"],
        "memory": {
            "peak": seen["peak"],
            "limit": ran.memory,
            "limit_from": ran.memory_from,
            "samples": seen["samples"],
        },
    }
    return json.dumps(data, indent=2) + "\n"


def _library(verdict: Verdict) -> dict[str, Any] | None:
    if verdict.blame is None:
        return None
    owner = verdict.blame.owner
    return {
        "path": verdict.blame.frame.path,
        "function": verdict.blame.frame.symbol if verdict.blame.frame.inside else "",
        "distribution": owner.name if owner is not None else "",
        "version": owner.version if owner is not None else "",
        "is_python": verdict.blame.is_python,
    }


def _access(verdict: Verdict) -> dict[str, Any] | None:
    if verdict.crash is None or not verdict.crash.fault.kind:
        return None
    fault = verdict.crash.fault
    return {"kind": fault.kind, "address": fault.address, "path": fault.path}
