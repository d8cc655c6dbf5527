"""What was missing in an environment, kept for the next run.

The key is made of all that the answer hangs on, as far as installers change it: every RECORD, the names in the folders
of ``sys.path``, the Python and the readers themselves. A distribution without RECORD has no such print: then nothing is
kept.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from envaudit.errors import ReadError
from envaudit.files import list_folder
from envaudit.model_names import MissingName
from envaudit.scan.reach_conditions import names_of_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envaudit.model import Target
    from envaudit.scan.reach_kept import Memory


class KeptNames:
    """The answer about one environment, in a memory or not."""

    def __init__(self, memory: Memory | None, target: Target, prints: Sequence[tuple[str, bytes]]) -> None:
        """Take the ``prints``: folders of metadata, each with the RECORD in it."""
        self._memory = memory
        whole = memory is not None and all(record for _, record in prints)
        self._key = f"names {_digest(target, prints)}" if whole else ""

    def get(self) -> tuple[MissingName, ...] | None:
        """Return the answer of an earlier run, ``None`` when there is none."""
        if self._memory is None or not self._key:
            return None
        text = self._memory.get([self._key]).get(self._key)
        return _load(text) if text is not None else None

    def put(self, found: Sequence[MissingName]) -> None:
        """Keep an answer."""
        if self._memory is not None and self._key:
            self._memory.put({self._key: json.dumps([list(each) for each in found])})


def _digest(target: Target, prints: Sequence[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256(f"{_version()} {sorted(names_of_target(target).items())!r} {target.base_prefix}".encode())
    for site in target.site_dirs:
        try:
            names = [entry.name for entry in list_folder(site.path)]
        except ReadError:
            names = []
        digest.update(f"\0{site.path}\0{names!r}".encode("utf-8", "backslashreplace"))
    for info_path, record in prints:
        digest.update(f"\0{info_path}\0{len(record)}\0".encode("utf-8", "backslashreplace"))
        digest.update(record)
    return digest.hexdigest()


def _version() -> str:
    """Return what changes with the readers: size and time of each of their files."""
    stamps = []
    for folder in (os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "removed_names")):
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            if name.endswith((".py", ".txt")):
                status = os.stat(os.path.join(folder, name))
                stamps.append(f"{name}:{status.st_size}:{status.st_mtime_ns}")
    return "|".join(stamps)


def _load(text: str) -> tuple[MissingName, ...] | None:
    """Read what ``put`` wrote; ``None`` for anything else."""
    try:
        return tuple(_restored(plain) for plain in json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _restored(plain: list[object]) -> MissingName:
    """Return one value; raises ``ValueError`` for what is none."""
    fields: list[Any] = [tuple(each) if isinstance(each, list) else each for each in plain]
    if list(map(type, fields)) != list(map(type, _EXAMPLE)) or any(
        not isinstance(text, str) for each in fields if isinstance(each, tuple) for text in each
    ):
        raise ValueError("another form")
    return MissingName(*fields)


_EXAMPLE = MissingName("", "", "", 0, "", "", "", at_import=True)
