"""Start the supervisor with a request and wait for what it has to tell."""

from __future__ import annotations

import marshal
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import EnvauditError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
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
    return begin(program)()


def begin(program: Program, *, forked: bool = False) -> Callable[[], dict[str, Any]]:
    """Start a program and return the function that waits for its end, which must be called; raises like ``watch``.

    ``forked``: the supervisor is a copy of this process, which takes a fraction of the time to start. For a process
    that has one thread and has not loaded much.
    """
    if sys.platform != "linux":
        return lambda: _checked(_elsewhere(program), 0)
    _occupy_standard_descriptors()
    asking, lifeline = os.pipe()
    answers, answering = os.pipe()
    start = _forked if forked and len(os.listdir("/proc/self/task")) == 1 else _fresh
    patience = _Patience(wanted=program.inherit)
    try:
        supervisor = start(program, (asking, answering), (lifeline, answers))
        patience.supervisor = supervisor
    except BaseException:
        patience.end()
        os.close(lifeline)
        os.close(answers)
        raise
    finally:
        os.close(asking)
        os.close(answering)

    def wait() -> dict[str, Any]:
        try:
            with os.fdopen(answers, "rb") as file:
                data = file.read(_MOST_ANSWER)
            patience.supervisor = 0  # its number may soon be that of another process
            _, status = os.waitpid(supervisor, 0)
        finally:
            os.close(lifeline)
            patience.end()
        return _read(data, os.waitstatus_to_exitcode(status))

    return wait


def _elsewhere(program: Program) -> dict[str, Any]:
    from envaudit.watch.elsewhere import watch_elsewhere  # noqa: PLC0415 - only other systems need it

    patience = _Patience(wanted=program.inherit)
    try:
        return watch_elsewhere(_request(program))
    finally:
        patience.end()


def _fresh(program: Program, theirs: tuple[int, int], ours: tuple[int, int]) -> int:
    """Start the supervisor as a process of its own that has loaded nothing but what it needs."""
    import json  # noqa: PLC0415 - the other way needs none of it
    import subprocess  # noqa: PLC0415

    words = [sys.executable, "-I", "-S", "-c", _START.format(root=_ROOT), *map(str, theirs)]
    supervisor = subprocess.Popen(
        words,
        stdin=None if program.inherit else subprocess.DEVNULL,
        pass_fds=theirs,
        start_new_session=not program.inherit,
    )
    supervisor.returncode = 0  # its end is waited for here
    os.write(ours[0], json.dumps(_request(program)).encode() + b"\n")
    return supervisor.pid


def _forked(program: Program, theirs: tuple[int, int], ours: tuple[int, int]) -> int:
    """Start the supervisor as a copy of this process."""
    from envaudit.watch.supervisor import serve  # noqa: PLC0415 - the other way loads it there

    request = _request(program)
    pid = os.fork()
    if pid == 0:
        for descriptor in ours:
            os.close(descriptor)
        if not program.inherit:
            os.setsid()
        serve(request, *theirs)
    return pid


def _occupy_standard_descriptors() -> None:
    """Have no pipe take the number of a standard stream that is closed."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


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
        answer = marshal.loads(data)  # noqa: S302 - from our own process, which is no other program than this
    except (EOFError, TypeError, ValueError):
        answer = None
    return _checked(answer, status)


def _checked(answer: object, status: int) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise EnvauditError(f"the supervisor of the program failed with status {status}")
    if not answer.get("started"):
        raise EnvauditError(f"the program could not be started: {answer.get('why')}")
    return answer


class _Patience:
    """Leaves interruptions from the keyboard to the program and its supervisor; outside the main thread, to nobody."""

    def __init__(self, *, wanted: bool) -> None:
        self._before: Any = None
        self.supervisor = 0
        if wanted:
            with suppress(ValueError):
                self._before = signal.signal(signal.SIGINT, self._hand_on)

    def _hand_on(self, *_: object) -> None:
        """Hand an interruption on that may have reached this process alone; one that has reached all counts once."""
        if self.supervisor:
            with suppress(OSError):
                os.kill(self.supervisor, signal.SIGINT)

    def end(self) -> None:
        """Take them again."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
