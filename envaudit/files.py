"""Reading files that may be anything: a FIFO, a device, a loop of links, a terabyte of zeros.

Everything that envaudit reads of a target goes through here. Nothing blocks, nothing but a regular file is read,
nothing is read beyond a limit, and each failure is one ``ReadError`` whose text a user can understand.

Within ``looking_inside(root)`` every function here follows links as a process with that root would, and reads nothing
that lies outside of it. It holds for the whole process, as a root does: a reader that is not told of the root cannot
leave it by mistake. Paths stay those of this machine; ``inside`` and ``outside`` translate.

Everything that is read, listed or asked here is noted when somebody takes notes (``files_seen.Seen``): the report of a
run in which nothing has changed since is not worked out again. What went past this module would not be noted, and a
change of it not be seen; a test holds that nothing does.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files_root import Root
from envaudit.files_seen import (
    doubt,
    each_status,
    is_noting,
    may_execute,
    names_in_folders,
    note_listed,
    note_read,
    note_refused,
    own_type_of,
    real_path,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.files_seen import FolderNames

# The longest METADATA seen on the index is about 1 MiB (a README pasted whole); a RECORD of 60,000 files is 8 MiB.
TEXT_LIMIT = 64 * 1024 * 1024

_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class _Looking:
    """The root in which everything is looked up."""

    root = Root()


@contextmanager
def looking_inside(prefix: str) -> Iterator[None]:
    """Look everything up inside the folder of an unpacked image; an empty ``prefix`` changes nothing."""
    before = _Looking.root
    _Looking.root = Root(prefix)
    if _Looking.root.foreign:
        doubt("an image may be changed in ways that are not noticed here")
    try:
        yield
    finally:
        _Looking.root = before


def target_root() -> Root:
    """Return the root in which everything is looked up at the moment."""
    return _Looking.root


@contextmanager
def open_regular(path: str) -> Iterator[tuple[int, int]]:
    """Open a regular file for reading and yield ``(descriptor, size in bytes)``.

    A link is followed, because installers may link files from a cache; what it leads to must be a regular file.
    Raises ``ReadError`` when there is no such file, it may not be read, or it is something else.
    """
    try:
        descriptor = os.open(_followed(path), _OPEN_FLAGS)
    except (OSError, ValueError) as error:
        note_refused(path, stat.S_IFREG, str(error))
        raise ReadError(reason(error)) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            type_of(path)
            raise ReadError(f"not a regular file but {_kind(status.st_mode)}")  # noqa: TRY301
        note_read(path, status)
        yield descriptor, status.st_size
    except (OSError, MemoryError) as error:  # what cannot be read now may be readable next time
        doubt(f"{path}: {error}")
        raise
    except ReadError as error:
        if isinstance(error.__cause__, OSError):
            doubt(f"{path}: {error}")
        raise
    finally:
        os.close(descriptor)


def read_bytes(path: str, limit: int = TEXT_LIMIT) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes; raises ``ReadError``."""
    with open_regular(path) as (descriptor, size):
        if size > limit:
            raise ReadError(f"{size} bytes, more than the {limit} that are read")
        chunks = []
        left = limit + 1  # the file may grow, or be one of /proc that states no size
        while left > 0:
            try:
                wanted = min(left, size + 1 if size else 65536)
                chunk = os.read(descriptor, wanted)
            except OSError as error:
                raise ReadError(reason(error)) from error
            if not chunk:
                break
            chunks.append(chunk)
            left -= len(chunk)
            if len(chunk) == size < wanted:
                break  # what it states, and less than was asked for: this is its end
    if left <= 0:
        raise ReadError(f"more than the {limit} bytes that are read")
    return b"".join(chunks)


def read_each(folder: str, paths: Sequence[str], limit: int = TEXT_LIMIT) -> Iterator[bytes | None]:
    """Yield what ``read_bytes`` returns for each path below a folder, ``None`` where it raises.

    For tens of thousands of small files: the folder is looked up once.
    """
    if _Looking.root.foreign or os.open not in os.supports_dir_fd:
        yield from (_bytes_or_none(f"{folder}/{path}", limit) for path in paths)
        return
    try:
        base = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError):
        yield from (_bytes_or_none(f"{folder}/{path}", limit) for path in paths)
        return
    try:
        for path in paths:
            data = _whole(base, path, limit) if not is_noting() else None
            yield _bytes_or_none(f"{folder}/{path}", limit) if data is None else data
    finally:
        os.close(base)


def _whole(base: int, path: str, limit: int) -> bytes | None:
    """Return a regular file that can be read at once; ``None`` for all others, which are for ``read_bytes``."""
    try:
        descriptor = os.open(path, _OPEN_FLAGS, dir_fd=base)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        size = status.st_size
        if not stat.S_ISREG(status.st_mode) or size > limit:
            return None
        data = os.read(descriptor, size + 1)
    except (OSError, MemoryError):
        return None
    finally:
        os.close(descriptor)
    return data if len(data) == size else None


def _bytes_or_none(path: str, limit: int) -> bytes | None:
    try:
        return read_bytes(path, limit)
    except ReadError:
        return None


def read_text(path: str, limit: int = TEXT_LIMIT) -> str:
    """Return the content of a UTF-8 file, with or without a byte-order mark; raises ``ReadError``."""
    data = read_bytes(path, limit)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError(f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}") from error


def list_folder(path: str) -> list[os.DirEntry[str]]:
    """Return the entries of a folder, sorted by name, so that every run sees the same order; raises ``ReadError``.

    Of an entry only the name and what it is itself (``is_symlink``, ``is_dir(follow_symlinks=False)``) may be asked:
    where a link leads is another question.
    """
    return sorted(each_entry(path), key=lambda entry: entry.name)


def each_entry(path: str) -> Iterator[os.DirEntry[str]]:
    """Yield the entries of a folder one by one, for those who stop at some number; raises ``ReadError``."""
    try:
        place = _followed(path)
        note_listed(path)
        with os.scandir(place) as entries:
            yield from entries
    except (OSError, ValueError) as error:
        note_refused(path, stat.S_IFDIR, str(error))
        raise ReadError(reason(error)) from error


def status(path: str) -> os.stat_result:
    """Return size and times of what a path leads to; raises ``ReadError``."""
    try:
        found = os.stat(_followed(path))
    except (OSError, ValueError) as error:
        type_of(path)
        raise ReadError(reason(error)) from error
    note_read(path, found)
    return found


def listed_names(path: str) -> list[str]:
    """Return the names in a folder in the order in which the system lists them; raises ``ReadError``.

    Python's own tools go by that order where two names would do; it is another one on another machine.
    """
    return [entry.name for entry in each_entry(path)]


def size_of(path: str) -> int | None:
    """Return the size in bytes of the regular file that a path leads to, ``None`` when it leads to none."""
    try:
        found = status(path)
    except ReadError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def permissions(path: str) -> int | None:
    """Return the permission bits (``0o755``) of what a path leads to, ``None`` when it leads nowhere."""
    try:
        return stat.S_IMODE(status(path).st_mode)
    except ReadError:
        return None


def statuses(folder: str, paths: Sequence[str]) -> Iterator[os.stat_result | None]:
    """Yield the status of what each path below a folder leads to, ``None`` when there is nothing or no telling."""
    if _Looking.root.foreign:
        yield from (_status_or_none(f"{folder}/{path}") for path in paths)
    else:
        yield from each_status(folder, paths)


def folder_names(folder: str, paths: Sequence[str], known: FolderNames = ("", "")) -> FolderNames:
    """Return which names are in folders below a folder, as ``files_seen.names_in_folders``; in an image none."""
    return ("", "") if _Looking.root.foreign else names_in_folders(folder, paths, known)


def _status_or_none(path: str) -> os.stat_result | None:
    try:
        return status(path)
    except ReadError:
        return None


def why_not_there(path: str) -> str:
    """Say why the status of a path cannot be told; empty when there is nothing at it."""
    try:
        os.stat(_followed(path))
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:
        doubt(f"{path}: {error}")
        return reason(error)
    except ReadError as error:
        return str(error)
    return "it was not there a moment ago"


def _followed(path: str) -> str:
    """Return where a path leads inside the root; raises ``ReadError`` when that is nowhere."""
    if not _Looking.root.foreign:
        return path
    place = _Looking.root.follow(path)
    if not place:
        raise ReadError("a loop of symbolic links, or a path outside of the image")
    return place


# --- what os.path says, inside the root -----------------------------------------------------------------------------


def is_file(path: str) -> bool:
    """Whether a path leads to a regular file."""
    place = _Looking.root.follow(path)
    return bool(place) and type_of(place) == stat.S_IFREG


def is_folder(path: str) -> bool:
    """Whether a path leads to a folder."""
    place = _Looking.root.follow(path)
    return bool(place) and type_of(place) == stat.S_IFDIR


def exists(path: str) -> bool:
    """Whether a path leads to anything."""
    place = _Looking.root.follow(path)
    return bool(place) and type_of(place) > 0


def is_there(path: str) -> bool:
    """Whether there is anything at a path, be it a link that leads nowhere."""
    return own_type_of(_own(path)) > 0


def is_link(path: str) -> bool:
    """Whether a path itself is a link."""
    return own_type_of(_own(path)) == stat.S_IFLNK


def real(path: str) -> str:
    """Return a path of this machine without links."""
    return (_Looking.root.follow(path) or path) if _Looking.root.foreign else real_path(path)


def is_executable(path: str) -> bool:
    """Whether this process may start what a path leads to."""
    return may_execute(real(path))


def inside(path: str) -> str:
    """Return what a process of the target calls a path of this machine."""
    return _Looking.root.inside(path)


def outside(path: str) -> str:
    """Return the path on this machine of what a process of the target calls ``path``; its last part may be a link."""
    if not _Looking.root.foreign:
        return path
    folder, _, name = os.path.normpath("/" + path.lstrip("/")).rpartition("/")
    return f"{_Looking.root.outside(folder or '/')}/{name}".rstrip("/")


def _own(path: str) -> str:
    """Return a path whose folder is without links; its last part stays."""
    if not _Looking.root.foreign:
        return path
    folder, _, name = path.rpartition("/")
    place = _Looking.root.follow(folder)
    return f"{place}/{name}" if place else ""


def reason(error: OSError | ValueError) -> str:
    """Say in a few words why the operating system refused."""
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno == errno.ELOOP:
            return "a loop of symbolic links"
        return os.strerror(error.errno).lower() if error.errno in errno.errorcode else str(error)
    return str(error)


def _kind(mode: int) -> str:
    """Name what a path leads to."""
    for test, name in (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a character device"),
        (stat.S_ISBLK, "a block device"),
    ):
        if test(mode):
            return name
    return "something else"
