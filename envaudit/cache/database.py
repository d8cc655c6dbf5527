"""What was read of files, kept from one run to the next by what is in them.

A database in a folder of the user. It can only save time: whatever is wrong with it, too large, locked, torn, written
by another version or by another user, it is thrown away or left alone, and files are read as if it were not there.
Values are texts, each with a digest of its own, because nothing in SQLite notices a flipped bit.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from envaudit.cache.place import BUSY, FILE_NAME, default_folder, file_is_unsafe, made_folder_is_unsafe

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["FILE_NAME", "Cache", "Info", "clear", "default_folder"]

SIZE_LIMIT = 64 * 1024 * 1024  # bytes of the file; the facts of 1,150 compiled files take 1 MiB
REPORTS_LIMIT = 64  # so many requests are answered at once: environments, formats, widths
_REPORTS_SIZE = 16 * 1024 * 1024  # bytes of all reports together
_SCHEMA = 2
_VALUE_LIMIT = 1024 * 1024
_DAY = 86400
_AT_ONCE = 500  # parameters of one statement; old SQLite takes 999
_DIGEST = 16  # characters
_BESIDE = ("", "-wal", "-shm", "-journal")
_CREATE = (
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
    "CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS reports (key BLOB PRIMARY KEY, value BLOB NOT NULL, used INTEGER NOT NULL)",
    f"PRAGMA user_version = {_SCHEMA}",
)


class Info(NamedTuple):
    """What a folder holds: files known, reports kept, bytes on disk, and why it is not used (empty: it is)."""

    folder: str
    entries: int
    size: int
    unused: str = ""
    reports: int = 0


class Cache:
    """An open cache; nothing it does raises. ``unused`` says why it does nothing, else it is empty."""

    def __init__(self, folder: str) -> None:
        self.unused = ""
        self._path = os.path.join(folder, FILE_NAME)
        self._folder = folder
        self._database: sqlite3.Connection | None = None
        self._used: list[str] = []
        self.unused = made_folder_is_unsafe(folder)
        if not self.unused:
            self._open()

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the values of those keys that are known."""
        found: dict[str, str] = {}
        old: list[str] = []
        damaged = False
        long_ago = int(time.time()) - _DAY
        with self._guarded():
            for some in _parts(keys):
                marks = ",".join("?" * len(some))
                query = f"SELECT key, value, used FROM facts WHERE key IN ({marks})"  # noqa: S608  marks alone
                for key, value, used in self._execute(query, some):
                    if (
                        type(key) is not str
                        or type(value) is not str
                        or type(used) is not int
                        or value[:_DIGEST] != _digest(key, value[_DIGEST:])
                    ):
                        damaged = True
                    else:
                        found[key] = value[_DIGEST:]
                        if used < long_ago:
                            old.append(key)
        self._used += old
        if damaged:
            self.close()
            self.unused = "it was damaged"
            _delete(self._path)
        return found

    def put(self, values: Mapping[str, str]) -> None:
        """Keep values, and note which of those asked for are still in use; the oldest go when there are too many."""
        now = int(time.time())
        rows = [(key, _digest(key, value) + value, now) for key, value in values.items() if len(value) <= _VALUE_LIMIT]
        used = self._used
        if self._database is None or not (rows or used):
            return
        self._used = []
        with self._guarded():
            self._execute("BEGIN IMMEDIATE", ())
            try:
                for some in _parts(used):
                    marks = ",".join("?" * len(some))
                    self._execute(f"UPDATE facts SET used = {now} WHERE key IN ({marks})", some)  # noqa: S608
                self._database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", rows)
                self._execute("COMMIT", ())
            except BaseException:
                with contextlib.suppress(Exception):
                    self._execute("ROLLBACK", ())
                raise
            self._shrink()

    def put_report(self, request: bytes, value: bytes) -> None:
        """Keep a report, sealed (see ``reports``), as the answer to a request; the oldest go for it."""
        if self._database is None:
            return
        with self._guarded():
            self._execute("BEGIN IMMEDIATE", ())
            try:
                self._execute("INSERT OR REPLACE INTO reports VALUES (?, ?, ?)", (request, value, int(time.time())))
                total = 0
                newest_first = list(
                    self._execute("SELECT rowid, length(value) FROM reports ORDER BY used DESC, rowid DESC", ())
                )
                for position, (row, size) in enumerate(newest_first):
                    total += int(str(size))
                    if position >= REPORTS_LIMIT or (position and total > _REPORTS_SIZE):
                        self._execute("DELETE FROM reports WHERE rowid = ?", (row,))
                self._execute("COMMIT", ())
            except BaseException:
                with contextlib.suppress(Exception):
                    self._execute("ROLLBACK", ())
                raise
            self._shrink()

    def info(self) -> Info:
        """Count what is there."""
        entries = reports = 0
        with self._guarded():
            entries = int(str(next(self._execute("SELECT COUNT(*) FROM facts", ()))[0]))
            reports = int(str(next(self._execute("SELECT COUNT(*) FROM reports", ()))[0]))
        return Info(self._folder, entries, _size_of(self._path), self.unused, reports)

    def close(self) -> None:
        """Close the database."""
        database, self._database = self._database, None
        if database is not None:
            with contextlib.suppress(Exception):
                database.close()

    def _open(self) -> None:
        """Open the database, a new one in place of one that cannot be used."""
        for attempt in range(2):
            if attempt or file_is_unsafe(self._path):
                _delete(self._path)
            if self._connect():
                return
        self.unused = self.unused or "it cannot be opened"

    def _connect(self) -> bool:
        """Open the file that is there or a new one; ``False`` when it is none of ours."""
        import sqlite3  # noqa: PLC0415  only a run with a cache pays for it

        try:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            self.unused = f"it cannot be written: {error.strerror}"
            return True
        database = None
        try:
            database = sqlite3.connect(self._path, timeout=BUSY, isolation_level=None)
            self._prepare(database)
        except (sqlite3.DatabaseError, ValueError) as error:  # ValueError: a name that is no UTF-8
            if database is not None:
                database.close()
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                self.unused = "another run is using it"
                return True
            return False
        self._database = database
        return True

    @staticmethod
    def _prepare(database: sqlite3.Connection) -> None:
        """Check the schema, make it in an empty file; raises ``sqlite3.DatabaseError`` for another one."""
        import sqlite3  # noqa: PLC0415

        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0 and not database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
            for statement in _CREATE[:2]:
                database.execute(statement).fetchall()
            database.execute("BEGIN IMMEDIATE")
            for statement in _CREATE[2:]:
                database.execute(statement)
            database.execute("COMMIT")
        elif version != _SCHEMA:
            raise sqlite3.DatabaseError("another schema")
        for table in ("facts", "reports"):
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            if columns != ["key", "value", "used"]:
                raise sqlite3.DatabaseError("another schema")
        database.execute("PRAGMA synchronous = OFF")  # what a power cut tears is noticed and thrown away

    def _execute(self, statement: str, values: Sequence[object]) -> Iterator[tuple[object, ...]]:
        assert self._database is not None
        return iter(self._database.execute(statement, values))

    def _shrink(self) -> None:
        """Drop the oldest entries while the file is too large."""
        for _ in range(8):
            ((pages,), (free,), (page,)) = (
                next(self._execute(f"PRAGMA {name}", ())) for name in ("page_count", "freelist_count", "page_size")
            )
            if (pages - free) * page <= SIZE_LIMIT:  # type: ignore[operator]
                break
            self._execute(
                "DELETE FROM facts WHERE key IN (SELECT key FROM facts ORDER BY used, key "
                "LIMIT (SELECT COUNT(*) / 4 + 1 FROM facts))",
                (),
            )
        if _size_of(self._path) > SIZE_LIMIT:
            for statement in ("PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(TRUNCATE)"):
                list(self._execute(statement, ()))

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Do without the cache from the first thing on that goes wrong; a torn file is deleted."""
        if self._database is None:
            with contextlib.suppress(AssertionError):
                yield
            return
        import sqlite3  # noqa: PLC0415

        try:
            yield
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
            self.close()
            self.unused = f"{error}"
            if not any(word in self.unused for word in ("locked", "busy", "full")):
                _delete(self._path)


def clear(folder: str) -> bool:
    """Delete the cache in a folder; say whether there was one. Raises ``OSError``."""
    there = os.path.lexists(os.path.join(folder, FILE_NAME))
    for ending in _BESIDE:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, FILE_NAME + ending))
    return there


def _digest(key: str, value: str) -> str:
    return hashlib.sha256(f"{key}\0{value}".encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))


def _delete(path: str) -> None:
    for ending in _BESIDE:
        with contextlib.suppress(OSError):
            os.unlink(path + ending)


def _size_of(path: str) -> int:
    total = 0
    for ending in _BESIDE:
        with contextlib.suppress(OSError):
            total += os.stat(path + ending).st_size
    return total
