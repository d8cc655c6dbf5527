"""The constants of one file: names that it binds once and for all, imports, and arithmetic on numbers."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OPERATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
}
_MOST_BITS = 200  # of a number; nobody has an array of more items
_DEEPEST = 50
# Bytes of an item, by the names NumPy and Python have for types.
_ITEMS: Mapping[str, int] = {
    **dict.fromkeys(("bool", "bool_", "int8", "uint8", "byte", "ubyte", "?", "b", "B", "i1", "u1"), 1),
    **dict.fromkeys(("int16", "uint16", "float16", "half", "h", "H", "e", "i2", "u2", "f2"), 2),
    **dict.fromkeys(("int32", "uint32", "float32", "single", "intc", "i", "I", "f", "i4", "u4", "f4"), 4),
    **dict.fromkeys(("int64", "uint64", "float64", "double", "d", "q", "Q", "i8", "u8", "f8", "int", "float"), 8),
    **dict.fromkeys(("complex64", "csingle", "F", "c8"), 8),
    **dict.fromkeys(("complex128", "cdouble", "D", "c16", "complex"), 16),
}


class Constants:
    """What the names of a module stand for, as far as nothing can change it."""

    GENERATOR: ClassVar[str] = "numpy.random.Generator"

    def __init__(self, tree: ast.Module) -> None:
        self._modules: dict[str, str] = {}
        self._values: dict[str, ast.expr] = {}
        bound: dict[str, int] = {}
        for node in ast.walk(tree):
            for name in _bound(node):
                bound[name] = bound.get(name, 0) + 1
            if isinstance(node, ast.Import):
                for alias in node.names:
                    full = alias.name if alias.asname else alias.name.partition(".")[0]
                    self._import(alias.asname or full, full)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    self._import(alias.asname or alias.name, f"{node.module}.{alias.name}")
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target = statement.targets[0]
                if isinstance(target, ast.Name):
                    self._values[target.id] = statement.value
        self._values = {name: value for name, value in self._values.items() if bound.get(name) == 1}
        # A name that is bound as well may stand for something else.
        self._modules = {name: full for name, full in self._modules.items() if name not in bound and full}

    def _import(self, name: str, full: str) -> None:
        self._modules[name] = full if self._modules.get(name, full) == full else ""

    def full_name(self, node: ast.expr) -> str:
        """Return the dotted name of what an expression stands for, empty when that cannot be told."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        root = self._modules.get(node.id, "")
        if not root and node.id in self._values and isinstance(made := self._values[node.id], ast.Call):
            root = self.GENERATOR if self.full_name(made.func) == "numpy.random.default_rng" else ""
        return ".".join([root, *reversed(parts)]) if root else ""

    def value(self, node: ast.expr | None, depth: int = 0) -> object:  # noqa: PLR0911  one for each kind
        """Return a number, a text or a tuple of such, ``None`` for anything that is not constant."""
        if node is None or depth > _DEEPEST:
            return None
        if isinstance(node, ast.Constant):
            return node.value if type(node.value) in {int, float, str} else None
        if isinstance(node, ast.Name):
            return self.value(self._values.get(node.id), depth + 1)
        if isinstance(node, ast.Tuple | ast.List):
            parts = tuple(self.value(each, depth + 1) for each in node.elts)
            return None if None in parts else parts
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "int":
            only = self.value(node.args[0], depth + 1) if len(node.args) == 1 and not node.keywords else None
            return int(only) if isinstance(only, int | float) and abs(only) < 1 << 62 else None
        if isinstance(node, ast.BinOp):
            return _calculated(node.op, self.value(node.left, depth + 1), self.value(node.right, depth + 1))
        return None

    def name_of(self, node: ast.expr) -> str:
        """Return a plain name that the file does not bind itself, as ``float`` and other builtins are."""
        return node.id if isinstance(node, ast.Name) and node.id not in self._values else ""


def _bound(node: ast.AST) -> tuple[str, ...]:
    """Return the names that a node binds, other than by an import."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return (node.id,)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.arg):
        return (node.arg,)
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return (node.name,) if node.name else ()
    return tuple(node.names) if isinstance(node, ast.Global | ast.Nonlocal) else ()


def _calculated(sign: ast.operator, left: object, right: object) -> int | float | None:
    """Return the outcome of an operation on two numbers, ``None`` for what is none or too large."""
    calculate = _OPERATIONS.get(type(sign))
    if calculate is None or not isinstance(left, int | float) or not isinstance(right, int | float):
        return None
    if isinstance(sign, ast.Pow | ast.LShift) and not (
        isinstance(left, int) and isinstance(right, int) and 0 <= right <= _MOST_BITS and abs(left) < 1 << 32
    ):
        return None
    try:
        result = calculate(left, right)
    except (ArithmeticError, TypeError):
        return None
    too_large = isinstance(result, int) and result.bit_length() > 64 * _MOST_BITS
    return result if isinstance(result, int | float) and not too_large else None


def item_size(known: Constants, dtype: ast.expr) -> int | None:
    """Return the bytes of an item of a type: ``np.float32``, ``"f4"``, ``float``; ``None`` for any other."""
    full = known.full_name(dtype)
    if full:
        return _ITEMS.get(full.removeprefix("numpy.")) if full.startswith("numpy.") else None
    text = known.value(dtype)
    if isinstance(text, str):
        return _ITEMS.get(text.lstrip("<>=|") if len(text) > 1 else text)
    return _ITEMS.get(known.name_of(dtype)) if known.name_of(dtype) in {"bool", "int", "float", "complex"} else None
