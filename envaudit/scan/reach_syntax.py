"""Which imports of a source file run when the file is imported, and what happens when one of them fails.

Function bodies do not run, class bodies do. A function of the file that is called at its top level does run: that is
how OpenCV loads its compiled module. An import under a condition that reading cannot decide is not certain, and is
left out.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.scan.reach_conditions import UNKNOWN, dotted, value_of
from envaudit.scan.reach_guards import Guard, catches, caught, walk_block

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# A function that calls a function that calls a function: deeper is not followed.
_CALL_DEPTH = 4
# Blocks inside of blocks; Python's own parser ends at 100.
_BLOCK_DEPTH = 60
# Names that are looked at or copied while a file is read. The largest of pandas takes 100,000.
_WORK_LIMIT = 10_000_000
# What a condition may refer to by name: nothing that a file could make large.
_PLAIN_LIMIT = 200
# Python's own parser takes a time that grows with the square of the parts of a name: 15 s for 200,000.
_SMALL = 50_000
_ENDLESS_NAME = re.compile(rb"(?:\.[\s\\]*\w{1,50}[\s\\]*){1000}")
_DYNAMIC = {"importlib.import_module", "import_module", "__import__", "importlib.__import__"}


class Request(NamedTuple):
    """One import: ``level`` counts its leading dots; without ``names`` it is ``import module``."""

    level: int
    module: str
    names: tuple[str, ...]
    guard: Guard


class Source(NamedTuple):
    """What a file does when it is imported.

    ``bound`` are the names it has then, or may have; ``exported`` is its ``__all__`` as far as it is written out.
    ``unknown`` says that it imports something whose name is only known when it runs.
    """

    requests: tuple[Request, ...]
    bound: frozenset[str]
    exported: tuple[str, ...]
    unknown: bool


def read_source(text: bytes, own_name: str, names: Mapping[str, Any]) -> Source:
    """Parse a file; ``own_name`` is the module's, ``names`` as in ``value_of``.

    Raises ``SyntaxError``, ``ValueError``, ``RecursionError`` or ``MemoryError`` for what is no Python 3 of today.
    """
    if len(text) > _SMALL and _ENDLESS_NAME.search(text):
        raise ValueError("a name of more than a thousand parts")
    tree = ast.parse(text)
    reader = _Reader(own_name, names)
    reader.block(tree.body, Guard.NONE)
    return Source(
        tuple(dict.fromkeys(reader.requests)), frozenset(reader.bound), tuple(reader.exported), reader.unknown
    )


class _Reader:
    """Walks the statements that run, in their order."""

    def __init__(self, own_name: str, names: Mapping[str, Any]) -> None:
        self.requests: list[Request] = []
        self.bound: set[str] = set()
        self.exported: list[str] = []
        self.unknown = False
        self._own_name = own_name
        self._names = dict(names)
        self._functions: dict[str, ast.FunctionDef] = {}
        self._called: list[str] = []
        self._followed: set[tuple[int, Guard]] = set()
        self._depth = 0
        self._work = 0

    def block(self, body: Sequence[ast.stmt], guard: Guard) -> bool:
        """Read statements; ``False`` when those behind the last one read may not run any more."""
        self._depth += 1
        try:
            if self._depth > _BLOCK_DEPTH:
                self.unknown = True
                return False
            return all(self._statement(statement, guard) for statement in body)
        finally:
            self._depth -= 1

    def _statement(self, node: ast.stmt, guard: Guard) -> bool:  # noqa: C901  one branch for a kind
        """Read one statement; ``False`` when what follows it may not run."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                self._request(0, alias.name, (), guard)
                self.bound.add(alias.asname or alias.name.partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            self._request(node.level, node.module or "", tuple(alias.name for alias in node.names), guard)
            self._bind_from(node)
        elif isinstance(node, ast.FunctionDef):
            self.bound.add(node.name)
            self._functions[node.name] = node
            self._expressions(node.decorator_list, guard)
        elif isinstance(node, ast.AsyncFunctionDef):
            self.bound.add(node.name)
        elif isinstance(node, ast.ClassDef):
            self.bound.add(node.name)
            self._expressions([*node.decorator_list, *node.bases], guard)
            self._inner(node.body, guard)
        elif isinstance(node, ast.If):
            return self._if(node, guard)
        elif isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            return self._try(node, guard)  # type: ignore[arg-type]  # TryStar has the same fields
        elif isinstance(node, ast.With):
            return self._with(node, guard)
        elif isinstance(node, (ast.For, ast.While)):
            self._loop(node, guard)
        elif isinstance(node, (ast.Return, ast.Raise)):
            self._expressions([node.value] if isinstance(node, ast.Return) and node.value else [], guard)
            return False
        else:
            self._assignment(node)
            self._expressions([node], guard)
        return True

    def _bind_from(self, node: ast.ImportFrom) -> None:
        """Note what ``from`` binds; in a package, ``from . import x`` binds what only that import makes."""
        own = (node.level, node.module or "") in {(1, ""), (0, self._own_name)}
        self.bound.update(
            alias.asname or alias.name for alias in node.names if not own or alias.asname not in {None, alias.name}
        )

    def _request(self, level: int, module: str, names: tuple[str, ...], guard: Guard) -> None:
        if guard in {Guard.NONE, Guard.IMPORT_ERROR, Guard.PERHAPS}:
            self.requests.append(Request(level, module, names, guard))

    def _inner(self, body: Sequence[ast.stmt], guard: Guard) -> None:
        """Read a body whose names are not those of the module."""
        self._work += len(self.bound) + len(self._names) + len(self._functions)
        if self._work > _WORK_LIMIT:
            raise ValueError("too many blocks and names")
        before = set(self.bound), dict(self._names), dict(self._functions)
        self.block(body, guard)
        self.bound, self._names, self._functions = before

    def _if(self, node: ast.If, guard: Guard) -> bool:
        """Read the branch that is taken; of a condition that cannot be decided only the names."""
        value = value_of(node.test, self._names)
        if value is not UNKNOWN:
            return self.block(node.body if value else node.orelse, guard)
        self._expressions([node.test], guard)
        # ``if x: raise`` is how a module refuses to be imported at all, so what follows counts as run.
        body = self._perhaps(node.body, guard)
        orelse = self._perhaps(node.orelse, guard)
        return body and orelse

    def _perhaps(self, body: Sequence[ast.stmt], guard: Guard) -> bool:
        """Read statements that may not run; ``False`` when a function may end in them."""
        goes_on = self._names_only(body)
        self._inner(body, guard | Guard.PERHAPS)
        return goes_on

    def _names_only(self, body: Sequence[ast.stmt]) -> bool:
        """Note what statements would bind; ``False`` when a function may end in them."""
        returns = False
        for statement in body:
            for node in walk_block(statement):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    self.bound.add(node.name)
                    self._functions.pop(node.name, None)
                elif isinstance(node, ast.Import):
                    self.bound.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    self._bind_from(node)
                elif isinstance(node, ast.Return):
                    returns = True
                else:
                    self._assignment(node, certain=False)
        return not returns

    def _try(self, node: ast.Try, guard: Guard) -> bool:
        """Read what is tried under what its handlers catch; handlers themselves run only when something failed."""
        goes_on = self.block(node.body, guard | caught(node.handlers, self._functions))
        for handler in node.handlers:
            self._perhaps(handler.body, guard)
        self._undefined_name(node)
        if goes_on:
            goes_on = self.block(node.orelse, guard)
        return self.block(node.finalbody, guard) and (goes_on or bool(node.handlers))

    def _undefined_name(self, node: ast.Try) -> None:
        """Understand ``try: NAME / except NameError: NAME = False``, by which a package knows its own build."""
        first = node.body[0]
        if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Name) and node.handlers):
            return
        error = node.handlers[0].type
        if error is not None and dotted(error) == "NameError" and first.value.id not in self.bound - {first.value.id}:
            for statement in node.handlers[0].body:
                self._assignment(statement)

    def _with(self, node: ast.With, guard: Guard) -> bool:
        """Read a ``with`` block: ``contextlib.suppress`` is a guard, every other manager is taken to catch nothing."""
        for item in node.items:
            self._expressions([item.context_expr], guard)
            call = item.context_expr
            if isinstance(call, ast.Call) and dotted(call.func).rpartition(".")[2] == "suppress":
                for error in call.args:
                    guard |= catches(error)
        return self.block(node.body, guard)

    def _loop(self, node: ast.For | ast.While, guard: Guard) -> None:
        """Read a loop: over a literal it runs, else it may not run at all."""
        runs = isinstance(node, ast.For) and isinstance(node.iter, (ast.Tuple, ast.List)) and node.iter.elts
        self._expressions([node.iter if isinstance(node, ast.For) else node.test], guard)
        if runs:
            self.block(node.body, guard)
        else:
            self._perhaps(node.body, guard)
        self._perhaps(node.orelse, guard)

    def _assignment(self, node: ast.AST, *, certain: bool = True) -> None:
        """Note names that are given a value, with the value when it is plain, and ``__all__``."""
        if isinstance(node, ast.Assign):
            targets: Sequence[ast.expr] = node.targets
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            targets = [node.target]
        else:
            return
        for target in targets:
            names = [part.id for part in ast.walk(target) if isinstance(part, ast.Name)]
            self.bound.update(names)
            for name in names:
                self._names.pop(name, None)
            if node.value is None or not isinstance(target, ast.Name):
                continue
            if target.id == "__all__":
                self.exported += _texts(node.value)
            elif certain and not isinstance(node, ast.AugAssign):
                value = value_of(node.value, self._names)
                if _is_plain(value):
                    self._names[target.id] = value

    def _expressions(self, nodes: Iterable[ast.AST], guard: Guard) -> None:
        """Look for calls that import: of ``import_module``, and of the file's own functions."""
        for root in nodes:
            for node in _walk_expressions(root):
                if not isinstance(node, ast.Call):
                    continue
                name = dotted(node.func)
                if name in _DYNAMIC:
                    self._dynamic(node, guard)
                elif name in self._functions:
                    self._follow(name, guard)

    def _dynamic(self, node: ast.Call, guard: Guard) -> None:
        """Take ``import_module("name")`` as an import; a name that is computed, or the module's own, is unknown."""
        if guard not in {Guard.NONE, Guard.IMPORT_ERROR, Guard.PERHAPS}:
            return
        name = value_of(node.args[0], self._names) if node.args else UNKNOWN
        package = value_of(node.args[1], self._names) if len(node.args) == 2 else ""
        if not isinstance(name, str) or name == self._own_name or (name.startswith(".") and package is UNKNOWN):
            self.unknown = self.unknown or guard is Guard.NONE
        else:
            level = len(name) - len(name.lstrip("."))
            self._request(level, name[level:], (), guard)

    def _follow(self, name: str, guard: Guard) -> None:
        """Read the body of a function of the file that is called."""
        function = self._functions[name]
        if (id(function), guard) in self._followed or len(self._called) >= _CALL_DEPTH:
            return
        self._followed.add((id(function), guard))
        self._called.append(name)
        for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
            self._names.pop(argument.arg, None)
        self._inner(function.body, guard)
        self._called.pop()


def _walk_expressions(node: ast.AST) -> Iterable[ast.AST]:
    """Yield the nodes of an expression, without what stands in a function or a lambda."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        if not isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Constant, ast.Name)):
            waiting += ast.iter_child_nodes(current)


def _is_plain(value: Any) -> bool:
    """Say whether a value is known, small and flat."""
    if isinstance(value, tuple):
        return len(value) <= _PLAIN_LIMIT and all(_is_plain(item) and not isinstance(item, tuple) for item in value)
    if isinstance(value, (str, bytes)):
        return len(value) <= _PLAIN_LIMIT
    return value is None or value is Ellipsis or isinstance(value, (bool, int, float, complex))


def _texts(node: ast.expr) -> list[str]:
    """Return the texts of a list that is written out."""
    if not isinstance(node, (ast.List, ast.Tuple)):
        return []
    return [item.value for item in node.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)]
