"""PE files of Windows (``.pyd``, ``.dll``): what the loader reads of them, and where strings and code stand.

Layout: Microsoft's "PE Format", both PE32 and PE32+. Addresses in these files count from the image's base (RVA); in
ranges and code they are absolute.
"""

from __future__ import annotations

from struct import Struct, unpack, unpack_from
from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary.image import PYTHON_CALLS, Links, Range, Ranges, decode
from envaudit.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.binary.image import RangeKind, Source

MAGIC = b"MZ"

_HEADER_SIZE = 24 + 240  # with the optional header of PE32+
_SECTION_LIMIT = 96  # the loader's own
_LIBRARY_LIMIT = 1024
_FUNCTION_LIMIT = 65536  # of one library
_PYTHON_LIMIT = 4  # libraries of Python whose functions are looked at
_NAMES_LIMIT = 4 * 1024 * 1024
_NAME_LIMIT = 512
_DATA_LIMIT = 4 * 1024 * 1024

_EXPORT_LIMIT = 1_000_000
_SYMBOL_LIMIT = 16_384  # names of C++ templates are long
_SYMBOLS_LIMIT = 64 * 1024 * 1024

_EXPORTS, _IMPORTS, _DELAYED = 0, 1, 13  # data directories
_EXECUTE, _WRITE, _DISCARDABLE = 0x20000000, 0x80000000, 0x02000000
_NO_TEXT = frozenset({b".rsrc", b".reloc", b".pdata"})  # resources, relocations, unwinding
_PYTHON = ("python", "libpython", "libpypy", "pypy")
_SECTION = Struct("<8s4I12xI")

# Machine -> the name that platform.machine() gives such a computer.
_MACHINES = {0x14C: "x86", 0x1C4: "ARM", 0x8664: "AMD64", 0xAA64: "ARM64"}
_CONVENTIONS = {"AMD64": "x86_64-windows", "ARM64": "aarch64", "x86": "i686-windows"}


class _Section(NamedTuple):
    """A section header."""

    name: bytes
    virtual_size: int
    address: int
    size: int  # in the file
    offset: int
    flags: int


class PeImage:
    """What the headers of a PE file say; an ``envaudit.binary.image.Image``. Raises ``ReadError``.

    A file that ends before its last section does is ``truncated``, and nothing else of it is read.
    """

    __slots__ = (
        "_base",
        "_directories",
        "_sections",
        "_source",
        "bits",
        "convention",
        "format",
        "links",
        "machine",
        "may_use_numpy",
        "truncated",
    )

    def __init__(self, source: Source) -> None:
        self.format = "pe"
        self.links = Links()
        self.may_use_numpy = False
        self._source = source
        self._sections: list[_Section] = []
        start = _header_place(source)
        head = source.read(start, min(_HEADER_SIZE, source.size - start))
        kind, count, optional_size = unpack_from("<HH12xH", head, 4)
        self.machine = _MACHINES.get(kind, f"machine-{kind}")
        self.convention = _CONVENTIONS.get(self.machine, "")
        self.bits, self._base, self._directories = _optional_header(head[24 : 24 + optional_size])
        if count > _SECTION_LIMIT:
            raise ReadError(f"{count} sections, more than the {_SECTION_LIMIT} that Windows loads")
        table = start + 24 + optional_size
        self.truncated = table + _SECTION.size * count > source.size
        if self.truncated:
            return
        entries = _SECTION.iter_unpack(source.read(table, _SECTION.size * count))
        self._sections = [_Section._make(entry) for entry in entries]
        ends = [part.offset + part.size for part in self._sections if part.size]
        self.truncated = max(ends, default=0) > source.size
        if not self.truncated:
            self._read_links(self._directories)

    def imported(self) -> Iterator[tuple[str, tuple[bytes, ...]]]:
        """Yield each library of the import table with the names taken from it; those taken by number are left out.

        Raises ``ReadError``.
        """
        for library, functions in self._imports(self._directories[_IMPORTS]):
            places, _ = self._entries(functions)
            yield library, self._symbols([place + 2 for place in places])

    def exported(self) -> frozenset[bytes]:
        """Return the names the file offers; raises ``ReadError``."""
        if not self._directories[_EXPORTS]:
            return frozenset()
        count, _, table = unpack("<3I", self._at(self._directories[_EXPORTS], 40)[24:36].ljust(12, b"\0"))
        if count > _EXPORT_LIMIT:
            raise ReadError(f"{count} exported names, more than are read")
        places = self._at(table, 4 * count) if count else b""
        if len(places) != 4 * count:
            raise ReadError("the exported names lie outside their section")
        return frozenset(self._symbols([place for (place,) in Struct("<I").iter_unpack(places)]))

    def ranges(self) -> Ranges:
        """Return what is mapped where; older compilers put strings into writable data."""
        parts = [_range(part, self._base) for part in self._sections if _mapped(part)]
        return Ranges(
            text=tuple(part for part in parts if part.kind == "ro" or (part.kind == "rw" and part.size <= _DATA_LIMIT)),
            data=(),
            code=tuple(part for part in parts if part.kind == "x"),
        )

    def _read_links(self, directories: list[int]) -> None:
        """Read the tables of libraries, and of the functions taken from Python's."""
        needed = list(self._imports(directories[_IMPORTS]))
        delayed = list(self._delayed(directories[_DELAYED]))
        self.links = Links(needed=tuple([name for name, _ in needed]), needed_late=tuple([name for name, _ in delayed]))
        lists = {functions for name, functions in needed + delayed if name.lower().startswith(_PYTHON)}
        self.may_use_numpy = len(lists) > _PYTHON_LIMIT or any(self._calls_python(place) for place in lists)

    def _imports(self, address: int) -> Iterator[tuple[str, int]]:
        """Yield the libraries in the import table, and the address of the list of functions."""
        for functions, _, _, name, bound in self._table(address, Struct("<5I")):
            if not name:
                return
            yield self._string(name), functions or bound

    def _delayed(self, address: int) -> Iterator[tuple[str, int]]:
        """Yield the libraries in the delay-load table, and the address of the list of functions."""
        for kind, name, _, _, functions, *_ in self._table(address, Struct("<8I")):
            if not name:
                return
            base = 0 if kind & 1 else self._base  # very old linkers wrote absolute addresses
            yield self._string(name - base), functions - base

    def _table(self, address: int, form: Struct) -> Iterator[tuple[int, ...]]:
        """Yield the entries of a table that ends with an empty one, none without an address."""
        if not address:
            return
        data = self._at(address, form.size * (_LIBRARY_LIMIT + 1))
        for number in range(_LIBRARY_LIMIT + 1):
            if (number + 1) * form.size > len(data):
                raise ReadError("a table of libraries has no end in its section")
            yield form.unpack_from(data, number * form.size)
        raise ReadError(f"more than the {_LIBRARY_LIMIT} libraries that are read")

    def _calls_python(self, functions: int) -> bool:
        """Whether the functions taken from Python's library leave open that it uses NumPy's C API."""
        names, by_number = self._entries(functions)
        if by_number:
            return True  # which function that is, only the library tells
        if not names:
            return False
        first, last = min(names), max(names) + _NAME_LIMIT
        if last - first > _NAMES_LIMIT:
            return True
        text = self._at(first, last - first)
        return PYTHON_CALLS.search(text) is not None

    def _entries(self, functions: int) -> tuple[list[int], bool]:
        """Return the addresses of the names in a list of functions, and whether others are taken by number."""
        width, ordinal = (8, 1 << 63) if self.bits == 64 else (4, 1 << 31)
        data = self._at(functions, width * _FUNCTION_LIMIT)
        names = []
        by_number = False
        for (entry,) in Struct("<Q" if width == 8 else "<I").iter_unpack(data[: len(data) // width * width]):
            if not entry:
                break
            if entry & ordinal:
                by_number = True
            else:
                names.append(entry)
        return names, by_number

    def _at(self, address: int, length: int) -> bytes:
        """Return up to ``length`` bytes at an RVA, fewer at the end of the section."""
        for part in self._sections:
            inside = address - part.address
            if 0 <= inside < part.size:
                return self._source.read(part.offset + inside, min(length, part.size - inside))
        raise ReadError(f"address 0x{address:x} is not in any section of the file")

    def _string(self, address: int) -> str:
        """Return the NUL-terminated string at an RVA."""
        raw, end, _ = self._at(address, _NAME_LIMIT).partition(b"\0")
        if not end:
            raise ReadError("the name of a library has no end")
        return decode(raw)

    def _symbols(self, places: list[int]) -> tuple[bytes, ...]:
        """Return the NUL-terminated strings at some RVAs, which mostly stand side by side."""
        if not places:
            return ()
        first, last = min(places), max(places)
        if last - first > _SYMBOLS_LIMIT:
            raise ReadError(f"names spread over {last - first} bytes, more than are read")
        text = self._at(first, last - first + _SYMBOL_LIMIT)
        found = []
        for place in places:
            end = text.find(b"\0", place - first, place - first + _SYMBOL_LIMIT)
            if end < 0:
                raise ReadError("a name has no end")
            found.append(text[place - first : end])
        return tuple(found)


def _header_place(source: Source) -> int:
    """Return where the PE header stands."""
    head = source.start(64)
    if len(head) < 64:
        raise ReadError("the file ends inside its DOS header")
    start: int = unpack("<I", head[60:64])[0]
    if start + 24 > source.size:
        raise ReadError("the file ends before its PE header")
    if source.read(start, 4) != b"PE\0\0":
        raise ReadError("a DOS program, not a PE file")
    return start


def _optional_header(data: bytes) -> tuple[int, int, list[int]]:
    """Return word size, base address and the addresses of the 16 data directories, 0 for one that is not there."""
    magic = data[:2]
    if magic == b"\x0b\x02":
        bits, place, base = 64, 112, unpack("<Q", data[24:32]) if len(data) >= 32 else ()
    elif magic == b"\x0b\x01":
        bits, place, base = 32, 96, unpack("<I", data[28:32]) if len(data) >= 32 else ()
    else:
        raise ReadError("neither a 32-bit nor a 64-bit PE file")
    if len(data) < place:
        raise ReadError("the file ends inside its PE header")
    count = min(unpack("<I", data[place - 4 : place])[0], 16, (len(data) - place) // 8)
    directories = [unpack("<I", data[place + 8 * number : place + 8 * number + 4])[0] for number in range(count)]
    return bits, base[0], directories + [0] * (16 - count)


def _mapped(part: _Section) -> bool:
    """Whether a section may hold strings or code."""
    return bool(part.size) and not part.flags & _DISCARDABLE and part.name.rstrip(b"\0") not in _NO_TEXT


def _range(part: _Section, base: int) -> Range:
    """Turn a section into a range."""
    kind: RangeKind = "x" if part.flags & _EXECUTE else "rw" if part.flags & _WRITE else "ro"
    return Range(base + part.address, part.offset, min(part.virtual_size or part.size, part.size), kind)
