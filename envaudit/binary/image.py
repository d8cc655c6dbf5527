"""What every format of compiled file offers to its readers: bounded reading, and a map from addresses to offsets.

An address or a length in a foreign file may be any number. ``Source.read`` is the only place where bytes are taken
from the file: it refuses what lies outside, so that no reader has to trust a number it has read.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from envaudit.errors import ReadError
from envaudit.files import reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.model import VersionNeed

RangeKind = Literal["ro", "rw", "x"]

# Of 4,700 files in wheels that may use NumPy, the largest read-only data is 16 MiB (jaxlib), the largest code 49 MiB
# (OpenCV). Hostile data of the full size takes a second together.
PIECE_LIMIT = 96 * 1024 * 1024
TEXT_LIMIT = 64 * 1024 * 1024
# A user of NumPy's C API fetches a capsule; a Cython module with a size check imports and reads attributes. All of
# these stand among the names a file takes from others, because the interpreter provides the functions.
PYTHON_CALLS = re.compile(rb"Py(?:Capsule_|Import_|Object_GetAttrString)")  # at half the price of three searches
_HEAD = 4096  # bytes; headers, and in many files the tables of the loader as well
_KEPT_LIMIT = 8 * 1024 * 1024
_HAS_PREAD = hasattr(os, "pread")  # not on Windows


class Source:
    """An open regular file of a known size; the descriptor belongs to the caller."""

    __slots__ = ("_descriptor", "_kept", "_kept_end", "_kept_start", "size")

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._kept = b""
        self._kept_start = self._kept_end = 0
        self.size = size

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly ``length`` bytes at ``offset``; raises ``ReadError`` when the file does not hold them."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise ReadError(f"{length} bytes at offset {offset} lie outside the file of {self.size} bytes")
        if length > PIECE_LIMIT:
            raise ReadError(f"{length} bytes at offset {offset}, more than the {PIECE_LIMIT} that are read at once")
        if self._kept_start <= offset and offset + length <= self._kept_end:
            start = offset - self._kept_start
            return self._kept[start : start + length]
        try:
            if _HAS_PREAD:
                data = os.pread(self._descriptor, length, offset)
            else:  # pragma: no cover  Windows
                os.lseek(self._descriptor, offset, os.SEEK_SET)
                data = os.read(self._descriptor, length)
        except OSError as error:
            raise ReadError(reason(error)) from error
        if len(data) != length:
            raise ReadError(f"the file changed while it was read ({len(data)} of {length} bytes at offset {offset})")
        return data

    def start(self, length: int) -> bytes:
        """Return the first ``length`` bytes, or all there are."""
        if not self._kept:
            self.keep(0, _HEAD)
        return self.read(0, min(length, self.size))

    def keep(self, offset: int, length: int) -> None:
        """Read a part of the file, as far as there is one, from which many small parts will be asked for next.

        The last part that was kept is forgotten. Nothing is kept of a part that is too large for that.
        """
        length = min(length, self.size - offset)
        if offset >= 0 and 0 < length <= _KEPT_LIMIT:
            self._kept = self.read(offset, length)
            self._kept_start, self._kept_end = offset, offset + length


class Range(NamedTuple):
    """A part of the file that is mapped at ``address``: read-only data, writable data or code."""

    address: int
    offset: int
    size: int
    kind: RangeKind


class Piece(NamedTuple):
    """The bytes of a range, and the address of the first."""

    address: int
    data: bytes


class Ranges(NamedTuple):
    """Where to look: ``text`` for strings, ``data`` for further strings, ``code`` for instructions."""

    text: tuple[Range, ...]
    data: tuple[Range, ...]
    code: tuple[Range, ...]


class Links(NamedTuple):
    """What a file asks of the loader; the fields are those of ``BinaryFacts``."""

    soname: str = ""
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    needed_late: tuple[str, ...] = ()
    versions_needed: tuple[VersionNeed, ...] = ()
    exec_stack: bool = False
    static_tls: int = 0
    min_align: int = 0
    min_os: str = ""


class Image(Protocol):
    """A compiled file of any format, as far as its headers tell.

    ``machine`` is the name that Python's ``platform.machine()`` gives such a computer on the system the format belongs
    to. ``convention`` is how code passes numbers to a function, see ``machine_code``; empty for code that is not read.
    ``may_use_numpy`` is false when the names it takes from other files rule out that it finds NumPy's C API.
    """

    format: str
    machine: str
    bits: int
    convention: str
    truncated: bool
    links: Links
    may_use_numpy: bool

    def ranges(self) -> Ranges:
        """Return what is mapped where; reads more of the headers, so ask only when it is needed."""
        ...


def decode(raw: bytes) -> str:
    """Make text of bytes that need not be UTF-8, so that it can always be printed."""
    return raw.decode("utf-8", "backslashreplace")


def pieces(source: Source, ranges: Iterable[Range], limit: int = PIECE_LIMIT) -> list[Piece]:
    """Read ranges; raises ``ReadError`` when they are larger together than what is read of one file."""
    chosen = list(ranges)
    total = sum(part.size for part in chosen)
    if total > limit:
        raise ReadError(f"{total} bytes to search, more than the {limit} that are searched")
    return [Piece(part.address, source.read(part.offset, part.size)) for part in chosen]
