"""Reading many compiled files with two processors, where the machine has them.

Nearly all of the work is done by Python itself, which threads cannot share. A second process made by ``fork`` has all
that is needed in memory already, and begins with the first files while the first process still looks for more. Then
both take parts from one pipe until it is empty, so that neither waits for the other, and the child gives back plain
values through another pipe. What it does not give back, because it ended early or a file could not be read, is not in
the result: the caller reads such a file itself, and sees the reason.
"""

from __future__ import annotations

import marshal
import os
import signal
from struct import Struct
from typing import TYPE_CHECKING, Any

from envaudit.binary import read_both
from envaudit.binary.symbols import Symbols
from envaudit.errors import ReadError
from envaudit.files_seen import note_read
from envaudit.model import BinaryFacts, NumpyNeed, StructSizes, VersionNeed
from envaudit.shared_work import may_fork

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from envaudit.binary import Closely

# What was read of one file: its facts, and its symbols if it has some and they were asked for.
ReadFile = tuple[BinaryFacts, Symbols | None]
_Found = tuple[str, BinaryFacts, Symbols | None]

ENOUGH_FILES = 40  # they take 6 ms to read; the second process takes 3, and more files come
_FILES_A_PART = 5
# Where a part stands in the memory that both processes share: its first byte and its length. A pipe hands out so few
# bytes to one reader alone.
_CLAIM = Struct("=II")
_PATHS_LIMIT = 4 * 1024 * 1024  # bytes of paths; 300 distributions have 130,000
_CLAIMS_LIMIT = 4096  # as many fit into every pipe, so that writing a claim never waits
_SEPARATOR = "\0"  # no path holds one


class Ahead:
    """Reads files from the moment they are offered; ``with`` it, so that no process is left behind.

    The second process is made when there are enough files. ``closely`` is how they are read.
    """

    def __init__(self, closely: Closely) -> None:
        self.closely = closely
        self._waiting: list[str] = []
        self._offered: dict[str, None] = {}
        self._second: _Second | None = None
        self._may = True

    def __enter__(self) -> Ahead:  # noqa: PYI034  Self is not in the typing of Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._second is not None:
            self._second.stop()
            self._second = None

    def offer(self, paths: Sequence[str]) -> None:
        """Say that files will be wanted; each is read once."""
        for path in paths:
            if path not in self._offered:
                self._offered[path] = None
                self._waiting.append(path)
        if self._second is None and self._may and len(self._waiting) >= ENOUGH_FILES:
            self._second = _Second.start(self.closely) if may_fork() else None
            self._may = self._second is not None
        if self._second is not None:
            for path in self._waiting:
                note_read(path)  # what the child reads is not noted here
            self._second.offer(self._waiting)
            self._waiting = []

    def finish(self) -> dict[str, ReadFile]:
        """Return what was read of the files; nothing when there were too few for two processes."""
        if self._second is None:
            return {}
        try:
            return {path: (facts, names) for path, facts, names in self._second.finish()}
        finally:
            self._second.stop()
            self._second = None


def read_ahead(paths: Sequence[str], closely: Closely) -> dict[str, ReadFile]:
    """Do what ``read_both`` does for many files, if two processes are faster at it; else return nothing.

    Nothing is to be had of the files that are not in the result.
    """
    with Ahead(closely) as ahead:
        ahead.offer(paths)
        return ahead.finish()


class _Second:
    """The second process, and what it shares with the first."""

    def __init__(self, closely: Closely, memory: mmap.mmap) -> None:
        self._closely = closely
        self._memory = memory
        self._end = 0  # of what stands in the memory
        self._claims_made = 0
        self._left: list[list[str]] = []  # for which there was no room
        self._claims, self._claiming = os.pipe()
        self._answers, self._answering = os.pipe()
        self._child = 0

    @classmethod
    def start(cls, closely: Closely) -> _Second | None:
        """Make the process, ``None`` when none is left for us."""
        import mmap  # noqa: PLC0415  most runs need no second process

        second = cls(closely, mmap.mmap(-1, _PATHS_LIMIT))
        try:
            second._child = os.fork()
        except OSError:
            second._answering = second._close(second._answering)
            second.stop()
            return None
        if second._child == 0:
            second._be_the_child()
        second._answering = second._close(second._answering)
        return second

    def offer(self, paths: Sequence[str]) -> None:
        """Add files in parts that one of the two reads."""
        for start in range(0, len(paths), _FILES_A_PART):
            part = list(paths[start : start + _FILES_A_PART])
            data = _SEPARATOR.join(part).encode("utf-8", "surrogateescape")
            if self._end + len(data) > _PATHS_LIMIT or self._claims_made == _CLAIMS_LIMIT:
                self._left.append(part)
                continue
            self._memory[self._end : self._end + len(data)] = data
            try:
                os.write(self._claiming, _CLAIM.pack(self._end, len(data)))
            except BrokenPipeError:  # pragma: no cover  the reading end is open here too
                self._left.append(part)
            self._end += len(data)
            self._claims_made += 1

    def finish(self) -> Iterator[_Found]:
        """Read what the child has not begun, and yield what both have found."""
        self._claiming = self._close(self._claiming)
        for part in self._claimed():
            yield from self._read(part)
        for part in self._left:
            yield from self._read(part)
        yield from self._answered()

    def stop(self) -> None:
        """End the process, whatever it is at, and give back what was shared."""
        self._claiming, self._claims = self._close(self._claiming), self._close(self._claims)
        self._answers = self._close(self._answers)
        if self._child > 0:
            try:
                os.kill(self._child, signal.SIGKILL)
            finally:
                os.waitpid(self._child, 0)
                self._child = 0
        self._memory.close()

    @staticmethod
    def _close(descriptor: int) -> int:
        """Close a descriptor once; return what stands for none."""
        if descriptor >= 0:
            os.close(descriptor)
        return -1

    def _be_the_child(self) -> None:
        """Read parts until none is left, answer, and end; whatever happens, nothing of the parent's is run."""
        status = 1
        try:
            os.close(self._claiming)
            os.close(self._answers)
            written = [marshal.dumps([_plain(item) for item in self._read(part)]) for part in self._claimed()]
            left = memoryview(marshal.dumps(written))
            while left:
                left = left[os.write(self._answering, left) :]
            status = 0
        finally:
            os._exit(status)

    def _claimed(self) -> Iterator[list[str]]:
        """Yield the parts that nobody else has taken."""
        while claim := os.read(self._claims, _CLAIM.size):
            start, length = _CLAIM.unpack(claim)
            yield self._memory[start : start + length].decode("utf-8", "surrogateescape").split(_SEPARATOR)

    def _read(self, part: Sequence[str]) -> list[_Found]:
        """Read the files of one part, without those that cannot be read."""
        found = []
        for path in part:
            try:
                found.append((path, *read_both(path, self._closely)))
            except ReadError:
                continue
        return found

    def _answered(self) -> Sequence[_Found]:
        """Return what the child has found; nothing when it did not live to say it."""
        received = []
        while data := os.read(self._answers, 1 << 20):
            received.append(data)
        try:
            return [_restored(item) for part in marshal.loads(b"".join(received)) for item in marshal.loads(part)]  # noqa: S302  our own child's
        except (EOFError, ValueError, TypeError):
            return []


def _plain(item: _Found) -> tuple[Any, ...]:
    """Make plain values of what was found, for ``marshal`` knows no others."""
    path, facts, names = item
    need = facts.numpy
    plain = facts._replace(
        numpy=None if need is None else tuple(need._replace(expects=tuple(need.expects))),  # type: ignore[arg-type]
        versions_needed=tuple(map(tuple, facts.versions_needed)),  # type: ignore[arg-type]
    )
    return path, tuple(plain), None if names is None else names.known()


def _restored(plain: tuple[Any, ...]) -> _Found:
    """Undo ``_plain``."""
    path, fields, names = plain
    facts = BinaryFacts._make(fields)
    need: Any = facts.numpy
    if need is not None:
        need = NumpyNeed._make(need)
        need = need._replace(expects=StructSizes._make(need.expects))
    facts = facts._replace(numpy=need, versions_needed=tuple(map(VersionNeed._make, facts.versions_needed)))
    if names is None:
        return path, facts, None
    undefined, versions, no_module = names
    return path, facts, Symbols(path, undefined, versions, no_module=no_module)
