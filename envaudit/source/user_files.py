"""The user's own scripts, packages and notebooks: which files there are, and the Python in each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError, UsageError
from envaudit.files import exists, is_folder, list_folder, read_bytes
from envaudit.model import Gap
from envaudit.source.notebook import Notebook, read_notebook
from envaudit.source.parse import SIZE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NOTEBOOK_LIMIT = 64 * 1024 * 1024  # most of it pictures
_FILE_LIMIT = 20_000
_TOTAL_LIMIT = 128 * 1024 * 1024
_DEPTH_LIMIT = 40
_SKIPPED = frozenset(("node_modules", "__pycache__", "site-packages", "dist-packages", "__pypackages__"))
# What only an environment has: its packages are audited as such.
_MARKS_OF_ENVIRONMENTS = frozenset(("pyvenv.cfg", "conda-meta"))


class UserFile(NamedTuple):
    """A file with code of the user's.

    ``base`` is the folder that was named, or the folder of the file when the file was. ``notebook`` says where lines
    of ``text`` come from, ``None`` for a script or module.
    """

    path: str
    base: str
    named: bool
    text: bytes
    notebook: Notebook | None = None


class UserFiles(NamedTuple):
    """All files, the import names that lie anywhere among them, and what could not be read."""

    files: tuple[UserFile, ...]
    names: frozenset[str]
    gaps: tuple[Gap, ...]


def read_user_files(paths: Sequence[str]) -> UserFiles:
    """Read what the user named: files as they are, folders with everything in them that looks like code.

    Raises ``UsageError`` for a path that is not there, or a named file that cannot be read or is no notebook; in a
    folder such a file is a gap.
    """
    files: list[UserFile] = []
    names: set[str] = set()
    gaps: list[Gap] = []
    seen: set[str] = set()
    size = 0
    for given in paths:
        path = given.rstrip("/") or "/"
        named = not is_folder(path)
        if named and not exists(path):
            raise UsageError(f"there is no file or folder {path!r} to take code from")
        found = iter([path]) if named else _walk(path, names, gaps)
        for file in found:
            if file in seen:
                continue
            seen.add(file)
            if len(files) >= _FILE_LIMIT or size > _TOTAL_LIMIT:
                gaps.append(Gap("API", path, f"more than {_FILE_LIMIT} files or {_TOTAL_LIMIT >> 20} MiB of code"))
                break
            try:
                read = _read(file, os.path.dirname(path) if named else path, named=named)
            except ReadError as error:
                if named:
                    raise UsageError(f"{file}: {error}") from error
                gaps.append(Gap("API", file, str(error)))
                continue
            files.append(read)
            size += len(read.text)
    return UserFiles(tuple(files), frozenset(names), tuple(gaps))


def _read(path: str, base: str, *, named: bool) -> UserFile:
    if not path.endswith(".ipynb"):
        return UserFile(path, base, named, read_bytes(path, SIZE_LIMIT))
    notebook = read_notebook(read_bytes(path, _NOTEBOOK_LIMIT))
    return UserFile(path, base, named, notebook.text, notebook)


def _walk(top: str, names: set[str], gaps: list[Gap]) -> Iterator[str]:
    """Yield the code below a folder; add to ``names`` what could be imported from anywhere in it."""
    waiting = [(top, 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            entries = list_folder(folder)
        except ReadError as error:
            gaps.append(Gap("API", folder, str(error)))
            continue
        if depth and any(entry.name in _MARKS_OF_ENVIRONMENTS for entry in entries):
            continue
        inner = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _SKIPPED:
                continue
            stem, dot, ending = entry.name.partition(".")
            if stem.isidentifier() and (not dot or ending in {"py", "pyx"} or ending.endswith(("so", "pyd"))):
                names.add(stem)
            if entry.is_dir(follow_symlinks=False):
                inner.append((entry.path, depth + 1))
            elif entry.name.endswith((".py", ".pyw", ".ipynb")):
                yield entry.path
        if depth >= _DEPTH_LIMIT and inner:
            gaps.append(Gap("API", folder, f"more than {_DEPTH_LIMIT} folders deep"))
        else:
            waiting += reversed(inner)


class OwnModules:
    """Which modules the user's files import from beside themselves: ``sys.path`` begins with a script's folder."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._folders: dict[str, dict[str, bool]] = {}

    def has(self, file: UserFile, top: str) -> bool | None:
        """Say whether a top-level module is the user's own.

        ``None``: only if the environment has none of that name, because a folder without ``__init__`` comes last, and
        a module elsewhere in the named folder is only found with a changed ``sys.path``.
        """
        maybe = top in self._names
        for folder in _places(file):
            known = self._importable(folder)
            if known.get(top):
                return True
            maybe = maybe or top in known
        return None if maybe else False

    def _importable(self, folder: str) -> dict[str, bool]:
        """Return what can be imported from a folder; ``False`` for folders without ``__init__``."""
        known = self._folders.get(folder)
        if known is None:
            known = {}
            try:
                entries = list_folder(folder)
            except ReadError:
                entries = []
            for entry in entries:
                stem, dot, ending = entry.name.partition(".")
                if dot and stem.isidentifier() and (ending == "py" or ending.endswith(("so", "pyd"))):
                    known[stem] = True
                elif not dot and stem.isidentifier() and is_folder(entry.path):
                    known[stem] = known.get(stem, False) or exists(f"{entry.path}/__init__.py")
            self._folders[folder] = known
        return known


def _places(file: UserFile) -> Iterator[str]:
    """Yield the folders that may stand on ``sys.path`` because of a file: its own, and those up to what was named."""
    folder = os.path.dirname(file.path) or "."
    base = file.base or "."
    yield folder
    for _ in range(_DEPTH_LIMIT):
        # A file in a package is imported from the folder that holds the outermost package.
        if (folder == base and not exists(f"{folder}/__init__.py")) or os.path.dirname(folder) == folder:
            break
        folder = os.path.dirname(folder) or "."
        yield folder
        if folder == ".":
            break
    yield f"{base}/src"
