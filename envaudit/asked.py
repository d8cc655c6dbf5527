"""What has to be read of a target so that the codes that are wanted can be judged.

The one place where codes are translated into facts. What is not asked for is left empty, and costs no time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Asked(NamedTuple):
    """What is read beyond names, versions, headers and libraries.

    ``numpy`` is what compiled files need of NumPy, ``pybind11`` which internals they share types by, ``versions`` which
    symbol versions they want. ``symbols`` asks whether each version and name is there, ``names`` links the Python
    sources.
    """

    numpy: bool = True
    pybind11: bool = True
    versions: bool = True
    symbols: bool = True
    names: bool = False

    def for_keeping(self) -> Asked:
        """Return what is read of files whose facts are kept: all that a run with other codes may ask for."""
        return self._replace(numpy=True, pybind11=True, versions=True)


# The codes, or families, that are judged by each of them.
_JUDGED_BY: Mapping[str, tuple[str, ...]] = {
    "numpy": ("ABI",),
    "pybind11": ("LNK008",),
    "versions": ("LNK002", "PLT005"),
    "symbols": ("LNK002", "LNK003", "LNK004"),
    "names": ("API001", "API002", "API003"),
}


def asked_by(wanted: Callable[[str], bool], *, tried: bool) -> Asked:
    """Return what the codes for which ``wanted`` is true ask for.

    When smoke tests are ``tried`` all of compiled files is read: one that fails may be explained by a code that is not
    wanted.
    """
    asked = Asked(**{fact: any(map(wanted, codes)) for fact, codes in _JUDGED_BY.items()})
    return Asked(names=asked.names) if tried else asked
