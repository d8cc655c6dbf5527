"""The C-API feature version that NumPy 1.x headers put into a module: a number in its code, next to an error text.

``_import_array`` calls ``PyErr_Format(PyExc_RuntimeError, text, NPY_FEATURE_VERSION, ...)``. The text is found first,
then the instructions that take its address, then the number they pass as the third argument. The method was checked
against NumPy's own modules of 1.13 to 2.5 and against 689 modules that stated their number when made to fail.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary.machine_code import Search, moves, number, signed_byte, words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from envaudit.binary.image import Piece

_PLAUSIBLE = range(2, 64)
_AARCH64_ARGUMENT = 2  # w2, the third argument

# mov edx, imm32 (the third argument in the System V calling convention); after 0x41 it is r10d.
_MOV_EDX = re.compile(rb"(?=\xba(....))", re.DOTALL)
# mov r8d, imm32: the third argument on Windows.
_MOV_R8D = re.compile(rb"(?=\x41\xb8(....))", re.DOTALL)
# push imm8 | push imm32
_PUSH = re.compile(rb"\x6a(.)|\x68(....)", re.DOTALL)
# cmp r32, imm8 and the conditional jump that follows at once.
_COMPARE = re.compile(rb"(?=\x83[\xf8-\xff](.)(?:\x0f([\x80-\x8f])|([\x70-\x7f])))", re.DOTALL)
# call [r64 + 211 * 8]: PyArray_GetNDArrayCFeatureVersion; cmp eax, imm8; perhaps one move; the jump.
_SLOT_211 = b"\x98\x06\0\0"
_CALL = range(0x90, 0x98)
_COMPARE_RESULT = re.compile(rb"\x83\xf8(.)(?:[\x40-\x4f]?[\x89\x8b].)?(?:\x0f([\x80-\x8f])|([\x70-\x7f]))", re.DOTALL)

_SLOT_COST = 16  # in candidates

# Conditions of a jump: taken when above the number (be, a, le, g), or when not below it (b, ae, l, ge).
_ABOVE = frozenset({6, 7, 14, 15})
_NOT_BELOW = frozenset({2, 3, 12, 13})


class Feature(NamedTuple):
    """A feature version and how it was found: ``argument``, ``compare`` or ``slot``; ``None`` and empty if not.

    ``referenced`` is false when no code takes the address of the text: then nothing uses it.
    """

    value: int | None
    found_by: str
    referenced: bool


def can_find_version(convention: str) -> bool:
    """Whether code of this convention can be searched for the version."""
    return convention in _METHODS


def feature_version(
    convention: str, code: Collection[Piece], texts: Collection[int], search: Search | None = None
) -> Feature:
    """Find the feature version in code that uses the error text at one of the addresses ``texts``.

    Raises ``ReadError`` when there is too much code that might.
    """
    targets = frozenset(texts)
    search = search or Search()
    places = [(piece.data, found.position) for piece in code for found in search.references(convention, piece, targets)]
    if not places:
        return Feature(None, "", referenced=False)
    for name, method in zip(("argument", "compare"), _METHODS[convention], strict=False):
        values = [value for data, position in places if (value := _nearest(method(data, position), position))]
        if values:
            return Feature(max(values), name, referenced=True)
    if convention.startswith("x86_64"):
        values = [value for piece in code for value in _slot_compares(search, piece.data) if value in _PLAUSIBLE]
        if values:
            return Feature(max(values), "slot", referenced=True)
    return Feature(None, "", referenced=True)


def _nearest(candidates: Iterator[tuple[int, int]], position: int) -> int | None:
    """Return the plausible value whose instruction is nearest to ``position``."""
    near = [(abs(at - position), value) for at, value in candidates if value in _PLAUSIBLE]
    return min(near)[1] if near else None


def _argument_x86_64(data: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Yield the numbers loaded into edx within 64 bytes."""
    for match in _MOV_EDX.finditer(data, max(position - 64, 0), position + 64):
        at = match.start()
        value = number(data, at + 1)
        if value is not None and data[at - 1 : at] != b"\x41":
            yield at, value


def _argument_x86_64_windows(data: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Yield the numbers loaded into r8d within 64 bytes."""
    for match in _MOV_R8D.finditer(data, max(position - 64, 0), position + 64):
        yield match.start(), int.from_bytes(match[1], "little")


def _argument_i686_windows(data: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Yield the numbers pushed in the 24 bytes before: arguments are pushed from the last to the first."""
    for match in _PUSH.finditer(data, max(position - 24, 0), position):
        yield match.start(), signed_byte(match[1], 0) if match[1] else int.from_bytes(match[2], "little")


def _argument_aarch64_apple(data: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Yield the numbers loaded into any register within 24 instructions: they are stored on the stack."""
    for move in moves(data, position - 96, position + 96):
        yield move.position, move.value


def _argument_aarch64(data: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Yield the numbers loaded into w2 within 24 instructions."""
    for move in moves(data, position - 96, position + 96):
        if move.register == _AARCH64_ARGUMENT:
            yield move.position, move.value


def _compare_x86_64(data: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Yield the numbers compared with shortly before the call."""
    for match in _COMPARE.finditer(data, max(position - 80, 0), position + 24):
        value = _bound(match)
        if value is not None:
            yield match.start(), value


def _compare_aarch64(data: bytes, position: int) -> Iterator[tuple[int, int]]:
    """Yield the numbers compared with shortly before the call: the jump is taken when above."""
    for at, word in words(data, position - 80, position + 24):
        if word & 0xFFC0001F == 0x7100001F:
            yield at, (word >> 10 & 0xFFF) + 1


def _slot_compares(search: Search, data: bytes) -> Iterator[int]:
    """Yield the numbers that the result of NumPy's own version function is compared with."""
    at = data.find(_SLOT_211, 2)
    while at >= 0:
        search.spend(_SLOT_COST)
        end = at + len(_SLOT_211)
        if data[at - 2] == 0xFF and data[at - 1] in _CALL:
            match = _COMPARE_RESULT.search(data, end, end + 32)
            value = _bound(match) if match and match.start() <= end + 24 else None
            if value is not None:
                yield value
        at = data.find(_SLOT_211, at + 1)


def _bound(match: re.Match[bytes]) -> int | None:
    """Return the lowest number that passes a compare and jump."""
    value = signed_byte(match[1], 0)
    condition = (match[2] or match[3])[0] & 15
    if condition in _ABOVE:
        return value + 1
    return value if condition in _NOT_BELOW else None


# By convention: the argument, and the compare before the call where there is one.
_METHODS: dict[str, tuple[Callable[[bytes, int], Iterator[tuple[int, int]]], ...]] = {
    "x86_64": (_argument_x86_64, _compare_x86_64),
    "x86_64-windows": (_argument_x86_64_windows, _compare_x86_64),
    "i686-windows": (_argument_i686_windows,),
    "aarch64": (_argument_aarch64, _compare_aarch64),
    "aarch64-apple": (_argument_aarch64_apple, _compare_aarch64),
}
