"""Compiled files that no RECORD lists: of packages without RECORD, of editable installs, at the top of a site folder.

These are found by walking, which RECORD spares everywhere else. A walk never follows a link to a folder, and it ends
at a number of entries, because an editable install may lie in a folder with a million files.
"""

from __future__ import annotations

from typing import NamedTuple

from envaudit.errors import ReadError
from envaudit.files import each_entry
from envaudit.model import RecordEntry
from envaudit.scan.record import is_binary_name

# A large package (torch with its headers) has 15,000 files.
ENTRY_LIMIT = 50_000
_DEPTH_LIMIT = 24
# Folders of a source tree that hold other people's compiled files, or none.
_SKIPPED = frozenset(("__pycache__", "node_modules", "site-packages", "build", "dist"))


class Walk(NamedTuple):
    """The compiled files below a folder, relative to where the walk was asked for, and why it is not complete."""

    files: tuple[RecordEntry, ...]
    unread: tuple[tuple[str, str], ...]


def walk(root: str, start: str = "") -> Walk:
    """Find compiled files in ``root/start`` and below; their paths are relative to ``root``.

    ``unread`` are pairs of a path and the reason why it was left out.
    """
    files: list[RecordEntry] = []
    unread: list[tuple[str, str]] = []
    waiting = [(start, 0)]
    seen = 0
    while waiting:
        inner, depth = waiting.pop()
        folder = f"{root}/{inner}" if inner else root
        if depth > _DEPTH_LIMIT:
            unread.append((folder, f"more than {_DEPTH_LIMIT} folders inside of each other"))
            continue
        try:
            for entry in each_entry(folder):
                seen += 1
                path = f"{inner}/{entry.name}" if inner else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _SKIPPED and not entry.name.startswith("."):
                        waiting.append((path, depth + 1))
                elif is_binary_name(entry.name):
                    files.append(RecordEntry(path))
        except ReadError as error:
            unread.append((folder, str(error)))
        if seen > ENTRY_LIMIT:
            unread.append((root, f"more than {ENTRY_LIMIT} files; the rest was left out"))
            break
    return Walk(tuple(sorted(files, key=lambda file: file.path)), tuple(unread))
