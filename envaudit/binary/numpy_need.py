"""What a compiled file needs of NumPy: its strings first, its code only as far as the caller asks.

How much is needed depends on the NumPy it will run with, see ``code_for``. Strings of a file take about 0.2 ms,
its code 1 to 10 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from envaudit.binary.image import TEXT_LIMIT, pieces
from envaudit.binary.numpy_releases import ABI_2, FEATURE_OF_TEXT
from envaudit.binary.numpy_text import (
    API_TEXT,
    COMPILED,
    DECLARED_TYPE,
    FRAMEWORKS,
    NEW_DECLARATIONS,
    NEW_NAME,
    NUMPY,
    OLD_DECLARATIONS,
    OLD_NAME,
    OWN_CALL,
    PYBIND11,
    SIZE_CHECK,
    TABLE,
    Text,
)
from envaudit.errors import ReadError
from envaudit.model import NumpyNeed, StructSizes

if TYPE_CHECKING:
    from envaudit.binary.image import Image, Source
    from envaudit.model import RunningNumpy

Code = Literal["never", "sizes", "features", "all"]

_HIGHEST_1X = 0x11  # what headers of 1.25 and 1.26 can ask for
_LARGEST_SIZES = StructSizes(dtype=96, ndarray=96, ufunc=232)  # what headers of 1.x can expect


class NumpyFinding(NamedTuple):
    """The part of ``BinaryFacts`` that this module fills in."""

    need: NumpyNeed | None = None
    unread: str = ""
    frameworks: tuple[str, ...] = ()
    pybind11: str = ""


def code_for(numpy: RunningNumpy | None) -> Code:
    """Return how much code must be read to judge files against the running NumPy.

    ``sizes``: only Cython modules made with 1.x declarations, which is all that matters on NumPy 2. ``features``: only
    the C-API version of 1.x builds, which may be more than NumPy before 1.25 offers. ``all``: both, and the sizes of
    every Cython module, which may be more than NumPy before 1.22 has.
    """
    if numpy is None:
        return "never"
    if numpy.abi is not None and numpy.abi >= ABI_2:
        return "sizes"
    if numpy.feature is None or numpy.feature >= _HIGHEST_1X:
        return "never"
    return "features" if _offers(numpy.sizes, _LARGEST_SIZES) else "all"


def _offers(has: StructSizes, wanted: StructSizes) -> bool:
    """Whether all known sizes of the running NumPy are large enough."""
    pairs = ((has.dtype, wanted.dtype), (has.ndarray, wanted.ndarray), (has.ufunc, wanted.ufunc))
    return all(left is not None and right is not None and left >= right for left, right in pairs)


def read_numpy(
    source: Source, image: Image, code: Code, *, made_by: bool = True, numpy: bool = True, pybind11: bool = True
) -> NumpyFinding:
    """Read what a file needs of NumPy; what cannot be read is said in ``unread``.

    Without ``made_by`` a file that checks NumPy by itself is not searched for what else has generated its code. Without
    ``numpy`` only pybind11 is looked for, without ``pybind11`` nothing more in a file that does not name NumPy.
    """
    if not image.may_use_numpy:
        return NumpyFinding()
    try:
        text = Text(pieces(source, image.ranges().text, TEXT_LIMIT))
    except ReadError as error:
        return NumpyFinding(unread=str(error))
    named = numpy and text.has(NUMPY)
    if not named and not pybind11:
        return NumpyFinding()
    # Of a file that does not use NumPy's C API it does not matter what else has made it: six searches are saved.
    matters = named and (made_by if text.has(COMPILED) else text.has(TABLE))
    frameworks = text.frameworks(FRAMEWORKS if matters else FRAMEWORKS[:2])
    internals = text.whole(PYBIND11) if "pybind11" in frameworks else ""
    if not named:
        return NumpyFinding(frameworks=frameworks, pybind11=internals)
    framework = frameworks[0] if frameworks else ""
    need = _by_error_text(text, framework) or _by_table(text, framework) or _by_size_check(text)
    unread = ""
    if code != "never" or image.format == "pe":
        from envaudit.binary.numpy_code import with_code  # noqa: PLC0415  its patterns take longer to prepare than a file

        try:
            need, unread = with_code(need, text, source, image, code)
        except ReadError as error:
            unread = str(error)
    return NumpyFinding(need, unread, frameworks, internals)


def _by_error_text(text: Text, framework: str) -> NumpyNeed | None:
    """Recognise a module that calls ``_import_array``."""
    if not text.has(COMPILED):
        return None
    releases = text.releases()
    old = text.has(API_TEXT)
    asks_first = framework == "cython" and text.has(OWN_CALL)
    if not releases:
        return NumpyNeed("c-api", "1.x", framework, asks_first=asks_first) if old else None
    newest = max(releases, key=lambda name: FEATURE_OF_TEXT.get(name, 1 << 16))
    return NumpyNeed(
        "c-api",
        "both" if old else "2.x",
        framework,
        feature=FEATURE_OF_TEXT.get(newest),
        feature_from="text",
        feature_text=newest,
        asks_first=asks_first,
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
