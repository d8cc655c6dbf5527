"""What stands around an import: which exceptions are kept from the importer, and which are not."""

from __future__ import annotations

import ast
import enum
from typing import TYPE_CHECKING

from envaudit.scan.reach_conditions import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_EXITS = {"sys.exit", "exit", "quit", "os._exit"}
# NumPy's refusal is an ImportError, of modules that pass on what they got from it an AttributeError; Cython's size
# check is a ValueError. ``except ModuleNotFoundError`` and ``except OSError`` catch none of them.
_CATCH_IMPORT = {"ImportError", "AttributeError"}
_CATCH_VALUE = {"ValueError"}
_CATCH_BOTH = {"Exception", "BaseException"}
_CATCH_NEITHER = {
    *("ModuleNotFoundError", "NameError", "OSError", "IOError", "EnvironmentError", "FileNotFoundError", "KeyError"),
    *("TypeError", "RuntimeError", "SyntaxError", "IndexError", "LookupError", "NotImplementedError", "WindowsError"),
    *("UnicodeDecodeError", "UnicodeError", "KeyboardInterrupt", "SystemExit", "PermissionError", "AssertionError"),
}


class Guard(enum.IntFlag):
    """What is caught around an import; ``PERHAPS``: it stands under a condition that reading cannot decide.

    ``ValueError`` without ``ImportError`` is as good as both: nobody writes it.
    """

    NONE = 0
    IMPORT_ERROR = 1
    VALUE_ERROR = 2
    BOTH = 3
    PERHAPS = 4


_BLOCKS = (ast.stmt, ast.ExceptHandler)


def caught(handlers: Sequence[ast.ExceptHandler], functions: Mapping[str, ast.FunctionDef]) -> Guard:
    """Say what handlers keep from the importer; one that raises again or ends the process keeps nothing."""
    guard = Guard.NONE
    seen = Guard.NONE
    for handler in handlers:
        stops = Guard.BOTH if handler.type is None else catches(handler.type)
        fresh = stops & ~seen
        seen |= stops
        if not ends(handler.body, functions):
            guard |= fresh
    return guard


def catches(node: ast.expr) -> Guard:
    """Say what the expression behind ``except`` stands for; a name that is not built in may stand for anything."""
    if isinstance(node, ast.Tuple):
        guard = Guard.NONE
        for item in node.elts:
            guard |= catches(item)
        return guard
    name = dotted(node).removeprefix("builtins.")
    if name in _CATCH_IMPORT:
        return Guard.IMPORT_ERROR
    if name in _CATCH_VALUE:
        return Guard.VALUE_ERROR
    return Guard.NONE if name in _CATCH_NEITHER else Guard.BOTH


def ends(body: Sequence[ast.stmt], functions: Mapping[str, ast.FunctionDef]) -> bool:
    """Say whether statements certainly end in an exception or the end of the process.

    A call of one of the ``functions`` of the file is looked into once: ``raise_build_error(e)``.
    """
    for node in body:
        if _may_return(node):
            return False
        if _ends_by(node, functions):
            return True
    return False


def _ends_by(node: ast.stmt, functions: Mapping[str, ast.FunctionDef]) -> bool:
    """Say whether nothing after this statement can run."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        name = dotted(node.value.func)
        return name in _EXITS or (name in functions and ends(functions[name].body, {}))
    if isinstance(node, ast.If):
        return bool(node.orelse) and ends(node.body, functions) and ends(node.orelse, functions)
    return isinstance(node, ast.Raise) or (isinstance(node, ast.With) and ends(node.body, functions))


def _may_return(node: ast.stmt) -> bool:
    """Say whether a function may be left by a statement without an exception."""
    return any(isinstance(inner, ast.Return) for inner in walk_block(node))


def walk_block(node: ast.stmt) -> Iterable[ast.AST]:
    """Yield the statements in a statement, but not those of functions and classes in it."""
    waiting: list[ast.AST] = [node]
    while waiting:
        current = waiting.pop()
        yield current
        if not isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            waiting += (child for child in ast.iter_child_nodes(current) if isinstance(child, _BLOCKS))
