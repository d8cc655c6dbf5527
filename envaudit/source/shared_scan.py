"""Scan the sources of many distributions in two processes, where there are two processors."""

from __future__ import annotations

import marshal
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from envaudit.files_seen import Seen
from envaudit.source.candidates import Scanner, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# A child costs some milliseconds; so many files take longer.
_ENOUGH_FILES = 800
_PARTS = 48


class Sources(NamedTuple):
    """What is to be scanned of one distribution, as for ``Scanner.scan``; ``recorded``: its RECORD lists the files."""

    site_dir: str
    files: tuple[str, ...]
    own: frozenset[bytes]
    recorded: bool = True


def scan_all(sources: Sequence[Sources], scanner: Scanner) -> list[Wanted]:
    """Scan every distribution, in the order given.

    Files that a RECORD lists are not noted: a distribution is known by its RECORD, and a file in which something is
    found wanting is read, and noted, again.
    """
    jobs = _divide(sources)
    found = {
        index: scanner.scan(each.site_dir, each.files, each.own)
        for index, each in enumerate(sources)
        if not each.recorded
    }
    with Seen():
        if sum(len(each.files) for each in sources) >= _ENOUGH_FILES and _may_fork():
            found.update(_shared(sources, jobs, scanner))
        for index, each in enumerate(sources):
            if index not in found:
                found[index] = scanner.scan(each.site_dir, each.files, each.own)
    return [found[index]._replace(files=each.files) for index, each in enumerate(sources)]


def _divide(sources: Sequence[Sources]) -> list[list[int]]:
    """Divide distributions into parts, the large ones first, so that both processes end at the same time."""
    recorded = [index for index, each in enumerate(sources) if each.recorded]
    order = sorted(recorded, key=lambda index: -len(sources[index].files))
    parts: list[list[int]] = [[index] for index in order[: _PARTS // 2]]
    rest = order[_PARTS // 2 :]
    size = max(1, -(-len(rest) // (_PARTS // 2)))
    return parts + [rest[start : start + size] for start in range(0, len(rest), size)]


def _may_fork() -> bool:
    """Whether a second process would help, and can be made: another thread could hold a lock for ever in a copy."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return len(os.sched_getaffinity(0)) > 1 and len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def _shared(
    sources: Sequence[Sources], jobs: Sequence[Sequence[int]], scanner: Scanner
) -> Iterator[tuple[int, Wanted]]:
    """Scan the parts in two processes and yield what both have found."""
    claims, numbers = os.pipe()
    answers, answering = os.pipe()
    os.write(numbers, bytes(range(len(jobs))))
    os.close(numbers)
    try:
        child = os.fork()
    except OSError:  # no process is left for us
        child = -1
    if child == 0:
        _be_the_child(sources, jobs, scanner, claims, answering)
    os.close(answering)
    try:
        yield from _parts_of(sources, jobs, scanner, claims)
        received = []
        while data := os.read(answers, 1 << 20):
            received.append(data)
        yield from _restored(b"".join(received))
    finally:
        os.close(claims)
        os.close(answers)  # a child that is still at it ends when it wants to answer
        if child > 0:
            os.waitpid(child, 0)


def _parts_of(
    sources: Sequence[Sources], jobs: Sequence[Sequence[int]], scanner: Scanner, claims: int
) -> Iterator[tuple[int, Wanted]]:
    """Scan parts until none is left that nobody has taken."""
    while number := os.read(claims, 1):
        for index in jobs[number[0]]:
            each = sources[index]
            yield index, scanner.scan(each.site_dir, each.files, each.own)


def _be_the_child(
    sources: Sequence[Sources], jobs: Sequence[Sequence[int]], scanner: Scanner, claims: int, answering: int
) -> None:
    """Scan, answer, and end; whatever happens, nothing of the parent's is run or written."""
    status = 1
    try:
        found = [(index, tuple(wanted[1:])) for index, wanted in _parts_of(sources, jobs, scanner, claims)]
        left = memoryview(marshal.dumps([(index, *plain) for index, plain in found]))
        while left:
            left = left[os.write(answering, left) :]
        status = 0
    finally:
        os._exit(status)


def _restored(received: bytes) -> Iterator[tuple[int, Wanted]]:
    """Read what the child has found; nothing when it did not live to say it."""
    try:
        found = marshal.loads(received)  # noqa: S302  our own child's
    except (EOFError, ValueError, TypeError):
        return
    for index, imports, inner, attributes in found:
        yield index, Wanted((), imports, inner, attributes)
