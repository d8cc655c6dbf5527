"""Reading files that may be anything: a FIFO, a device, a loop of links, a terabyte of zeros.

Everything that envaudit reads of a target goes through here. Nothing blocks, nothing but a regular file is read,
nothing is read beyond a limit, and each failure is one ``ReadError`` whose text a user can understand.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from envaudit.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

# The longest METADATA seen on the index is about 1 MiB (a README pasted whole); a RECORD of 60,000 files is 8 MiB.
TEXT_LIMIT = 64 * 1024 * 1024

_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def open_regular(path: str) -> Iterator[tuple[int, int]]:
    """Open a regular file for reading and yield ``(descriptor, size in bytes)``.

    A link is followed, because installers may link files from a cache; what it leads to must be a regular file.
    Raises ``ReadError`` when there is no such file, it may not be read, or it is something else.
    """
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except (OSError, ValueError) as error:
        raise ReadError(reason(error)) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ReadError(f"not a regular file but {_kind(status.st_mode)}")
        yield descriptor, status.st_size
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
                chunk = os.read(descriptor, min(left, max(size + 1, 65536)))
            except OSError as error:
                raise ReadError(reason(error)) from error
            if not chunk:
                break
            chunks.append(chunk)
            left -= len(chunk)
    if left <= 0:
        raise ReadError(f"more than the {limit} bytes that are read")
    return b"".join(chunks)


def read_text(path: str, limit: int = TEXT_LIMIT) -> str:
    """Return the content of a UTF-8 file, with or without a byte-order mark; raises ``ReadError``."""
    data = read_bytes(path, limit)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError(f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}") from error


def list_folder(path: str) -> list[os.DirEntry[str]]:
    """Return the entries of a folder, sorted by name, so that every run sees the same order; raises ``ReadError``."""
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (OSError, ValueError) as error:
        raise ReadError(reason(error)) from error


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
