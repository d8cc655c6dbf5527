"""Strings of a compiled file that prove how it uses NumPy.

``_import_array`` of NumPy's headers compiles two error texts into every module that calls it: one for the ABI and one
for the API. Headers of 2.x name the lowest NumPy in the second, headers of 1.x do not. Modules without these texts
find the table of functions by the name ``_ARRAY_API`` in a module called ``numpy.core`` or ``numpy._core``; Cython
modules compare the sizes of NumPy's types with those they were compiled for.

Sources: the generated ``__multiarray_api.h`` of NumPy 1.13 to 2.5, ``Utility/ImportExport.c`` of Cython, ``numpy.h`` of
pybind11, ``npyffi`` of rust-numpy. No needle ends in a NUL: strings of Rust have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.binary.image import Piece

_API_TEXT = b"module compiled against API version"
_C_API_TEXT = b"module was compiled against NumPy C-API version 0x%x (NumPy "
_TABLE = b"_ARRAY_API"
_OLD_NAME = b"numpy.core"
_NEW_NAME = b"numpy._core"
_SIZE_TEXT = b"size changed, may indicate binary incompat"
_NUMPY = b"numpy"
# What Cython's numpy.pxd says when import_array() fails; 1.x and 2.x declarations differ in the name.
_OLD_DECLARATIONS = b"numpy.core.multiarray failed to import"
_NEW_DECLARATIONS = b"numpy._core.multiarray failed to import"
# A type that Cython's numpy.pxd always declares, and that hardly any Python code mentions.
_DECLARED_TYPE = b"flatiter\0"
_NAMES = (_OLD_NAME, _NEW_NAME, _OLD_DECLARATIONS, _NEW_DECLARATIONS)
_HIT_LIMIT = 64  # per needle and piece

# framework -> a string that only code made by it holds.
_FRAMEWORKS = (
    ("cython", _SIZE_TEXT),
    ("cython", b"__pyx_"),
    ("pybind11", b"__pybind11_internals_v"),
    ("nanobind", b"nanobind::"),
    ("nanobind", b"nb_internals"),
    ("rust", b"pyo3_runtime"),
    ("swig", b"swig_runtime_data"),
    ("cffi", b"_cffi_backend"),
    ("f2py", b"f2py"),
)


class NumpyText(NamedTuple):
    """What the strings say. ``api_texts`` are the addresses of the error text of 1.x headers.

    ``feature_texts`` are the NumPy releases that the error text of 2.x headers names. ``size_check`` is Cython's check
    of any type; that NumPy's types are meant is told by its declarations (``old_pxd``, ``new_pxd``) and
    ``declares_types``.
    """

    api_texts: tuple[int, ...]
    feature_texts: tuple[str, ...]
    table: bool
    old_name: bool
    new_name: bool
    size_check: bool
    numpy: bool
    old_pxd: bool
    new_pxd: bool
    declares_types: bool
    frameworks: tuple[str, ...]


def find_text(pieces: Iterable[Piece]) -> NumpyText:
    """Search pieces of read-only data for everything that ``NumpyText`` holds."""
    api_texts: list[int] = []
    features: set[str] = set()
    frameworks: dict[str, None] = {}
    present: set[bytes] = set()
    for address, data in pieces:
        for name, needle in _FRAMEWORKS:
            if name not in frameworks and needle in data:
                frameworks[name] = None
        present.update(needle for needle in (_NUMPY, _TABLE, _SIZE_TEXT, _DECLARED_TYPE) if needle in data)
        if _NUMPY in present:
            present.update(needle for needle in _NAMES if needle in data)
        if b"compiled against " in data:
            api_texts += (address + position for position in find_all(data, _API_TEXT))
            features.update(_feature_text(data, position) for position in find_all(data, _C_API_TEXT))
    return NumpyText(
        api_texts=tuple(api_texts),
        feature_texts=tuple(sorted(features)),
        table=_TABLE in present,
        old_name=_OLD_NAME in present,
        new_name=_NEW_NAME in present,
        size_check=_SIZE_TEXT in present,
        numpy=_NUMPY in present,
        old_pxd=_OLD_DECLARATIONS in present,
        new_pxd=_NEW_DECLARATIONS in present,
        declares_types=_DECLARED_TYPE in present,
        frameworks=tuple(frameworks),
    )


def find_all(data: bytes, needle: bytes, limit: int = _HIT_LIMIT) -> list[int]:
    """Return the positions of a needle, at most ``limit``."""
    positions: list[int] = []
    position = data.find(needle)
    while position >= 0 and len(positions) < limit:
        positions.append(position)
        position = data.find(needle, position + 1)
    return positions


def _feature_text(data: bytes, position: int) -> str:
    """Return the release that follows the C-API text: ``1.23``; empty when something else follows."""
    start = position + len(_C_API_TEXT)
    text = data[start : start + 7]
    length = 0
    while length < len(text) and text[length] in b"0123456789.":
        length += 1
    return text[:length].decode("ascii") if 3 <= length <= 6 else ""
