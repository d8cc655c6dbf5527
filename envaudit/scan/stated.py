"""Which version the modules of a distribution state, read as text: ``__version__ = "2.0.2"``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import read_bytes
from envaudit.scan.names import is_version

if TYPE_CHECKING:
    from collections.abc import Iterable

_FILE_LIMIT = 256 * 1024
# In the order in which they are believed: a module that is only for the version knows it best.
_NAMES = (
    "version.py",
    "_version.py",
    "_version_meson.py",
    "__version__.py",
    "_about.py",
    "__about__.py",
    "about.py",
    "__init__.py",
)
# ``__version__ = "1.2"``, ``__version__ = version = '1.2'`` (setuptools_scm), ``full_version: str = "1.2"``.
_ASSIGNED = re.compile(
    rb"^(?:__version__|full_version|version|VERSION|__VERSION__)[ \t]*(?::[ \t]*\w+[ \t]*)?"
    rb"=[ \t]*(?:\w+[ \t]*=[ \t]*)?[\"']v?([0-9][0-9A-Za-z.+!_-]{0,63})[\"']",
    re.MULTILINE,
)
# What versioneer writes into a release: a text in JSON inside of the module. Its program for a working copy, which some
# projects ship in every release, names "0+unknown" for the case that it finds nothing, and has no such text.
_JSON = re.compile(
    rb"""^version_json = '''[^']{0,2000}?"version":[ \t]*"([0-9][0-9A-Za-z.+!_-]{0,63})["]""", re.MULTILINE
)


class Stated(NamedTuple):
    """A version and the file that states it."""

    version: str
    path: str


def version_files(paths: Iterable[str], packages: Iterable[str]) -> list[str]:
    """Return those paths that may state the version of one of the import packages, best first.

    Only files directly in the package count: what lies deeper may be a copy of another project.
    """
    places = {f"{package}/{name}": rank for package in packages for rank, name in enumerate(_NAMES)}
    return sorted((path for path in paths if path in places), key=lambda path: (places[path], path))


def stated_version(site_dir: str, paths: Iterable[str]) -> Stated | None:
    """Return the first version that one of the files states, ``None`` when none does."""
    for path in paths:
        try:
            text = read_bytes(f"{site_dir}/{path}", _FILE_LIMIT)
        except ReadError:
            continue
        found = _ASSIGNED.search(text) or _JSON.search(text)
        if found and is_version(version := found[1].decode()):
            return Stated(version, path)
    return None


def other_release(one: str, other: str) -> bool:
    """Say whether two versions are of different releases; ``1.2`` is ``1.2.0``, and ``1.2.dev1+g12`` is ``1.2``."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415  only where files differ

    try:
        first, second = Version(one), Version(other)
    except InvalidVersion:
        return False
    length = max(len(first.release), len(second.release))
    return (first.epoch, _padded(first.release, length)) != (second.epoch, _padded(second.release, length))


def _padded(release: tuple[int, ...], length: int) -> tuple[int, ...]:
    return release + (0,) * (length - len(release))
