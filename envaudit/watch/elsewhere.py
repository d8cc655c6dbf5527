"""Watch a program where there is no ``/proc`` and no brake (macOS, Windows): the lower rungs of what can be known.

The program writes what it has to say, and Python's handler for crashes what it sees, to files that are read when it has
ended: so the signal and the Python line of a crash are known, not its library. Memory is looked at from outside. A
process that cuts all ties with the program outlives it here.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from envaudit.watch.crash import SIGNALS, UNSEEN, Crash, Fault, read_text
from envaudit.watch.host import Counters
from envaudit.watch.launch import BOOT
from envaudit.watch.samples import Samples
from envaudit.watch.tree import Use

if TYPE_CHECKING:
    from collections.abc import Callable

    import psutil

_LOOK = 0.05  # seconds between two looks
_QUIET = 0.3  # seconds without another word after which a text is complete
_MOST_TEXT = 4 * 1024 * 1024
_NAMES = ("brake", "ask", "talk")


def watch_elsewhere(request: dict[str, Any]) -> dict[str, Any]:
    """Run the program of a request to its end and return what was seen, in the form of the supervisor's answer."""
    with tempfile.TemporaryDirectory(prefix="envaudit-watch-", ignore_cleanup_errors=True) as folder:
        paths = [os.path.join(folder, name) for name in _NAMES]
        for path in paths:
            with open(path, "wb"):
                pass
        started = time.monotonic()
        try:
            child = _start(request, paths)
        except (OSError, subprocess.SubprocessError) as error:
            return {"started": False, "why": str(error)}
        seen = _follow(request, child, started, paths[0])
        brake, asked, talk = (_text(path) for path in paths)
    crashes = [_crash(child.pid, brake).as_plain()] if brake else []
    return {**seen, "pid": child.pid, "crashes": crashes, "talk": talk, "asked": asked}


def _start(request: dict[str, Any], paths: list[str]) -> subprocess.Popen[bytes]:
    words = [*request["python"], BOOT, *paths, request["kind"], request["name"], *request["arguments"]]
    quiet = None if request["inherit"] else subprocess.DEVNULL
    output = 2 if request["inherit"] and request["output_to_errors"] else quiet
    return subprocess.Popen(
        words,
        stdin=quiet,
        stdout=output,
        stderr=quiet,
        cwd=request["cwd"] or None,
        env=request["environment"],
        start_new_session=not request["inherit"],
        preexec_fn=_limits(request) if os.name == "posix" else None,  # noqa: PLW1509 - there is one thread
    )


def _limits(request: dict[str, Any]) -> Callable[[], None]:
    """Return what sets the limits of the program between fork and exec; not every system knows every one."""
    import resource  # noqa: PLC0415 - not on every platform

    def prepare() -> None:
        for name, amount in request["limits"]:
            with suppress(AttributeError, OSError, ValueError):
                kind = getattr(resource, name)
                resource.setrlimit(kind, (amount, resource.getrlimit(kind)[1]))

    return prepare


def _follow(request: dict[str, Any], child: subprocess.Popen[bytes], started: float, brake: str) -> dict[str, Any]:
    """Wait for the end of the program, or end it; then end what it has left."""
    samples, peak, cause, use = Samples(), 0, "", Use(0, 0.0, 0, 0)
    known: set[psutil.Process] = set()
    while child.poll() is None and not cause:
        now = time.monotonic() - started
        use = _use(child.pid, known)
        samples.add(now, use.memory, use)
        peak = max(peak, use.memory)
        if use.memory > request["memory"]:
            cause = "memory"
        elif request["timeout"] and now > request["timeout"]:
            cause = "timeout"
        elif _has_crashed(brake):
            cause = "crash"
        else:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_LOOK)
    seconds = time.monotonic() - started
    left = _kill(known, child)
    return {
        "started": True,
        "status": child.wait(),
        "cause": cause,
        "seconds": round(seconds, 3),
        "cpu": round(use.cpu, 3),
        "peak": peak,
        "leftovers": 0 if cause else left,
        "threads": (0, 0),
        "interrupts": 0,
        "samples": samples.kept(),
        "crowded": 0.0,
        **Counters(0, 0, 0, 0)._asdict(),
    }


def _has_crashed(brake: str) -> bool:
    """Whether the handler has written of a crash, and no more: the program then goes round in circles."""
    size = os.path.getsize(brake)
    if not size:
        return False
    time.sleep(_QUIET)
    return os.path.getsize(brake) == size


def _use(pid: int, known: set[psutil.Process]) -> Use:
    """Return what the program and its descendants use, and add them to those that are known."""
    import psutil  # noqa: PLC0415 - only other systems need it

    memory, cpu, count = 0, 0.0, 0
    with suppress(psutil.Error):
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            with suppress(psutil.Error):
                memory += process.memory_info().rss
                cpu += sum(process.cpu_times()[:2])
                count += 1
                known.add(process)
    return Use(memory, cpu, 0, count)


def _kill(known: set[psutil.Process], child: subprocess.Popen[bytes]) -> int:
    """End the program and every descendant that was seen; return how many had outlived it."""
    import psutil  # noqa: PLC0415 - as above

    left = 0
    for process in known:
        with suppress(psutil.Error):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left += process.pid != child.pid
                process.kill()
    return left


def _text(path: str) -> str:
    with suppress(OSError), open(path, encoding="utf-8", errors="backslashreplace") as file:
        return file.read(_MOST_TEXT)
    return ""


def _crash(pid: int, text: str) -> Crash:
    reason, frames = read_text(text)
    return Crash(pid, SIGNALS.get(reason, ""), reason, Fault(""), (), frames, UNSEEN.format("Linux"), 0, 0)
