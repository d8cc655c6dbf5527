"""Under which names a file knows modules of others, as far as each name means one thing in the whole file."""

from __future__ import annotations

import ast
from typing import NamedTuple

from envaudit.source.parse import children

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Aliases(NamedTuple):
    """``paths``: ``"np": ("numpy", "")`` for ``import numpy as np``, ``"b": ("a", "b")`` for ``from a import b``."""

    paths: dict[str, tuple[str, str]]
    future_annotations: bool


def absolute(module: str, node: ast.ImportFrom, *, is_package: bool) -> str:
    """Return the absolute name of the module behind ``from``; empty when it leaves the top."""
    if not node.level:
        return node.module or ""
    parts = module.split(".") if module else []
    keep = len(parts) - node.level + (1 if is_package else 0)
    if keep < 1:
        return ""
    return ".".join([*parts[:keep], *([node.module] if node.module else [])])


def collect_aliases(tree: ast.Module, module: str, *, is_package: bool) -> Aliases:
    """Return the names that are bound by imports alone, and always to the same.

    A name that is also a parameter or a variable anywhere in the file is left out: which of the two is meant in a
    line would have to be found out by running it.
    """
    found: dict[str, tuple[str, str]] = {}
    spoiled: set[str] = set()
    future = False
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, in_class = waiting.pop()
        pairs: list[tuple[str, tuple[str, str]]] = []
        if isinstance(node, ast.Import):
            pairs = [(alias.asname, (alias.name, "")) if alias.asname else _first(alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(module, node, is_package=is_package)
            future = future or (origin == "__future__" and any(alias.name == "annotations" for alias in node.names))
            pairs = [(alias.asname or alias.name, (origin, alias.name)) for alias in node.names]
        elif not in_class:  # what is bound in a class is not seen from its methods
            spoiled.update(_bound(node))
        for name, path in pairs:
            if found.setdefault(name, path) != path:
                spoiled.add(name)
        inner = isinstance(node, ast.ClassDef) or (in_class and not isinstance(node, _SCOPES))
        waiting += [(child, inner) for child in children(node)]
    return Aliases({name: path for name, path in found.items() if name not in spoiled and path[0]}, future)


def bound_otherwise(tree: ast.Module) -> frozenset[str]:
    """Return the names that are bound in a tree, outside of the bodies of classes, otherwise than by an import."""
    bound: set[str] = set()
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, in_class = waiting.pop()
        if not in_class:
            bound.update(_bound(node))
        inner = isinstance(node, ast.ClassDef) or (in_class and not isinstance(node, _SCOPES))
        waiting += [(child, inner) for child in children(node)]
    return frozenset(bound)


def _first(name: str) -> tuple[str, tuple[str, str]]:
    first = name.partition(".")[0]
    return first, (first, "")


def _bound(node: ast.AST) -> tuple[str, ...]:
    """Return the name that a node binds otherwise than by an import."""
    if isinstance(node, ast.Name):
        return (node.id,) if not isinstance(node.ctx, ast.Load) else ()
    if isinstance(node, ast.arg):
        return (node.arg,)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return (node.name,)
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        return (node.name,)
    if isinstance(node, ast.MatchMapping) and node.rest:
        return (node.rest,)
    return ()
