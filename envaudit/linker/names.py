"""C++ symbol names in messages: readable where they can be read, else as the compiler wrote them, never wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.linker.mangled import UnknownFormError, read_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_LENGTH_LIMIT = 4096
_SHOWN_LIMIT = 200  # characters of a name in a message
_LONG_STRING = re.compile(r"std::(?:__cxx11::)?basic_string<char, std::char_traits<char>, std::allocator<char> ?>")
_NESTED = re.compile(rb"_Z(?:T[VIST]|GV)?N[VKrRO]*((?:\d+\w+))")


def readable(name: str) -> str:
    """Return ``foo::baz(int)`` for ``_ZN3foo3bazEi``, and every other name as it is; shortened if it is very long.

    On macOS all names have one underscore more.
    """
    name = name[1:] if name.startswith("__Z") else name
    text = name
    if name.startswith("_Z") and len(name) <= _LENGTH_LIMIT:
        try:
            text = _LONG_STRING.sub("std::string", read_name(name)[0])
        except UnknownFormError:
            text = name
    return text if len(text) <= _SHOWN_LIMIT else f"{text[: _SHOWN_LIMIT - 3]}..."


def uses_old_string(name: str) -> bool:
    """Whether a C++ name speaks of ``std::string`` as it was before GCC 5 (``_GLIBCXX_USE_CXX11_ABI=0``)."""
    if not name.startswith("_Z") or "Ss" not in name or len(name) > _LENGTH_LIMIT:
        return False
    try:
        return read_name(name)[1]
    except UnknownFormError:
        return "RKSs" in name


def scope_prefixes(name: bytes) -> Iterator[bytes]:
    """Yield the beginnings that names of the same class, then of the same namespaces, have; for C the same prefix."""
    if not name.startswith(b"_Z"):
        head, separator, _ = name.lstrip(b"_").partition(b"_")
        if separator and len(head) >= 2:
            yield name[: name.index(head) + len(head) + 1]
        return
    match = _NESTED.match(name)
    if match is None:
        return
    parts = list(_source_names(match[1]))
    for count in range(len(parts) - 1, 0, -1):
        inner = b"".join(b"%d%s" % (len(part), part) for part in parts[:count])
        yield from (b"_ZN" + inner, b"_ZNK" + inner)


def _source_names(text: bytes) -> Iterator[bytes]:
    """Yield the names at the beginning of a nested name, until something else follows."""
    position = 0
    while position < len(text):
        digits = re.match(rb"\d{1,4}", text[position:])
        if digits is None:
            if text[position : position + 1] != b"E":
                yield b""  # a constructor, an operator, template arguments: what came before is the whole scope
            return
        start = position + digits.end()
        position = start + int(digits[0])
        yield text[start:position]
