"""Whether a compiled module goes with the NumPy it would run with, by what was read of both.

The order of the questions is the order in which a module fails: Cython compares struct sizes first, then
``_import_array`` compares the ABI and the feature version, and code that looks the table up by name compares nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Literal

    from envaudit.model import NumpyNeed, RunningNumpy


class Misfit(NamedTuple):
    """How a module does not go with NumPy.

    ``kind``: ``abi`` NumPy refuses code for 1.x; ``feature`` NumPy refuses code for newer functions; ``size`` Cython
    refuses a ``struct`` that is smaller than the module expects; ``unsized`` it surely would, but the size that the
    module expects was not found; ``by-name`` nothing refuses, and structs are read as those of 1.x.
    """

    kind: Literal["abi", "feature", "size", "unsized", "by-name"]
    code: str
    struct: str = ""
    expected: int = 0
    actual: int = 0


def generation(numpy: RunningNumpy) -> int:
    """Return the major version of the C ABI, 1 or 2; the release number stands in for an unread header."""
    if numpy.abi is not None:
        return numpy.abi >> 24
    major = numpy.version.partition(".")[0]
    return int(major) if major.isdecimal() else 0


def misfit(need: NumpyNeed, numpy: RunningNumpy) -> Misfit | None:
    """Compare one module with the running NumPy; ``None`` when nothing is known against it."""
    on_numpy2 = generation(numpy) >= 2
    refused = _refused(need, numpy, on_numpy2=on_numpy2)
    if refused is not None and need.asks_first:
        return refused
    larger = _too_large(need, numpy)
    if larger is not None:
        struct, expected, actual = larger
        code = "ABI001" if on_numpy2 and need.built_for != "2.x" else "ABI004"
        return Misfit("size", code, struct, expected, actual)
    if refused is None and need.built_for == "1.x" and on_numpy2:
        return _unasked(need, numpy)
    return refused


def _refused(need: NumpyNeed, numpy: RunningNumpy, *, on_numpy2: bool) -> Misfit | None:
    """Say what NumPy answers to ``_import_array``; ``None`` when it agrees or is not asked."""
    if need.kind != "c-api":
        return None
    if need.built_for == "1.x" and on_numpy2:
        return Misfit("abi", "ABI001")
    if need.feature and numpy.feature and need.feature > numpy.feature:
        return Misfit("feature", "ABI003")
    return None


def _too_large(need: NumpyNeed, numpy: RunningNumpy) -> tuple[str, int, int] | None:
    """Return the struct that a module expects larger than it is, with both sizes."""
    for struct, expected, actual in zip(need.expects._fields, need.expects, numpy.sizes, strict=True):
        if expected is not None and actual is not None and expected > actual:
            return struct, expected, actual
    return None


def _unasked(need: NumpyNeed, numpy: RunningNumpy) -> Misfit | None:
    """Say what becomes of a module with 1.x headers on NumPy 2 when it does not ask NumPy."""
    if need.kind == "by-name":
        return Misfit("by-name", "ABI002")
    if need.expects.dtype is not None and numpy.sizes.dtype is not None:
        return None  # its sizes are known, and none of them is too large
    return Misfit("unsized", "ABI001", "dtype")
