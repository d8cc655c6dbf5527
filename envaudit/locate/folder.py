"""Which Python a folder of packages is for, when it is named without its environment."""

from __future__ import annotations

import re
import sys
from itertools import islice
from typing import TYPE_CHECKING

from envaudit.errors import ReadError, TargetError
from envaudit.files import list_folder
from envaudit.locate.library import Release, release_of_name
from envaudit.locate.machine import host_machine, machine_of_suffix
from envaudit.locate.place import recognise
from envaudit.locate.python import Python, python_of_place
from envaudit.model import TargetProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.locate.place import Place
    from envaudit.locate.python import Asking

_SUFFIX = re.compile(r"\.(?:cpython-|cp)(\d)(\d{1,2})(t?)-[^/]*\.(?:so|pyd)$")
_FOLDER_LIMIT = 2000
_FILE_LIMIT = 20_000


def python_of_folder(place: Place, given: Python | None, asking: Asking) -> Python:
    """Describe the Python of ``place.folder``; ``given`` is the one that ``--python`` names.

    In this order: the environment around the folder when it has this version, ``--python``, the folder's own path
    (``lib/python3.11``), the suffixes of its compiled files, and the Python that runs this program.
    """
    lib_name = place.folder.rsplit("/", 2)[-2] if place.prefix else ""
    named = release_of_name(lib_name)
    if place.program:
        try:
            around = python_of_place(recognise(place.prefix), asking)
        except TargetError:
            around = None
        if around and (named is None or around.lib_name == lib_name):
            return around
    if given:
        return given._replace(problems=())
    match = _suffix(place.folder)
    machine = (machine_of_suffix(match.string) if match else None) or host_machine()
    if named:
        return Python("", place.prefix, place.prefix, lib_name, named, machine)
    release, why = _of_suffix(match) if match else _of_this_program()
    problem = TargetProblem("assumed-python", place.folder, f"no file says which Python it is for; {why}")
    name = f"python{release.python}"
    return Python("", place.folder, place.folder, name, release, machine, None, (problem,))


def _of_suffix(match: re.Match[str]) -> tuple[Release, str]:
    """Take the version out of the suffix of a compiled file."""
    release = Release(f"{match[1]}.{match[2]}", free_threaded=bool(match[3]))
    return release, f"its compiled files are for Python {release.python} ({match.string})"


def _of_this_program() -> tuple[Release, str]:
    """Fall back to the Python at hand."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return Release(version), f"Python {version}, which runs this audit, was assumed (--python names another)"


def _suffix(folder: str) -> re.Match[str] | None:
    """Return a match in the name of a compiled file that states its Python, from the folder or two levels below."""
    names = islice(_file_names(folder), _FILE_LIMIT)
    return next((match for name in names if (match := _SUFFIX.search(name))), None)


def _file_names(folder: str) -> Iterator[str]:
    """Yield the names of files in a folder and two levels below it."""
    waiting = [(folder, 0)]
    while waiting:
        path, depth = waiting.pop()
        try:
            entries = list_folder(path)
        except ReadError:
            continue
        for entry in entries[:_FOLDER_LIMIT]:
            if entry.is_dir(follow_symlinks=False):
                if depth < 2:
                    waiting.append((f"{path}/{entry.name}", depth + 1))
            else:
                yield entry.name
