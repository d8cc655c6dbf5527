"""Which compiled files are known already.

A file is known by the hash and the size that RECORD states, if the file has that size and the time of its last change
is the one it had when it was read. A file that RECORD gives no hash for is read each time. What is trusted is therefore
that RECORD tells the truth about a file whose size and time are unchanged; ``--no-cache`` trusts nothing.
"""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

from envaudit.binary.stored import Stored, WrongFormError, reader_version
from envaudit.errors import ReadError
from envaudit.files import status as status_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.cache.database import Cache
    from envaudit.model import BinaryFacts, RecordEntry

_HASH = re.compile(r"sha(?:256=[\w-]{43}|384=[\w-]{64}|512=[\w-]{86})", re.ASCII)


class KeptFiles:
    """The files of one run that can be known, by path; without a cache there are none."""

    def __init__(self, cache: Cache | None, code: str) -> None:
        self._cache = cache
        self._reader = f"{reader_version()} {code}" if cache is not None else ""
        self._keys: dict[str, str] = {}
        self._stored: dict[str, Stored] = {}

    def look_up(self, files: Iterable[tuple[str, RecordEntry]]) -> None:
        """Fetch what is known of files, each given by its path and its line in RECORD."""
        if self._cache is None:
            return
        for path, entry in files:
            key = self._key(path, entry)
            if key:
                self._keys[path] = key
        known = self._cache.get(list(dict.fromkeys(self._keys.values())))
        for path, key in self._keys.items():
            if key in known:
                try:
                    self._stored[path] = Stored.load(known[key])
                except WrongFormError:
                    continue

    def get(self, path: str) -> Stored | None:
        """Return what is known of a file."""
        return self._stored.get(path)

    def add(self, path: str, facts: BinaryFacts, *, explained: bool) -> None:
        """Keep the facts of a file, unless it cannot be known again or something of it could not be read."""
        if path in self._keys and not facts.truncated and not facts.numpy_unread:
            self._stored[path] = Stored(facts, explained=explained)
        else:
            self._stored.pop(path, None)

    def save(self) -> None:
        """Write what is new."""
        if self._cache is not None:
            new = {self._keys[path]: stored.dump() for path, stored in self._stored.items() if stored.changed}
            self._cache.put(new)

    def _key(self, path: str, entry: RecordEntry) -> str:
        """Return the key of a file, empty when it cannot have one or is not what RECORD describes."""
        if entry.size is None or not _HASH.fullmatch(entry.hash):
            return ""
        try:
            status = status_of(path)
        except ReadError:
            return ""
        if not stat.S_ISREG(status.st_mode) or status.st_size != entry.size:
            return ""
        return f"{self._reader} {entry.hash} {entry.size} {status.st_mtime_ns}"
