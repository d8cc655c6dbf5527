"""What a source file needs of other modules: every name, where it stands, and what happens when it is not there.

The answer is careful: an import counts as unguarded only when it certainly runs and nothing around it catches the
error. Conditions on the version and the platform are decided for the target; what cannot be decided is a guard.
"""

from __future__ import annotations

import ast
import enum
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import ReadError
from envaudit.scan.reach_conditions import UNKNOWN, dotted, value_of
from envaudit.scan.reach_guards import ends
from envaudit.source.aliases import Aliases, absolute, collect_aliases
from envaudit.source.guards import ANY, ASKS, PASSES_ON, Caught, asks, catches, expects_no_name, refuses
from envaudit.source.parse import children, parse
from envaudit.source.statements import head

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Form(enum.Enum):
    """How a name is asked for, and with which error it fails."""

    IMPORT = "import"
    FROM = "from"
    ATTRIBUTE = "attribute"


class Need(NamedTuple):
    """One name that a file asks of a module.

    ``import a.b`` needs module ``a.b`` (no name), ``from a import b`` the name ``b`` of ``a``, ``a.b.c`` the name
    ``b.c`` of ``a``. ``at_import`` says that it runs when the file is imported, else only when a function is called.
    """

    module: str
    name: str
    line: int
    form: Form
    at_import: bool
    caught: Caught

    def guarded(self, *, module_missing: bool = False) -> bool:
        """Say whether the file goes on when the name, or with ``module_missing`` the module, is not there."""
        if module_missing and self.form is not Form.ATTRIBUTE:
            return bool(self.caught & (Caught.MODULE | Caught.PERHAPS))
        kind = {Form.IMPORT: Caught.MODULE, Form.FROM: Caught.IMPORT, Form.ATTRIBUTE: Caught.ATTRIBUTE}[self.form]
        return bool(self.caught & (kind | Caught.PERHAPS))


class Needs(NamedTuple):
    """All that a file needs; ``patched`` are the names that it gives to modules of others itself (``numpy.float``)."""

    needs: tuple[Need, ...]
    patched: frozenset[str]


class Standing(NamedTuple):
    """Whether statements run when the file is imported, and what is caught around them."""

    at_import: bool
    caught: Caught

    def within(self, caught: Caught) -> Standing:
        """Return the same with more caught around it."""
        return Standing(self.at_import, self.caught | caught)


_BLOCK_DEPTH = 150


def read_needs(text: bytes, module: str, values: Mapping[str, Any], *, is_package: bool = False) -> Needs:
    """Return what a file needs; ``module`` is its own dotted name, empty for a script.

    ``values`` are those of ``names_of_target``: ``sys.version_info`` and its like, by dotted name. Raises
    ``ReadError`` for a file that cannot be parsed.
    """
    return needs_of_tree(parse(text), module, values, is_package=is_package)


def read_imports(text: bytes, module: str, values: Mapping[str, Any], *, is_package: bool = False) -> tuple[Need, ...]:
    """Return what a file imports when it is imported, up to its last import at the start of a line.

    That is all that is parsed, a tenth of most files. Raises ``ReadError`` as ``read_needs``.
    """
    try:
        tree = parse(head(text))
    except ReadError:  # a line of a text in quotes looked like an import
        tree = parse(text)
    reader = Reader(module, is_package, values, Aliases({}, future_annotations=True), imports_only=True)
    try:
        reader.block(tree.body, Standing(at_import=True, caught=Caught.NOTHING))
    except RecursionError as error:
        raise ReadError("nested too deeply") from error
    return tuple(dict.fromkeys(reader.needs))


def needs_of_tree(tree: ast.Module, module: str, values: Mapping[str, Any], *, is_package: bool = False) -> Needs:
    """Return what a syntax tree needs, as ``read_needs``."""
    try:
        aliases = collect_aliases(tree, module, is_package=is_package)
        reader = Reader(module, is_package, values, aliases)
        reader.block(tree.body, Standing(at_import=True, caught=Caught.NOTHING))
    except RecursionError as error:
        raise ReadError("nested too deeply") from error
    return Needs(tuple(dict.fromkeys(reader.needs)), frozenset(reader.patched))


def needs_of_parts(
    tree: ast.Module, module: str, values: Mapping[str, Any], aliases: Aliases, *, is_package: bool = False
) -> tuple[Need, ...]:
    """Return what statements of a file need, each taken by itself; ``aliases`` are those of the whole file."""
    reader = Reader(module, is_package, values, aliases)
    try:
        for node in tree.body:
            reader.block([node], Standing(at_import=True, caught=Caught.NOTHING))
    except RecursionError as error:
        raise ReadError("nested too deeply") from error
    return tuple(reader.needs)


def constants_of(tree: ast.Module, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values, with those that plain assignments in a tree add: ``PY3 = sys.version_info[0] >= 3``."""
    reader = Reader("", False, values, Aliases({}, future_annotations=True))  # noqa: FBT003
    for node in tree.body:
        if isinstance(node, ast.Assign):
            reader.constant(node)
    return reader.values


class Reader:
    """Walks all statements, with what is caught around them."""

    def __init__(
        self,
        module: str,
        is_package: bool,  # noqa: FBT001
        values: Mapping[str, Any],
        aliases: Aliases,
        *,
        imports_only: bool = False,
    ) -> None:
        self.needs: list[Need] = []
        self.patched: set[str] = set()
        self._module = module
        self._is_package = is_package
        self.values = dict(values)
        self._aliases = aliases
        self._imports_only = imports_only
        info = self.values.get("sys.version_info", ())
        self._annotations_run = not aliases.future_annotations and tuple(info) < (3, 14)
        self._depth = 0

    def block(self, body: Sequence[ast.stmt], place: Standing) -> bool:
        """Read statements; ``False`` when what follows them cannot run."""
        self._depth += 1
        if self._depth > _BLOCK_DEPTH:
            raise ReadError("nested too deeply")
        try:
            for node in body:
                goes_on = self._statement(node, place)
                if goes_on is None:
                    place = place.within(Caught.PERHAPS)
                elif not goes_on:
                    return False
            return True
        finally:
            self._depth -= 1

    def _statement(self, node: ast.stmt, place: Standing) -> bool | None:  # noqa: C901, PLR0911, PLR0912  one branch a kind
        """Read one statement; ``False`` when nothing runs after it, ``None`` when that depends on a condition."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                self._add(alias.name, "", node.lineno, Form.IMPORT, place)
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(self._module, node, is_package=self._is_package)
            if origin:
                for alias in node.names:
                    self._add(origin, alias.name, node.lineno, Form.FROM, place)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._function(node, place)
        elif isinstance(node, ast.ClassDef):
            for part in (*node.decorator_list, *node.bases, *(word.value for word in node.keywords)):
                self._expression(part, place)
            outside = dict(self.values)
            self.block(node.body, place)
            self.values = outside  # what a class binds is its own
        elif isinstance(node, ast.If):
            return self._if(node, place)
        elif isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            return self._try(node, place)  # type: ignore[arg-type]  # TryStar has the same fields
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            return self._with(node, place)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            self._loop(node, place)
        elif isinstance(node, ast.Match):
            self._expression(node.subject, place)
            for case in node.cases:
                self.block(case.body, place.within(Caught.PERHAPS))
        elif isinstance(node, (ast.Return, ast.Raise)):
            self._children(node, place)
            return False
        elif isinstance(node, (ast.Break, ast.Continue)):
            return False
        elif isinstance(node, ast.AnnAssign):
            self._ann_assign(node, place)
        elif isinstance(node, ast.Assert):
            self._children(node, place.within(Caught.PERHAPS))
            return None if not place.at_import and asks(node.test) else True
        elif type(node).__name__ != "TypeAlias":  # its value is only computed when somebody asks
            self._children(node, place)
            if isinstance(node, ast.Assign) and place == (True, Caught.NOTHING):
                self.constant(node)
            return not ends([node], {})
        return True

    def constant(self, node: ast.Assign) -> None:
        """Note a plain value, such as ``PY3 = sys.version_info[0] >= 3``, for conditions that follow."""
        for target in node.targets:
            if isinstance(target, ast.Name):
                value = value_of(node.value, self.values)
                if isinstance(value, (bool, int)) or value is None:
                    self.values[target.id] = value
                else:
                    self.values.pop(target.id, None)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, place: Standing) -> None:
        if self._imports_only:
            return
        arguments = node.args
        for default in (*node.decorator_list, *arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self._expression(default, place)
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
        annotations = [each.annotation for each in every if each is not None] + [node.returns]
        if self._annotations_run:
            for annotation in annotations:
                if annotation is not None:
                    self._expression(annotation, place)
        if node.name in {"__getattr__", "__dir__"} and place.at_import:
            place = place.within(Caught.PERHAPS)
        self.block(node.body, Standing(at_import=False, caught=place.caught & Caught.PERHAPS))

    def _ann_assign(self, node: ast.AnnAssign, place: Standing) -> None:
        if node.value is not None:
            self._expression(node.value, place)
        if self._annotations_run and place.at_import:  # annotations of local variables never run
            self._expression(node.annotation, place)

    def _if(self, node: ast.If, place: Standing) -> bool | None:
        value = value_of(node.test, self.values)
        if value is not UNKNOWN:
            return self.block(node.body if value else node.orelse, place)
        self._expression(node.test, place)
        perhaps = place.at_import or asks(node.test)
        inner = place.within(Caught.PERHAPS) if perhaps else place
        body = self.block(node.body, inner)
        orelse = self.block(node.orelse, inner)
        if not body and not orelse:
            return False
        # Behind ``if version < 2: return`` stands what runs with the others. A module that refuses a version is not
        # imported either way, but a function that does so does not come to what follows.
        refused = place.at_import and refuses(node.body)
        return None if perhaps and not (body and orelse) and not refused else True

    def _try(self, node: ast.Try, place: Standing) -> bool:
        caught = Caught.NOTHING
        for handler in node.handlers:
            if not ends(handler.body, {}) or not place.at_import:
                caught |= catches(handler.type)
            if expects_no_name(handler.type):
                caught |= Caught.PERHAPS
        goes_on = self.block(node.body, place.within(caught))
        for handler in node.handlers:
            self.block(handler.body, place.within(Caught.PERHAPS))
        if goes_on:
            # What was imported is there, and so what follows its import runs.
            runs = not node.handlers or (
                not place.at_import and all(isinstance(each, ast.Import) for each in node.body)
            )
            self.block(node.orelse, place.within(Caught.NOTHING if runs else Caught.PERHAPS))
        return self.block(node.finalbody, place) and (goes_on or bool(node.handlers))

    def _with(self, node: ast.With | ast.AsyncWith, place: Standing) -> bool:
        inner = place
        for item in node.items:
            self._expression(item.context_expr, inner)
            call = item.context_expr
            name = dotted(call.func) if isinstance(call, ast.Call) else dotted(call)
            if name.rpartition(".")[2] == "suppress" and isinstance(call, ast.Call):
                for error in call.args:
                    inner = inner.within(catches(error))
            elif name not in PASSES_ON and (place.at_import or ASKS.search(name) or "raises" in name):
                inner = inner.within(ANY)
        self.block(node.body, inner)
        return True

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, place: Standing) -> None:
        inner = place.within(Caught.PERHAPS) if place.at_import else place
        if isinstance(node, ast.While):
            self._expression(node.test, place)
        else:
            self._expression(node.iter, place)
            if isinstance(node.iter, (ast.Tuple, ast.List)) and node.iter.elts:
                inner = place
        self.block(node.body, inner)
        self.block(node.orelse, inner)

    def _children(self, node: ast.AST, place: Standing) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._expression(child, place)

    def _expression(self, root: ast.AST, place: Standing) -> None:
        """Note the attributes of modules in an expression."""
        if self._imports_only:
            return
        waiting: list[tuple[ast.AST, Standing]] = [(root, place)]
        while waiting:
            node, here = waiting.pop()
            chain = dotted(node) if isinstance(node, ast.Attribute) else ""
            if chain and isinstance(node, ast.Attribute):
                self._attribute(node, chain, here)
            else:
                waiting += self._parts(node, here)

    def _parts(self, node: ast.AST, here: Standing) -> Iterable[tuple[ast.AST, Standing]]:
        """Return the parts of an expression, each with what is caught around it."""
        if isinstance(node, ast.Lambda):
            inner = Standing(at_import=False, caught=here.caught & Caught.PERHAPS)
            return [*((default, here) for default in children(node.args)), (node.body, inner)]
        if isinstance(node, ast.IfExp):
            return self._if_expression(node, here)
        if isinstance(node, ast.BoolOp):
            inner = here.within(Caught.PERHAPS) if here.at_import or any(map(asks, node.values)) else here
            return [(node.values[0], here), *((value, inner) for value in node.values[1:])]
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            inner = here.within(Caught.PERHAPS) if here.at_import else here
            return [(node.generators[0].iter, here), *((child, inner) for child in children(node))]
        return [(child, here) for child in children(node)]

    def _if_expression(self, node: ast.IfExp, place: Standing) -> Iterable[tuple[ast.AST, Standing]]:
        value = value_of(node.test, self.values)
        if value is not UNKNOWN:
            return [(node.body if value else node.orelse, place)]
        inner = place.within(Caught.PERHAPS) if place.at_import or asks(node.test) else place
        return [(node.test, place), (node.body, inner), (node.orelse, inner)]

    def _attribute(self, node: ast.Attribute, chain: str, place: Standing) -> None:
        first, _, rest = chain.partition(".")
        path = self._aliases.paths.get(first)
        if path is None or not rest:
            return
        module, inner = path
        name = f"{inner}.{rest}" if inner else rest
        if isinstance(node.ctx, ast.Load):
            self._add(module, name, node.lineno, Form.ATTRIBUTE, place)
        else:
            self.patched.add(f"{module}.{name}")

    def _add(self, module: str, name: str, line: int, form: Form, place: Standing) -> None:
        self.needs.append(Need(module, name, line, form, place.at_import, place.caught))
