"""From the bytes of a source file to its syntax tree, whatever the bytes are."""

from __future__ import annotations

import ast
import re
import warnings

from envaudit.errors import ReadError

# Generated tables are the largest files that anybody imports from, below 3 MB.
SIZE_LIMIT = 4 * 1024 * 1024
# Python's own parser takes a time that grows with the square of the parts of a name: 15 s for 200,000.
_SMALL = 50_000
_ENDLESS_NAME = re.compile(rb"(?:\.[\s\\]*\w{1,50}[\s\\]*){1000}")


# Nodes that hold no others; nearly every second one is one of these.
_EMPTY = frozenset((ast.Load, ast.Store, ast.Del, ast.Constant))


def children(node: ast.AST) -> list[ast.AST]:
    """Return what ``ast.iter_child_nodes`` yields, less most constants and contexts, in a third of the time."""
    found: list[ast.AST] = []
    for field in type(node)._fields:
        value = getattr(node, field, None)
        if type(value) is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST) and type(value) not in _EMPTY:
            found.append(value)
    return found


def parse(text: bytes) -> ast.Module:
    """Return the syntax tree; raises ``ReadError`` for what is no Python of today, or too much of it."""
    if len(text) > SIZE_LIMIT:
        raise ReadError(f"{len(text)} bytes, more than the {SIZE_LIMIT} that are parsed")
    if len(text) > _SMALL and _ENDLESS_NAME.search(text):
        raise ReadError("a name of more than a thousand parts")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the source's own, as of "\d" in a plain string
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise ReadError(f"not Python of today: {type(error).__name__}") from error
