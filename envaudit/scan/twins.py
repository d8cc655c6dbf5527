"""Several metadata folders of one distribution in one site folder: whose the files are, and which one is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import listed_names, read_bytes, size_of, target_root
from envaudit.model import Twin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.model import Distribution

# Files of one RECORD that are looked at; more say nothing more.
_FILES = 2000


def read_twins(distributions: Sequence[Distribution]) -> Iterator[Twin]:
    """Yield each metadata folder that shares its site folder with another of the same distribution.

    ``importlib.metadata`` takes the first in the order of the folder's listing (``FastPath.children``).
    """
    groups: dict[tuple[str, str], list[Distribution]] = {}
    for dist in distributions:
        groups.setdefault((dist.site_dir, dist.key), []).append(dist)
    for (folder, _), group in groups.items():
        if len(group) < 2:
            continue
        first = _first(folder, {dist.info_path.rpartition("/")[2] for dist in group})
        for dist in group:
            fitting, listed = count_fitting(dist)
            name = dist.info_path.rpartition("/")[2]
            yield Twin(dist.info_path, fitting, listed, None if not first else name == first)


def count_fitting(dist: Distribution) -> tuple[int, int]:
    """Return how many files of RECORD are on disk in the size it states, and how many were looked at.

    Byte-code, the metadata itself and what lies outside of the site folder say nothing about the version.
    """
    if not dist.has_record:
        return 0, 0
    try:
        lines = read_bytes(f"{dist.info_path}/RECORD").decode("utf-8", "surrogateescape").splitlines()
    except ReadError:
        return 0, 0
    wanted = []
    for line in lines:
        path, _, rest = line.partition(",")
        size = rest.rpartition(",")[2]
        if not size.isdecimal() or "-info/" in path or path.startswith(("..", "/", '"')) or "\0" in path:
            continue
        if size != "0" and "/../" not in path:
            wanted.append((path, int(size)))
    wanted = wanted[:: len(wanted) // _FILES + 1]
    return sum(size_of(f"{dist.site_dir}/{path}") == size for path, size in wanted), len(wanted)


def _first(folder: str, names: set[str]) -> str:
    """Return which of the names the system lists first, empty where that is not known: an image is unpacked anew."""
    if target_root().foreign:
        return ""
    try:
        return next((name for name in listed_names(folder) if name in names), "")
    except ReadError:
        return ""
