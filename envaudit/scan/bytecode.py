"""Bytecode that RECORD lists and that is not there: pip lists what it compiles, uv and ``--no-compile`` list none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import exists, listed_names
from envaudit.model import Gap
from envaudit.scan.record import outside

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from envaudit.model import Target

_FOLDER = "__pycache__"
# One literal to look for: a RECORD without bytecode, as uv writes it, costs one search over its bytes.
_COMPILED = re.compile(rb"__pycache__/([^\n,/\"]+\.pyc),")


class Bytecode:
    """Looks for the bytecode of one Python; every ``__pycache__`` is listed once, and no file in it is looked at."""

    def __init__(self, target: Target) -> None:
        major, minor = target.version_info[:2]
        self._own = re.compile(rf"\.(?:cpython-|pypy){major}{minor}t?(?:\.opt-\w+)?\.pyc$")
        self.gaps: list[Gap] = []

    def missing(
        self, site_dir: str, data: bytes, depth: int, without_source: Collection[str]
    ) -> tuple[int, tuple[str, ...]]:
        """Return how many files of bytecode a RECORD lists, and those of them that are not there.

        Bytecode of another Python does not count, nor that of sources which are gone themselves.
        """
        count = 0
        missing = []
        for folder, names in self._listed(data, depth).items():
            count += len(names)
            found = self._names(f"{site_dir}/{folder}{_FOLDER}")
            if found is not None:
                missing += [
                    f"{folder}{_FOLDER}/{name}"
                    for name in names
                    if name not in found and f"{folder}{name.partition('.')[0]}.py" not in without_source
                ]
        return count, tuple(missing)

    def _listed(self, data: bytes, depth: int) -> dict[str, list[str]]:
        """Return the names of files of bytecode by the folder of their sources, which is empty or ends in a slash."""
        folders: dict[str, list[str]] = {}
        for folder, name in _lines(data):
            if self._own.search(name):
                folders.setdefault(folder, []).append(name)
        return {folder: names for folder, names in folders.items() if not outside(f"{folder}x", depth)}

    def _names(self, folder: str) -> frozenset[str] | None:
        """Return the names in a folder, none if it is not there, ``None`` if nobody knows."""
        try:
            return frozenset(listed_names(folder))
        except ReadError as error:
            if not exists(folder):
                return frozenset()
            self.gaps.append(Gap("INS001", folder, f"the folder cannot be listed: {error}"))
            return None


def _lines(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield folder and name of every file of bytecode, as RECORD writes them."""
    for match in _COMPILED.finditer(data):
        start = data.rfind(b"\n", 0, match.start()) + 1
        folder = data[start : match.start()]
        if b"," not in folder and b'"' not in folder:
            yield folder.decode("utf-8", "surrogateescape"), match[1].decode("utf-8", "surrogateescape")
