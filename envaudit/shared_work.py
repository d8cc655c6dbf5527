"""Do many small works in two processes, where there are two processors."""

from __future__ import annotations

import marshal
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    # From the number of a work to what it gave.
    Work = Callable[[int], list[Any]]
    # From that to plain values alone, which another process can send; and back.
    Change = Callable[[Any], Any]

_PARTS = 64


def _as_it_is(found: Any) -> Any:
    return found


def work_shared(
    work: Work, sizes: Sequence[int], enough: int, pack: Change = _as_it_is, unpack: Change = _as_it_is
) -> dict[int, list[Any]]:
    """Do the works 0 to n, of which each is so large as ``sizes`` tells, and return what each gave.

    What the second process has found it sends as what ``pack`` makes of it, and ``unpack`` undoes that.
    A second process costs some milliseconds: there is none when all works together are smaller than ``enough``.
    What the child notes of files is lost with it: whoever calls this knows by other means when a file has changed.
    """
    found: dict[int, list[Any]] = {}
    if sum(sizes) >= enough and may_fork():
        found.update(_shared(work, _divide(sizes), pack, unpack))
    for number in range(len(sizes)):
        if number not in found:
            found[number] = work(number)
    return found


def _divide(sizes: Sequence[int]) -> list[list[int]]:
    """Put works together, the large ones first and alone, so that both processes end at the same time."""
    order = sorted(range(len(sizes)), key=lambda number: -sizes[number])
    parts = [[number] for number in order[: _PARTS // 2]]
    rest = order[_PARTS // 2 :]
    size = max(1, -(-len(rest) // (_PARTS // 2)))
    return parts + [rest[start : start + size] for start in range(0, len(rest), size)]


def may_fork() -> bool:
    """Whether a second process would help, and can be made: another thread could hold a lock for ever in a copy."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return len(os.sched_getaffinity(0)) > 1 and len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def _shared(
    work: Work, parts: Sequence[Sequence[int]], pack: Change, unpack: Change
) -> Iterator[tuple[int, list[Any]]]:
    """Do the parts in two processes and yield what both have found."""
    claims, numbers = os.pipe()
    answers, answering = os.pipe()
    os.write(numbers, bytes(range(len(parts))))
    os.close(numbers)
    try:
        child = os.fork()
    except OSError:  # no process is left for us
        child = -1
    if child == 0:
        _be_the_child(work, parts, claims, answering, pack)
    os.close(answering)
    try:
        yield from _done(work, parts, claims)
        received = []
        while data := os.read(answers, 1 << 20):
            received.append(data)
        yield from ((number, unpack(packed)) for number, packed in _restored(b"".join(received)))
    finally:
        os.close(claims)
        os.close(answers)  # a child that is still at it ends when it wants to answer
        if child > 0:
            os.waitpid(child, 0)


def _done(work: Work, parts: Sequence[Sequence[int]], claims: int) -> Iterator[tuple[int, list[Any]]]:
    """Do parts until none is left that nobody has taken."""
    while number := os.read(claims, 1):
        for each in parts[number[0]]:
            yield each, work(each)


def _be_the_child(work: Work, parts: Sequence[Sequence[int]], claims: int, answering: int, pack: Change) -> None:
    """Work, answer, and end; whatever happens, nothing of the parent's is run or written."""
    status = 1
    try:
        left = memoryview(marshal.dumps([(number, pack(found)) for number, found in _done(work, parts, claims)]))
        while left:
            left = left[os.write(answering, left) :]
        status = 0
    finally:
        os._exit(status)


def _restored(received: bytes) -> list[tuple[int, Any]]:
    """Read what the child has found; nothing when it did not live to say it."""
    try:
        found: list[tuple[int, Any]] = marshal.loads(received)  # noqa: S302  our own child's
    except (EOFError, ValueError, TypeError):
        return []
    return found
