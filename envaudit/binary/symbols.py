"""Dynamic symbols of ELF files: what a file expects of others, and what it offers them.

``read_symbols`` reads what a file expects. What it offers is asked for by name, through the hash table that the loader
itself uses, because a library may offer a hundred thousand names of which one is wanted. Neither needs section
headers. Names are bytes: C++ makes names that are thousands of bytes long, and nothing says they are text.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary.elf_headers import DT_STRSZ, DT_STRTAB, ElfHeaders
from envaudit.binary.elf_versions import defined_versions
from envaudit.binary.gnu_hash import GnuHash
from envaudit.binary.image import Source
from envaudit.errors import ReadError
from envaudit.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_DT_HASH, _DT_SYMTAB, _DT_GNU_HASH, _DT_VERSYM = 4, 6, 0x6FFFFEF5, 0x6FFFFFF0
_SHT_DYNSYM = 11
# Tags of tables that linkers put near the symbols: hashes, names, relocations, versions.
_TABLES = frozenset({4, 5, 7, 17, 23, 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFE})
_SYMBOL_LIMIT = 2_000_000
# Of one name, and of all; libtorch's are 20 MiB together.
_NAME_LIMIT, _NAMES_LIMIT = 64 * 1024, 128 * 1024 * 1024

# The word of a symbol that holds, from the lowest byte, its type and binding, its visibility and its section; the
# section is 0 for an undefined symbol. These are all values of undefined global ones.
_GLOBAL = 1
_UNDEFINED = frozenset(other << 8 | _GLOBAL << 4 | kind for other in range(256) for kind in range(16))
_NEAR = 4096  # bytes of names for each that is asked for: it pays to read all of them at once
_DENSE = 64  # one symbol in so many is asked for: it pays to read all between them at once
_PUBLIC = frozenset({0, 3})  # visibility default and protected
INIT = b"PyInit_"  # begins the name of the function by which Python imports a module
_UNVERSIONED = 1  # the highest entry of DT_VERSYM that is not the number of a version


class Symbols:
    """The dynamic symbols of one file. What is not given is read when asked for, which may raise ``ReadError``.

    ``no_module`` says that no name in it begins as those of the functions by which Python imports a module.
    """

    __slots__ = ("_exports", "_hash", "_no_module", "_path", "_undefined", "_versions")

    def __init__(
        self,
        path: str,
        undefined: frozenset[bytes] | None = None,
        versions: frozenset[str] | None = None,
        *,
        no_module: bool = False,
    ) -> None:
        self._path = path
        self._undefined = undefined
        self._versions = versions
        self._no_module = no_module
        self._exports: frozenset[bytes] | None = None
        self._hash: GnuHash | None = None

    def known(self) -> tuple[frozenset[bytes] | None, frozenset[str] | None, bool]:
        """Return what has been read so far: undefined names, defined versions, whether it is no module."""
        return self._undefined, self._versions, self._no_module

    @property
    def undefined(self) -> frozenset[bytes]:
        """The global names that another file must define, without those that name a version and without weak ones."""
        if self._undefined is None:
            self._undefined = read_symbols(self._path).undefined
        return self._undefined

    @property
    def defined_versions(self) -> frozenset[str]:
        """The symbol versions the file defines."""
        if self._versions is None:
            with open_regular(self._path) as (descriptor, size):
                table = _table(ElfHeaders(Source(descriptor, size)))
                self._versions = defined_versions(table.headers, table.headers.strings()) if table else frozenset()
        return self._versions

    def exports(self) -> frozenset[bytes]:
        """Return all names that the file defines for others; slow for a library with 100,000 of them."""
        if self._exports is None:
            with open_regular(self._path) as (descriptor, size):
                table = _table(ElfHeaders(Source(descriptor, size)))
                self._exports = table.exported() if table else frozenset()
        return self._exports

    def provides(self, names: Collection[bytes]) -> set[bytes]:
        """Return those of the names that the file defines for others, found as the loader finds them."""
        if not names or (self._no_module and all(name.startswith(INIT) for name in names)):
            return set()
        if self._exports is None:
            with open_regular(self._path) as (descriptor, size):
                source = Source(descriptor, size)
                table = _table(ElfHeaders(source))
                if table is None:
                    return set()
                if self._hash is None and table.hash_address is not None:
                    self._hash = GnuHash(table.headers, table.hash_address)
                if self._hash:
                    return table.defined(self._hash.candidates(source, names))
        return set(self.exports().intersection(names))


def read_symbols(path: str) -> Symbols:
    """Read the undefined names and the versions of an ELF file; raises ``ReadError``.

    A file without dynamic symbols expects and offers nothing.
    """
    with open_regular(path) as (descriptor, size):
        return symbols_of(path, ElfHeaders(Source(descriptor, size)))


def symbols_of(
    path: str, headers: ElfHeaders, strings: bytes = b"", offered: frozenset[bytes] = frozenset(), *, lazy: bool = False
) -> Symbols:
    """Do what ``read_symbols`` does for a file that is open; ``strings`` are its names if they have been read.

    Of what it expects those names are left out that are ``offered`` to it in any case. A ``lazy`` reader leaves out
    all that a file expects which is no module: hardly anybody asks for that.
    """
    table = _table(headers)
    if table is None:
        return Symbols(path, frozenset(), frozenset(), no_module=True)
    strings = strings or headers.strings()
    no_module = not is_tagged(path) and INIT not in strings
    undefined = None if lazy and no_module else table.undefined(strings) - offered
    return Symbols(path, undefined, defined_versions(headers, strings), no_module=no_module)


def is_tagged(path: str) -> bool:
    """Whether the name of a file says for which interpreter it is a module."""
    return path.rpartition("/")[2].partition(".")[2].startswith(("cpython-", "abi3", "pypy"))


class _Table(NamedTuple):
    """Where the dynamic symbols of an open file are. ``words`` is the number of 32-bit words of one symbol."""

    headers: ElfHeaders
    offset: int
    words: int
    hash_address: int | None

    def undefined(self, strings: bytes) -> frozenset[bytes]:
        """Return the names that others must define."""
        # Linkers put all symbols that can be found by name, the defined ones, behind those that the hash leaves out.
        count = 0
        if self.hash_address is not None:
            count = GnuHash.first_symbol(self.headers, self.hash_address)
        if count <= 1:
            count = self.length()
        names, infos = self._columns(count)
        address = self.headers.dynamic.single.get(_DT_VERSYM)
        if address is None:
            places = [name for name, info in zip(names, infos, strict=True) if info in _UNDEFINED]
        else:
            versions = self._numbers("H", self.headers.offset_of(address), count)
            entries = zip(names, infos, versions, strict=True)
            # Most symbols before the hashed ones are undefined and without a version: ask the rarer question first.
            places = [name for name, info, version in entries if version <= _UNVERSIONED and info in _UNDEFINED]
        return _names(strings, places)

    def exported(self) -> frozenset[bytes]:
        """Return the names that others can find."""
        names, infos = self._columns(self.length())
        places = [name for name, info in zip(names, infos, strict=True) if _is_exported(info)]
        return _names(self.headers.strings(), places)

    def defined(self, candidates: Iterable[tuple[bytes, list[int]]]) -> set[bytes]:
        """Return the names that one of the symbols at their indices has, if others can find that symbol."""
        single = self.headers.dynamic.single
        start, size = self.headers.offset_of(single[DT_STRTAB]), single.get(DT_STRSZ, 0)
        found = set()
        asked = list(candidates)
        places = [index for _, indices in asked for index in indices]
        first, last = min(places, default=0), max(places, default=0)
        dense = last - first < _DENSE * len(places)
        if dense:
            all_names, all_infos = self._columns(last - first + 1, first)
        if size < _NEAR * len(places):
            self.headers.source.keep(start, size)
        for name, indices in asked:
            for index in indices:
                if dense:
                    place, info = all_names[index - first], all_infos[index - first]
                else:
                    (place,), (info,) = self._columns(1, index)
                if not _is_exported(info) or place + len(name) >= size:
                    continue
                if self.headers.source.read(start + place, len(name) + 1) == name + b"\0":
                    found.add(name)
                    break
        return found

    def length(self) -> int:
        """Return the number of symbols, which no tag of the dynamic section states."""
        headers = self.headers
        single = headers.dynamic.single
        if _DT_HASH in single:
            form = "Q" if headers.machine == "s390x" and headers.layout.bits == 64 else "I"
            return self._numbers(form, headers.offset_of(single[_DT_HASH]), 2)[1]
        if self.hash_address is not None:
            count = GnuHash(headers, self.hash_address).count(headers.source)
            if count:
                return count
        for _, kind, _, _, start, size, *_ in headers.section_table():
            if kind == _SHT_DYNSYM and start == self.offset:
                return size // (4 * self.words)
        # What is left is that linkers put another table right behind the symbols.
        start = single[_DT_SYMTAB]
        ends = [value for tag, value in single.items() if tag in _TABLES and value > start]
        return (min(ends, default=start) - start) // (4 * self.words)

    def _columns(self, count: int, start: int = 0) -> tuple[array[int], array[int]]:
        """Return, for each of some symbols, the offset of its name, and the word that ends in type and binding."""
        if count > _SYMBOL_LIMIT:
            raise ReadError(f"{count} dynamic symbols, more than the {_SYMBOL_LIMIT} that are read")
        words = array("I", self.headers.source.read(self.offset + 4 * self.words * start, 4 * self.words * count))
        names = words[:: self.words]
        infos = words[1 if self.words == 6 else 3 :: self.words]
        if sys.byteorder == "big":  # pragma: no cover
            infos.byteswap()
        if (self.headers.layout.order == ">") != (sys.byteorder == "big"):
            names.byteswap()
        return names, infos

    def _numbers(self, form: str, offset: int, count: int) -> array[int]:
        """Return numbers in the byte order of the file."""
        numbers: array[int] = array(form)
        numbers.frombytes(self.headers.source.read(offset, numbers.itemsize * count))
        if (self.headers.layout.order == ">") != (sys.byteorder == "big"):
            numbers.byteswap()
        return numbers


def _table(headers: ElfHeaders) -> _Table | None:
    """Find the dynamic symbols, ``None`` when the file has none."""
    if headers.truncated:
        raise ReadError("the file is cut short")
    single = headers.dynamic.single
    if _DT_SYMTAB not in single or DT_STRTAB not in single:
        return None
    words = 6 if headers.layout.bits == 64 else 4
    return _Table(headers, headers.offset_of(single[_DT_SYMTAB]), words, single.get(_DT_GNU_HASH))


def _is_exported(info: int) -> bool:
    """Whether a symbol is defined, not local, and visible to other files."""
    return bool(info >> 16 and info & 0xF0 and info >> 8 & 3 in _PUBLIC)


def _names(strings: bytes, places: list[int]) -> frozenset[bytes]:
    """Return the NUL-terminated names at offsets in the string table."""
    find = strings.index
    names: set[bytes] = set()
    left = _NAMES_LIMIT
    # Names may overlap: a hostile file can name each byte of a long string. So many at once need 16 MiB at most.
    for start in range(0, len(places), 256):
        try:
            some = [strings[place : find(0, place, place + _NAME_LIMIT)] for place in places[start : start + 256]]
        except ValueError:
            raise ReadError("the name of a symbol is too long or lies outside the string table") from None
        left -= sum(map(len, some))
        if left < 0:
            raise ReadError(f"symbols whose names have more than the {_NAMES_LIMIT} bytes that are read")
        names.update(some)
    names.discard(b"")
    return frozenset(names)
