"""What the names of compiled files say about the Python and the machine they are for."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import list_folder
from envaudit.locate.machine import Machine, machine_of_program, machine_of_suffix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TAGGED = re.compile(r"\.(?:cpython-|cp)(\d)(\d{1,2})(t?)-[^/]*\.(?:so|pyd)$")
_FOLDER_LIMIT = 2000
_FILE_LIMIT = 20_000
# So many files are asked for their machine: a stray one of another system must not decide.
_VOICES = 50


def tagged_names(folder: str) -> Iterator[re.Match[str]]:
    """Yield the paths of files that name their Python, from a folder and two levels below it.

    The groups are major and minor version and the ``t`` of a free-threaded Python.
    """
    for path in islice(_paths(folder), _FILE_LIMIT):
        match = _TAGGED.search(path)
        if match:
            yield match


def machine_of_name(path: str) -> Machine | None:
    """Return the machine by the suffix of a file; by its first bytes where macOS does not name it."""
    machine = machine_of_suffix(path)
    if machine and machine.system == "darwin":
        try:
            return machine_of_program(path)
        except ReadError:
            return machine
    return machine


def machine_of_files(folders: Iterable[str]) -> Machine | None:
    """Return the machine that most compiled files in some folders are for, ``None`` when no name says one."""
    paths = (match.string for folder in folders for match in tagged_names(folder))
    voices = Counter(machine for path in islice(paths, _VOICES) if (machine := machine_of_name(path)))
    return voices.most_common(1)[0][0] if voices else None


def _paths(folder: str) -> Iterator[str]:
    """Yield the paths of files in a folder and two levels below it."""
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
                yield f"{path}/{entry.name}"
