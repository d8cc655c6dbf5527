"""What installers leave behind: folders moved aside, ``-nspkg.pth`` files, package folders without a module."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import list_folder, read_bytes
from envaudit.model import Leftover
from envaudit.scan.headers import parse_headers
from envaudit.scan.names import normalised, of_info_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.model import Distribution, Target

_INFO = (".dist-info", ".egg-info")
_NSPKG = "-nspkg.pth"
# A folder that holds nothing but what Python itself writes has few files, however many folders.
_ENTRIES = 2000


def read_leftovers(target: Target, distributions: Sequence[Distribution]) -> Iterator[Leftover]:
    """Yield what lies in the folders of the target and of its user and belongs to nothing that is installed."""
    for site in target.site_dirs:
        if site.origin not in {"site", "user"}:
            continue
        try:
            entries = list_folder(site.path)
        except ReadError:
            continue
        here = [dist for dist in distributions if dist.site_dir == site.path]
        yield from _renamed(site.path, [entry.name for entry in entries if entry.name.startswith("~")], here)
        for entry in entries:
            if entry.name.endswith(_NSPKG) and not _owned(entry.name, here):
                yield Leftover("nspkg", (entry.path,), of_info_name(entry.name)[0])
        known = {name for dist in here for name in (*dist.top_level, dist.key.replace("-", "_"))}
        for entry in entries:
            unknown = entry.name.isidentifier() and entry.name not in known and not entry.name.startswith("__")
            if unknown and entry.is_dir(follow_symlinks=False) and _is_emptied(entry.path):
                yield Leftover("emptied", (entry.path,), entry.name)


def _renamed(folder: str, names: list[str], here: Sequence[Distribution]) -> Iterator[Leftover]:
    """Group ``~umpy``, ``~umpy.libs`` and ``~umpy-1.26.4.dist-info`` by the distribution they are of.

    pip replaces the first letters of a name, at first only one, and keeps the rest
    (``AdjacentTempDirectory`` in ``pip/_internal/utils/temp_dir.py``).
    """
    owners: dict[str, tuple[str, str]] = {}  # the end of a name, whose it is
    for dist in here:
        for module in (*dist.top_level, dist.key.replace("-", "_")):
            owners[module[1:]] = (dist.name, "")
    infos = [name for name in names if name.endswith(_INFO)]
    for name in infos:
        stem, version = of_info_name(name)
        owners[stem[1:]] = _named(f"{folder}/{name}", stem, version)
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names:
        stem = of_info_name(name)[0] if name in infos else name.partition(".")[0]
        owner = owners.get(stem[1:]) or owners.get(stem.lstrip("~-.=%"), ("", ""))
        groups.setdefault(owner if owner[0] else (name, ""), []).append(f"{folder}/{name}")
    versions = {name: version for name, version in groups if version}
    merged: dict[tuple[str, str], list[str]] = {}
    for (name, version), paths in groups.items():
        merged.setdefault((name, version or versions.get(name, "")), []).extend(paths)
    for (name, version), paths in merged.items():
        yield Leftover("renamed", tuple(sorted(paths)), "" if name.startswith("~") else name, version)


def _named(path: str, stem: str, version: str) -> tuple[str, str]:
    """Return name and version that the metadata in a folder moved aside states, else those of the folder."""
    for file in ("METADATA", "PKG-INFO"):
        try:
            headers = parse_headers(read_bytes(f"{path}/{file}"))
        except ReadError:
            continue
        return headers.first("name") or stem, headers.first("version") or version
    return stem, version


def _owned(name: str, here: Sequence[Distribution]) -> bool:
    """Say whether a ``-nspkg.pth`` is of a distribution that is there, by its name or by a RECORD."""
    key = normalised(of_info_name(name)[0].removesuffix(_NSPKG))
    if any(dist.key == key for dist in here):
        return True
    needle = f"{name},".encode("utf-8", "surrogateescape")
    for dist in here:
        try:
            if dist.has_record and needle in read_bytes(f"{dist.info_path}/RECORD"):
                return True
        except ReadError:
            return True  # it may well be listed in what cannot be read
    return False


def _is_emptied(path: str) -> bool:
    """Say whether there is nothing below a folder, or nothing but ``__pycache__`` with what Python keeps in it."""
    waiting = [path]
    seen = 0
    while waiting:
        try:
            entries = list_folder(waiting.pop())
        except ReadError:
            return False
        seen += len(entries)
        if seen > _ENTRIES:
            return False
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif not (entry.name.endswith(".pyc") and os.path.basename(os.path.dirname(entry.path)) == "__pycache__"):
                return False
    return True
