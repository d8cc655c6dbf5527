"""TOML with line numbers: the parser of the standard library tells none, so keys and blocks are looked up."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from envaudit.errors import RequirementError
from envaudit.requirements.text import utf8

if TYPE_CHECKING:
    from collections.abc import Sequence

_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_HEADER = re.compile(r"^\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")


def parse_toml(data: bytes, path: str) -> tuple[dict[str, Any], list[str]]:
    """Return the document and its lines; raises ``RequirementError``."""
    return parse_toml_text(utf8(data, path), path)


def parse_toml_text(text: str, path: str, *, first_line: int = 1) -> tuple[dict[str, Any], list[str]]:
    """Return the document and the lines of a text that begins at ``first_line`` of its file."""
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415
    else:  # pragma: no cover - Python 3.10
        import tomli as tomllib  # noqa: PLC0415
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found = _AT_LINE.search(str(error))
        line = int(found[1]) + first_line - 1 if found else 0
        raise RequirementError(path, line, f"not valid TOML: {_AT_LINE.sub('', str(error)).strip()}") from error
    return document, text.split("\n")


def block_lines(lines: Sequence[str], header: str, key: str = "version") -> list[int]:
    """Return for each ``[[header]]`` the line of ``key`` in it, of ``name`` when it has none, else of the header."""
    found: list[int] = []
    exact = False
    inside = False
    for number, line in enumerate(lines, 1):
        match = _HEADER.match(line)
        if match:
            inside = line.lstrip().startswith("[[") and match[1] == header
            exact = False
            if inside:
                found.append(number)
        elif inside and not exact:
            name = line.partition("=")[0].strip()
            exact = name == key
            if exact or (name == "name" and key != "name"):
                found[-1] = number
    return found


def table_line(lines: Sequence[str], header: str, key: str = "") -> int | None:
    """Return the line of a key in ``[header]``, or that of the header without a key."""
    inside = False
    for number, line in enumerate(lines, 1):
        match = _HEADER.match(line)
        if match:
            inside = not line.lstrip().startswith("[[") and match[1].replace('"', "").replace(" ", "") == header
            if inside and not key:
                return number
        elif inside and line.partition("=")[0].strip().strip("\"'") == key:
            return number
    return None


def text_line(lines: Sequence[str], text: str, start: int = 1) -> int | None:
    """Return the first line from ``start`` on that holds a text as a quoted value."""
    forms = (f'"{text}"', f"'{text}'", '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
    for number in range(max(start, 1), len(lines) + 1):
        if any(form in lines[number - 1] for form in forms):
            return number
    return None


def tables(value: object) -> list[dict[str, Any]]:
    """Return the tables of a list, without what is none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def table(value: object) -> dict[str, Any]:
    """Return a table, an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def word(value: object) -> str:
    """Return a text, an empty one for what is none."""
    return value if isinstance(value, str) else ""


def words(value: object) -> tuple[str, ...]:
    """Return the texts of a list, without what is none."""
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def digests(value: object) -> tuple[str, ...]:
    """Return ``sha256:0123...`` for a table of hashes by algorithm."""
    return tuple(f"{kind.lower()}:{each.lower()}" for kind, each in table(value).items() if isinstance(each, str))
