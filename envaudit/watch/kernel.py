"""Stand in for a Jupyter kernel: start it, pass signals on, and write down why it died (Linux).

Jupyter starts this process and knows no other. It forks the supervisor into a session of its own, hands every signal
to it and ends as the kernel has ended. When it is killed, the supervisor sees a pipe close and kills the kernel with
everything that the kernel has started: nothing is left behind, whoever ends it and however.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from envaudit.watch.launch import adopt_orphans
from envaudit.watch.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MIB = 1024 * 1024
_HERE = os.path.dirname(os.path.abspath(__file__))
_LEAST_MORE = 512 * _MIB
_MOST_ANSWER = 4096


class Settings(NamedTuple):
    """What ``envaudit kernel install`` wrote into the kernelspec.

    ``memory`` is the limit in bytes, 0 for what this machine can give; with ``interrupts`` a cell that needs more is
    stopped and the kernel goes on, otherwise the kernel is stopped. ``name`` is that of the kernelspec.
    """

    name: str
    memory: int = 0
    interrupts: bool = True


def main(options: Sequence[str], command: Sequence[str]) -> NoReturn:
    """Run the kernel that ``command`` starts and end as it does."""
    settings = read_options(options)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until there is somebody to hand it to
    adopt_orphans()
    asking, lifeline = os.pipe()
    answers, answering = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        os.close(lifeline)
        os.close(answers)
        _be_supervisor(settings, command, asking, answering)
    os.close(asking)
    os.close(answering)

    def pass_on(number: int, _frame: object) -> None:
        with suppress(OSError):
            os.kill(supervisor, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, pass_on)
    answer = os.read(answers, _MOST_ANSWER)
    os.close(lifeline)
    with suppress(ChildProcessError):
        os.waitpid(supervisor, 0)
    Tree().kill()  # nothing is left unless the supervisor was killed
    end_as(int(answer) if answer else 1)


def read_options(options: Sequence[str]) -> Settings:
    """Return the settings from ``--name N --memory-limit BYTES --on-limit interrupt|kill``."""
    given = dict(zip(options[::2], options[1::2], strict=False))
    memory = given.get("--memory-limit", "0")
    return Settings(
        given.get("--name", "kernel"),
        int(memory) if memory.isdigit() else 0,
        given.get("--on-limit", "interrupt") != "kill",
    )


def end_as(status: int) -> NoReturn:
    """End this process with an exit status, or by the signal of a negative one, without a core file."""
    if status < 0:
        import resource  # noqa: PLC0415 - not on every platform

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError, ValueError):  # SIGKILL has no handler to take away
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status if status >= 0 else 128 - status)


def _be_supervisor(settings: Settings, command: Sequence[str], lifeline: int, answering: int) -> NoReturn:
    status = 1
    try:
        os.setsid()  # a signal for the group reaches the kernel through us, once
        for descriptor in (lifeline, answering):
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - takes no keyword
        status = _supervise(settings, command, lifeline)
        with suppress(OSError):  # nobody may be left to read it
            os.write(answering, b"%d" % status)
    except Exception:  # noqa: BLE001 - nobody is above it: what was forked must end here
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(0)


def _supervise(settings: Settings, command: Sequence[str], lifeline: int) -> int:
    """Run the kernel to its end, keep the verdict if it has died, and return its status."""
    from envaudit.watch.kernel_verdicts import note_shown, unseen, verdict_folder  # noqa: PLC0415 - not before the fork
    from envaudit.watch.kernel_watch import MEMORY_SIGNAL, KernelWatch, limit_for  # noqa: PLC0415
    from envaudit.watch.samples import size  # noqa: PLC0415

    adopt_orphans()
    environ = dict(os.environ)
    memory = limit_for(settings.memory)
    folder = verdict_folder(environ)
    connection = connection_file(command)
    verdict = unseen(folder, os.path.basename(connection), environ.get("JPY_SESSION_NAME", ""))
    asked = MEMORY_SIGNAL if settings.interrupts else 0
    about = {"verdict": verdict, "signal": asked, "memory": size(memory), "limit": memory}
    request = _request(command, {**environ, "ENVAUDIT_KERNEL": json.dumps(about)}, memory)
    watch = KernelWatch(request, lifeline, interrupts=settings.interrupts)
    signal.signal(signal.SIGINT, lambda *_: None)  # what is ignored would stay so in the kernel
    try:
        watch.start()
    except OSError as error:
        sys.stderr.write(f"envaudit: the kernel could not be started: {error}\n")
        return 1
    try:
        signal.signal(signal.SIGINT, watch.interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, watch.end)
        watch.when_shown = lambda: note_shown(verdict) if verdict else None
        watch.follow()
        seen = watch.answer()
    finally:
        watch.tree.kill()
    status = _status(seen)
    if not watch.wanted:
        from envaudit.watch.kernel_record import record  # noqa: PLC0415 - only the dead have one

        with suppress(OSError):  # a full disk must not keep Jupyter from seeing that the kernel is gone
            record(
                seen,
                name=settings.name,
                command=command,
                cells=watch.cells(),
                parent=watch.parent,
                memory=memory,
                folder=folder,
            )
    return status


def _status(seen: Mapping[str, Any]) -> int:
    """Return how the kernel ended; one that crashed was held still and then killed, its signal is that of the crash."""
    for crash in seen["crashes"] if seen["cause"] == "crash" else ():
        if crash["pid"] in {0, seen["pid"]} and hasattr(signal, crash["signal"] or "none"):
            return -int(getattr(signal, crash["signal"]))
    return seen["status"] if isinstance(seen["status"], int) else -signal.SIGKILL


def connection_file(command: Sequence[str]) -> str:
    """Return the path after ``-f`` in the command of a kernel, empty when there is none."""
    place = command.index("-f") + 1 if "-f" in command else len(command)
    return command[place] if place < len(command) else ""


def _request(command: Sequence[str], environment: Mapping[str, str], memory: int) -> dict[str, Any]:
    """Return what the supervisor is to start: the kernel's own command, with our programs before its module."""
    module = command.index("-m")
    environment = dict(environment)
    if environment.get("JPY_PARENT_PID"):
        environment["JPY_PARENT_PID"] = str(os.getpid())  # a kernel ends when that is not its parent
    return {
        "python": [*command[:module], os.path.join(_HERE, "kernel_boot.py")],  # boot.py and its arguments follow
        "kind": "module",
        "name": command[module + 1],
        "arguments": list(command[module + 2 :]),
        "environment": environment,
        "cwd": "",
        "timeout": 0.0,
        "memory": memory,
        "inherit": True,
        "output_to_errors": False,
        "confined": False,
        "shares_terminal": False,
        "limits": [("RLIMIT_CORE", 0), ("RLIMIT_DATA", hard_limit(memory))],
    }


def hard_limit(memory: int) -> int:
    """Return what one process may reserve at most: a cell that is to stop at the limit is given room to do so."""
    return memory + max(memory // 4, _LEAST_MORE)
