"""Finished reports, each with everything it was made of.

A report is found again under the request it answers: arguments, folder, variables, machine, user, Python and version of
the program. It answers only if all that was looked at beside is as it was: the variables, the status of every file and
folder that was read, and the answer to every question about a path (``files_seen``). Nothing else is trusted, and a
kept report that is not exactly of the form written here is none.

Next to nothing is imported here but SQLite.
"""

from __future__ import annotations

import marshal
import os
import sys
import zlib

from envaudit.cache.place import BUSY, FILE_NAME, file_is_unsafe, folder_is_unsafe
from envaudit.files_seen import (
    FIELDS,
    STATUSES,
    fewer_statuses,
    own_type_of_path,
    signature_of_path,
    still_as_read,
    still_told,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from envaudit.files_seen import Seen

    _Questions = list[tuple[str, tuple[Sequence[str], Sequence[int | str]]]]

FORMAT = 3
VALUE_LIMIT = 4 * 1024 * 1024  # bytes as they are kept; that of an environment of 288 distributions takes 150 KiB
_WHOLE_LIMIT = 64 * 1024 * 1024  # bytes unpacked
_DIGEST_SIZE = 16
_DAY = 86400
# Of a folder of which so many things are asked, its own status is kept: one look at it answers them all.
_MANY = 8
_ENOUGH = 400_000  # bytes of paths, which are some 6,000 files: their statuses take 10 ms, a second process 2
_SIGKILL = 9  # the module signal takes 2 ms


class KeptReport:
    """What a run has written: ``outputs`` to files and standard output, and the lines of ``note`` to standard error.

    An output is a path (empty: standard output), whether the text is added to what is there, and the text.
    ``until`` is when something else would be said though nothing has changed, in seconds since 1970. ``environ`` are
    the variables it has looked at, ``None`` for one that was not set.
    """

    __slots__ = ("_paths", "_signatures", "_told", "environ", "exit_code", "note", "outputs", "until")

    def __init__(
        self,
        outputs: Sequence[tuple[str, bool, str]],
        exit_code: int,
        note: str,
        until: int,
        environ: Mapping[str, str | None],
    ) -> None:
        self.outputs = outputs
        self.exit_code = exit_code
        self.note = note
        self.until = until
        self.environ = dict(environ)
        self._paths: Sequence[bytes] = ()
        self._signatures: Sequence[int] = ()
        self._told: Mapping[str, tuple[Sequence[str], Sequence[int | str]]] = {}

    def dump(self, seen: Seen) -> bytes:
        """Return the bytes to keep; raises ``ValueError`` for what cannot be kept."""
        read, told = _condensed(seen)
        whole = marshal.dumps(
            (
                FORMAT,
                [
                    (path.encode("utf-8", "surrogatepass"), append, text.encode("utf-8", "surrogatepass"))
                    for path, append, text in self.outputs
                ],
                self.exit_code,
                self.note.encode("utf-8", "surrogatepass"),
                self.until,
                [_pair(name, value) for name, value in self.environ.items()],
                b"\0".join(os.fsencode(path) for path in read),
                [number for signature in read.values() for number in signature],
                {
                    question: (b"\0".join(map(os.fsencode, some)), list(some.values()))
                    for question, some in told.items()
                },
            )
        )
        return zlib.compress(whole, 1)

    @classmethod
    def load(cls, value: bytes) -> KeptReport | None:
        """Read what ``dump`` has written; ``None`` for anything else."""
        try:
            unpacked = zlib.decompressobj()
            plain = marshal.loads(unpacked.decompress(value, _WHOLE_LIMIT))  # noqa: S302  its digest was right
            if not unpacked.eof or type(plain) is not tuple or len(plain) != 9:
                return None
            version, outputs, code, note, until, pairs, paths, signatures, told = plain
            if version != FORMAT or type(code) is not int or type(until) is not int:
                return None
            environ = {name.decode(): _text_or_none(set_to) for name, set_to in pairs}
            written = [(_text(path), append is True, _text(text)) for path, append, text in outputs]
            kept = cls(written, code, _text(note), until, environ)
            kept._paths = paths.split(b"\0")
            kept._signatures = signatures if type(signatures) is list else ()
            kept._told = {question: _asked(*some) for question, some in told.items()}
        except (zlib.error, ValueError, TypeError, EOFError, AttributeError, KeyError):
            return None
        return kept if len(kept._signatures) == len(kept._paths) * FIELDS else None

    def holds(self, environ: Mapping[str, str], now: float) -> bool:
        """Whether everything that the report was made of is as it was."""
        if now >= self.until or any(environ.get(name) != value for name, value in self.environ.items()):
            return False
        own, others = _divided(self._told, _length(self._paths))
        with _Other(others) as other:
            return (
                all(still_told(question, *some) for question, some in own)
                and still_as_read(self._paths, self._signatures)
                and other.agrees()
            )


def _divided(told: Mapping[str, tuple[Sequence[str], Sequence[int | str]]], read: int) -> tuple[_Questions, _Questions]:
    """Divide the questions into those asked here and those that another process asks, which are none for few files.

    A large environment has 40,000 files, and asking for the status of each is nearly all that there is to do. All other
    questions, and those for ``read`` bytes of paths, are asked here: as much more of the files is for the other.
    """
    paths, answers = told.get(STATUSES, ((), ()))
    files = _length(paths)
    if files < _ENOUGH or not _may_fork():
        return list(told.items()), []
    everything = read + sum(_length(asked) for asked, _ in told.values())
    here, left = 0, files - everything // 2
    while left > 0:
        left -= len(paths[here])
        here += 1
    own = {**told, STATUSES: (paths[:here], answers[:here])}
    return list(own.items()), [(STATUSES, (paths[here:], answers[here:]))]


def _length(paths: Iterable[str | bytes]) -> int:
    """Return the length of all paths: about what asking for them takes."""
    return sum(map(len, paths))


def _may_fork() -> bool:
    """Whether there are two processors for it; nothing has made a thread so far."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1


class _Other:
    """A second process that asks questions; without any, or where there is none to be had, they are asked here."""

    def __init__(self, questions: _Questions) -> None:
        self._questions = questions
        self._child = 0

    def __enter__(self) -> _Other:  # noqa: PYI034  Self is not in the typing of Python 3.10
        if self._questions:
            try:
                self._child = os.fork()
            except OSError:
                return self
            if self._child == 0:
                status = 1
                try:
                    status = 0 if self._asked() else 1
                finally:
                    os._exit(status)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child:
            os.kill(self._child, _SIGKILL)
            os.waitpid(self._child, 0)

    def agrees(self) -> bool:
        """Whether all answers are the same still."""
        if not self._child:
            return self._asked()
        child, self._child = self._child, 0
        return os.waitpid(child, 0)[1] == 0

    def _asked(self) -> bool:
        return all(still_told(question, *some) for question, some in self._questions)


def find_report(folder: str, request: bytes, now: float) -> KeptReport | None:
    """Return the report that was kept for a request; whatever is wrong with the cache, there is none."""
    path = os.path.join(folder, FILE_NAME)
    if folder_is_unsafe(folder) or not os.path.exists(path) or file_is_unsafe(path):
        return None
    import sqlite3  # noqa: PLC0415  not where there is no cache

    try:
        database = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
        try:
            row = database.execute("SELECT value, used FROM reports WHERE key = ?", (request,)).fetchone()
            if row is None or type(row[0]) is not bytes or type(row[1]) is not int:
                return None
            if row[1] < now - _DAY:
                database.execute("UPDATE reports SET used = ? WHERE key = ?", (int(now), request))
        finally:
            database.close()
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError):
        return None
    value: bytes = row[0]
    if value[:_DIGEST_SIZE] != _digest(request, value[_DIGEST_SIZE:]):
        return None
    return KeptReport.load(value[_DIGEST_SIZE:])


def sealed(request: bytes, value: bytes) -> bytes:
    """Return what to put into the database, with a digest: nothing in SQLite notices a flipped bit."""
    return _digest(request, value) + value


def _digest(request: bytes, value: bytes) -> bytes:
    try:
        from _blake2 import blake2b  # noqa: PLC0415  that of hashlib, without OpenSSL, which takes 4 ms
    except ImportError:
        from hashlib import blake2b  # noqa: PLC0415
    digest = blake2b(len(request).to_bytes(8, "little") + request, digest_size=_DIGEST_SIZE)
    digest.update(value)
    return bytes(digest.digest())


# --- what was seen, as it is kept -----------------------------------------------------------------------------------

_Told = dict[str, dict[str, "int | str"]]


def _condensed(seen: Seen) -> tuple[dict[str, tuple[int, ...]], _Told]:
    """Return what was read, and for each question its paths and answers.

    What stands in a folder, and as what, cannot change without its status. That takes the place of many questions about
    one folder, but for links: what they lead to lies elsewhere.
    """
    read: dict[str, tuple[int, ...]] = dict(seen.read)
    told: _Told = {}
    by_folder: dict[str, list[tuple[str, str]]] = {}
    for (question, path), answer in seen.told.items():
        told.setdefault(question, {})[path] = answer
        if question in {"type", "own type"}:
            by_folder.setdefault(os.path.dirname(path), []).append((question, path))
    if "statuses" in told:
        told["statuses"] = dict(_fewer(seen, told["statuses"], read))
    for folder, asked in by_folder.items():
        if folder not in read:
            if len(asked) < _MANY or folder in seen.busy:
                continue
            signature = signature_of_path(folder)
            if signature[0] <= 0:
                continue
            seen.add_read(folder, signature)
            read[folder] = signature
        for question, path in asked:
            if os.path.basename(path) not in {"", ".", ".."} and own_type_of_path(path) == told[question][path]:
                del told[question][path]
    return read, told


def _fewer(
    seen: Seen, asked: Mapping[str, int | str], read: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[str, int | str]]:
    """Yield what was asked of the statuses of many files, without those that were read as well."""
    for question, answer in asked.items():
        fewer = fewer_statuses(question, answer, read)
        if fewer is None:
            seen.add_doubt("a file changed while it was looked at")
        else:
            yield fewer


def _pair(name: str, value: str | None) -> tuple[bytes, bytes | None]:
    return name.encode(), None if value is None else value.encode("utf-8", "surrogatepass")


def _text(raw: object) -> str:
    if type(raw) is not bytes:
        raise TypeError
    return raw.decode("utf-8", "surrogatepass")


def _text_or_none(raw: object) -> str | None:
    return None if raw is None else _text(raw)


def _asked(paths: object, answers: object) -> tuple[list[str], list[int | str]]:
    if type(paths) is not bytes or type(answers) is not list:
        raise TypeError
    asked = [os.fsdecode(path) for path in paths.split(b"\0")] if paths else []
    if len(asked) != len(answers):
        raise ValueError(len(answers))
    return asked, answers
