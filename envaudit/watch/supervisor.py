"""Run one program under limits, watch it, kill everything it leaves behind, and tell what was seen.

A process of its own: ``main`` reads the request, a line of JSON, from the descriptor its first argument names and
writes the answer, in the form of ``marshal``, to the second; ``serve`` does so in a process that was forked.
The answer holds facts only; ``judge`` says what they mean. When the request's descriptor closes, whoever asked is gone
or wants to stop, and everything is killed.
"""

from __future__ import annotations

import marshal
import os
import select
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from envaudit.watch.host import counters, tightest_group
from envaudit.watch.kernel_log import KernelLog
from envaudit.watch.launch import adopt_orphans, launch
from envaudit.watch.machine import this_machine
from envaudit.watch.pipe import make_pipe
from envaudit.watch.samples import Samples
from envaudit.watch.tree import Tree

if TYPE_CHECKING:
    from envaudit.watch.crash import Crash

_LOOK = 0.04  # seconds between two looks at the memory of the tree, at least
_SHARE = 50  # a look may take this part of the time at most
_GRACE = 0.3  # seconds that helpers of an ended program get to end by themselves
_NEAR = 0.5  # share of the limit from which it is looked as often as can be
_EXACTLY_AT = 0.8  # share of the limit from which shared memory is counted once
_LAST = 2.0  # seconds a killed process has to disappear
_ANSWERS = 0.1  # seconds the program gets to say where it is
_MOST_CRASHES = 8
_MOST_TALK = 4 * 1024 * 1024
_MOST_REQUEST = 4 * 1024 * 1024
_ONE_PRESS = 0.2  # seconds within which interruptions are one that came on two ways
_PATIENCE = 3  # interruptions from the keyboard, after which nobody asks the program any more
_FAULTS = {-int(number) for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)}
_ENDED_BY = {"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE"}  # crashes after which it goes round in circles


class Watch:
    """One program from its start to its end."""

    def __init__(self, request: dict[str, Any], lifeline: int) -> None:
        self.request = request
        self.lifeline = lifeline
        self.tree = Tree()
        self.cause = ""
        self.status: int | None = None
        self.crashes: list[Crash] = []
        self.talk = bytearray()
        self.asked = b""
        self.samples = Samples()
        self.peak = 0
        self.near = False
        self.between = _LOOK
        self.due = 0.0
        self.leftovers = 0
        self.threads = (0, 0)
        self.interrupts = 0
        self.interrupted = 0.0
        self.before = counters()
        self.log = KernelLog()

    def start(self) -> None:
        """Start the program; raises ``OSError``."""
        self.brake, brake = make_pipe()
        self.ask, ask = os.pipe()
        self.talking, talk = os.pipe()
        kept = (brake, ask, talk)
        self.writing = brake
        try:
            self.pid = launch(self.request, kept)
        finally:
            for descriptor in kept:
                os.close(descriptor)
        self.started = time.monotonic()
        self.poller = select.poll()
        for descriptor in (self.brake, self.talking, self.lifeline):
            self.poller.register(descriptor, select.POLLIN)
        self.pidfd = -1
        with suppress(OSError):
            self.pidfd = os.pidfd_open(self.pid)
            self.poller.register(self.pidfd, select.POLLIN)

    def follow(self) -> None:
        """Wait for the program's end, or for a reason to end it; then leave no process behind."""
        while not self._has_ended() and not self.cause:
            now = time.monotonic()
            if now >= self.due:
                self._look_at_use(now)
                cost = 0 if self.near else _SHARE * (time.monotonic() - now)
                self.due = time.monotonic() + max(self.between, cost)
            if self.request["timeout"] and now - self.started > self.request["timeout"]:
                self._stop("timeout")
            wait = _LOOK / 4 if self.pidfd < 0 else max(self.due - time.monotonic(), 0.001)
            self._read(wait)
        self.seconds = time.monotonic() - self.started
        if self.cause in {"timeout", "memory"}:
            self._ask()
        elif not self.cause:
            self._read(0)
            self._count_leftovers()
        self.tree.kill()
        deadline = time.monotonic() + _LAST
        while not self._has_ended() and time.monotonic() < deadline:
            time.sleep(0.002)  # its first thread is gone, others are about to be

    def answer(self) -> dict[str, Any]:
        """Return all that was seen, as plain values."""
        happened = counters().since(self.before)
        group = tightest_group()
        ended = self.tree.ended.get(self.pid)
        return {
            "started": True,
            "pid": self.pid,
            "status": self.status,
            "cause": self.cause,
            "seconds": round(self.seconds, 3),
            "cpu": round(sum(each.cpu for each in self.tree.ended.values()), 3),
            "peak": max(self.peak, ended.peak if ended else 0),
            "crashes": [crash.as_plain() for crash in self.crashes],
            "talk": self.talk.decode("utf-8", "replace"),
            "asked": self.asked.decode("utf-8", "backslashreplace"),
            "leftovers": self.leftovers,
            "threads": self.threads,
            "interrupts": self.interrupts,
            "samples": self.samples.kept(),
            "crowded": self.samples.crowded(),
            **happened._asdict(),
            "kernel_log": self._logged(),
            "group_limit": group.limit if group is not None else 0,
            "group_peak": group.peak if group is not None else 0,
        }

    def _logged(self) -> tuple[str, str]:
        """Return what the kernel's log says of a death that the brake did not see."""
        silent = self.status in _FAULTS and not any(crash.pid in {0, self.pid} for crash in self.crashes)
        fault = self.log.fault(self.pid) if silent else ("", "")
        self.log.close()
        return fault

    def abandon(self, *_: object) -> None:
        """Stop at once."""
        self._stop("abandoned")

    def interrupt(self, *_: object) -> None:
        """Hand an interruption from the keyboard on, unless the terminal has done so."""
        now = time.monotonic()
        if now - self.interrupted < _ONE_PRESS:
            return
        self.interrupted = now
        self.interrupts += 1
        if self.interrupts >= _PATIENCE:
            self.abandon()
        elif not self.request["shares_terminal"]:
            with suppress(OSError):
                os.kill(self.pid, signal.SIGINT)

    def _stop(self, cause: str) -> None:
        """Have it ended; the first cause counts."""
        self.cause = self.cause or cause

    def _has_ended(self) -> bool:
        if self.status is None:
            self.tree.reap()
            if self.pid in self.tree.ended:
                self.status = self.tree.ended[self.pid].status
        return self.status is not None

    def _read(self, seconds: float) -> None:
        """Wait that long for something to happen, and take it up."""
        for descriptor, events in self.poller.poll(seconds * 1000):
            if descriptor == self.brake:
                self._crash(closed=not events & select.POLLIN)
            elif descriptor == self.talking:
                self._hear()
            elif descriptor == self.lifeline:
                self.poller.unregister(descriptor)
                self.abandon()
            elif descriptor == self.pidfd:
                self.poller.unregister(descriptor)

    def _hear(self) -> None:
        data = os.read(self.talking, 65536)
        if not data:
            self.poller.unregister(self.talking)
        elif len(self.talk) < _MOST_TALK:
            self.talk += data

    def _crash(self, *, closed: bool) -> None:
        if closed:  # by everybody
            self.poller.unregister(self.brake)
            return
        from envaudit.watch.brake import look  # noqa: PLC0415 - most programs do not crash

        crash = look(self.brake, self.writing, [self.pid, *self.tree.living()])
        if len(self.crashes) < _MOST_CRASHES or crash.pid == self.pid:
            self.crashes.append(crash)
        if crash.signal in _ENDED_BY and crash.pid in {0, self.pid}:
            self._stop("crash")
        elif crash.signal in _ENDED_BY:
            with suppress(OSError):
                os.kill(crash.pid, signal.SIGKILL)

    def _look_at_use(self, now: float) -> None:
        limit = self.request["memory"]
        use = self.tree.use()
        memory = use.memory
        if memory > limit * _EXACTLY_AT and use.processes > 1:
            memory = self.tree.memory_exactly()
        self.near = memory > limit * _NEAR
        self.peak = max(self.peak, memory)
        self.samples.add(now - self.started, memory, use)
        if memory > limit:
            self._stop("memory")

    def _ask(self) -> None:
        """Have the program say which Python line it is at. Once: it may not survive a second time."""
        self.threads = _waiting(self.pid)
        with suppress(OSError):
            os.kill(self.pid, signal.SIGUSR2)
        deadline = time.monotonic() + _ANSWERS
        while time.monotonic() < deadline and not self.asked.endswith(b"\n"):
            if select.select([self.ask], [], [], 0.01)[0]:
                time.sleep(0.005)
                self.asked += os.read(self.ask, 65536)

    def _count_leftovers(self) -> None:
        deadline = time.monotonic() + _GRACE
        while self.tree.living() and time.monotonic() < deadline:
            time.sleep(0.01)
            self.tree.reap()
        self.leftovers = len(self.tree.living())


def _waiting(pid: int) -> tuple[int, int]:
    """Return how many threads a process has, and how many of them wait for a lock."""
    machine = this_machine()
    count = locks = 0
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task")[:4096]:
            count += 1
            with suppress(OSError), open(f"/proc/{pid}/task/{task}/syscall", encoding="ascii") as file:
                locks += machine is not None and file.read(64).split()[:1] == [machine.futex]
    return count, locks


def _run(request: dict[str, Any], lifeline: int) -> dict[str, Any]:
    adopt_orphans()
    watch = Watch(request, lifeline)
    try:
        watch.start()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, watch.abandon)
        signal.signal(signal.SIGINT, watch.interrupt)
        watch.follow()
        return watch.answer()
    except OSError as error:
        return {"started": False, "why": str(error)}
    finally:
        watch.tree.kill()


def _read_request(descriptor: int) -> dict[str, Any]:
    import json  # noqa: PLC0415 - a forked process has its request

    data = bytearray()
    while not data.endswith(b"\n") and len(data) < _MOST_REQUEST:
        chunk = os.read(descriptor, 65536)
        if not chunk:
            break
        data += chunk
    request: dict[str, Any] = json.loads(data)
    return request


def serve(request: dict[str, Any], lifeline: int, answering: int) -> None:
    """Run the request, write the answer and end this process."""
    try:
        data = marshal.dumps(_run(request, lifeline))  # json takes longer to load than all this takes
        with suppress(OSError):  # nobody may be left to read it
            while data:
                data = data[os.write(answering, data) :]
        os._exit(0)
    except Exception:  # noqa: BLE001 - nobody is above it: what was forked must end here
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def main() -> None:
    """Run the request and write the answer to the descriptors of the command line."""
    lifeline, answering = (int(word) for word in sys.argv[1:3])
    for descriptor in (lifeline, answering):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - takes no keyword
    serve(_read_request(lifeline), lifeline, answering)
