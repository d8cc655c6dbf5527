"""Start the supervisor with a request and wait for what it has to tell."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import EnvauditError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ROOT = str(Path(__file__).parent.parent.parent)
_START = "import sys; sys.path.append({root!r}); from envaudit.watch.supervisor import main; main()"
_LEAST_MORE = 512 * 1024 * 1024
_MOST_ANSWER = 64 * 1024 * 1024


class Program(NamedTuple):
    """What to run.

    ``python`` is the interpreter with its options; ``kind`` is ``script``, ``module`` or ``notebook`` and ``name`` a
    path, a module, or a JSON file of cells. ``timeout`` is in seconds (0: none), ``memory`` in bytes and never none.
    ``inherit`` hands on standard input and output, or with ``output_to_errors`` standard error for both outputs.
    ``confined`` forbids the program to gain rights.
    """

    python: tuple[str, ...]
    kind: str
    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    memory: int
    timeout: float = 0.0
    cwd: str = ""
    inherit: bool = True
    output_to_errors: bool = False
    confined: bool = False
    limits: tuple[tuple[str, int], ...] = ()


def watch(program: Program) -> dict[str, Any]:
    """Run a program to its end and return what the supervisor saw; raises ``EnvauditError`` when it saw nothing."""
    import subprocess  # noqa: PLC0415 - only a run needs it

    if sys.platform != "linux":
        raise EnvauditError("a program can be watched on Linux only so far")
    asking, lifeline = os.pipe()
    answers, answering = os.pipe()
    with _patient() if program.inherit else nullcontext():
        try:
            supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START.format(root=_ROOT), str(asking), str(answering)],
                stdin=None if program.inherit else subprocess.DEVNULL,
                pass_fds=(asking, answering),
                start_new_session=not program.inherit,
            )
        finally:
            os.close(asking)
            os.close(answering)
        try:
            os.write(lifeline, json.dumps(_request(program)).encode() + b"\n")
            with os.fdopen(answers, "rb") as file:
                data = file.read(_MOST_ANSWER)
            supervisor.wait()
        finally:
            os.close(lifeline)
    return _read(data, supervisor.returncode)


def _request(program: Program) -> dict[str, Any]:
    return {
        "python": program.python,
        "kind": program.kind,
        "name": program.name,
        "arguments": program.arguments,
        "environment": dict(program.environment),
        "cwd": program.cwd,
        "timeout": program.timeout,
        "memory": program.memory,
        "inherit": program.inherit,
        "output_to_errors": program.output_to_errors,
        "confined": program.confined,
        "shares_terminal": program.inherit and os.isatty(0),
        # What is reserved is more than what is used; the use itself is watched.
        "limits": [
            ("RLIMIT_CORE", 0),
            ("RLIMIT_DATA", program.memory + max(program.memory // 4, _LEAST_MORE)),
            *program.limits,
        ],
    }


def _read(data: bytes, status: int) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise EnvauditError(f"the supervisor of the program failed with status {status}")
    if not answer.get("started"):
        raise EnvauditError(f"the program could not be started: {answer.get('why')}")
    return answer


@contextmanager
def _patient() -> Iterator[None]:
    """Leave interruptions from the keyboard to the program and its supervisor; outside the main thread, to nobody."""
    try:
        before = signal.signal(signal.SIGINT, lambda *_: None)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
