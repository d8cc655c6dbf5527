"""Python sources that are parsed, never run: can this Python read them, and what do they import first."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from typing import NamedTuple

# No line of a .pth file and no sitecustomize is as long; a parser needs a thousand times that in memory.
_LIMIT = 200_000
# Python's own parser takes a time that grows with the square of the parts of a name.
_ENDLESS_NAME = re.compile(rb"(?:\.[\s\\]*\w{1,50}[\s\\]*){1000}")


class Unparsed(NamedTuple):
    """Why a source was not understood; only if ``certain`` will its own Python refuse it too."""

    detail: str
    line: int | None
    certain: bool


def cannot_parse(source: bytes, version: tuple[int, int]) -> Unparsed | None:
    """Say why a Python of this version cannot parse a source; ``None`` when it can.

    The parser at hand is used, told to know no newer syntax than that version. It cannot judge what a Python newer
    than itself would say of something it does not know.
    """
    if len(source) > _LIMIT or _ENDLESS_NAME.search(source):
        return Unparsed("its size, or a name in it, is more than is parsed", None, certain=False)
    try:
        _parse(source, version)
    except SyntaxError as error:
        newer = version > sys.version_info[:2]
        if newer:
            here = f"{sys.version_info[0]}.{sys.version_info[1]}"
            return Unparsed(f"Python {here}, which runs this audit, cannot parse it", error.lineno, certain=False)
        return Unparsed(f"SyntaxError: {error.msg}", error.lineno, certain=True)
    except ValueError as error:
        return Unparsed(str(error), None, certain=True)  # a NUL
    except (RecursionError, MemoryError):
        return Unparsed("too deeply nested to be parsed", None, certain=False)
    return None


def leading_imports(line: str) -> list[str]:
    """Return the top-level modules that one line of statements imports before it does anything else.

    What comes after another statement may be found where only that statement makes Python look.
    """
    try:
        body = _parse(line.encode("utf-8", "surrogatepass"), (3, 8)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names = []
    for node in body:
        if isinstance(node, ast.Import):
            names += [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module.partition(".")[0])
        else:
            break
    return names


def _parse(source: bytes, version: tuple[int, int]) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escape sequences in what others wrote
        known = min(version, (sys.version_info[0], sys.version_info[1]))
        return ast.parse(source, feature_version=max(known, (3, 7)))
