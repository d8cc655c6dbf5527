"""Judge a dead kernel, keep the verdict, and publish it where its notebook still listens."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from envaudit.watch.host import processors
from envaudit.watch.judge import Verdict, judge
from envaudit.watch.kernel import connection_file
from envaudit.watch.kernel_verdicts import keep, new_path
from envaudit.watch.kernel_words import Cells, display, rows, used_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA_VERSION = 1
_NO_DEATH = {"ok", "interrupted"}
_LAST_WORDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernel_last_words.py")
_SECONDS = 6.0
_MEMORY = 512 * 1024 * 1024


def record(
    seen: dict[str, Any],
    *,
    name: str,
    command: Sequence[str],
    cells: Cells,
    parent: Mapping[str, str],
    memory: int,
    folder: str,
) -> None:
    """Keep the verdict on a kernel that nobody wanted to end, and publish it; raises ``OSError``."""
    verdict = judge(seen, memory, 0.0, processors())
    if verdict.kind in _NO_DEATH:
        return
    told = list(rows(verdict, cells, used_by(seen, memory)))
    headline = f"{verdict.kind}: {verdict.headline}" + ("" if verdict.sure else " (the evidence allows other causes)")
    connection = connection_file(command)
    values = {
        **_values(verdict, cells),
        "kernel": name,
        "python": command[0],
        "notebook": os.environ.get("JPY_SESSION_NAME", ""),
        "connection": os.path.basename(connection),
        "when": time.strftime("%Y-%m-%d %H:%M:%S"),
        "seconds": seen["seconds"],
        "cpu_seconds": seen["cpu"],
        "memory": {"peak": seen["peak"], "limit": memory},
        "rows": told,
        "shown": False,
    }
    path = new_path(folder, name, seen["pid"])
    shown = display(headline, told, path)
    keep(path, {**values, "display": shown})
    sys.stderr.write(f"envaudit: {headline}\nenvaudit: kept in {path}\n")
    if connection and parent:
        _publish(command[0], connection, parent, shown)


def _values(verdict: Verdict, cells: Cells) -> dict[str, Any]:
    blamed = verdict.blame
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": verdict.kind,
        "headline": verdict.headline,
        "sure": verdict.sure,
        "signal": verdict.signal,
        "exit_status": verdict.exit_status,
        "evidence": verdict.evidence,
        "change": verdict.change,
        "notes": verdict.notes,
        "cell": verdict.cell,
        "frames": [
            {"path": path, "line": line, "function": function, "cell": cells.number(path)}
            for path, line, function in verdict.frames
        ],
        "library": None
        if blamed is None
        else {
            "path": blamed.frame.path,
            "function": blamed.frame.symbol if blamed.frame.inside else "",
            "distribution": blamed.owner.name if blamed.owner is not None else "",
            "version": blamed.owner.version if blamed.owner is not None else "",
            "is_python": blamed.is_python,
        },
    }


def _publish(python: str, connection: str, parent: Mapping[str, str], shown: Mapping[str, str]) -> None:
    """Have it shown below the cell that ended the kernel, if the server still listens; the file has it anyway."""
    import subprocess  # noqa: PLC0415 - only a death needs it

    told = json.dumps({"connection": connection, "parent": dict(parent), "display": dict(shown)})
    try:
        subprocess.run(
            [python, _LAST_WORDS],
            input=told.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
            preexec_fn=_limit,
        )
    except subprocess.SubprocessError as error:
        sys.stderr.write(f"envaudit: the verdict could not be published: {error}\n")


def _limit() -> None:
    import resource  # noqa: PLC0415 - not on every platform

    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
