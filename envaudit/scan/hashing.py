"""Files held against their digests several at a time: ``hashlib`` and reading let other threads run meanwhile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.scan.content import change_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envaudit.model_installed import Change

# A group of files is one errand for a thread: handing over each of 60,000 files takes longer than hashing it.
_FILES = 100
_BYTES = 4 * 1024 * 1024
# More threads than this wait for the disk or for memory; fewer leave a disk idle that could look up several files.
_THREADS = (4, 8)


class Wanted(NamedTuple):
    """A file, and what RECORD says of it; ``actual`` is its size in bytes on disk."""

    path: str
    hash: str
    size: int | None
    actual: int


class Hashed:
    """What is known of files that were hashed ahead."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Change | ReadError | None] = {}

    def add(self, wanted: Iterable[Wanted]) -> None:
        """Hash files in threads, the largest first, so that none of those is left for the end."""
        files = sorted(wanted, key=lambda file: file.actual, reverse=True)
        if not files:
            return
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  8 ms that few runs need

        with ThreadPoolExecutor(_threads(), thread_name_prefix="envaudit-hash") as pool:
            for outcomes in pool.map(_outcomes, _groups(files)):
                self._outcomes.update(outcomes)

    def change_of(self, path: str, recorded: str, size: int | None) -> Change | None:
        """Return how a file differs from its line in RECORD, ``None`` when it does not; raises ``ReadError``."""
        if path not in self._outcomes:
            return change_of(path, recorded, size)
        outcome = self._outcomes.pop(path)
        if isinstance(outcome, ReadError):
            raise outcome
        return outcome


def _groups(files: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    """Yield what is done in one go, one large file or many small ones."""
    group: list[Wanted] = []
    size = 0
    for file in files:
        group.append(file)
        size += file.actual
        if len(group) == _FILES or size >= _BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _outcomes(files: list[Wanted]) -> dict[str, Change | ReadError | None]:
    return {file.path: _outcome(file) for file in files}


def _outcome(file: Wanted) -> Change | ReadError | None:
    try:
        return change_of(file.path, file.hash, file.size)
    except ReadError as error:
        return error


def _threads() -> int:
    """Return how many threads to use, on one processor too: some wait for the disk while another computes."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    least, most = _THREADS
    return max(least, min(count, most))
