"""Time that is limited: one deadline for all that is asked of an index, and a crew that is left behind when it ends.

A socket timeout bounds the wait for the next byte, not a server that sends one each second, nor a name server that is
silent. So requests are made by threads of their own, and whoever asked goes on when the time is up.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from envaudit.index.failure import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WORKERS = 4  # more gave nothing, and an index is shared with others

Answer = TypeVar("Answer")


class Deadline:
    """A moment after which nothing is begun any more."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left, 0 when there are none."""
        return max(0.0, self._end - time.monotonic())

    def check(self, address: str = "") -> None:
        """Raise ``RemoteError`` when no time is left."""
        if not self.left():
            raise too_late(self, address)


class _Slot(Generic[Answer]):
    """One call, and what came of it."""

    def __init__(self, call: Callable[[], Answer]) -> None:
        self.call = call
        self.outcome: Answer | BaseException | None = None
        self.done = threading.Event()


def run_all(calls: Sequence[Callable[[], Answer]], deadline: Deadline) -> list[Answer | RemoteError]:
    """Make the calls with a few threads; each gives its answer or the failure it raised, in the order of the calls.

    Any other exception is raised here. A call that has not ended at the deadline is a failure; its thread does not keep
    the process from ending.
    """
    slots = [_Slot(call) for call in calls]
    waiting: queue.SimpleQueue[_Slot[Answer]] = queue.SimpleQueue()
    for slot in slots:
        waiting.put(slot)
    for _ in range(min(WORKERS, len(slots))):
        threading.Thread(target=_work, args=(waiting, deadline), daemon=True).start()
    answers: list[Answer | RemoteError] = []
    for slot in slots:
        slot.done.wait(deadline.left() + 0.05)
        if not slot.done.is_set():
            answers.append(too_late(deadline))
        elif isinstance(slot.outcome, BaseException) and not isinstance(slot.outcome, RemoteError):
            raise slot.outcome
        else:
            answers.append(cast("Answer | RemoteError", slot.outcome))
    return answers


def _work(waiting: queue.SimpleQueue[_Slot[Answer]], deadline: Deadline) -> None:
    while True:
        try:
            slot = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            deadline.check()
            slot.outcome = slot.call()
        except BaseException as error:  # noqa: BLE001  it is raised again where it is waited for
            slot.outcome = error
        slot.done.set()


def too_late(deadline: Deadline, address: str = "") -> RemoteError:
    """Say that the time is up."""
    reason = f"no answer within the {deadline.seconds:g} seconds that there were for the index"
    return RemoteError(address, reason, "deadline")
