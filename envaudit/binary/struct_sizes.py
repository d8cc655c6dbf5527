"""The sizes of NumPy's types that a Cython module insists on.

Cython calls ``__Pyx_ImportType(module, "numpy", "dtype", sizeof(PyArray_Descr), ...)`` for each type that a module
cimports, and raises ``numpy.dtype size changed`` when the type of the running NumPy is smaller. The size is a number in
the code, next to the instruction that takes the address of the type's name. Checked against 1,223 modules that stated
their sizes when made to fail, and 171 that were not known when the search was written: no wrong size, none missed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.binary.machine_code import Search, moves, number, signed_byte, words
from envaudit.binary.numpy_text import find_all
from envaudit.model import StructSizes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from envaudit.binary.image import Piece

# Sizes that NumPy's headers have ever given these types, see numpy_releases.EXPECTED_SIZES. A new layout must be added
# here, or its size is not found.
_PLAUSIBLE: dict[str, frozenset[int]] = {
    "dtype": frozenset({32, 88, 96}),
    "ndarray": frozenset({16, 80, 88, 96}),
    "ufunc": frozenset({192, 216, 232, 240}),
}
_AARCH64_ARGUMENT = 3  # x3, the fourth argument

# mov ecx (4th argument), mov edx (3rd: Cython before 0.28 passed no module), mov r8d (a format's argument, inlined).
_MOV = re.compile(rb"(?=(?:([\xb9\xba])|\x41\xb8)....)", re.DOTALL)
# mov r8d, mov r9d: the third and the fourth argument on Windows.
_MOV_WINDOWS = re.compile(rb"(?=\x41[\xb8\xb9](....))", re.DOTALL)
# cmp r64, imm8 | cmp r64, imm32 | cmp rax, imm32, followed by a conditional jump.
_COMPARE = re.compile(
    rb"(?=(?:[\x48\x49]\x83[\xf8-\xff](.)|[\x48\x49]\x81[\xf8-\xff](....)|\x48\x3d(....))[\x0f\x70-\x7f])", re.DOTALL
)


def type_names(texts: Iterable[Piece]) -> dict[int, str]:
    """Return the addresses at which ``dtype``, ``ndarray`` and ``ufunc`` stand as strings.

    Also the end of a longer string counts, because linkers merge a string into the tail of another.
    """
    found: dict[int, str] = {}
    for address, data in texts:
        for name in _PLAUSIBLE:
            for position in find_all(data, name.encode("ascii") + b"\0"):
                found[address + position] = name
    return found


def can_find_sizes(convention: str) -> bool:
    """Whether code of this convention can be searched for sizes."""
    return convention in _METHODS


def expected_sizes(
    convention: str, code: Collection[Piece], names: dict[int, str], search: Search | None = None
) -> StructSizes:
    """Find the sizes in code that uses the names at the addresses ``names``; the largest of each type counts.

    The search ends when there is one of each: compilers put what runs once, as importing types does, before all other
    code, and none of 9,940 modules for x86_64 stated another size behind it. Raises ``ReadError`` when there is too
    much code that might.
    """
    find = _METHODS[convention]
    search = search or Search()
    sizes: dict[str, int] = {}
    for piece in code:
        for found in search.references(convention, piece, names):
            name = names[found.target]
            size = find(piece.data, found.position, _PLAUSIBLE[name])
            if size is not None:
                sizes[name] = max(size, sizes.get(name, 0))
                if len(sizes) == len(_PLAUSIBLE):
                    return StructSizes(**sizes)
    return StructSizes(**sizes)


def _size_x86_64(data: bytes, position: int, plausible: frozenset[int]) -> int | None:
    """Return the size passed near ``position``: an argument before it, an argument after it, or a compare."""
    near = []
    for match in _MOV.finditer(data, max(position - 48, 0), position + 32):
        at = match.start()
        if data[at - 1 : at] in {b"\x41", b"\x49"} or (match[1] == b"\xba" and abs(at - position) > 20):
            continue
        value = number(data, at + 1 if match[1] else at + 2)
        if value in plausible:
            near.append((at > position, abs(at - position), value))
    return min(near)[2] if near else _size_inlined(data, position, plausible)


def _size_x86_64_windows(data: bytes, position: int, plausible: frozenset[int]) -> int | None:
    """Return the size passed near ``position`` in a register that Windows uses for it, or compared with."""
    near = []
    for match in _MOV_WINDOWS.finditer(data, max(position - 48, 0), position + 32):
        value = int.from_bytes(match[1], "little")
        if value in plausible:
            near.append((match.start() > position, abs(match.start() - position), value))
    return min(near)[2] if near else _size_inlined(data, position, plausible)


def _size_inlined(data: bytes, position: int, plausible: frozenset[int]) -> int | None:
    """Return the size that the code behind ``position`` compares with, when the check itself stands there."""
    for match in _COMPARE.finditer(data, position, position + 320):
        value = signed_byte(match[1], 0) if match[1] else int.from_bytes(match[2] or match[3], "little")
        size = _compared(value, plausible)
        if size is not None:
            return size
    return None


def _size_aarch64(data: bytes, position: int, plausible: frozenset[int]) -> int | None:
    """Return the size passed near ``position``: in the register of the argument, in any register, or a compare."""
    near = [
        (move.register != _AARCH64_ARGUMENT, abs(move.position - position), move.value)
        for move in moves(data, position - 64, position + 64)
        if move.value in plausible
    ]
    if near:
        return min(near)[2]
    for _, word in words(data, position, position + 480):
        if word & 0xFFC0001F == 0xF100001F:
            size = _compared(word >> 10 & 0xFFF, plausible)
            if size is not None:
                return size
    return None


def _compared(value: int, plausible: frozenset[int]) -> int | None:
    """Return the size that a compare with ``value`` stands for: compilers write "< 96" also as "<= 95"."""
    return value if value in plausible else value + 1 if value + 1 in plausible else None


_METHODS: dict[str, Callable[[bytes, int, frozenset[int]], int | None]] = {
    "x86_64": _size_x86_64,
    "x86_64-windows": _size_x86_64_windows,
    "aarch64": _size_aarch64,
    "aarch64-apple": _size_aarch64,
}
