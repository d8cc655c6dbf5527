"""Reading many compiled files with two processors, where the machine has them.

Nearly all of the work is done by Python itself, which threads cannot share. A second process made by ``fork`` has all
that is needed in memory already. Both take numbers of parts from one pipe until it is empty, so that neither waits for
the other, and the child gives back plain values through another pipe. What it does not give back, because it ended
early or a file could not be read, is not in the result: the caller reads such a file itself, and sees the reason.
"""

from __future__ import annotations

import marshal
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.binary import read_both
from envaudit.binary.symbols import Symbols
from envaudit.errors import ReadError
from envaudit.files_seen import note_read
from envaudit.model import BinaryFacts, NumpyNeed, StructSizes, VersionNeed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envaudit.binary import Closely

# What was read of one file: its facts, and its symbols if it has some and they were asked for.
ReadFile = tuple[BinaryFacts, Symbols | None]

ENOUGH_FILES = 100  # they take 25 ms to read; the second process takes 5
_PARTS = 250  # at most 256: a part is claimed by reading one byte, its number, which only one of the two gets


class _Job(NamedTuple):
    """What is to be read: the files by parts, and how closely."""

    parts: Sequence[Sequence[str]]
    closely: Closely

    def read(self, part: int) -> list[tuple[str, BinaryFacts, Symbols | None]]:
        """Read the files of one part, without those that cannot be read."""
        found = []
        for path in self.parts[part]:
            try:
                found.append((path, *read_both(path, self.closely)))
            except ReadError:
                continue
        return found


def read_ahead(paths: Sequence[str], closely: Closely) -> dict[str, ReadFile]:
    """Do what ``read_both`` does for many files, if two processes are faster at it; else return nothing.

    Nothing is to be had of the files that are not in the result.
    """
    if len(paths) < ENOUGH_FILES or not _may_fork():
        return {}
    for path in paths:
        note_read(path)  # what the child reads is not noted here
    size = -(-len(paths) // _PARTS)
    job = _Job([paths[start : start + size] for start in range(0, len(paths), size)], closely)
    return {path: (facts, names) for path, facts, names in _shared(job)}


def _may_fork() -> bool:
    """Whether a second process would help, and can be made: another thread could hold a lock for ever in a copy."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return len(os.sched_getaffinity(0)) > 1 and len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def _shared(job: _Job) -> Iterator[tuple[str, BinaryFacts, Symbols | None]]:
    """Read the parts in two processes and yield what both have found."""
    claims, numbers = os.pipe()
    answers, answering = os.pipe()
    os.write(numbers, bytes(range(len(job.parts))))
    os.close(numbers)
    try:
        child = os.fork()
    except OSError:  # no process is left for us
        child = -1
    if child == 0:
        _be_the_child(job, claims, answering)
    os.close(answering)
    try:
        for part in _claimed(claims):
            yield from job.read(part)
        yield from _answered(answers)
    finally:
        os.close(claims)
        os.close(answers)  # a child that is still at it ends when it wants to answer
        if child > 0:
            os.waitpid(child, 0)


def _be_the_child(job: _Job, claims: int, answering: int) -> None:
    """Read parts until none is left, answer, and end; whatever happens, nothing of the parent's is run or written."""
    status = 1
    try:
        written = [marshal.dumps([_plain(item) for item in job.read(part)]) for part in _claimed(claims)]
        left = memoryview(marshal.dumps(written))
        while left:
            left = left[os.write(answering, left) :]
        status = 0
    finally:
        os._exit(status)


def _claimed(claims: int) -> Iterator[int]:
    """Yield the numbers of parts that nobody else has taken."""
    while number := os.read(claims, 1):
        yield number[0]


def _answered(answers: int) -> Iterable[tuple[str, BinaryFacts, Symbols | None]]:
    """Return what the child has found; nothing when it did not live to say it."""
    received = []
    while data := os.read(answers, 1 << 20):
        received.append(data)
    try:
        return [_restored(item) for part in marshal.loads(b"".join(received)) for item in marshal.loads(part)]  # noqa: S302  our own child's
    except (EOFError, ValueError, TypeError):
        return []


def _plain(item: tuple[str, BinaryFacts, Symbols | None]) -> tuple[Any, ...]:
    """Make plain values of what was found, for ``marshal`` knows no others."""
    path, facts, names = item
    need = facts.numpy
    plain = facts._replace(
        numpy=None if need is None else tuple(need._replace(expects=tuple(need.expects))),  # type: ignore[arg-type]
        versions_needed=tuple(map(tuple, facts.versions_needed)),  # type: ignore[arg-type]
    )
    return path, tuple(plain), None if names is None else (names.undefined, names.defined_versions)


def _restored(plain: tuple[Any, ...]) -> tuple[str, BinaryFacts, Symbols | None]:
    """Undo ``_plain``."""
    path, fields, names = plain
    facts = BinaryFacts._make(fields)
    need: Any = facts.numpy
    if need is not None:
        need = NumpyNeed._make(need)
        need = need._replace(expects=StructSizes._make(need.expects))
    facts = facts._replace(numpy=need, versions_needed=tuple(map(VersionNeed._make, facts.versions_needed)))
    return path, facts, None if names is None else Symbols(path, *names)
