"""What the code of a file adds to its strings: the feature version of NumPy 1.x headers, the sizes Cython expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary.image import TEXT_LIMIT, pieces
from envaudit.binary.machine_code import Search
from envaudit.binary.numpy_text import API_TEXT, SIZE_CHECK
from envaudit.binary.struct_sizes import can_find_sizes, expected_sizes, type_names
from envaudit.model import NumpyNeed, StructSizes, replace

if TYPE_CHECKING:
    from envaudit.binary.api_version import Feature
    from envaudit.binary.image import Image, Piece, Source
    from envaudit.binary.numpy_need import Code
    from envaudit.binary.numpy_text import Text
    from envaudit.model_compiled import NumpyBuild


def with_code(
    need: NumpyNeed | None, text: Text, source: Source, image: Image, code: Code
) -> tuple[NumpyNeed | None, str]:
    """Add what code tells to what strings told; second, why it does not tell what was asked; raises ``ReadError``."""
    asked = _asked(code, text, need, image)
    feature_asked, sizes_asked = asked.feature, asked.sizes
    unread = ""
    if feature_asked:
        from envaudit.binary.api_version import can_find_version, feature_version  # noqa: PLC0415  not on NumPy 2

        if not can_find_version(image.convention):
            feature_asked, unread = False, _not_read(image)
    if sizes_asked and not can_find_sizes(image.convention):
        sizes_asked, unread = False, _not_read(image)
    if not feature_asked and not sizes_asked:
        return need, unread if need and code != "never" else ""
    ranges = image.ranges()
    search = Search()
    instructions: list[Piece] = []
    names: dict[int, str] = {}
    if sizes_asked:
        names = type_names((*text.parts, *pieces(source, ranges.data, TEXT_LIMIT)))
    if feature_asked or names:  # without a name there is nothing that code could take the address of
        instructions = pieces(source, ranges.code)
    if need and feature_asked:
        feature = feature_version(image.convention, instructions, text.addresses(API_TEXT), search)
        need, missing = _with_feature(need, feature, image.convention)
        unread = unread or (missing if asked.feature_matters else "")
    if sizes_asked:
        need, missing = _with_sizes(need, expected_sizes(image.convention, instructions, names, search))
        unread = unread or missing
    return need, unread


class _Asked(NamedTuple):
    """What code has to tell."""

    feature: bool
    feature_matters: bool
    sizes: bool


def _asked(code: Code, text: Text, need: NumpyNeed | None, image: Image) -> _Asked:
    """Return whether code has to tell the feature version, whether that matters, and whether it has to tell sizes.

    On NumPy 2 a module that was made with headers or declarations of 2.x expects no size that is too large. Microsoft's
    compiler leaves the texts of an ``_import_array`` behind that it has removed: there code must show that it is used.
    """
    old_user = need is not None and need.built_for == "1.x" and need.kind == "c-api"
    matters = code in {"features", "all"} and old_user
    harmless = code == "sizes" and need is not None and need.built_for == "2.x"
    sizes = code in {"sizes", "all"} and not harmless and text.has(SIZE_CHECK)
    return _Asked(matters or (image.format == "pe" and old_user), matters, sizes)


def _not_read(image: Image) -> str:
    """Say that there is no reader for the code of a machine."""
    return f"code for {image.machine} ({image.bits} bits) is not read"


def _with_feature(need: NumpyNeed, feature: Feature, convention: str) -> tuple[NumpyNeed | None, str]:
    """Add the feature version of 1.x headers; second, why it is not known."""
    # Only where all ways to take an address are known, none means that there is no user of the text.
    if not feature.referenced and convention != "i686-windows":
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
