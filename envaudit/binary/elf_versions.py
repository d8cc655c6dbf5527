"""Symbol versions in ELF files: those a file asks its libraries for, and those it defines.

Both are linked records without a stated size (Linux Standard Base, "Symbol Versioning"); each link is an offset from
the record that holds it. The records are the same in 32-bit and 64-bit files.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from envaudit.binary.elf_headers import string
from envaudit.errors import ReadError
from envaudit.model import VersionNeed

if TYPE_CHECKING:
    from envaudit.binary.elf_headers import ElfHeaders

_DT_VERDEF, _DT_VERNEED = 0x6FFFFFFC, 0x6FFFFFFE
_WEAK = 2  # VER_FLG_WEAK: the loader only warns
_RECORD_LIMIT = 4096  # real files have a few dozen
# Read at once: enough for 100 records; the second for the few files that have more.
_FIRST_WINDOW, _LAST_WINDOW = 2 * 1024, 1024 * 1024

# By byte order. Verneed and Vernaux, Verdef and Verdaux; the last field of each is the link to the next.
_NEEDED = {order: (Struct(order + "HHIII"), Struct(order + "IHHII")) for order in "<>"}
_DEFINED = {order: (Struct(order + "HHHHIII"), Struct(order + "II")) for order in "<>"}


def needed_versions(headers: ElfHeaders, strings: bytes) -> tuple[VersionNeed, ...]:
    """Return the versions that must be defined by the libraries found; raises ``ReadError``."""
    address = headers.dynamic.single.get(_DT_VERNEED)
    if address is None:
        return ()
    table = _Table(headers, address)
    library, version = _NEEDED[headers.layout.order]
    found = []
    for place, (_, count, file, first, _) in table.chain(0, library):
        records = table.chain(place + first, version, count)
        versions = [string(strings, name) for _, (_, flags, _, name, _) in records if not flags & _WEAK]
        found.append(VersionNeed(string(strings, file), tuple(versions)))
    return tuple(found)


def defined_versions(headers: ElfHeaders, strings: bytes) -> frozenset[str]:
    """Return the versions a file defines, empty when it has no versions at all; raises ``ReadError``.

    The file's own name, which stands among them as the base version, counts: the loader takes it for one too.
    """
    address = headers.dynamic.single.get(_DT_VERDEF)
    if address is None:
        return frozenset()
    table = _Table(headers, address)
    definition, name = _DEFINED[headers.layout.order]
    found = set()
    for place, (_, _, _, _, _, first, _) in table.chain(0, definition):
        found |= {string(strings, index) for _, (index, _) in table.chain(place + first, name, 1)}
    return frozenset(found)


class _Table:
    """Linked records that begin at an address."""

    __slots__ = ("_data", "_headers", "_left", "_offset")

    def __init__(self, headers: ElfHeaders, address: int) -> None:
        self._headers = headers
        self._offset = headers.offset_of(address)
        self._left = _RECORD_LIMIT
        self._data = self._window(_FIRST_WINDOW)

    def chain(self, place: int, form: Struct, limit: int = _RECORD_LIMIT) -> list[tuple[int, tuple[int, ...]]]:
        """Return place and fields of records, following the offset in their last field until it is 0."""
        found = []
        for _ in range(limit):
            self._left -= 1
            if self._left < 0:
                raise ReadError(f"more than the {_RECORD_LIMIT} records of symbol versions that are read")
            fields = self._record(place, form)
            found.append((place, fields))
            if not fields[-1]:
                break
            place += fields[-1]
        return found

    def _record(self, place: int, form: Struct) -> tuple[int, ...]:
        """Return the fields of one record."""
        if place + form.size > len(self._data) == _FIRST_WINDOW:
            self._data = self._window(_LAST_WINDOW)
        if place + form.size > len(self._data):
            raise ReadError("a record of symbol versions lies outside the file")
        return form.unpack_from(self._data, place)

    def _window(self, size: int) -> bytes:
        """Read so many bytes from the first record on, or all there are."""
        source = self._headers.source
        return source.read(self._offset, min(size, source.size - self._offset))
