"""``/etc/ld.so.cache``: the paths of the libraries that ``ldconfig`` found, by name.

The format is glibc's ``glibc-ld.so.cache1.1`` (``sysdeps/generic/dl-cache.h``): a header of 48 bytes with the number of
entries, then 24 bytes for each entry, whose strings are named by their offset from the magic. An older part of another
format may stand before it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import read_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAGIC = b"glibc-ld.so.cache1.1"
_HEADER_SIZE = 48
_SIZE_LIMIT = 32 * 1024 * 1024  # a desktop with 5,000 libraries has 400 KiB
_ENTRIES_LIMIT = 200_000
_NAME_LIMIT = 4096


def read_ld_cache(path: str) -> Mapping[str, tuple[str, ...]]:
    """Return the paths of each library name, in the order of the file; raises ``ReadError``.

    Libraries for special processors (``glibc-hwcaps``) come after those for all.
    """
    data = read_bytes(path, _SIZE_LIMIT)
    start = data.find(_MAGIC)
    if start < 0:
        raise ReadError("not a cache of glibc's loader")
    if len(data) < start + _HEADER_SIZE:
        raise ReadError("the cache ends inside its header")
    order = _byte_order(data, start)
    (count,) = struct.unpack_from(order + "I", data, start + len(_MAGIC))
    entry = struct.Struct(order + "iIIIQ")
    end = start + _HEADER_SIZE + count * entry.size
    if count > _ENTRIES_LIMIT or end > len(data):
        raise ReadError(f"the cache states {count} entries and is {len(data)} bytes long")
    common: dict[str, list[str]] = {}
    special: list[tuple[str, str]] = []
    for _, key, value, _, hwcap in entry.iter_unpack(data[start + _HEADER_SIZE : end]):
        name, library = _string(data, start + key), _string(data, start + value)
        if not name or not library.startswith("/"):
            continue
        if hwcap:
            special.append((name, library))
        else:
            common.setdefault(name, []).append(library)
    for name, library in special:
        common.setdefault(name, []).append(library)
    return {name: tuple(paths) for name, paths in common.items()}


def _byte_order(data: bytes, start: int) -> str:
    """Tell the byte order: caches since glibc 2.33 state it (2 little, 3 big), older ones have a plausible count."""
    flag = data[start + 28] & 3
    if flag in {2, 3}:
        return "<" if flag == 2 else ">"
    (count,) = struct.unpack_from("<I", data, start + len(_MAGIC))
    return "<" if count <= _ENTRIES_LIMIT else ">"


def _string(data: bytes, offset: int) -> str:
    """Return the string at an offset, empty when it lies outside or has no end."""
    end = data.find(b"\0", offset, offset + _NAME_LIMIT)
    return data[offset:end].decode("utf-8", "backslashreplace") if end >= 0 else ""
