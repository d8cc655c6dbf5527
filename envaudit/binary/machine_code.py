"""Finding where code takes the address of a string, and the numbers it loads nearby, without a disassembler.

Only the few encodings that compilers use for this are recognised. References: Intel 64 manual, volume 2 (LEA, MOV,
CMP), Arm A64 instruction set (ADR, ADRP, ADD, MOVZ, MOVK, SUBS). Positions are offsets into the bytes of one piece of
code. All matches may overlap: a byte inside an address can look like the start of an instruction and hide the real one.
"""

from __future__ import annotations

import re
from itertools import islice
from struct import Struct, unpack_from
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from envaudit.binary.image import Piece

_I32 = Struct("<i")
_U32 = Struct("<I")
_CHUNK = 1 << 20
# Of one file; the size checks of a real module use each name a few times.
_REFERENCE_LIMIT = 4096

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


def _references_x86_64(code: Piece, targets: Collection[int]) -> Iterator[Reference]:
    """Find ``lea`` relative to the instruction pointer."""
    data = code.data
    end = len(data) - 7
    base = code.address + 7
    read = _I32.unpack_from
    for match in _LEA.finditer(data):
        position = match.start() - 1
        if 0 <= position <= end:
            target = base + position + read(data, position + 3)[0]
            if target in targets and data[position] in _WIDE:
                yield Reference(position, target)


def _references_aarch64(code: Piece, targets: Collection[int]) -> Iterator[Reference]:
    """Find ``adr``, and ``adrp`` with the ``add`` that completes it."""
    data = code.data
    pages = {target >> 12 for target in targets}
    for start in range(0, len(data) - 3, _CHUNK):
        tops = data[start + 3 : start + _CHUNK : 4]
        for match in _ADR.finditer(tops):
            position = start + 4 * match.start()
            word = _U32.unpack_from(data, position)[0]
            immediate = (word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3
            immediate -= (immediate & 0x100000) << 1
            address = code.address + position
            if not word & 0x80000000:
                if address + immediate in targets:
                    yield Reference(position, address + immediate)
            elif (page := (address >> 12) + immediate) in pages:
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


_FINDERS: dict[str, Callable[[Piece, Collection[int]], Iterator[Reference]]] = {
    "x86_64": _references_x86_64,
    "aarch64": _references_aarch64,
}


def can_read(machine: str, bits: int) -> bool:
    """Whether code for this machine can be searched."""
    return bits == 64 and machine in _FINDERS


def references(machine: str, code: Piece, targets: Collection[int]) -> Iterator[Reference]:
    """Yield the instructions in a piece of code that make one of the addresses ``targets``, at most 4,096."""
    return islice(_FINDERS[machine](code, targets), _REFERENCE_LIMIT)


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
