"""What each release of NumPy offers to compiled modules, and what its headers put into them: data and lookup.

Sources: ``numpy/core/setup_common.py`` (1.x), ``numpy/_core/meson.build`` and ``numpyconfig.h`` (2.x) of all 128
release tags from 1.7.0 to 2.5.2; struct sizes measured in 20 releases on 64-bit Linux (``type.__basicsize__``, and
``sizeof`` in the headers). A new minor release of NumPy adds one row to ``RELEASES``.
"""

from __future__ import annotations

from typing import NamedTuple

from envaudit.model import StructSizes

ABI_1 = 0x01000009
ABI_2 = 0x02000000


class Release(NamedTuple):
    """One minor release: its ABI number, its C-API feature version, and the sizes of its types on 64-bit machines.

    ``sizes`` is what the running NumPy has. ``target`` is the feature version that its headers put into a module unless
    the module chooses one itself, ``expected`` are the sizes those headers then state.
    """

    abi: int
    feature: int
    sizes: StructSizes
    target: int
    expected: StructSizes


def _release(abi: int, feature: int, sizes: tuple[int, ...], target: int, expected: tuple[int, ...]) -> Release:
    """Make a row; sizes are those of dtype, ndarray and ufunc."""
    return Release(abi, feature, _sizes(*sizes), target, _sizes(*expected))


def _sizes(dtype: int | None = None, ndarray: int | None = None, ufunc: int | None = None) -> StructSizes:
    return StructSizes(dtype=dtype, ndarray=ndarray, ufunc=ufunc)


_S113 = (96, 80, 192)
_S116 = (96, 80, 216)
_S120 = (96, 88, 216)
_S122 = (96, 96, 232)
_S200 = (88, 96, 232)
_S201 = (88, 96, 240)
_E200 = (32, 80, 216)
_E201 = (32, 88, 216)
_E203 = (32, 96, 232)

# (major, minor) -> the release. Sizes before 1.13 were not measured.
RELEASES: dict[tuple[int, int], Release] = {
    (1, 7): _release(ABI_1, 0x07, (), 0x07, ()),
    (1, 8): _release(ABI_1, 0x09, (), 0x09, ()),
    (1, 9): _release(ABI_1, 0x09, (), 0x09, ()),
    (1, 10): _release(ABI_1, 0x0A, (), 0x0A, ()),
    (1, 11): _release(ABI_1, 0x0A, (), 0x0A, ()),
    (1, 12): _release(ABI_1, 0x0A, (), 0x0A, ()),
    (1, 13): _release(ABI_1, 0x0B, _S113, 0x0B, _S113),
    (1, 14): _release(ABI_1, 0x0C, _S113, 0x0C, _S113),
    (1, 15): _release(ABI_1, 0x0C, _S113, 0x0C, _S113),
    (1, 16): _release(ABI_1, 0x0D, _S116, 0x0D, _S116),
    (1, 17): _release(ABI_1, 0x0D, _S116, 0x0D, _S116),
    (1, 18): _release(ABI_1, 0x0D, _S116, 0x0D, _S116),
    (1, 19): _release(ABI_1, 0x0D, _S116, 0x0D, _S116),
    (1, 20): _release(ABI_1, 0x0E, _S120, 0x0E, _S120),
    (1, 21): _release(ABI_1, 0x0E, _S120, 0x0E, _S120),
    (1, 22): _release(ABI_1, 0x0F, _S122, 0x0F, _S122),
    (1, 23): _release(ABI_1, 0x10, _S122, 0x10, _S122),
    (1, 24): _release(ABI_1, 0x10, _S122, 0x10, _S122),
    (1, 25): _release(ABI_1, 0x11, _S122, 0x0D, _S116),
    (1, 26): _release(ABI_1, 0x11, _S122, 0x0D, _S116),
    (2, 0): _release(ABI_2, 0x12, _S200, 0x0D, _E200),
    (2, 1): _release(ABI_2, 0x13, _S201, 0x0E, _E201),
    (2, 2): _release(ABI_2, 0x13, _S201, 0x0E, _E201),
    (2, 3): _release(ABI_2, 0x14, _S201, 0x10, _E203),
    (2, 4): _release(ABI_2, 0x15, _S201, 0x10, _E203),
    (2, 5): _release(ABI_2, 0x16, _S201, 0x11, _E203),
}

# The text in 2.x builds ("compiled against NumPy C-API version 0x%x (NumPy 1.23)") -> its feature version.
# The text names the first release of a level: 1.17, 1.18 and 1.19 write "1.16" too.
FEATURE_OF_TEXT: dict[str, int] = {
    "1.7": 0x07,
    "1.8": 0x08,
    "1.9": 0x09,
    "1.10": 0x0A,
    "1.13": 0x0B,
    "1.14": 0x0C,
    "1.16": 0x0D,
    "1.20": 0x0E,
    "1.22": 0x0F,
    "1.23": 0x10,
    "1.25": 0x11,
    "2.0": 0x12,
    "2.1": 0x13,
    "2.3": 0x14,
    "2.4": 0x15,
    "2.5": 0x16,
}


def release_of(version: str) -> Release | None:
    """Return the row of a NumPy version such as ``1.26.4`` or ``2.3.0rc1``, ``None`` when there is none."""
    parts = version.split(".", 2)
    if len(parts) < 2:
        return None
    major, minor = parts[0].strip(), parts[1].strip()
    if not (major.isascii() and major.isdecimal() and minor.isascii() and minor.isdecimal()):
        return None
    return RELEASES.get((int(major[:4]), int(minor[:4])))


def first_release(feature: int) -> str:
    """Return the first minor release that offers a feature version (``2.0`` for 0x12); empty when none is known."""
    for (major, minor), release in RELEASES.items():
        if release.feature >= feature:
            return f"{major}.{minor}"
    return ""
