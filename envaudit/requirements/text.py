"""Bytes of requirement files as text: the encodings that pip accepts, and lines that go on over a backslash."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from envaudit.errors import RequirementError

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 32 * 1024 * 1024  # bytes of one file; the largest lock files seen have 5 MB
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = re.compile(rb"^\s*#.*?coding[:=]\s*([-\w.]{1,40})")
_COMMENT = re.compile(r"(?:^|\s)#")
_BREAK = re.compile(r"\r\n|\r|\n|\f|\v|\x1c|\x1d|\x1e|\x85|\u2028|\u2029")


def decode(data: bytes, path: str) -> str:
    """Return the text of a requirements file; raises ``RequirementError``.

    A byte-order mark decides, then a line like ``# -*- coding: latin-1 -*-`` among the first two, else it is UTF-8.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], name, path)
    for line in data.split(b"\n", 2)[:2]:
        found = _CODING.match(line)
        if found:
            name = found[1].decode("ascii")
            try:
                codecs.lookup(name)
                return _decoded(data, name, path)
            except LookupError as error:
                raise RequirementError(path, 1, f"there is no encoding {name!r}") from error
    return _decoded(data, "utf-8", path)


def utf8(data: bytes, path: str) -> str:
    """Return the text of a file that must be UTF-8, such as TOML and JSON; raises ``RequirementError``."""
    return _decoded(data.removeprefix(codecs.BOM_UTF8), "utf-8", path)


def _decoded(data: bytes, name: str, path: str) -> str:
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RequirementError(path, line, f"not {name}: byte 0x{data[error.start]:02x}") from error
    except (LookupError, ValueError, TypeError) as error:  # an encoding of bytes to bytes, such as base64
        raise RequirementError(path, 1, f"{name} is no encoding of text") from error
    if "\0" in text[:4096]:
        raise RequirementError(path, text.count("\n", 0, text.index("\0")) + 1, "not a text file")
    return text


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a requirements file with the number of their first: joined, without comments, never empty.

    A backslash at the end goes on in the next line; a comment ends with its line, whatever it ends with.
    """
    first, parts = 0, list[str]()
    for number, line in enumerate(_BREAK.split(text), 1):
        first = first if parts else number
        is_comment = line.lstrip().startswith("#")
        goes_on = line.endswith("\\") and not _COMMENT.search(line)
        if goes_on:
            parts.append(line[:-1])
            continue
        parts.append(f" {line}" if is_comment else line)
        whole = _without_comment("".join(parts))
        parts = []
        if whole:
            yield first, whole
    if parts and (whole := _without_comment("".join(parts))):
        yield first, whole


def _without_comment(line: str) -> str:
    found = _COMMENT.search(line)
    return (line[: found.start()] if found else line).strip()
