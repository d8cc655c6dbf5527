"""What kind of environment a path is, by its files: recognised, not yet described."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError, TargetError
from envaudit.files import (
    exists,
    inside,
    is_executable,
    is_file,
    is_folder,
    is_link,
    is_there,
    list_folder,
    outside,
    real,
)
from envaudit.locate.library import names_in

if TYPE_CHECKING:
    from envaudit.model import TargetKind

_PROGRAM_FOLDERS = ("bin", "Scripts")
_PROGRAMS = ("bin/python", "bin/python3", "Scripts/python.exe", "bin/pypy3", "bin/pypy", "python.exe")
_PROGRAM_NAMES = ("python", "pypy", "graalpy")
_SITE_NAMES = ("site-packages", "dist-packages")


class Place(NamedTuple):
    """An environment that was recognised.

    ``program`` is the interpreter inside of it: a path that may lead nowhere, or empty. ``folder`` is the site folder
    when nothing but that is to be audited.
    """

    kind: TargetKind
    prefix: str
    program: str
    folder: str = ""


def recognise(path: str) -> Place:
    """Say what an absolute path is; raises ``TargetError`` when it is nothing that can be audited."""
    if is_folder(path):
        return _of_folder(path)
    if not is_there(path):
        raise TargetError(f"there is no such file or folder: {path}")
    return _of_program(path)


def _of_folder(path: str) -> Place:
    """Recognise an environment by its folder, by one inside of it, or a folder of packages."""
    try:
        names = {entry.name for entry in list_folder(path)}
    except ReadError as error:
        raise TargetError(f"{path} cannot be read: {error}") from error
    if "pyvenv.cfg" in names:
        return Place("venv", path, _program_in(path))
    if "conda-meta" in names:
        return Place("conda", path, _program_in(path))
    parent, name = os.path.split(path)
    if name in _SITE_NAMES:
        prefix = prefix_of_site(path)
        return Place("site-packages", prefix, _program_in(prefix) if prefix else "", path)
    if name in _PROGRAM_FOLDERS and _program_in(parent):
        return _of_folder(parent)
    program = _program_in(path)
    if program or library_names(path):
        return Place("interpreter", path, program)
    if is_file(f"{path}/.venv/pyvenv.cfg"):
        raise TargetError(f"{path} is not a Python environment, but {path}/.venv is one: name that")
    if any(name.endswith((".dist-info", ".egg-info")) for name in names):
        return Place("site-packages", "", "", path)
    raise TargetError(
        f"{path} is not a Python environment: it has no pyvenv.cfg, conda-meta, bin/python or installed packages"
    )


def _of_program(path: str) -> Place:
    """Recognise an environment by its interpreter."""
    found = exists(path)
    folder = os.path.dirname(path)
    for prefix in (os.path.dirname(folder), folder):
        if is_file(f"{prefix}/pyvenv.cfg"):
            return Place("venv", prefix, path)
        if is_folder(f"{prefix}/conda-meta"):
            return Place("conda", prefix, path)
    if not found:
        raise TargetError(f"{path} is a link that leads nowhere: {inside(real(path))} does not exist")
    if not is_file(path):
        raise TargetError(f"{path} is neither a folder nor a file")
    names = (os.path.basename(path), os.path.basename(real(path)))
    if not any(name.lower().startswith(_PROGRAM_NAMES) for name in names):
        raise TargetError(f"{path} is a file, but not a Python interpreter")
    if not is_executable(path):
        raise TargetError(f"{path} is named like a Python interpreter, but it may not be executed")
    return Place("interpreter", "", path)


def _program_in(prefix: str) -> str:
    """Return the interpreter of a prefix; one that leads nowhere only when there is no other."""
    there = [f"{prefix}/{name}" for name in _PROGRAMS if is_there(f"{prefix}/{name}")]
    whole = [path for path in there if is_file(path)]
    return (whole or there or [""])[0]


def library_names(prefix: str) -> list[str]:
    """Return the Python libraries with a site folder in a prefix: ``lib/python3.11``, ``lib64/pypy3.10``, ``Lib``."""
    found = []
    for lib in ("lib", "lib64"):
        if lib == "lib64" and is_link(f"{prefix}/lib64"):
            continue  # it leads to lib
        names = [name for name in names_in(f"{prefix}/{lib}") if name.startswith(("python3.", "pypy3."))]
        found += [f"{lib}/{name}" for name in names if is_folder(f"{prefix}/{lib}/{name}/site-packages")]
    if not found and is_folder(f"{prefix}/Lib/site-packages"):
        found.append("Lib")
    return found


def prefix_of_site(path: str) -> str:
    """Return the prefix that a site folder lies in by its path, empty when the path does not have that form."""
    parts = (real(path) if inside(path).startswith("/lib") else path).rsplit("/", 3)
    if len(parts) == 4 and parts[1] in {"lib", "lib64"} and parts[2].startswith(("python", "pypy")):
        if inside(parts[0]) == "/usr/local" and parts[3] == "dist-packages":
            return outside("/usr")  # Debian's own Python installs there
        return parts[0]
    if len(parts) == 4 and parts[2] == "Lib":
        return f"{parts[0]}/{parts[1]}"
    return ""
