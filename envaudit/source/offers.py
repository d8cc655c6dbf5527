"""What a module offers, by its source: the names that it has once it was imported, or that it may have any number.

A module that can gain names in a way that reading does not show is *open*: it is never said to lack a name.
"""

from __future__ import annotations

import ast
import enum
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import ReadError
from envaudit.scan.reach_conditions import UNKNOWN, dotted, value_of
from envaudit.source.aliases import absolute
from envaudit.source.parse import children, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Openness(enum.IntFlag):
    """In which way a module may have more than its source shows: names, or modules below it as well."""

    CLOSED = 0
    NAMES = 1
    MODULES = 2
    ALL = 3


class Offer(NamedTuple):
    """What one source file binds.

    ``stars`` are the modules of which it takes everything public. ``exported`` is its ``__all__`` if that is written
    out, ``None`` when ``import *`` takes all public names or a list that is computed. ``deleted`` was bound once.
    """

    names: frozenset[str]
    stars: tuple[str, ...]
    exported: frozenset[str] | None
    openness: Openness
    deleted: frozenset[str] = frozenset()


# Every module has these, or may have.
GIVEN = frozenset(
    "__name__ __doc__ __file__ __path__ __spec__ __loader__ __package__ __cached__ __builtins__ __dict__ __class__ "  # noqa: SIM905
    "__annotations__ __annotate__ __all__ __dir__ __getattribute__ __setattr__ __hash__ __eq__ __repr__ "
    "__warningregistry__ "
    "__conditional_annotations__".split()
)
_NAME_CALLS = frozenset({"globals", "vars", "locals", "exec", "execfile", "eval"})
# Calls with ``__name__`` that leave the module as it is; any other may give it names, or put another in its place.
_HARMLESS = frozenset(
    "getLogger get_logger getlogger logger getChild Logger get_module_logger Flask Blueprint Celery len str repr print "  # noqa: SIM905
    "split rsplit partition rpartition startswith endswith format join replace NewType TypeVar namedtuple Enum "
    "get_internal_logger Struct get_distribution version files ABCMeta structlog bind getattr path getContext "
    "PytestTester resource_filename "
    "get_tracer getTracer get_meter get_data join_path StructLogger".split()
)
_BLOCK_DEPTH = 150
# What is done with a ``__dict__`` by those who only read it.
_READING = frozenset("copy get items keys values".split())  # noqa: SIM905
# With these begins a call that makes another object of the same class: ``cls.__new__(cls)``, ``copy.copy(self)``.
_MAKERS = frozenset("cls copy object self super type".split())  # noqa: SIM905
_READERS = frozenset("bool dict frozenset iter len list set sorted tuple".split())  # noqa: SIM905


def read_offer(text: bytes, module: str, values: Mapping[str, Any], *, is_package: bool = False) -> Offer:
    """Return what a source file (or a stub) offers; raises ``ReadError`` when it cannot be parsed."""
    tree = parse(text)
    reader = _Reader(module, is_package, values)
    try:
        reader.read(tree.body)
    except RecursionError as error:
        raise ReadError("nested too deeply") from error
    exported = frozenset(reader.exported) if reader.exported is not None and not reader.computed else None
    stars = tuple(dict.fromkeys(reader.stars))
    return Offer(frozenset(reader.names), stars, exported, reader.openness, frozenset(reader.deleted - reader.names))


class _Reader:
    """Walks what runs when a module is imported, and what functions declare ``global``."""

    def __init__(self, module: str, is_package: bool, values: Mapping[str, Any]) -> None:  # noqa: FBT001
        self.names: set[str] = set()
        self.deleted: set[str] = set()
        self.stars: list[str] = []
        self.exported: list[str] | None = None
        self.computed = False
        self.openness = Openness.CLOSED
        self._module = module
        self._is_package = is_package
        self._values = dict(values)
        self._depth = 0
        self._only_read: set[ast.AST] = set()
        # Variables whose ``__dict__`` may be filled, and those that were made of a class.
        self._filled: set[str] = set()
        self._instances = {"self", "cls", "obj"}

    def read(self, body: Sequence[ast.stmt]) -> None:
        """Read a whole module."""
        self.block(body)
        if self._filled - self._instances:
            self.openness |= Openness.NAMES

    def block(self, body: Sequence[ast.stmt]) -> None:
        """Read statements that run, or may run."""
        self._depth += 1
        if self._depth > _BLOCK_DEPTH:
            raise ReadError("nested too deeply")
        for node in body:
            self._statement(node)
        self._depth -= 1

    def _statement(self, node: ast.stmt) -> None:  # noqa: C901, PLR0912  one branch a kind
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._bind(node.name)
            self._look_into(node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                self._bind(alias.asname or alias.name.partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            self._from(node)
        elif isinstance(node, ast.If):
            value = value_of(node.test, self._values)
            self._look_into(node.test)
            if value is UNKNOWN or value:
                self.block(node.body)
            if value is UNKNOWN or not value:
                self.block(node.orelse)
        elif isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            for handler in node.handlers:  # type: ignore[attr-defined]  # TryStar has the same fields
                if handler.name:
                    self._bind(handler.name)
                self.block(handler.body)
            self.block([*node.body, *node.orelse, *node.finalbody])  # type: ignore[attr-defined]
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                self._look_into(item)
            self.block(node.body)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self._only_read.update(_read_by(node))
            self._look_into(node.target)
            self._look_into(node.iter)
            self.block([*node.body, *node.orelse])
        elif isinstance(node, ast.While):
            self._look_into(node.test)
            self.block([*node.body, *node.orelse])
        elif isinstance(node, ast.Match):
            self._look_into(node.subject)
            for case in node.cases:
                self._look_into(case.pattern)
                if case.guard is not None:
                    self._look_into(case.guard)
                self.block(case.body)
        else:
            self._plain(node)

    def _plain(self, node: ast.stmt) -> None:
        """Read a statement without a block."""
        self._look_into(node)
        if type(node).__name__ == "TypeAlias":
            self._bind(node.name.id)  # type: ignore[attr-defined]  # of Python 3.12
        if isinstance(node, ast.Delete) and self._depth == 1:
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            self.names.difference_update(names)
            self.deleted.update(names)
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and target.id == "__all__":
                    self._export(node.value)
                elif isinstance(target, ast.Name) and isinstance(node, ast.Assign):
                    value = value_of(node.value, self._values)
                    if isinstance(value, bool) and self._depth == 1:
                        self._values[target.id] = value
                    else:
                        self._values.pop(target.id, None)

    def _from(self, node: ast.ImportFrom) -> None:
        origin = absolute(self._module, node, is_package=self._is_package)
        for alias in node.names:
            if alias.name == "*":
                if origin:
                    self.stars.append(origin)
                else:
                    self.openness |= Openness.ALL
            else:
                self._bind(alias.asname or alias.name)

    def _export(self, value: ast.expr | None) -> None:
        if self.exported is None:
            self.exported = []
        texts = _texts(value)
        if texts is None:
            self.computed = True
        else:
            self.exported += texts

    def _bind(self, name: str) -> None:
        if name:
            self.names.add(name)
        if name == "__getattr__":
            self.openness |= Openness.NAMES

    def _look_into(self, root: ast.AST) -> None:
        """Look for names that are bound in expressions, for ``global``, and for what opens a module."""
        waiting: list[tuple[ast.AST, bool]] = [(root, isinstance(root, _SCOPES))]
        while waiting:
            node, inside = waiting.pop()
            kind = type(node)
            if kind in _OF_INTEREST:
                self._look_at(node, inside=inside)
            inner = inside or kind in _SCOPES
            waiting += [(child, inner) for child in children(node)]

    def _look_at(self, node: ast.AST, *, inside: bool) -> None:
        """Look at one node; ``inside`` of a scope, where names that are bound are its own."""
        self._only_read.update(_read_by(node))
        if isinstance(node, ast.Global):
            self.names.update(node.names)
        elif isinstance(node, ast.NamedExpr) and isinstance(node.target, ast.Name):
            self.names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            if isinstance(node.value, ast.Call) and _root(node.value) in _MAKERS:
                self._instances.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.Attribute):
            self._attribute(node)
        elif isinstance(node, ast.Call):
            self._call(node, inside=inside)
        elif not inside:
            self._bind(_bound_by(node))

    def _attribute(self, node: ast.Attribute) -> None:
        """``sys.modules`` may put anything in the place of this module; ``__path__`` may lead anywhere."""
        if node.attr in {"modules", "meta_path", "path_hooks"} and dotted(node).rpartition(".")[0] in {"sys", "_sys"}:
            self.openness |= Openness.ALL
        elif node.attr != "__dict__" or isinstance(node.ctx, ast.Store) or node in self._only_read:
            return  # that of a module cannot be replaced
        elif not isinstance(node.value, ast.Name):
            self.openness |= Openness.ALL  # of import_module(...), for one
        else:
            self._filled.add(node.value.id)

    def _call(self, node: ast.Call, *, inside: bool) -> None:
        name = dotted(node.func).rpartition(".")[2]
        if name in _NAME_CALLS and (node.args or name not in {"vars", "locals"} or not inside):
            if name not in {"vars", "eval"} or not node.args:
                self.openness |= Openness.NAMES if name in {"globals", "locals", "vars"} else Openness.ALL
        elif name == "setattr" and node.args and _root(node.args[0]) not in {"self", "cls"}:
            self.openness |= Openness.NAMES
        elif name in {"extend", "append", "remove"} and dotted(node.func).startswith("__all__."):
            self._extend(node, name)
        elif name not in _HARMLESS:
            own = [*node.args, *(word.value for word in node.keywords)]
            if any(isinstance(each, ast.Name) and each.id in {"__name__", "__spec__"} for each in own):
                self.openness |= Openness.ALL

    def _extend(self, node: ast.Call, name: str) -> None:
        texts: list[str] | None = None
        if len(node.args) == 1 and name != "remove":
            value = node.args[0]
            if name == "extend":
                texts = _texts(value)
            elif isinstance(value, ast.Constant) and isinstance(value.value, str):
                texts = [value.value]
        if texts is None:
            self.computed = True
        else:
            self.exported = [*(self.exported or []), *texts]


_SCOPES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda),
    # Their variables are their own, but a walrus in them binds outside.
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)

_OF_INTEREST = frozenset(
    (
        *(ast.Name, ast.Global, ast.NamedExpr, ast.Attribute, ast.Call, ast.Compare, ast.For, ast.AsyncFor),
        *(ast.Assign, ast.Subscript, ast.comprehension),
        *(ast.MatchAs, ast.MatchStar, ast.MatchMapping),
    )
)


def _read_by(node: ast.AST) -> tuple[ast.AST, ...]:
    """Return the parts of an expression that it reads, and neither changes nor hands on."""
    if isinstance(node, ast.Compare):
        return (node.left, *node.comparators)
    if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        return (node.iter,)
    if isinstance(node, ast.Attribute):
        return (node.value,) if node.attr in _READING else ()
    if isinstance(node, ast.Subscript):
        return (node.value,) if isinstance(node.ctx, ast.Load) else ()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return tuple(node.args) if node.func.id in _READERS else ()
    return ()


def _bound_by(node: ast.AST) -> str:
    """Return the name that an expression or a pattern binds, empty for none."""
    if isinstance(node, ast.Name):
        return "" if isinstance(node.ctx, ast.Load) else node.id
    if isinstance(node, (ast.MatchAs, ast.MatchStar)):
        return node.name or ""
    return (node.rest or "") if isinstance(node, ast.MatchMapping) else ""


def _root(node: ast.AST) -> str:
    """Return the name an expression begins with: ``self`` of ``self.parts().first``; empty for another beginning."""
    while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _texts(node: ast.expr | None) -> list[str] | None:
    """Return the texts of a list that is written out, ``None`` for one that is computed."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _texts(node.left), _texts(node.right)
        return None if left is None or right is None else left + right
    if not isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return None
    texts = [item.value for item in node.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return texts if len(texts) == len(node.elts) else None


def public(names: Iterable[str]) -> frozenset[str]:
    """Return what ``import *`` takes from a module without ``__all__``."""
    return frozenset(name for name in names if not name.startswith("_"))
