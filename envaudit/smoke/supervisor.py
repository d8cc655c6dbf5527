"""Run one command under limits, watch it, kill everything it leaves behind, and say how it ended.

A program of its own (``python -I supervisor.py REQUEST``): one process per smoke test, so that whatever a test does to
its parent happens here and not in the audit. It imports nothing of envaudit. REQUEST is a JSON object, the answer
another one on standard output. It holds facts only; ``envaudit.smoke.classify`` judges them.

Standard input is a lifeline: when it closes, the audit is gone or wants to stop, and everything is killed. On Linux
orphans of the test come back to this process (it is a "child subreaper"), so that no descendant can escape by
starting a session of its own.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import psutil

_LINUX = sys.platform == "linux"
_POSIX = os.name == "posix"

# <sys/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_TICK = 0.02  # seconds between two looks at the clock and the output
_LOOK = 0.04  # seconds between two looks at the memory of the tree
_LOOK_AT_TREE = 0.1  # there are more processes to look at
_QUICK_TICK = 0.002  # once the result is there the end is near
_GRACE = 0.5  # seconds that helpers of a finished test (such as a resource tracker) get to end by themselves
_KILL_SECONDS = 10.0  # a process in an uninterruptible wait cannot be killed by anybody
_STDERR_TAIL = 64 * 1024
# The word and the file with the number of processes the kernel has killed for want of memory.
_KERNEL_KILLS = ("oom_kill ", "/proc/vmstat")
_PROCESSES = 128  # at a time; what starts more goes on until nothing is left for others
_SPARED = 5  # so many of a zygote's processes are killed one by one for their memory, then all
_ASK_AT = 0.8  # share of the memory limit at which the test is asked for its Python line


class Reader(threading.Thread):
    """Drains a pipe, so that its writer never blocks, and keeps the first ``limit`` bytes."""

    def __init__(self, descriptor: int, limit: int, wake: threading.Event) -> None:
        super().__init__(daemon=True)
        self.descriptor = descriptor
        self.limit = limit
        self.wake = wake
        self.kept = bytearray()
        self.flooded = False
        self.ended = False
        self.heard = time.monotonic()

    def run(self) -> None:
        """Read to the end of the pipe, or for as long as this process lives."""
        while True:
            try:
                chunk = os.read(self.descriptor, 65536)
            except OSError:
                chunk = b""
            if not chunk:
                break
            self.heard = time.monotonic()
            room = self.limit - len(self.kept)
            self.kept += chunk[: max(room, 0)]
            if len(chunk) > room:
                self.flooded = True
                self.wake.set()
        self.ended = True
        self.wake.set()


class Tree:
    """The processes that descend from this one."""

    def __init__(self, psutil_module: Any) -> None:
        self._psutil = psutil_module
        self._me = psutil_module.Process()
        self._known: set[psutil.Process] = set()
        self.count = 0
        self.ended: dict[int, tuple[int, int]] = {}  # by process id: exit status (negative for a signal), peak memory

    def living(self) -> list[psutil.Process]:
        """Return all descendants that still run, with those that were seen before and have lost their parent."""
        with suppress(self._psutil.Error):
            self._known.update(self._me.children(recursive=True))
        self._known = {process for process in self._known if self._runs(process)}
        self.count = len(self._known)
        return list(self._known)

    def memory(self, *, exactly: bool = False) -> int:
        """Return the memory of all descendants in bytes; shared pages count twice unless asked to be exact (slow)."""
        total = 0
        for process in self.living():
            kilobytes = _number_after("Pss:", f"/proc/{process.pid}/smaps_rollup") if exactly else 0
            with suppress(self._psutil.Error):
                total += kilobytes * 1024 or process.memory_info().rss
        return total

    def kill_largest(self) -> None:
        """Kill the process with the most memory."""
        sizes = []
        for process in self.living():
            with suppress(self._psutil.Error):
                sizes.append((process.memory_info().rss, process.pid, process))
        if sizes:
            with suppress(self._psutil.Error):
                max(sizes)[-1].kill()

    def reap(self) -> None:
        """Collect the exit status of every descendant that has ended and come to this process."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            peak = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
            self.ended[pid] = (os.waitstatus_to_exitcode(status), peak)

    def kill(self) -> None:
        """Stop everything, so that nothing new can start, then kill it; again, until nothing is left."""
        deadline = time.monotonic() + _KILL_SECONDS
        while time.monotonic() < deadline and self.living():
            for action in ("suspend", "suspend", "kill"):  # twice: for what was born during the first round
                for process in self.living():
                    with suppress(self._psutil.Error):
                        getattr(process, action)()
            time.sleep(0.002)
            if _POSIX:
                self.reap()

    def _runs(self, process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != self._psutil.STATUS_ZOMBIE
        except self._psutil.NoSuchProcess:
            return False
        except self._psutil.Error:
            return True


class Watch:
    """One child from its start to its end."""

    def __init__(self, request: dict[str, Any], psutil_module: Any) -> None:
        self.request = request
        self.tree = Tree(psutil_module)
        self.wake = threading.Event()
        self.abandoned = False
        self.asked = False
        self.peak = 0
        self.cause = ""
        self.leftovers = 0
        self.spared = 0
        self.status: int | None = None
        self.seconds = 0.0
        self.kernel_kills = _number_after(*_KERNEL_KILLS)

    def abandon(self, *_: object) -> None:
        """Stop at once: the audit does not want the answer any more."""
        self.abandoned = True
        self.wake.set()

    def start(self, folder: str) -> None:
        """Start the child with its limits in ``folder``; raises ``OSError`` or ``subprocess.SubprocessError``."""
        environment = {key: value.replace("{folder}", folder) for key, value in self.request["environment"].items()}
        self.result_path = str(Path(folder, "envaudit-result.json"))
        reading = writing = -1
        if _POSIX:
            reading, writing = os.pipe()
        result = str(writing) if _POSIX else self.result_path
        try:
            self.child = subprocess.Popen(
                [*self.request["command"], result],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=folder,
                env=environment,
                **_how_to_start(self.request, writing),
            )
        finally:
            if _POSIX:
                os.close(writing)
        assert self.child.stdout is not None
        assert self.child.stderr is not None
        self.started = time.monotonic()
        self.stdout = Reader(self.child.stdout.fileno(), self.request["output"], self.wake)
        self.stderr = Reader(self.child.stderr.fileno(), self.request["output"], self.wake)
        self.result = Reader(reading, self.request["result"], self.wake) if _POSIX else None
        for reader in self._readers():
            reader.start()

    def follow(self) -> None:
        """Wait for the child's end, or for a reason to end it; then leave no process behind."""
        looked = 0.0
        cost = 0.0
        pause = _LOOK_AT_TREE if self.request.get("quiet") else _LOOK
        while not self._has_ended():
            now = time.monotonic()
            if now - looked >= max(pause, 10 * cost):  # a host with thousands of processes must not be slowed down
                self._look_at_memory()
                looked = time.monotonic()
                cost = looked - now
            self.cause = self.cause or self._reason_to_stop()
            if self.cause:
                break
            near_end = self.result is not None and self.result.ended
            self.wake.wait(_QUICK_TICK if near_end else _TICK)
            self.wake.clear()
        self.seconds = time.monotonic() - self.started
        if self.cause:
            self._ask()
        else:
            self._count_leftovers()
        self.tree.kill()
        self._has_ended()
        for reader in self._readers():
            reader.join(0.5)  # somebody outside may have been handed the pipe: do not wait for him

    def answer(self) -> dict[str, Any]:
        """Return what is known about the child's end, as plain values."""
        return {
            "started": True,
            "status": self.status,
            "cause": self.cause,
            "seconds": round(self.seconds, 4),
            "peak": self.peak,
            "leftovers": self.leftovers,
            "asked": self.asked,
            "kernel_kills": _number_after(*_KERNEL_KILLS) - self.kernel_kills,
            "result": self._result(),
            "stderr": bytes(self.stderr.kept[-_STDERR_TAIL:]).decode("utf-8", "backslashreplace"),
        }

    def _readers(self) -> list[Reader]:
        return [reader for reader in (self.stdout, self.stderr, self.result) if reader is not None]

    def _has_ended(self) -> bool:
        if self.status is None and _POSIX:
            self.tree.reap()
            if self.child.pid in self.tree.ended:
                self.status, peak = self.tree.ended[self.child.pid]
                self.child.returncode = self.status  # it is reaped: Popen must not wait for it again
                self.peak = max(self.peak, peak)
        elif self.status is None:
            self.status = self.child.poll()
        return self.status is not None

    def _reason_to_stop(self) -> str:
        if self.abandoned:
            return "abandoned"
        if self.stdout.flooded or self.stderr.flooded:
            return "output"
        if time.monotonic() - self.started > self.request["timeout"]:
            return "timeout"
        quiet = self.request.get("quiet", 0.0)  # a zygote tells of every test that ends
        if quiet and self.result is not None and time.monotonic() - self.result.heard > quiet:
            return "timeout"
        return ""

    def _look_at_memory(self) -> None:
        limit = self.request["memory"]
        used = self.tree.memory()
        if used > limit * _ASK_AT:
            used = self.tree.memory(exactly=True)
        self.peak = max(self.peak, used)
        if self.tree.count > self.request.get("processes", _PROCESSES):
            self.cause = "processes"
            return
        if self.request.get("quiet"):
            self._spare(used > limit)
            return
        if used > limit * _ASK_AT:
            self._ask()
        if used > limit:
            self.cause = "memory"

    def _spare(self, too_much: bool) -> None:  # noqa: FBT001 - what was just seen
        """Kill the largest process of a zygote's tree alone, and all of it when that does not help."""
        if not too_much:
            self.spared = 0
        elif self.spared < _SPARED:
            self.spared += 1
            self.tree.kill_largest()
        else:
            self.cause = "memory"

    def _ask(self) -> None:
        """Have the child print the Python line it is at. Once: it may not survive a second time."""
        if self.asked or not _POSIX or self.status is not None:
            return
        self.asked = True
        with suppress(ProcessLookupError):
            os.kill(self.child.pid, signal.SIGUSR2)
        for _ in range(20):
            if b"(most recent call first)" in self.stderr.kept:
                break
            time.sleep(0.005)

    def _count_leftovers(self) -> None:
        deadline = time.monotonic() + _GRACE
        while self.tree.living() and time.monotonic() < deadline and not self.abandoned:
            time.sleep(_TICK)
            if _POSIX:
                self.tree.reap()
        self.leftovers = len(self.tree.living())

    def _result(self) -> str:
        limit = self.request["result"]
        if self.result is None:
            with suppress(OSError), Path(self.result_path).open("rb") as file:
                return file.read(limit).decode("ascii", "replace")
            return ""
        return "" if self.result.flooded else self.result.kept.decode("ascii", "replace")


def _number_after(word: str, path: str) -> int:
    """Return the number behind a word at the start of a line of a file of ``/proc``; 0 where the kernel has none."""
    with suppress(OSError, ValueError), Path(path).open(encoding="ascii") as lines:
        for line in lines:
            if line.startswith(word):
                return int(line.split()[1])
    return 0


def _how_to_start(request: dict[str, Any], result: int) -> dict[str, Any]:
    """Return the arguments of ``Popen`` that depend on the platform."""
    if not _POSIX:
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    prepare = _preparation(request["limits"])
    return {"pass_fds": (result,), "start_new_session": True, "preexec_fn": prepare}


def _preparation(limits: list[tuple[str, int]]) -> Callable[[], None]:
    """Return what the child does between fork and exec: its limits, and to die with this process."""
    import resource  # noqa: PLC0415 - not on every platform

    supervisor = os.getpid()
    process_control = ctypes.CDLL(None).prctl if _LINUX else None
    wanted = [(getattr(resource, name), amount) for name, amount in limits if hasattr(resource, name)]

    def prepare() -> None:
        for kind, amount in wanted:
            hard = resource.getrlimit(kind)[1]
            least = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
            with suppress(OSError, ValueError):  # not every system supports every limit
                resource.setrlimit(kind, (least, least))
        if process_control is not None:
            process_control(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  # nothing that could not be killed
            process_control(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != supervisor:
                os._exit(1)

    return prepare


def _make_safe(watch: Watch) -> None:
    """Become the one that orphans come to, and stop as soon as the audit is gone."""
    if _LINUX:
        process_control = ctypes.CDLL(None).prctl
        process_control(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        process_control(_PR_SET_PDEATHSIG, signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, watch.abandon)

    def hold_on() -> None:
        with suppress(OSError):
            while os.read(0, 64):
                pass
        watch.abandon()

    threading.Thread(target=hold_on, daemon=True).start()


def _remove(folder: str) -> None:
    """Remove a folder in which a test may have taken rights away from us."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        Path(folder).chmod(stat.S_IRWXU)
    for place, inner, _ in os.walk(folder):
        for name in inner:  # before the walk goes down into them
            with suppress(OSError):
                Path(place, name).chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def _run(request: dict[str, Any]) -> dict[str, Any]:
    sys.path.append(request["psutil"])
    try:
        import psutil  # noqa: PLC0415 - its folder is only known now
    except ImportError as error:
        return {"started": False, "why": f"psutil cannot be imported: {error}"}
    watch = Watch(request, psutil)
    _make_safe(watch)
    folder = tempfile.mkdtemp(dir=request["folder"])
    try:
        watch.start(folder)
        watch.follow()
        return watch.answer()
    except (OSError, subprocess.SubprocessError) as error:
        watch.tree.kill()
        return {"started": False, "why": str(error)}
    finally:
        _remove(folder)
        if watch.abandoned:
            _remove(request["folder"])  # nobody else may be left to do it


def main() -> None:
    """Run the request of the command line; leave without waiting for readers that still block."""
    answer = _run(json.loads(sys.argv[1]))
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
