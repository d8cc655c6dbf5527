"""The hash table of ELF files (``DT_GNU_HASH``) by which the loader finds a symbol without reading the others.

It holds a Bloom filter, which answers most questions with no, buckets, and for each bucket a chain of hash values with
the lowest bit set at its end. Source: glibc, ``elf/dl-lookup.c`` (``do_lookup_x``).
"""

from __future__ import annotations

import sys
from array import array
from functools import lru_cache
from struct import unpack
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envaudit.binary.elf_headers import ElfHeaders
    from envaudit.binary.image import Source

_WORD_LIMIT = 1 << 22  # of the filter and of the buckets; libtorch has 65,536 and 60,000
_CHAIN_LIMIT = 4096  # symbols in one bucket; real ones have fewer than 32
_CHAIN_WINDOW = 16
_MANY = 32  # names, for which it pays to read all chains at once
# Of all names that are looked up together: so many steps, and so many for each.
_WALK_LIMIT, _CHAIN_USUAL = 100_000, 32
_MASK = 0xFFFFFFFF

_POWERS = [pow(33, exponent, 1 << 32) for exponent in range(257)]
_DIGITS = b"0123456789abcdef"
_HIGH = bytes(_DIGITS[value >> 4] for value in range(256))
_LOW = bytes(_DIGITS[value & 15] for value in range(256))


class _Header(NamedTuple):
    """The first four words of the table, and where it stands."""

    offset: int
    buckets: int
    first: int
    filters: int
    shift: int


class GnuHash:
    """The table of one file, without its chains."""

    __slots__ = ("_bits", "_buckets", "_chains", "_filter", "_first", "_shift", "_swapped")

    def __init__(self, headers: ElfHeaders, address: int) -> None:
        header = _header(headers, address)
        if header.buckets > _WORD_LIMIT or header.filters > _WORD_LIMIT:
            raise ReadError(f"a symbol hash of {header.buckets} buckets, more than the {_WORD_LIMIT} that are read")
        if not header.buckets or not header.filters:
            raise ReadError("a symbol hash without buckets")
        self._bits = headers.layout.bits
        self._first = header.first
        self._shift = header.shift
        self._swapped = (headers.layout.order == ">") != (sys.byteorder == "big")
        source = headers.source
        start = header.offset + 16
        width = self._bits // 8
        self._filter = self._numbers("Q" if width == 8 else "I", source.read(start, width * header.filters))
        start += width * header.filters
        self._buckets = self._numbers("I", source.read(start, 4 * header.buckets))
        self._chains = start + 4 * header.buckets

    @staticmethod
    def first_symbol(headers: ElfHeaders, address: int) -> int:
        """Return the index of the first symbol that is in the table."""
        return _header(headers, address).first

    def candidates(self, source: Source, names: Iterable[bytes]) -> Iterator[tuple[bytes, list[int]]]:
        """Yield each name that may be in the table, and the indices of the symbols with its hash."""
        left = _WALK_LIMIT
        asked = self._behind_the_filter(names)
        if len(asked) > _MANY:
            places = [index for _, _, index in asked]
            start = min(places)
            source.keep(self._chains + 4 * (start - self._first), 4 * (max(places) + _CHAIN_WINDOW - start))
        for name, value, index in asked:
            chain = self._chain(source, index)
            left += _CHAIN_USUAL - len(chain)
            if left < 0:
                raise ReadError("the chains of the symbol hash are too long")
            wanted = value | 1
            found = [at for at, word in enumerate(chain, index) if word | 1 == wanted]
            if found:
                yield name, found

    def _behind_the_filter(self, names: Iterable[bytes]) -> list[tuple[bytes, int, int]]:
        """Return name, hash and first symbol of the bucket of each name that the filter does not rule out."""
        bits, shift, first = self._bits, self._shift, self._first
        words, buckets = self._filter, self._buckets
        count, size = len(words), len(buckets)
        found = []
        for name in names:
            value = hash_of(name)
            word = words[value // bits % count]
            if word >> value % bits & word >> (value >> shift) % bits & 1:
                index = buckets[value % size]
                if index >= first:
                    found.append((name, value, index))
        return found

    def count(self, source: Source) -> int:
        """Return the number of symbols of the file: one more than the last in the table; 0 if that is empty."""
        index = max(self._buckets)
        if index < max(self._first, 1):
            return 0
        return index + len(self._chain(source, index))

    def _chain(self, source: Source, index: int) -> list[int]:
        """Return the hashes of the symbols of a bucket, whose first is ``index``."""
        found: list[int] = []
        start = self._chains + 4 * (index - self._first)
        while len(found) < _CHAIN_LIMIT:
            size = min(4 * _CHAIN_WINDOW, (source.size - start) // 4 * 4)
            if size < 4:
                raise ReadError("a chain of the symbol hash has no end in the file")
            for word in self._numbers("I", source.read(start, size)):
                found.append(word)
                if word & 1:
                    return found
            start += size
        raise ReadError(f"more than the {_CHAIN_LIMIT} symbols of one hash bucket that are read")

    def _numbers(self, form: str, data: bytes) -> array[int]:
        """Return numbers in the byte order of the file."""
        numbers: array[int] = array(form)
        numbers.frombytes(data)
        if self._swapped:
            numbers.byteswap()
        return numbers


@lru_cache(maxsize=1 << 16)
def hash_of(name: bytes) -> int:
    """Return the hash of a name: 5381, then times 33 plus each byte, modulo 2**32."""
    value = 5381
    # Read as digits of a number to the base of 33, names are multiplied out in C: a digit is below 33, a byte is not.
    for start in range(0, len(name), 256):
        part = name[start : start + 256]
        digits = 16 * int(part.translate(_HIGH), 33) + int(part.translate(_LOW), 33)
        value = (value * _POWERS[len(part)] + digits) & _MASK
    return value


def _header(headers: ElfHeaders, address: int) -> _Header:
    """Read the first words of the table."""
    offset = headers.offset_of(address)
    return _Header(offset, *unpack(headers.layout.order + "4I", headers.source.read(offset, 16)))
