"""Modules that are found in one place although those of another place are meant.

The order is Python's own: the folder of the script (or the working folder), PYTHONPATH, the standard library, then the
site folders one by one. A folder without ``__init__.py`` hides nothing: Python looks on, and takes it only when there
is no module of that name anywhere. What lies in site-packages hides nothing of the standard library, which comes first.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import is_file, read_bytes, real
from envaudit.model import Hidden
from envaudit.scan.importable import hideable_library, library_folder, modules_in
from envaudit.scan.names import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from envaudit.model import Distribution, SiteDir, Target
    from envaudit.model_layout import PlaceKind

# Folders of projects, and what wheels install beside their package by mistake; nothing imports them by these names.
_NOT_MEANT = frozenset(
    (
        *("test", "tests", "testing", "conftest", "benchmark", "benchmarks", "build", "dist", "setup", "notebooks"),
        *("doc", "docs", "example", "examples", "sample", "samples", "script", "scripts", "tool", "tools"),
    )
)
# pkgutil and pkg_resources let the folders of several places be one package.
_EXTENDED = (b"extend_path", b"declare_namespace")
_INIT_LIMIT = 1024 * 1024
_PROJECT = re.compile(rb"""^\s*name\s*=\s*["']([A-Za-z0-9._-]+)["']""", re.MULTILINE)
# A working folder may be anything, also one with a million files.
_FOLDER_LIMIT = 5000


class _Meant:
    """The visible distributions by the import names they install."""

    def __init__(self, visible: Iterable[Distribution]) -> None:
        self.by_name: dict[str, Distribution] = {}
        for dist in visible:
            for name in dist.top_level:
                self.by_name.setdefault(name, dist)


def read_hidden(
    target: Target, distributions: Sequence[Distribution], pythonpath: Sequence[str], cwd: str
) -> Iterator[Hidden]:
    """Yield what hides what. ``cwd`` is empty when nothing is run in it."""
    visible = [dist for dist in distributions if not dist.hidden_by]
    meant = _Meant(visible)
    sites = {real(site.path) for site in target.site_dirs}
    library = library_folder(target)
    standard = hideable_library(target)
    for folder in pythonpath:
        if real(folder) not in sites | {real(library)}:
            yield from _in_front(folder, "PYTHONPATH", meant, standard, library)
    if cwd and real(cwd) not in sites and not (library and f"{real(cwd)}/".startswith(f"{real(library)}/")):
        yield from _in_front(cwd, "cwd", meant, standard, library)
    for dist in visible:
        for name in dist.top_level:
            if name in standard and not dist.editable_path:
                path = f"{dist.site_dir}/{name}"
                yield Hidden(name, "stdlib", library, f"{library}/{name}", "", "site", path, dist.info_path)
    yield from _among_sites(target.site_dirs, distributions)


def _in_front(folder: str, place: PlaceKind, meant: _Meant, standard: frozenset[str], library: str) -> Iterator[Hidden]:
    """Yield what a folder hides that Python searches before everything else."""
    own = modules_in(folder)
    if len(own) > _FOLDER_LIMIT:
        return
    names = [name for name in own if (name in meant.by_name or name in standard) and name not in _NOT_MEANT]
    projects: frozenset[str] | None = None
    for name in names:
        path = own[name]
        if not _is_module(path):
            continue
        if name in standard:
            yield Hidden(name, place, folder, path, "", "stdlib", f"{library}/{name}" if library else "", "")
            continue
        dist = meant.by_name[name]
        if projects is None:
            projects = _projects(folder)
        if not _is_own(folder, dist, projects):
            yield Hidden(name, place, folder, path, "", "site", f"{dist.site_dir}/{name}", dist.info_path)


def _is_module(path: str) -> bool:
    """Say whether this hides what comes later: a file with a suffix, or a folder with ``__init__.py``."""
    return is_file(path) if "." in os.path.basename(path) else is_file(f"{path}/__init__.py")


def _is_own(folder: str, dist: Distribution, projects: frozenset[str]) -> bool:
    """Say whether a distribution was installed from this folder: its sources are the same thing in another place."""
    sources = [dist.editable_path, dist.direct_url.path if dist.direct_url else ""]
    place = real(folder)
    if any(source and f"{place}/".startswith(f"{real(source).rstrip('/')}/") for source in sources):
        return True
    return dist.key in projects or real(dist.site_dir) == place


def _projects(folder: str) -> frozenset[str]:
    """Return the names of the project whose sources these are, by the files of its folder and the one above."""
    names = set()
    for place in (folder, os.path.dirname(folder)):
        for file in ("pyproject.toml", "setup.cfg", "setup.py"):
            try:
                text = read_bytes(f"{place}/{file}", _INIT_LIMIT)
            except ReadError:
                continue
            if file == "setup.cfg":
                names |= {match.decode() for match in re.findall(rb"^\s*name\s*=\s*([\w.-]+)", text, re.MULTILINE)}
            names |= {match.decode() for match in re.findall(rb"""\bname\s*=\s*["']([\w.-]+)["']""", text)}
    return frozenset(normalised(name) for name in names)


def _among_sites(sites: Sequence[SiteDir], distributions: Sequence[Distribution]) -> Iterator[Hidden]:
    """Yield packages of one site folder that hide those of another distribution in a later one."""
    if len(sites) < 2:
        return
    owners = {site.path: _owners(site, distributions) for site in sites}
    modules = {site.path: modules_in(site.path) for site in sites if site.origin != "pth" or owners[site.path]}
    for position, site in enumerate(sites):
        own = modules.get(site.path, {})
        for later in sites[position + 1 :]:
            for name in sorted(own.keys() & owners[later.path].keys() & modules.get(later.path, {}).keys()):
                hidden = _hidden(name, site, later, own, modules[later.path], owners)
                if hidden is not None:
                    yield hidden


def _hidden(  # noqa: PLR0917
    name: str,
    site: SiteDir,
    later: SiteDir,
    own: Mapping[str, str],
    theirs: Mapping[str, str],
    owners: Mapping[str, Mapping[str, Distribution]],
) -> Hidden | None:
    """Say what hides what, where one name is in two site folders; ``None`` where both are seen or none is meant."""
    first, second = owners[site.path].get(name), owners[later.path][name]
    if name in _NOT_MEANT or name.startswith("_") or (first is not None and first.key == second.key and not _odd(site)):
        return None  # the same distribution in two places is how overlays work
    one, other = own[name], theirs[name]
    if real(one) == real(other) or second.editable_path:
        return None
    if _is_module(one):
        return None if _is_extended(one) else _made(name, site, one, first, later, other, second)
    # A folder without __init__.py does not stand in the way; it is the one that is not seen.
    if first is None or not _is_module(other) or _is_extended(other):
        return None
    return _made(name, later, other, second, site, one, first)


def _made(  # noqa: PLR0917
    name: str,
    site: SiteDir,
    path: str,
    owner: Distribution | None,
    behind_site: SiteDir,
    behind: str,
    hidden: Distribution,
) -> Hidden:
    own = owner.info_path if owner else ""
    return Hidden(name, site.origin, site.path, path, own, behind_site.origin, behind, hidden.info_path)


def _odd(site: SiteDir) -> bool:
    """Say whether a folder is in front of those of the environment although nobody asked for an overlay."""
    return site.origin == "user"


def _owners(site: SiteDir, distributions: Sequence[Distribution]) -> dict[str, Distribution]:
    """Return whose the import names in a folder are; the names of an editable install are in its sources."""
    found: dict[str, Distribution] = {}
    for dist in distributions:
        inside = dist.editable_path.rstrip("/")
        there = f"{site.path}/".startswith(f"{inside}/") if inside else dist.site_dir == site.path
        if there:
            for name in dist.top_level:
                found.setdefault(name, dist)
    return found


def _is_extended(path: str) -> bool:
    """Say whether a package joins the folders of its name: then none of them is hidden."""
    try:
        return any(word in read_bytes(f"{path}/__init__.py", _INIT_LIMIT) for word in _EXTENDED)
    except ReadError:
        return False
