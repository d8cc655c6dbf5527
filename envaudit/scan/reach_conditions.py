"""The value of simple expressions at import time, without running anything: platform, version, plain constants.

``if sys.platform == "win32":`` is decided for the target, not for the interpreter that runs envaudit. Whatever is not
plain stays unknown.
"""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envaudit.model import Target

# A deeper expression is no condition that somebody wrote by hand.
_DEPTH_LIMIT = 20


class Unknown:
    """The type of ``UNKNOWN``: an expression whose value reading does not tell."""


UNKNOWN: Final = Unknown()

_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_OS_NAMES = {"linux": "posix", "darwin": "posix", "win32": "nt"}
_SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}


def names_of_target(target: Target) -> dict[str, Any]:
    """Return what the target's interpreter has under the names that conditions of imports ask for."""
    platform = {"linux": "linux", "macosx": "darwin", "win": "win32"}.get(target.platform.partition("-")[0], "")
    version = tuple(int(part) for part in target.python.split(".")[:3] if part.isdigit())
    # A target that says only 3.11 has a micro version that nobody knows; no condition of an import asks for it.
    info = (*version, 0)[:3] if len(version) >= 2 else (*target.version_info, 0)
    values: dict[str, Any] = {
        "sys.version_info": info,
        "sys.version_info.major": info[0],
        "sys.version_info.minor": info[1],
        "sys.hexversion": info[0] << 24 | info[1] << 16,
        "sys.implementation.name": target.implementation.lower(),
        "platform.python_implementation()": target.implementation,
        "TYPE_CHECKING": False,
        "typing.TYPE_CHECKING": False,
        "t.TYPE_CHECKING": False,
        "__debug__": True,
        "__name__": "",  # never "__main__"
    }
    if platform:
        values |= {
            "sys.platform": platform,
            "os.name": _OS_NAMES[platform],
            "platform.system()": _SYSTEMS[platform],
        }
    return values


def value_of(node: ast.expr, names: Mapping[str, Any], depth: int = 0) -> Any:  # noqa: PLR0911  one line for a kind
    """Return the value of an expression, ``UNKNOWN`` when it cannot be told.

    ``names`` holds dotted names, and calls without arguments, with their values.
    """
    if depth > _DEPTH_LIMIT:
        return UNKNOWN
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.Name, ast.Attribute)):
        return names.get(dotted(node), UNKNOWN)
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        values = [value_of(item, names, depth + 1) for item in node.elts]
        return UNKNOWN if UNKNOWN in values else tuple(values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        value = value_of(node.operand, names, depth + 1)
        return UNKNOWN if value is UNKNOWN else not value
    if isinstance(node, ast.BoolOp):
        return _bool_op(node, names, depth)
    if isinstance(node, ast.Compare):
        return _compare(node, names, depth)
    if isinstance(node, ast.Subscript):
        return _subscript(node, names, depth)
    if isinstance(node, ast.Call):
        return _call(node, names, depth)
    return UNKNOWN


def dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` for a name or a chain of attributes, empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append(node.id)
    return ".".join(reversed(parts))


def _bool_op(node: ast.BoolOp, names: Mapping[str, Any], depth: int) -> Any:
    """Decide ``and`` and ``or``: one operand that settles it is enough, whatever the others are."""
    settles = isinstance(node.op, ast.Or)
    values = [value_of(item, names, depth + 1) for item in node.values]
    if any(value is not UNKNOWN and bool(value) is settles for value in values):
        return settles
    return UNKNOWN if UNKNOWN in values else not settles


def _compare(node: ast.Compare, names: Mapping[str, Any], depth: int) -> Any:
    """Decide a comparison of two values; chains are left unknown."""
    compare = _COMPARE.get(type(node.ops[0]))
    left = value_of(node.left, names, depth + 1)
    right = value_of(node.comparators[0], names, depth + 1)
    if len(node.ops) != 1 or compare is None or left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    try:
        return bool(compare(left, right))
    except TypeError:
        return UNKNOWN


def _subscript(node: ast.Subscript, names: Mapping[str, Any], depth: int) -> Any:
    """Decide ``sys.version_info[0]`` and ``sys.version_info[:2]``."""
    value = value_of(node.value, names, depth + 1)
    if not isinstance(value, (tuple, str)):
        return UNKNOWN
    if isinstance(node.slice, ast.Slice):
        if node.slice.lower is not None or node.slice.step is not None or node.slice.upper is None:
            return UNKNOWN
        upper = value_of(node.slice.upper, names, depth + 1)
        return value[:upper] if isinstance(upper, int) else UNKNOWN
    index = value_of(node.slice, names, depth + 1)
    return value[index] if isinstance(index, int) and -len(value) <= index < len(value) else UNKNOWN


def _call(node: ast.Call, names: Mapping[str, Any], depth: int) -> Any:
    """Decide ``platform.system()``, ``sys.platform.startswith("win")`` and ``bool(...)``."""
    if node.keywords or len(node.args) > 1:
        return UNKNOWN
    if not node.args:
        return names.get(f"{dotted(node.func)}()", UNKNOWN)
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in {"startswith", "endswith"}:
        return UNKNOWN
    text = value_of(node.func.value, names, depth + 1)
    part = value_of(node.args[0], names, depth + 1)
    if not isinstance(text, str) or not isinstance(part, (str, tuple)):
        return UNKNOWN
    try:
        return text.startswith(part) if node.func.attr == "startswith" else text.endswith(part)
    except TypeError:
        return UNKNOWN
