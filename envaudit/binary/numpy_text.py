"""Strings of a compiled file that prove how it uses NumPy.

``_import_array`` of NumPy's headers compiles two error texts into every module that calls it: one for the ABI and one
for the API. Headers of 2.x name the lowest NumPy in the second, headers of 1.x do not. Modules without these texts
find the table of functions by the name ``_ARRAY_API`` in a module called ``numpy.core`` or ``numpy._core``; Cython
modules compare the sizes of NumPy's types with those they were compiled for.

Sources: the generated ``__multiarray_api.h`` of NumPy 1.13 to 2.5, ``Utility/ImportExport.c`` of Cython, ``numpy.h`` of
pybind11, ``npyffi`` of rust-numpy. No needle ends in a NUL where Rust may have written it: its strings have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envaudit.binary.image import Piece

NUMPY = b"numpy"
COMPILED = b"compiled against "  # in all texts of ``_import_array``, and in few others
API_TEXT = b"module compiled against API version"
C_API_TEXT = b"module was compiled against NumPy C-API version 0x%x (NumPy "
TABLE = b"_ARRAY_API"
OLD_NAME = b"numpy.core"
NEW_NAME = b"numpy._core"
SIZE_CHECK = b"size changed, may indicate binary incompat"
# Begins the name under which modules made with pybind11 share their types; all of it must be the same.
PYBIND11 = b"__pybind11_internals_v"
# What Cython's numpy.pxd says when import_array() fails; its 1.x and 2.x declarations differ in the name.
OLD_DECLARATIONS = b"numpy.core.multiarray failed to import"
NEW_DECLARATIONS = b"numpy._core.multiarray failed to import"
# What Cython 3 adds to the first when it calls import_array() on its own: then it does so before it compares sizes.
OWN_CALL = b"auto-generated because you didn't call"
# A type that Cython's numpy.pxd always declares, and that hardly any Python code mentions.
DECLARED_TYPE = b"flatiter\0"

# framework -> a string that only code made by it holds. A module made by the first (most are) is not searched further.
# The first two matter without NumPy as well.
FRAMEWORKS = (
    ("cython", SIZE_CHECK),
    ("pybind11", PYBIND11),
    ("nanobind", b"nanobind::"),
    ("rust", b"pyo3_runtime"),
    ("swig", b"swig_runtime_data"),
    ("cffi", b"_cffi_backend"),
    ("f2py", b"is auto-generated with f2py"),
    ("cython", b"__pyx"),  # "_" at the end would be there too, and be searched for at half the speed
)

_HIT_LIMIT = 64  # per needle and piece
_NAME_LIMIT = 1024


class Text:
    """Pieces of read-only data, searched for one string at a time; what was found once is remembered."""

    __slots__ = ("_known", "parts")

    def __init__(self, parts: Sequence[Piece]) -> None:
        self.parts = tuple(parts)
        self._known: dict[bytes, bool] = {}

    def has(self, needle: bytes) -> bool:
        """Whether any piece holds the bytes."""
        known = self._known.get(needle)
        if known is None:
            known = False
            for part in self.parts:
                if needle in part.data:
                    known = True
                    break
            self._known[needle] = known
        return known

    def addresses(self, needle: bytes) -> tuple[int, ...]:
        """Return the addresses at which the bytes stand."""
        return tuple(address + position for address, data in self.parts for position in find_all(data, needle))

    def releases(self) -> tuple[str, ...]:
        """Return the NumPy releases (``1.23``) that error texts of 2.x headers name."""
        found = {_release(data, position) for _, data in self.parts for position in find_all(data, C_API_TEXT)}
        return tuple(sorted(found))

    def whole(self, needle: bytes) -> str:
        """Return the first NUL-terminated string that begins with the bytes; empty when none has an end."""
        for _, data in self.parts:
            start = data.find(needle)
            end = data.find(b"\0", start, start + _NAME_LIMIT)
            if start >= 0 and end >= 0:
                return data[start:end].decode("utf-8", "backslashreplace")
        return ""

    def frameworks(self, looked_for: Sequence[tuple[str, bytes]] = FRAMEWORKS) -> tuple[str, ...]:
        """Return the names of what generated or supports the code, most often one."""
        found: dict[str, None] = {}
        for name, needle in looked_for:
            if name not in found and self.has(needle):
                found[name] = None
                if needle is SIZE_CHECK:
                    break
        return tuple(found)


def find_all(data: bytes, needle: bytes, limit: int = _HIT_LIMIT) -> list[int]:
    """Return the positions of a needle, at most ``limit``."""
    positions: list[int] = []
    position = data.find(needle)
    while position >= 0 and len(positions) < limit:
        positions.append(position)
        position = data.find(needle, position + 1)
    return positions


def _release(data: bytes, position: int) -> str:
    """Return the release that follows the C-API text: ``1.23``; empty when something else follows."""
    start = position + len(C_API_TEXT)
    text = data[start : start + 7]
    length = 0
    while length < len(text) and text[length] in b"0123456789.":
        length += 1
    return text[:length].decode("ascii") if 3 <= length <= 6 else ""
