"""Finding where code takes the address of a string, and the numbers it loads nearby, without a disassembler.

Only the few encodings that compilers use for this are recognised. References: Intel 64 manual, volume 2 (LEA, MOV,
CMP), Arm A64 instruction set (ADR, ADRP, ADD, MOVZ, MOVK, SUBS). Positions are offsets into the bytes of one piece of
code. All matches may overlap: a byte inside an address can look like the start of an instruction and hide the real one.

A convention is a machine and, behind a dash, how its code passes arguments where that is not the usual way:
``x86_64``, ``x86_64-windows``, ``i686-windows``, ``aarch64``, ``aarch64-apple`` (variadic arguments on the stack).
"""

from __future__ import annotations

import re
from struct import Struct, unpack_from
from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary.numpy_text import find_all
from envaudit.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from envaudit.binary.image import Piece

_I32 = Struct("<i")
_U32 = Struct("<I")
_CHUNK = 1 << 20
# What decoding an address and completing a pair take, in candidates of x86.
_ADDRESS_COST, _PAIR_COST = 2, 16
# Of one file; of 1,900 real ones none has more than 15.
_REFERENCE_LIMIT = 512
# Instructions of one file that may be looked at one by one. OpenCV has the most of 3,500 files: 760,000.
CANDIDATE_LIMIT = 1_200_000

# lea r64, [rip+displacement] without its first byte, which is a common one: the search is three times faster from the
# second. The displacement counts from the end of the 7 bytes.
_LEA = re.compile(rb"\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]")
_WIDE = b"\x48\x4c"
# The top byte of adr and adrp.
_ADR = re.compile(rb"[\x10\x30\x50\x70\x90\xb0\xd0\xf0]")


class Reference(NamedTuple):
    """An instruction that makes the address ``target``."""

    position: int
    target: int


class Move(NamedTuple):
    """An AArch64 instruction that loads a number into a register."""

    position: int
    register: int
    value: int


class Search:
    """A search through the code of one file, which ends with ``ReadError`` before it takes too long."""

    __slots__ = ("_left", "_references_left")

    def __init__(self) -> None:
        self._left = CANDIDATE_LIMIT
        self._references_left = _REFERENCE_LIMIT

    def references(self, convention: str, code: Piece, targets: Collection[int]) -> Iterator[Reference]:
        """Yield the instructions in a piece of code that make one of the addresses ``targets``."""
        for found in _FINDERS[convention.partition("-")[0]](self, code, targets):
            self._references_left -= 1
            if self._references_left < 0:
                raise ReadError(f"too many candidates: more than the {_REFERENCE_LIMIT} references that are looked at")
            yield found

    def spend(self, candidates: int) -> None:
        """Count places that have to be looked at one by one."""
        self._left -= candidates
        if self._left < 0:
            raise ReadError(f"too many candidates: more than the {CANDIDATE_LIMIT} instructions that are looked at")

    def x86_64(self, code: Piece, targets: Collection[int]) -> Iterator[Reference]:
        """Find ``lea`` relative to the instruction pointer."""
        data = code.data
        last = len(data) - 7
        base = code.address + 7
        read = _I32.unpack_from
        for start in range(0, len(data), _CHUNK):
            self.spend(data.count(b"\x8d", start, start + _CHUNK))
            for match in _LEA.finditer(data, start, start + _CHUNK + 1):
                position = match.start() - 1
                if 0 <= position <= last:
                    target = base + position + read(data, position + 3)[0]
                    if target in targets and data[position] in _WIDE:
                        yield Reference(position, target)

    def i686(self, code: Piece, targets: Collection[int]) -> Iterator[Reference]:
        """Find ``push`` of an address."""
        for target in targets:
            if 0 <= target < 1 << 32:
                for position in find_all(code.data, b"\x68" + _U32.pack(target)):
                    yield Reference(position, target)

    def aarch64(self, code: Piece, targets: Collection[int]) -> Iterator[Reference]:
        """Find ``adr``, and ``adrp`` with the ``add`` that completes it."""
        data = code.data
        pages = {target >> 12 for target in targets}
        for start in range(0, len(data) - 3, _CHUNK):
            places = [start + 4 * match.start() for match in _ADR.finditer(data[start + 3 : start + _CHUNK : 4])]
            self.spend(_ADDRESS_COST * len(places))
            for position in places:
                word = _U32.unpack_from(data, position)[0]
                immediate = (word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3
                immediate -= (immediate & 0x100000) << 1
                address = code.address + position
                if not word & 0x80000000:
                    if address + immediate in targets:
                        yield Reference(position, address + immediate)
                elif (page := (address >> 12) + immediate) in pages:
                    self.spend(_PAIR_COST)
                    for reference in _completed(data, position, word & 31, page << 12):
                        if reference.target in targets:
                            yield reference


def _completed(data: bytes, position: int, register: int, page: int) -> list[Reference]:
    """Find the ``add`` instructions within 12 words that add an offset to a page address."""
    found = []
    for at in range(position + 4, min(position + 52, len(data) - 3), 4):
        word = _U32.unpack_from(data, at)[0]
        if word & 0xFFC00000 == 0x91000000 and word >> 5 & 31 == register:
            found.append(Reference(at, page + (word >> 10 & 0xFFF)))
            if word & 31 == register:
                break
    return found


_FINDERS: dict[str, Callable[[Search, Piece, Collection[int]], Iterator[Reference]]] = {
    "x86_64": Search.x86_64,
    "i686": Search.i686,
    "aarch64": Search.aarch64,
}


def words(data: bytes, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield position and value of the AArch64 instructions from ``start`` to ``stop``, clipped to the data."""
    for position in range(max(start & ~3, 0), min(stop, len(data) - 3), 4):
        yield position, unpack_from("<I", data, position)[0]


def moves(data: bytes, start: int, stop: int) -> list[Move]:
    """Return the numbers that AArch64 code loads by ``movz``, with the upper halves that ``movk`` adds."""
    found: list[Move] = []
    last: dict[int, int] = {}  # register -> index of its latest move
    for position, word in words(data, start, stop):
        kind = word & 0x7F800000
        register = word & 31
        value = (word >> 5 & 0xFFFF) << 16 * (word >> 21 & 3)
        if kind == 0x52800000:
            last[register] = len(found)
            found.append(Move(position, register, value))
        elif kind == 0x72800000 and register in last:
            index = last[register]
            found[index] = found[index]._replace(value=found[index].value | value)
    return found


def signed_byte(data: bytes, position: int) -> int:
    """Return the byte at ``position`` as the signed number that x86 takes it for."""
    value = data[position]
    return value - 256 if value > 127 else value


def number(data: bytes, position: int) -> int | None:
    """Return the little-endian 32-bit number at ``position``, ``None`` at the end of the data."""
    return None if position + 4 > len(data) else int(_U32.unpack_from(data, position)[0])
