"""What the code of a file adds to its strings: the feature version of NumPy 1.x headers, the sizes Cython expects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from envaudit.binary.api_version import feature_version
from envaudit.binary.image import pieces
from envaudit.binary.machine_code import can_read
from envaudit.binary.numpy_text import API_TEXT, SIZE_CHECK
from envaudit.binary.struct_sizes import expected_sizes, type_names
from envaudit.model import NumpyNeed, StructSizes

if TYPE_CHECKING:
    from envaudit.binary.image import Image, Piece, Source
    from envaudit.binary.numpy_need import Code
    from envaudit.binary.numpy_text import Text
    from envaudit.model import NumpyBuild


def with_code(
    need: NumpyNeed | None, text: Text, source: Source, image: Image, code: Code
) -> tuple[NumpyNeed | None, str]:
    """Add what code tells to what strings told; second, why it does not tell what was asked; raises ``ReadError``."""
    feature_asked, sizes_asked = _asked(code, text, need)
    if not feature_asked and not sizes_asked:
        return need, ""
    if not can_read(image.machine, image.bits):
        return need, f"code for {image.machine} ({image.bits} bits) is not read" if need else ""
    ranges = image.ranges()
    instructions = pieces(source, ranges.code)
    unread = ""
    if need and feature_asked:
        need, unread = _with_feature(need, text.addresses(API_TEXT), instructions, image.machine)
    if sizes_asked:
        names = type_names((*text.parts, *pieces(source, ranges.data)))
        need, missing = _with_sizes(need, expected_sizes(image.machine, instructions, names))
        unread = unread or missing
    return need, unread


def _asked(code: Code, text: Text, need: NumpyNeed | None) -> tuple[bool, bool]:
    """Return whether code has to tell the feature version, and whether it has to tell sizes.

    On NumPy 2 a module that was made with headers or declarations of 2.x expects no size that is too large.
    """
    feature = code in {"features", "all"} and need is not None and need.built_for == "1.x" and need.kind == "c-api"
    harmless = code == "sizes" and need is not None and need.built_for == "2.x"
    sizes = code in {"sizes", "all"} and not harmless and text.has(SIZE_CHECK)
    return feature, sizes


def _with_feature(
    need: NumpyNeed, texts: tuple[int, ...], instructions: list[Piece], machine: str
) -> tuple[NumpyNeed | None, str]:
    """Add the feature version of 1.x headers, whose error texts stand at ``texts``; second, why it is not known."""
    feature = feature_version(machine, instructions, texts)
    if not feature.referenced:
        return None, ""  # text that the compiler has left behind of a function it has removed
    unread = "" if feature.value else "the C-API version that its NumPy 1.x headers ask for was not found in its code"
    return replace(need, feature=feature.value, feature_from=feature.found_by), unread


def _with_sizes(need: NumpyNeed | None, sizes: StructSizes) -> tuple[NumpyNeed | None, str]:
    """Add the sizes that a Cython module expects; second, why they are not known.

    Every Cython module that declares any type holds the check. One that states no size of NumPy's types, and does not
    name Cython's declarations of them, imports NumPy only as Python code does.
    """
    if sizes == StructSizes():
        missing = need is not None and need.kind == "cython"
        return need, "the sizes of NumPy's types that it expects were not found in its code" if missing else ""
    if need is None or need.built_for == "unknown":
        build: NumpyBuild = "2.x" if sizes.dtype == 32 else "1.x" if sizes.dtype == 96 else "unknown"
        need = NumpyNeed("cython", build, "cython")
    return replace(need, expects=sizes), ""
