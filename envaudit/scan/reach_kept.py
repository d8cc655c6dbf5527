"""What source files import, kept from one run to the next by what is in them.

The key is a digest of the text itself, so that no file, hash or time has to be trusted. A kept text that is not exactly
of the form written here is no answer: the file is parsed again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from envaudit.scan.reach_guards import Guard
from envaudit.scan.reach_syntax import Request, Source, read_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Memory(Protocol):
    """Keeps texts under keys, or forgets them."""

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the texts of those keys that are known."""

    def put(self, values: Mapping[str, str]) -> None:
        """Keep texts."""


class SourceReader:
    """Does what ``read_source`` does; with a memory a text that was read before is not parsed again."""

    def __init__(self, names: Mapping[str, Any], memory: Memory | None = None) -> None:
        self._names = names
        self._memory = memory
        self._new: dict[str, str] = {}
        self._prefix = f"source {_version()} {sorted(names.items())!r}" if memory is not None else ""

    def read(self, text: bytes, own_name: str) -> Source:
        """Return what a file does; raises what ``read_source`` raises."""
        if self._memory is None:
            return read_source(text, own_name, self._names)
        import hashlib  # noqa: PLC0415  only what is kept needs it

        # All of it goes into the digest: the name of a module can be long.
        key = (
            "source "
            + hashlib.sha256(f"{self._prefix}\0{own_name}\0".encode("utf-8", "backslashreplace") + text).hexdigest()
        )
        known = self._memory.get([key]).get(key)
        source = _load(known) if known is not None else None
        if source is None:
            source = read_source(text, own_name, self._names)
            self._new[key] = _dump(source)
        return source

    def save(self) -> None:
        """Keep what was parsed."""
        if self._memory is not None:
            self._memory.put(self._new)


def _version() -> str:
    """Return what changes with the reader: size and time of each of its files."""
    folder = os.path.dirname(__file__)
    stamps = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if name.startswith("reach"):
            status = os.stat(os.path.join(folder, name))
            stamps.append(f"{name}:{status.st_size}:{status.st_mtime_ns}")
    return "|".join(stamps)


def _dump(source: Source) -> str:
    requests = [[request.level, request.module, request.names, int(request.guard)] for request in source.requests]
    import json  # noqa: PLC0415

    return json.dumps([requests, sorted(source.bound), source.exported, source.unknown], separators=(",", ":"))


def _load(text: str) -> Source | None:
    """Read what ``_dump`` wrote; ``None`` for anything else."""
    import json  # noqa: PLC0415

    try:
        requests, bound, exported, unknown = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    if type(requests) is not list or not _are_texts(bound) or not _are_texts(exported) or type(unknown) is not bool:
        return None
    if not all(map(_is_request, requests)):
        return None
    return Source(
        tuple(Request(level, module, tuple(names), Guard(guard)) for level, module, names, guard in requests),
        frozenset(bound),
        tuple(exported),
        unknown,
    )


def _is_request(plain: object) -> bool:
    if type(plain) is not list or len(plain) != 4:
        return False
    level, module, names, guard = plain
    return type(level) is int and type(module) is str and _are_texts(names) and type(guard) is int and 0 <= guard <= 7


def _are_texts(plain: object) -> bool:
    return type(plain) is list and all(type(each) is str for each in plain)
