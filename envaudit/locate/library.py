"""Where the standard library of an interpreter lies and which version it has, by files."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from envaudit.errors import ReadError
from envaudit.files import inside, is_file, list_folder, outside, read_bytes, read_text, real

_LIB_NAME = re.compile(r"(python|pypy)(\d+\.\d+)(t?)$")
_PROGRAM_NAME = re.compile(r"(python|pypy)(\d+\.\d+)(t?)(?:-c|\.exe)?$")
_DEFINE = re.compile(r'^\s*#\s*define\s+(PY_VERSION|PYPY_VERSION)\s+"([^"\s]{1,40})"', re.MULTILINE)
_CONDA_PYTHON = re.compile(r"python-(\d+\.\d+\.\d+[a-z0-9]*)-([^-]+)\.json$")
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?(?:\.?(a|b|rc|alpha|beta|candidate|final)\.?(\d{1,3}))?")
_STAGES = {"alpha": "a", "beta": "b", "candidate": "rc"}
_SMALL_FILE = 1024 * 1024
_PROGRAM_LIMIT = 256 * 1024 * 1024  # a libpython with what a debugger needs has 30 MB


class Library(NamedTuple):
    """A standard library: the prefix, and where in it the library lies (``lib/python3.13t``; ``Lib`` on Windows)."""

    prefix: str
    folder: str

    @property
    def name(self) -> str:
        """Last part of the folder: ``python3.13t``, ``pypy3.10``, ``Lib``."""
        return self.folder.rpartition("/")[2]


class Release(NamedTuple):
    """A version of Python, ``3.11.7`` or, when no file says more, ``3.11``; PyPy has a version of its own besides."""

    python: str
    implementation: str = "CPython"
    implementation_version: str = ""
    free_threaded: bool = False


def release_of_name(lib_name: str) -> Release | None:
    """Return what the name of a library folder says, ``None`` for one without version (``Lib``, ``python3``)."""
    match = _LIB_NAME.match(lib_name)
    if match is None:
        return None
    return Release(match[2], "PyPy" if match[1] == "pypy" else "CPython", "", bool(match[3]))


def find_library(program: str) -> Library | None:
    """Find the standard library of an interpreter the way it does itself: upward from its real place.

    ``None`` when there is none, or several and the name of the program does not say which.
    """
    place = real(program)
    match = _PROGRAM_NAME.match(os.path.basename(place))
    name = f"{match[1]}{match[2]}{match[3]}" if match else ""
    prefix = os.path.dirname(place)
    while True:
        found = _libraries(prefix, name)
        if len(found) == 1:
            return found[0]
        parent = os.path.dirname(prefix)
        if (
            found or inside(prefix) == "/" or (inside(parent) == "/" and not name)
        ):  # the root has the library of anybody
            return None
        prefix = parent


def _libraries(prefix: str, name: str) -> list[Library]:
    """Return the standard libraries directly in a prefix: the one of this name, or all."""
    found = []
    if inside(prefix) == "/":  # /lib is a link to /usr/lib where there is anything in it
        prefix = os.path.dirname(real(outside("/lib")))
    for lib in ("lib", "lib64"):
        names = [name] if name else filter(_LIB_NAME.match, names_in(f"{prefix}/{lib}"))
        found += [Library(prefix, f"{lib}/{each}") for each in names if is_file(f"{prefix}/{lib}/{each}/os.py")]
        if found:
            break
    if not found and is_file(f"{prefix}/Lib/os.py"):
        found.append(Library(prefix, "Lib"))
    return found


def names_in(folder: str) -> list[str]:
    """Return the names in a folder, without links to another name in it: conda has ``python3.1`` for ``python3.11``."""
    try:
        entries = list_folder(folder)
    except ReadError:
        return []
    place = real(folder)
    return [entry.name for entry in entries if not entry.is_symlink() or os.path.dirname(real(entry.path)) != place]


def release_of_library(library: Library) -> Release | None:
    """Return the full version by ``conda-meta`` or ``patchlevel.h``; ``None`` when neither says one that fits."""
    named = release_of_name(library.name)
    for release in (_release_of_conda(library.prefix), _release_of_header(library)):
        if release and named is None:
            return release
        if release and named and minor(release.python) == named.python:
            return release._replace(implementation=named.implementation, free_threaded=named.free_threaded)
    return None


def _release_of_conda(prefix: str) -> Release | None:
    """Read the version from the name of conda's record: ``conda-meta/python-3.11.7-hab00c5b_1_cpython.json``."""
    try:
        names = [entry.name for entry in list_folder(f"{prefix}/conda-meta")]
    except ReadError:
        return None
    matches = [match for match in map(_CONDA_PYTHON.match, names) if match]
    if len(matches) != 1 or "pypy" in matches[0][2]:  # PyPy: its own version stands only in the header
        return None
    return Release(matches[0][1], "CPython", matches[0][1], matches[0][2].endswith("t"))


def _release_of_header(library: Library) -> Release | None:
    """Read ``patchlevel.h``, which comes with every Python but those that a distribution splits."""
    folder = "include" if library.folder == "Lib" else f"include/{library.name}"
    try:
        text = read_text(f"{library.prefix}/{folder}/patchlevel.h", _SMALL_FILE)
    except ReadError:
        return None
    defines = dict(_DEFINE.findall(text))
    version = plain_version(defines.get("PY_VERSION", ""))
    if not version:
        return None
    own = plain_version(defines.get("PYPY_VERSION", ""))
    return Release(version, "PyPy" if own else "CPython", own or version)


def release_of_program(program: str, library: Library) -> Release | None:
    """Return the version that stands in an interpreter that cannot be asked, or in its ``libpython``.

    Better the minor version, which the library's folder names, than nothing; ``None`` when not even that is known.
    """
    named = release_of_name(library.name)
    if named is None or named.implementation != "CPython":
        return named
    start = re.escape(named.python.encode())
    text = re.compile(rb"(?<![\d.])" + start + rb"\.(\d{1,2}(?:(?:a|b|rc)\d{1,2})?)\+?\0")
    shared = (
        f"{library.prefix}/{library.folder.partition('/')[0]}/libpython{library.name.removeprefix('python')}.so.1.0"
    )
    for path in (program, shared):
        try:
            found = set(text.findall(read_bytes(path, _PROGRAM_LIMIT)))
        except ReadError:
            continue
        if len(found) == 1:
            return named._replace(python=f"{named.python}.{found.pop().decode()}")
    return named


def plain_version(text: str) -> str:
    """Return a version as ``3.11.7`` or ``3.14.0rc1``, also from ``3.11.7.final.0`` and ``3.13.0+``; else empty."""
    match = _VERSION.match(text.strip())
    if match is None:
        return ""
    version = ".".join(part for part in match.group(1, 2, 3) if part is not None)
    if match[4] and match[4] != "final" and match[3] is not None:
        version += _STAGES.get(match[4], match[4]) + match[5]
    return version


def minor(version: str) -> str:
    """Return ``3.11`` for ``3.11.7``."""
    return ".".join(version.split(".")[:2])
