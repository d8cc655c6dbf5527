"""The ELF files in the memory of a process: where each was loaded, its table for unwinding, names of its functions."""

from __future__ import annotations

import os
import stat
import struct
from typing import TYPE_CHECKING, NamedTuple

from envaudit.watch.memory import Reads, UnreadableError

if TYPE_CHECKING:
    from envaudit.watch.regions import Region, Regions

_PT_LOAD, _PF_X = 1, 1
_PT_GNU_EH_FRAME = 0x6474E550
_SHT_SYMTAB, _SHT_DYNSYM = 2, 11
_FUNCTIONS = {2, 10}  # STT_FUNC, STT_GNU_IFUNC
_MOST_HEADERS = 256
_MOST_SYMBOLS = 96 * 1024 * 1024  # bytes
_LONGEST_NAME = 2048
_PAGE = 4096


class Loaded(NamedTuple):
    """A file in memory: what to add to its own addresses, and where its table for unwinding is (0: it has none)."""

    path: str
    bias: int
    table: int


class Symbol(NamedTuple):
    """A function; ``inside`` says that the address lies in it and is not merely behind it."""

    name: str
    inside: bool


class Objects:
    """The files of one process, each looked at once."""

    def __init__(self, memory: Reads, regions: Regions) -> None:
        self._memory = memory
        self._regions = regions
        self._known: dict[int, Loaded | None] = {}
        self._symbols: dict[str, _Symbols] = {}

    def at(self, address: int) -> Loaded | None:
        """Return the file whose code an address belongs to."""
        region = self._regions.at(address)
        if region is None or not (region.path.startswith("/") or region.path == "[vdso]"):
            return None
        if region.start not in self._known:
            self._known[region.start] = self._loaded(region)
        return self._known[region.start]

    def symbol(self, address: int) -> Symbol | None:
        """Return the function an address lies in, or the nearest before it."""
        loaded = self.at(address)
        if loaded is None or not loaded.path.startswith("/"):
            return None
        if loaded.path not in self._symbols:
            self._symbols[loaded.path] = _Symbols(loaded.path)
        return self._symbols[loaded.path].at(address - loaded.bias)

    def _loaded(self, region: Region) -> Loaded | None:
        first = self._regions.first_of(region)
        if first is None:
            return None
        try:
            head = self._memory.read(first.start, 64)
            if head[:6] != b"\x7fELF\x02\x01":
                return None
            place, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
            if size != 56 or count > _MOST_HEADERS:
                return None
            data = self._memory.read(first.start + place, size * count)
        except UnreadableError:
            return None
        return _from_headers(region, data)


def _from_headers(region: Region, data: bytes) -> Loaded | None:
    """Return where a file was loaded, by its program headers and the region its code is in.

    Several segments may share a page of the file, and then lie at several places: only that of the code counts.
    """
    bias: int | None = None
    table = 0
    for kind, rights, offset, address, _, size, _, _ in struct.iter_unpack("<IIQQQQQQ", data):
        begins = offset - offset % _PAGE
        if kind == _PT_LOAD and rights & _PF_X and begins <= region.offset < offset + size:
            bias = region.start - region.offset - (address - offset)
        elif kind == _PT_GNU_EH_FRAME:
            table = address
    if bias is None:
        return None
    return Loaded(region.path, bias, table + bias if table else 0)


class _Symbols:
    """The functions a file on disk names. A file that cannot be read names none."""

    def __init__(self, path: str) -> None:
        self._tables: list[tuple[bytes, bytes]] = []  # symbols, names
        try:
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        try:
            if stat.S_ISREG(os.fstat(file).st_mode):
                self._read(file)
        except (OSError, struct.error, OverflowError, ValueError):
            self._tables.clear()
        finally:
            os.close(file)

    def _read(self, file: int) -> None:
        head = os.pread(file, 64, 0)
        place = struct.unpack_from("<Q", head, 40)[0]
        size, count = struct.unpack_from("<HH", head, 58)
        if size != 64 or head[:4] != b"\x7fELF":
            return
        sections = list(struct.iter_unpack("<IIQQQQIIQQ", os.pread(file, size * count, place)))
        for _, kind, _, _, offset, length, link, _, _, _ in sections:
            if kind in {_SHT_SYMTAB, _SHT_DYNSYM} and link < len(sections):
                names, names_size = sections[link][4], sections[link][5]
                if max(length, names_size) <= _MOST_SYMBOLS:
                    symbols = os.pread(file, length - length % 24, offset)
                    self._tables.append((symbols[: len(symbols) // 24 * 24], os.pread(file, names_size, names)))

    def at(self, address: int) -> Symbol | None:
        best: tuple[int, int, int, bytes] | None = None  # start, size, name, names
        for symbols, names in self._tables:
            for name, info, _, section, value, size in struct.iter_unpack("<IBBHQQ", symbols):
                if info & 15 in _FUNCTIONS and section and value <= address:
                    if value <= address < value + size:
                        return Symbol(_name(names, name), inside=True)
                    if best is None or value > best[0]:
                        best = (value, size, name, names)
        if best is None:
            return None
        return Symbol(_name(best[3], best[2]), inside=False)


def _name(names: bytes, start: int) -> str:
    end = names.find(b"\0", start, start + _LONGEST_NAME)
    return names[start : end if end >= 0 else start + _LONGEST_NAME].decode("utf-8", "backslashreplace")
