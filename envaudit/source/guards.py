"""What is caught around a place in a source, and which conditions ask for what there is."""

from __future__ import annotations

import ast
import enum
import re
from typing import TYPE_CHECKING

from envaudit.scan.reach_conditions import dotted

if TYPE_CHECKING:
    from collections.abc import Sequence


class Caught(enum.IntFlag):
    """What is caught around a place; ``PERHAPS``: the place may not run at all."""

    NOTHING = 0
    IMPORT = 1
    MODULE = 2
    ATTRIBUTE = 4
    PERHAPS = 8


ANY = Caught.IMPORT | Caught.MODULE | Caught.ATTRIBUTE
_CATCHES = {
    "ImportError": Caught.IMPORT | Caught.MODULE,
    "ModuleNotFoundError": Caught.MODULE,
    "AttributeError": Caught.ATTRIBUTE,
}
# Everything else, as ``Exception`` or a name of the file's own, may catch all of them.
_CATCH_NONE = frozenset(
    "NameError OSError IOError EnvironmentError FileNotFoundError KeyError TypeError RuntimeError "  # noqa: SIM905
    "SyntaxError ValueError IndexError LookupError NotImplementedError WindowsError UnicodeDecodeError UnicodeError "
    "KeyboardInterrupt SystemExit PermissionError AssertionError RecursionError StopIteration ZeroDivisionError "
    "OverflowError".split()
)
# A condition that mentions one of these asks what there is: the version, the platform, whether a name exists.
ASKS = re.compile(
    r"version|major|minor|^[a-z]{2,}(?:_\d+)+$|compat|hasattr|getattr|platform|has_|have|avail|installed|import"
    r"|find_spec|legacy|deprecat|support"
    r"|_?(?:ge|gt|gte|lt|lte|le|eq|under|before|after|since|over)_?p?\d|(?:np|py|pd|numpy|pandas|scipy|python|mpl|sp|tf"
    r"|torch|sklearn)_?(?:v|ver)?_?\d|^is_|^_is_|^py2|^py3|pypy|^use_|^(?:ge|gt|lt|le)$|linux|windows|darwin",
    re.IGNORECASE,
)
# Managers that keep no exception for themselves; of all others nobody knows.
PASSES_ON = frozenset(
    "open catch_warnings warnings.catch_warnings threading.Lock Lock RLock np.errstate numpy.errstate "  # noqa: SIM905
    "tempfile.TemporaryDirectory TemporaryDirectory".split()
)


def catches(node: ast.expr | None) -> Caught:
    """Say what the expression behind ``except`` stands for; nothing and unknown names stand for everything."""
    if node is None:
        return ANY
    if isinstance(node, ast.Tuple):
        caught = Caught.NOTHING
        for item in node.elts:
            caught |= catches(item)
        return caught
    name = dotted(node).removeprefix("builtins.")
    return Caught.NOTHING if name in _CATCH_NONE else _CATCHES.get(name, ANY)


def expects_no_name(node: ast.expr | None) -> bool:
    """Say whether a handler is for names that are not there: what stands before it asks for ``basestring`` or so."""
    return any(dotted(each) == "NameError" for each in (node.elts if isinstance(node, ast.Tuple) else [node]) if each)


def asks(test: ast.expr) -> bool:
    """Say whether a condition asks for a version, a platform, or whether something is there."""
    for node in ast.walk(test):
        if isinstance(node, ast.Name) and ASKS.search(node.id):
            return True
        if isinstance(node, ast.Attribute) and ASKS.search(node.attr):
            return True
        if isinstance(node, ast.Compare) and any(isinstance(each, (ast.Is, ast.IsNot)) for each in node.ops):
            sides = (node.left, *node.comparators)
            if any(isinstance(side, ast.Constant) and side.value is None for side in sides) and any(
                isinstance(side, ast.Name) and not side.id.islower() for side in sides
            ):
                return True
    return False


def refuses(body: Sequence[ast.stmt]) -> bool:
    """Say whether a block ends by an exception: how a module refuses what it is not made for."""
    return bool(body) and isinstance(body[-1], ast.Raise)
