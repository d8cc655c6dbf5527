"""Folders that ``.pth`` and ``.egg-link`` files add to ``sys.path``. Their ``import`` lines are never run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import inside, list_folder, outside, read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMIT = 1024 * 1024
_LINES = 1000


def paths_of_folder(site_dir: str) -> Iterator[str]:
    """Yield what the files of a site folder add, in the order in which Python reads them; may not exist.

    Python takes ``.pth`` files by name and skips hidden ones; ``.egg-link`` files, read only by installers, come last.
    """
    try:
        names = [entry.name for entry in list_folder(site_dir) if not entry.name.startswith(".")]
    except ReadError:
        return
    for suffix in (".pth", ".egg-link"):
        for name in names:
            if name.endswith(suffix):
                yield from _paths(site_dir, name, first_only=suffix == ".egg-link")


def _paths(site_dir: str, name: str, *, first_only: bool) -> Iterator[str]:
    """Yield the path lines of one file; one that cannot be read adds nothing, as in Python."""
    try:
        text = read_bytes(f"{site_dir}/{name}", _LIMIT).decode("utf-8-sig", "surrogateescape")
    except ReadError:
        return
    for line in text.splitlines()[: 1 if first_only else _LINES]:
        path = line.rstrip()
        if not path or path.startswith(("#", "import ", "import\t")) or "\0" in path:
            continue
        yield outside(os.path.abspath(os.path.join(inside(site_dir), path)))
