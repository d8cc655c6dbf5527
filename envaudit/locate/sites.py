"""The folders of ``sys.path`` that can hold distributions, in the order in which the target's Python searches them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import inside, is_folder, is_link, list_folder, outside, real, target_root
from envaudit.locate.library import minor
from envaudit.locate.place import library_names
from envaudit.locate.pth import paths_of_folder
from envaudit.model import SiteDir, TargetProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envaudit.locate.place import Place
    from envaudit.locate.python import Python
    from envaudit.model import SiteOrigin

# More than any real environment has; a .pth file may hold a thousand lines.
_SITE_LIMIT = 500


class Sites(NamedTuple):
    """Site folders that exist, and what is wrong with those that should."""

    folders: tuple[SiteDir, ...]
    problems: tuple[TargetProblem, ...]


def sites_of(place: Place, python: Python, environ: Mapping[str, str]) -> Sites:
    """Return the site folders of a target, each followed by what its ``.pth`` files add."""
    problems: list[TargetProblem] = []
    found: dict[str, SiteDir] = {}
    for site in _candidates(place, python, environ):
        if not is_folder(site.path):
            continue
        _add(found, site, problems)
        for path in paths_of_folder(site.path):
            if is_folder(path):
                _add(found, SiteDir(path, "pth"), problems)
    if place.kind in {"venv", "conda"}:
        problems += _other_pythons(place.prefix, python)
    own = [site for site in found.values() if site.origin == "site"]
    if not own and not any(problem.kind == "other-base" for problem in problems):
        path = f"{python.prefix}/lib/{python.lib_name}/site-packages"
        problems.append(TargetProblem("no-site-packages", path, "the environment has no folder for packages"))
    return Sites(tuple(found.values()), tuple(problems))


def _add(found: dict[str, SiteDir], site: SiteDir, problems: list[TargetProblem]) -> None:
    """Add a folder unless it is there already, perhaps under another name (``lib64`` is a link to ``lib``)."""
    place = real(site.path)
    if place in found or len(found) >= _SITE_LIMIT:
        return
    try:
        list_folder(site.path)
    except ReadError as error:
        problems.append(TargetProblem("unreadable", site.path, f"the folder cannot be listed: {error}"))
        return
    # In an image the folder is named without links: those who walk through it would follow them on this machine.
    found[place] = SiteDir(place, site.origin) if target_root().foreign else site


def _candidates(place: Place, python: Python, environ: Mapping[str, str]) -> Iterator[SiteDir]:
    """Yield the site folders that Python looks for, whether they exist or not."""
    if place.folder:
        yield SiteDir(place.folder)
        return
    if python.cfg is None:
        yield from _user_site(python, environ)
        yield from _of_prefix(python.prefix, python.lib_name, "site")
        return
    for path in _plain(python.prefix, python.lib_name):
        yield SiteDir(path)
    if python.cfg.system_site_packages:
        yield from _user_site(python, environ)
        yield from _of_prefix(python.base_prefix, python.lib_name, "system")


def _of_prefix(prefix: str, lib_name: str, origin: SiteOrigin) -> Iterator[SiteDir]:
    """Yield the site folders of an installed Python; Debian and Fedora have their own for ``/usr``."""
    if inside(prefix) == "/usr" and is_folder(f"{prefix}/lib/python3/dist-packages"):
        for path in (f"local/lib/{lib_name}", "lib/python3", f"lib/{lib_name}"):
            yield SiteDir(f"{prefix}/{path}/dist-packages", origin)
        return
    if inside(prefix) == "/usr" and is_folder(f"{prefix}/lib64/{lib_name}") and not is_link(f"{prefix}/lib64"):
        for path in _plain(outside("/usr/local"), lib_name):
            yield SiteDir(path, origin)
    for path in _plain(prefix, lib_name):
        yield SiteDir(path, origin)


def _plain(prefix: str, lib_name: str) -> tuple[str, ...]:
    """Return the site folders by the usual layouts; where ``lib64`` is not the same as ``lib``, it comes first."""
    prefix = prefix.rstrip("/")
    wide = () if is_link(f"{prefix}/lib64") else (f"lib64/{lib_name}",)
    return tuple(f"{prefix}/{lib}/site-packages" for lib in (*wide, f"lib/{lib_name}", "Lib"))


def _user_site(python: Python, environ: Mapping[str, str]) -> Iterator[SiteDir]:
    """Yield the user's own site folder, which Python searches before those of its prefix."""
    if (
        environ.get("PYTHONNOUSERSITE") or target_root().foreign
    ):  # whoever uses the image is not the user of this machine
        return
    base, home = environ.get("PYTHONUSERBASE", ""), environ.get("HOME", "")
    if python.machine.system == "win32":
        base = base or (f"{environ['APPDATA']}/Python" if environ.get("APPDATA") else "")
        folder = f"{base}/Python{minor(python.release.python).replace('.', '')}/site-packages"
    else:
        base = base or (f"{home}/.local" if home else "")
        folder = f"{base}/lib/{python.lib_name}/site-packages"
    if os.path.isabs(base):
        yield SiteDir(folder, "user")


def _other_pythons(prefix: str, python: Python) -> Iterator[TargetProblem]:
    """Yield a problem for packages under a version of Python that the environment does not run."""
    for folder in library_names(prefix):
        name = folder.rpartition("/")[2]
        if name in {python.lib_name, "Lib"}:
            continue
        path = f"{prefix}/{folder}/site-packages"
        try:
            used = any(entry.name.endswith((".dist-info", ".egg-info")) for entry in list_folder(path))
        except ReadError:
            continue
        if used and python.cfg and python.cfg.version and name == f"python{minor(python.cfg.version)}":
            detail = f"it was made with {name}, and its interpreter is {python.lib_name} now, which sees none of this"
            yield TargetProblem("other-base", path, detail)
        elif used:
            detail = f"these packages are for {name}, the environment runs {python.lib_name} and does not see them"
            yield TargetProblem("other-python", path, detail)
