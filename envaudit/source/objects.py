"""Which objects stand before a dot, as far as one file tells for certain, and what they have lost.

Statements are gone through in their order, once for the arguments of the file's own classes, once for the attributes
that their ``__init__`` keeps, and once for what is used. What is bound in a loop, by unpacking, in a comprehension or
by anything that is not understood is unknown, and of unknown objects nothing is said.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import ReadError
from envaudit.scan.reach_conditions import UNKNOWN, dotted, value_of
from envaudit.source.classes import union_parts
from envaudit.source.guards import Caught, asks
from envaudit.source.methods import LostMember, Value
from envaudit.source.needs import Reader, Standing
from envaudit.source.object_facts import (
    DEEPEST,
    FUNCTIONS,
    FileFacts,
    Gone,
    Named,
    Own,
    Round,
    Thing,
    bound_in,
    has_own,
    hidden_in,
    join,
    spans,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from envaudit.source.methods import Members

# Functions of which a call with the name of a module returns that module.
_IMPORTS = re.compile(r"(?:^|\.)(?:import_module|import_optional_dependency|importorskip)$")
# Functions that ask of what kind an object is.
_ASKS_KIND = re.compile(r"_?(?:is|has|type$|getattr$|callable$)")


class Use(NamedTuple):
    """One place where an object is asked for what it has lost."""

    lost: LostMember
    line: int
    at_import: bool
    caught: Caught

    @property
    def guarded(self) -> bool:
        """Whether the file goes on without it."""
        return bool(self.caught & (Caught.ATTRIBUTE | Caught.PERHAPS))


def uses_of_tree(
    tree: ast.Module,
    module: str,
    values: Mapping[str, Any],
    members: Members,
    names: Collection[str],
    *,
    is_package: bool = False,
) -> tuple[Use, ...]:
    """Return where a file uses one of the ``names`` that an object has lost; ``values`` are those of ``read_needs``."""
    try:
        file = FileFacts(tree, module, members, frozenset(names), is_package=is_package)
        uses: list[Use] = []
        for round_ in file.rounds():
            uses = _Walk(file, module, values, round_, is_package=is_package).run(tree)
    except RecursionError as error:
        raise ReadError("nested too deeply") from error
    return tuple(dict.fromkeys(uses))


class _Walk(Reader):
    """One walk through a file."""

    def __init__(
        self, file: FileFacts, module: str, values: Mapping[str, Any], round_: Round, *, is_package: bool
    ) -> None:
        super().__init__(module, is_package, values, file.aliases)
        self.uses: list[Use] = []
        self._file = file
        self._round = round_
        self._members = file.members
        self._env: dict[str, Thing] = {}
        self._hidden: frozenset[str] = frozenset()
        self._facts: dict[int, dict[str, Thing]] = {}
        self._class = ""
        self._in_init = False
        self._later: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, Caught, str, frozenset[str]]] = []

    def run(self, tree: ast.Module) -> list[Use]:
        """Go through the file, then through its functions, which run when everything is bound."""
        self._hidden = self._file.hidden[id(tree)]
        super().block(tree.body, Standing(at_import=True, caught=Caught.NOTHING))
        self._file.top = {name: thing for name, thing in self._env.items() if name in self._file.once}
        while self._later:
            node, caught, owner, around = self._later.pop()
            is_init = self._round is Round.KEPT and bool(owner) and node.name == "__init__"
            if is_init or (self._round is not Round.KEPT and spans(node, self._file.lines_of(self._round))):
                self._enter(node, caught, owner, around)
        return self.uses

    # --- statements --------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[ast.stmt], place: Standing) -> bool:
        """Read statements; behind a block, what it has changed is one or the other."""
        before = self._env
        facts = self._facts.pop(id(body), {})
        self._env = {**before, **facts}
        goes_on = super().block(body, place)
        after = self._env if goes_on else {}
        self._env = dict(before)
        for name, thing in after.items():
            if name in before:
                self._env[name] = join(before[name], thing)
            elif name not in facts and "." not in name:
                self._env[name] = thing
        return goes_on

    def _statement(self, node: ast.stmt, place: Standing) -> bool | None:
        if isinstance(node, ast.ClassDef):
            return self._class_body(node, place)
        goes_on = super()._statement(node, place)
        if isinstance(node, ast.Assign):
            thing = self._eval(node.value)
            for target in node.targets:
                self._bind(target, thing)
        elif isinstance(node, ast.AnnAssign):
            thing = self._annotation(node.annotation)
            self._bind(node.target, thing if thing is not None or node.value is None else self._eval(node.value))
        elif isinstance(node, (ast.AugAssign, ast.Delete)):
            for target in [node.target] if isinstance(node, ast.AugAssign) else node.targets:
                self._bind(target, None)
        elif isinstance(node, ast.Assert):
            self._env.update(self._narrowed(node.test))
        elif isinstance(node, FUNCTIONS):
            self._env[node.name] = None
        elif isinstance(node, ast.Match):
            self._forget(node)
        return goes_on

    def _class_body(self, node: ast.ClassDef, place: Standing) -> bool:
        outside, name = self._env, self._class
        self._env = dict.fromkeys(outside)
        self._class = node.name if self._file.classes.get(node.name) is node else ""
        self.block(node.body, place)
        self._env, self._class = {**outside, node.name: None}, name
        if self._file.classes.get(node.name) is node and node.name in self._file.once:
            del self._env[node.name]
        return True

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, place: Standing) -> None:
        around = frozenset(self._env) if not place.at_import else frozenset()
        self._later.append((node, place.caught & Caught.PERHAPS, self._class, around))

    def _enter(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, caught: Caught, owner: str, around: frozenset[str]
    ) -> None:
        """Go through the body of a function, which knows its parameters by their annotations."""
        self._env = dict.fromkeys(around)
        arguments = [*node.args.posonlyargs, *node.args.args]
        for each in (*arguments, *node.args.kwonlyargs):
            self._env[each.arg] = self._annotation(each.annotation) if each.annotation is not None else None
        for star in (node.args.vararg, node.args.kwarg):
            if star is not None:
                self._env[star.arg] = None
        marks = {dotted(each) for each in node.decorator_list}
        self._in_init = bool(owner) and node.name == "__init__"
        if owner and arguments and not marks & {"staticmethod", "classmethod"}:
            self._env[arguments[0].arg] = Own(owner)
            for at, each in enumerate(arguments[1:]):
                if self._in_init and self._env[each.arg] is None:
                    self._env[each.arg] = self._file.given(owner, at, each.arg)
        if id(node) not in self._file.hidden:
            self._file.hidden[id(node)] = hidden_in(node.body)
        self._hidden = self._file.hidden[id(node)]
        for name in bound_in(node.body):
            self._env.setdefault(name, Gone())
        self._class = ""
        super().block(node.body, Standing(at_import=False, caught=caught))
        self._in_init = False

    def _if(self, node: ast.If, place: Standing) -> bool | None:
        """Read a condition: in its body, and behind ``if not ...: return``, it is known what was asked for."""
        known = value_of(node.test, self.values)
        if place.at_import and known is UNKNOWN and not asks(node.test):
            place = Standing(at_import=False, caught=place.caught)  # it may run, and then it fails
        facts = self._narrowed(node.test)
        negative = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
        behind = self._narrowed(node.test.operand) if isinstance(node.test, ast.UnaryOp) and negative else {}
        asked = _asked_about(node.test)
        self._facts[id(node.body)] = {**dict.fromkeys(asked), **facts}
        self._facts[id(node.orelse)] = {**dict.fromkeys(asked), **behind}
        goes_on = super()._if(node, place)
        left = known is UNKNOWN and behind and isinstance(node.body[-1], (ast.Return, ast.Raise, ast.Continue))
        self._env.update({**dict.fromkeys(asked), **(behind if left else {})})
        return goes_on

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, place: Standing) -> None:
        if place.at_import:
            place = Standing(at_import=False, caught=place.caught)
        if not isinstance(node, ast.While):
            self._bind(node.target, None)
        super()._loop(node, place)

    def _with(self, node: ast.With | ast.AsyncWith, place: Standing) -> bool:
        if place.at_import:
            place = Standing(at_import=False, caught=place.caught)
        for item in node.items:
            if item.optional_vars is not None:
                self._bind(item.optional_vars, None)
        return super()._with(node, place)

    def _forget(self, node: ast.AST) -> None:
        for name in bound_in([node]):
            self._env[name] = None

    def _bind(self, target: ast.expr, thing: Thing) -> None:
        if isinstance(target, ast.Name):
            self._env[target.id] = thing
            for key in [key for key in self._env if key.startswith(f"{target.id}.")]:
                del self._env[key]
        elif isinstance(target, ast.Attribute):
            name = dotted(target)
            self._env.pop(name, None)
            owner = self._env.get(name.partition(".")[0])
            if self._in_init and isinstance(owner, Own) and name.count(".") == 1:
                self._file.kept[owner.name, target.attr] = thing
        elif isinstance(target, (ast.Tuple, ast.List)):
            for each in target.elts:
                self._bind(each, None)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, None)

    # --- expressions -------------------------------------------------------------------------------------------------

    def _expression(self, root: ast.AST, place: Standing) -> None:
        waiting: list[tuple[ast.AST, Standing]] = [(root, place)]
        while waiting:
            node, here = waiting.pop()
            if isinstance(node, ast.Attribute):
                is_asked = self._round is Round.USES and node.attr in self._file.names
                lost = self._lost(node) if is_asked and isinstance(node.ctx, ast.Load) else None
                if lost is not None:
                    self.uses.append(Use(lost, node.lineno, here.at_import, here.caught))
            elif isinstance(node, ast.Call) and self._round is Round.ARGUMENTS:
                self._note(node)
            inner = list(self._parts(node, here))
            if isinstance(node, (ast.IfExp, ast.BoolOp)) and _asked_about(node):
                inner = [(each, where.within(Caught.PERHAPS)) for each, where in inner]
            waiting += inner

    def _note(self, node: ast.Call) -> None:
        """Note with what an object of an own class is made."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in self._file.classes and not any(isinstance(each, ast.Starred) for each in node.args):
            words = {word.arg: self._eval(word.value) for word in node.keywords if word.arg}
            things = tuple(self._eval(each) for each in node.args)
            self._file.arguments.setdefault(name, {})[id(node)] = (things, words)

    def _lost(self, node: ast.Attribute) -> LostMember | None:
        thing = self._eval(node.value)
        called = id(node) in self._file.called
        if isinstance(thing, Value):
            return self._members.lost(thing, node.attr, called=called)
        if isinstance(thing, Own):
            return self._lost_by_base(thing.name, node.attr, called=called)
        return None

    def _lost_by_base(self, name: str, attribute: str, *, called: bool) -> LostMember | None:
        """Say what an object of an own class has not inherited."""
        own, others = self._file.own_bases(name)
        if any(has_own(node, attribute) for node in own):
            return None
        full = [self._class_named(base) for base in others]
        if not full or None in full:
            return None
        return self._members.lost(Value(frozenset(each for each in full if each)), attribute, called=called)

    def _eval(self, node: ast.expr | None, depth: int = 0) -> Thing:
        if node is None or depth > DEEPEST:
            return None
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute_of(node, depth)
        if isinstance(node, ast.Call):
            return self._called(node, depth)
        if isinstance(node, ast.IfExp):
            return join(self._eval(node.body, depth + 1), self._eval(node.orelse, depth + 1))
        return None

    def _named(self, name: str) -> Thing:
        if name in self._hidden:
            return None
        if name in self._env:
            return self._env[name]
        if name in self._file.top:
            return self._file.top[name]
        path = self._file.aliases.paths.get(name)
        if path is None:
            return None
        return Named(f"{path[0]}.{path[1]}" if path[1] else path[0])

    def _attribute_of(self, node: ast.Attribute, depth: int) -> Thing:
        written = dotted(node)
        if written in self._env:
            return self._env[written]
        return self._part_of(self._eval(node.value, depth + 1), node)

    def _part_of(self, thing: Thing, node: ast.Attribute) -> Thing:
        """Return what an attribute of a thing is."""
        if isinstance(thing, Named):
            return Named(f"{thing.full}.{node.attr}")
        if isinstance(thing, Own):
            return self._file.attribute(thing.name, node.attr)
        if isinstance(thing, Value) and self._members.is_property(thing, node.attr):
            return self._members.result(thing, node.attr)
        return None

    def _result(self, owner: Value, method: str) -> Thing:
        """Return what a call of a method gives: nothing, when the object has lost it."""
        if self._members.is_property(owner, method):
            return None
        return Gone() if self._members.lost(owner, method, called=True) else self._members.result(owner, method)

    def _called(self, node: ast.Call, depth: int) -> Thing:
        name = dotted(node.func)
        if _IMPORTS.search(name) and node.args:
            written = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            if isinstance(written, str) and self._members.classes.is_module(written):
                return Named(written)
        if isinstance(node.func, ast.Name) and name in self._file.classes and name in self._file.once:
            return Own(name)
        if isinstance(node.func, ast.Attribute):
            owner = self._eval(node.func.value, depth + 1)
            if isinstance(owner, Value):
                return self._result(owner, node.func.attr)
            thing = self._part_of(owner, node.func)
        else:
            thing = self._eval(node.func, depth + 1)
        made = self._members.classes.made_by(thing.full) if isinstance(thing, Named) else None
        return Value(made) if made is not None else None

    # --- what is declared --------------------------------------------------------------------------------------------

    def _class_named(self, node: ast.expr) -> str | None:
        thing = self._eval(node)
        return self._members.class_of(thing.full) if isinstance(thing, Named) else None

    def _annotation(self, node: ast.expr, depth: int = 0) -> Value | None:
        parts = union_parts(node) if depth < DEEPEST else None
        if parts is None:
            return None
        if len(parts) == 1 and parts[0] is node:
            full = self._class_named(node)
            return Value(frozenset((full,))) if full is not None else None
        found: set[str] = set()
        for part in parts:
            if isinstance(part, ast.Constant) and part.value is None:
                continue
            value = self._annotation(part, depth + 1)
            if value is None:
                return None
            found |= value.classes
        return Value(frozenset(found)) if found else None

    def _narrowed(self, test: ast.expr) -> dict[str, Thing]:
        """Return what ``isinstance(x, T)``, alone or in an ``and``, tells about names."""
        facts: dict[str, Thing] = {}
        for each in test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]:
            if isinstance(each, ast.Call) and dotted(each.func) == "isinstance" and len(each.args) == 2:
                name, full = dotted(each.args[0]), self._class_named(each.args[1])
                if name:
                    twice = name in facts
                    facts[name] = Value(frozenset((full,)), every=True) if full is not None and not twice else None
        return facts


def _asked_about(test: ast.AST) -> set[str]:
    """Return the names whose kind a condition asks for in any way."""
    names = set()
    for node in ast.walk(test):
        if isinstance(node, ast.Call) and node.args and _ASKS_KIND.match(dotted(node.func).rpartition(".")[2]):
            names.add(dotted(node.args[0]))
    return names - {""}
