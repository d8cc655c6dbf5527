"""Which Python a folder of packages is for, when it is named without its environment."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from envaudit.errors import TargetError
from envaudit.locate.compiled import machine_of_name, tagged_names
from envaudit.locate.library import Release, release_of_name
from envaudit.locate.machine import usual_machine
from envaudit.locate.place import recognise
from envaudit.locate.python import Python, python_of_place
from envaudit.model import TargetProblem

if TYPE_CHECKING:
    import re

    from envaudit.locate.place import Place
    from envaudit.locate.python import Asking


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
    match = next(tagged_names(place.folder), None)
    machine = (machine_of_name(match.string) if match else None) or usual_machine()
    if named:
        return Python("", place.prefix, place.prefix, lib_name, named, machine)
    release, why = _of_suffix(match) if match else _of_this_program()
    problem = TargetProblem("assumed-python", place.folder, f"no file says which Python it is for; {why}")
    name = f"python{release.python}"
    return Python("", place.folder, place.folder, name, release, machine, None, (problem,))


def _of_suffix(match: re.Match[str]) -> tuple[Release, str]:
    """Take the version out of the suffix of a compiled file."""
    release = Release(f"{match[1]}.{match[2]}", free_threaded=bool(match[3]))
    return release, f"its compiled files are for Python {release.python} ({os.path.basename(match.string)})"


def _of_this_program() -> tuple[Release, str]:
    """Fall back to the Python at hand."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return Release(version), f"Python {version}, which runs this audit, was assumed (--python names another)"
