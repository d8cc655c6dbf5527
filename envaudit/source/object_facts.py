"""What one file tells of the objects it handles: its own classes, what they are made with, and what they keep."""

from __future__ import annotations

import ast
import enum
from typing import TYPE_CHECKING, NamedTuple

from envaudit.scan.reach_conditions import dotted
from envaudit.source.aliases import collect_aliases
from envaudit.source.methods import Value
from envaudit.source.parse import children

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envaudit.source.methods import Members

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEEPEST = 40


class Named(NamedTuple):
    """Something of a library, by its dotted name: a module, a class, a function."""

    full: str


class Own(NamedTuple):
    """An object of a class of this file."""

    name: str


class Gone(NamedTuple):
    """What comes after an error: nothing."""


Thing = Value | Named | Own | Gone | None


class Round(enum.Enum):
    """What a walk is for."""

    ARGUMENTS = "what own classes are made with"
    KEPT = "what their objects keep of it"
    USES = "what is used"


class FileFacts:
    """What is known of a file as a whole, and what one walk finds out for the next.

    ``names`` are looked for; ``lines`` are those where one of them stands behind a dot, and ``calls`` those where an
    object of one of the ``classes`` of the file is made in which there is such a line.
    """

    def __init__(
        self, tree: ast.Module, module: str, members: Members, names: frozenset[str], *, is_package: bool
    ) -> None:
        self.members = members
        self.aliases = collect_aliases(tree, module, is_package=is_package)
        self.classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self.called: set[int] = set()
        self.patched: set[str] = set()
        self.stored: dict[str, int] = {}
        self.made: dict[str, list[int]] = {}
        self.arguments: dict[str, dict[int, tuple[tuple[Thing, ...], dict[str, Thing]]]] = {}
        self.kept: dict[tuple[str, str], Thing] = {}
        self.top: dict[str, Thing] = {}
        lines: dict[int, str] = {}
        given_away: set[str] = set()
        for node in _walk(tree):
            if isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Global):
                given_away.update(node.names)
            elif isinstance(node, ast.Attribute):
                if not isinstance(node.ctx, ast.Load):
                    self._store(node)
                elif node.attr in names:
                    lines[node.lineno] = node.attr
        self.once = _bound_once(tree) - given_away
        self.hidden = {id(tree): hidden_in(tree.body, at_top=True) | given_away}
        self.names = names - self.patched
        self.lines = [line for line, name in lines.items() if name in self.names]
        self.calls = [
            line for name, node in self.classes.items() if spans(node, self.lines) for line in self.made.get(name, ())
        ]

    def rounds(self) -> Iterator[Round]:
        """Yield the walks that lead to something."""
        if self.calls:
            yield Round.ARGUMENTS
        if any(spans(node, self.lines) for node in self.classes.values()):
            yield Round.KEPT
        if self.lines:
            yield Round.USES

    def lines_of(self, round_: Round) -> Sequence[int]:
        """Return the lines that a walk is after."""
        return self.calls if round_ is Round.ARGUMENTS else self.lines

    def _store(self, node: ast.Attribute) -> None:
        self.stored[node.attr] = self.stored.get(node.attr, 0) + 1
        if dotted(node.value) not in {"self", "cls"}:
            self.patched.add(node.attr)

    def _call(self, node: ast.Call) -> None:
        self.called.add(id(node.func))
        name = dotted(node.func)
        if name in self.classes:
            self.made.setdefault(name, []).append(node.lineno)
        if name in {"setattr", "monkeypatch.setattr", "patch.object", "mock.patch.object"}:
            self.patched.update(
                each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )

    def given(self, name: str, at: int, argument: str) -> Thing:
        """Return what all calls of a class of this file hand over for one parameter of its ``__init__``."""
        calls = self.arguments.get(name, {})
        if not calls or len(calls) != len(self.made.get(name, ())):
            return None
        things = [words.get(argument, args[at] if at < len(args) else None) for args, words in calls.values()]
        joined = things[0]
        for thing in things[1:]:
            joined = join(joined, thing)
        return joined

    def attribute(self, name: str, attribute: str) -> Thing:
        """Return what an object of an own class keeps under a name: assigned once in the file, in ``__init__``."""
        if self.stored.get(attribute) == 1:
            for node in self.own_bases(name)[0]:
                if (node.name, attribute) in self.kept:
                    return self.kept[node.name, attribute]
        return None

    def own_bases(self, name: str) -> tuple[list[ast.ClassDef], list[ast.expr]]:
        """Return the classes of this file that make up a class, and the bases that are from elsewhere."""
        own: dict[str, ast.ClassDef] = {}
        others: list[ast.expr] = []
        waiting = [name]
        while waiting:
            node = self.classes.get(waiting.pop())
            if node is None or node.name in own:
                continue
            own[node.name] = node
            for base in node.bases:
                if isinstance(base, ast.Name) and base.id in self.classes:
                    waiting.append(base.id)
                else:
                    others.append(base)
        return list(own.values()), others


def _walk(root: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += children(node)


def spans(node: ast.stmt, lines: Sequence[int]) -> bool:
    """Whether one of the lines lies in a statement."""
    return any(node.lineno <= line <= (node.end_lineno or 0) for line in lines)


def join(one: Thing, other: Thing) -> Thing:
    """Return what may be one thing or the other."""
    if isinstance(one, Gone) or one == other:
        return other
    if isinstance(other, Gone):
        return one
    if isinstance(one, Value) and isinstance(other, Value) and one.every == other.every:
        return Value(one.classes | other.classes, one.every)
    return None


def has_own(node: ast.ClassDef, attribute: str) -> bool:
    """Whether a class of the file seems to give its objects an attribute, or may give any."""
    for each in ast.walk(node):
        if isinstance(each, FUNCTIONS) and each.name in {attribute, "__getattr__", "__getattribute__"}:
            return True
        if isinstance(each, ast.Name) and each.id == attribute and not isinstance(each.ctx, ast.Load):
            return True
        if isinstance(each, ast.Attribute) and each.attr == attribute and not isinstance(each.ctx, ast.Load):
            return True
        if isinstance(each, ast.Constant) and each.value == attribute:
            return True
    return False


def _bound_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        if node.name:
            yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def bound_in(body: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that statements bind, those of inner functions left out."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield from _bound_names(node)
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            waiting += children(node)


def _bound_once(tree: ast.Module) -> frozenset[str]:
    """Return the names that one statement of a file binds."""
    counts: dict[str, int] = {}
    for name in bound_in(tree.body):
        counts[name] = counts.get(name, 0) + 1
    return frozenset(name for name, count in counts.items() if count == 1)


def hidden_in(body: Iterable[ast.stmt], *, at_top: bool = False) -> frozenset[str]:
    """Return names that mean something else in parts of expressions, or that expressions or inner functions bind."""
    names: set[str] = set()
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            for inner in () if at_top else _walk(node):
                if isinstance(inner, ast.Nonlocal):
                    names.update(inner.names)
            continue
        if isinstance(node, (ast.comprehension, ast.NamedExpr)):
            names.update(bound_in([node.target]))
        elif isinstance(node, ast.Lambda):
            names.update(each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs))
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            names.update(node.names)
        waiting += children(node)
    return frozenset(names)
