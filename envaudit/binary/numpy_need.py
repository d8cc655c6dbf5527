"""What a compiled file needs of NumPy: its strings first, its code only as far as the caller asks.

How much is needed depends on the NumPy it will run with, see ``code_for``. Strings of a file take about 0.2 ms,
its code 1 to 10 ms.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from envaudit.binary.api_version import feature_version
from envaudit.binary.image import pieces
from envaudit.binary.machine_code import can_read
from envaudit.binary.numpy_releases import ABI_2, FEATURE_OF_TEXT
from envaudit.binary.numpy_text import (
    API_TEXT,
    COMPILED,
    DECLARED_TYPE,
    NEW_DECLARATIONS,
    NEW_NAME,
    NUMPY,
    OLD_DECLARATIONS,
    OLD_NAME,
    SIZE_CHECK,
    TABLE,
    Text,
)
from envaudit.binary.struct_sizes import expected_sizes, type_names
from envaudit.errors import ReadError
from envaudit.model import NumpyNeed, StructSizes

if TYPE_CHECKING:
    from envaudit.binary.image import Image, Piece, Source
    from envaudit.model import NumpyBuild, RunningNumpy

Code = Literal["never", "sizes", "features", "all"]

_HIGHEST_1X = 0x11  # what headers of 1.25 and 1.26 can ask for
_LARGEST_SIZES = StructSizes(dtype=96, ndarray=96, ufunc=232)  # what headers of 1.x can expect


class NumpyFinding(NamedTuple):
    """The part of ``BinaryFacts`` that this module fills in."""

    need: NumpyNeed | None = None
    unread: str = ""
    frameworks: tuple[str, ...] = ()


def code_for(numpy: RunningNumpy | None) -> Code:
    """Return how much code must be read to judge files against the running NumPy.

    ``sizes``: only Cython modules made with 1.x declarations, which is all that matters on NumPy 2. ``features``: only
    the C-API version of 1.x builds, which may be more than NumPy before 1.25 offers. ``all``: both, and the sizes of
    every Cython module, which may be more than NumPy before 1.22 has.
    """
    if numpy is None:
        return "never"
    newer = numpy.abi is not None and numpy.abi >= ABI_2
    if newer:
        return "sizes"
    features = numpy.feature is not None and numpy.feature < _HIGHEST_1X
    if not features:
        return "never"
    return "features" if _offers(numpy.sizes, _LARGEST_SIZES) else "all"


def _offers(has: StructSizes, wanted: StructSizes) -> bool:
    """Whether all known sizes of the running NumPy are large enough."""
    pairs = ((has.dtype, wanted.dtype), (has.ndarray, wanted.ndarray), (has.ufunc, wanted.ufunc))
    return all(left is not None and right is not None and left >= right for left, right in pairs)


def read_numpy(source: Source, image: Image, code: Code) -> NumpyFinding:
    """Read what a file needs of NumPy; what cannot be read is said in ``unread``."""
    if not image.may_use_numpy:
        return NumpyFinding()
    try:
        text = Text(pieces(source, image.ranges().text))
    except ReadError as error:
        return NumpyFinding(unread=str(error))
    frameworks = text.frameworks()
    if not text.has(NUMPY):
        return NumpyFinding(frameworks=frameworks)
    framework = frameworks[0] if frameworks else ""
    need = _by_error_text(text, framework) or _by_table(text, framework) or _by_size_check(text)
    unread = ""
    if code != "never":
        try:
            need, unread = _with_code(need, text, source, image, code)
        except ReadError as error:
            unread = str(error)
    return NumpyFinding(need, unread, frameworks)


def _by_error_text(text: Text, framework: str) -> NumpyNeed | None:
    """Recognise a module that calls ``_import_array``."""
    if not text.has(COMPILED):
        return None
    releases = text.releases()
    old = text.has(API_TEXT)
    if not releases:
        return NumpyNeed("c-api", "1.x", framework) if old else None
    newest = max(releases, key=lambda name: FEATURE_OF_TEXT.get(name, 1 << 16))
    return NumpyNeed(
        "c-api",
        "both" if old else "2.x",
        framework,
        feature=FEATURE_OF_TEXT.get(newest),
        feature_from="text",
        feature_text=newest,
    )


def _by_table(text: Text, framework: str) -> NumpyNeed | None:
    """Recognise a module that looks the table of functions up by name."""
    if not text.has(TABLE):
        return None
    if text.has(NEW_NAME):
        return NumpyNeed("by-name", "2.x", framework)
    return NumpyNeed("by-name", "1.x", framework) if text.has(OLD_NAME) else None


def _by_size_check(text: Text) -> NumpyNeed | None:
    """Recognise a Cython module that cimports NumPy's types without ``import_array``."""
    if not text.has(SIZE_CHECK):
        return None
    if text.has(NEW_DECLARATIONS):
        return NumpyNeed("cython", "2.x", "cython")
    if text.has(OLD_DECLARATIONS):
        return NumpyNeed("cython", "1.x", "cython")
    return NumpyNeed("cython", "unknown", "cython") if text.has(DECLARED_TYPE) else None


def _with_code(
    need: NumpyNeed | None, text: Text, source: Source, image: Image, code: Code
) -> tuple[NumpyNeed | None, str]:
    """Add what code tells; second, why it does not tell what was asked."""
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
        need = _with_sizes(need, expected_sizes(image.machine, instructions, names))
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


def _with_sizes(need: NumpyNeed | None, sizes: StructSizes) -> NumpyNeed | None:
    """Add the sizes that a Cython module expects.

    Every Cython module that declares any type holds the check. One that states no size of NumPy's types, and does not
    name Cython's declarations of them, imports NumPy only as Python code does.
    """
    if need is not None and (need.kind != "cython" or need.built_for != "unknown"):
        return replace(need, expects=sizes)
    if sizes == StructSizes():
        return None
    build: NumpyBuild = "2.x" if sizes.dtype == 32 else "1.x" if sizes.dtype == 96 else "unknown"
    return NumpyNeed("cython", build, "cython", expects=sizes)
