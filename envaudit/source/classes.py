"""The classes and functions of libraries, found by the bytes of their sources: bases, members, and what calls return.

Nothing is guessed: what is bound in two ways, made by code, compiled or not annotated is unknown.
"""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.scan.reach_conditions import dotted
from envaudit.source.definitions import Definition, Definitions
from envaudit.source.parse import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.source.modules import Modules
    from envaudit.source.statements import Statements

BUILTIN = "builtins."
NONE = f"{BUILTIN}None"
_GETS_ALL = re.compile(rb"\n[ \t]+(?:def[ ]+)?__getattr(?:ibute)?__\b")
# The decorators that end a text, one of which makes a property.
_PROPERTY = re.compile(rb"\n    @[\w.]*(?:property|cache_readonly)\b[^\n]*(?:\n    @[^\n]*)*\n\Z")
_FAR = 300
# How a class gives its objects an attribute: what stands before the name, and what behind it.
_GIVES = (
    *((start, re.compile(rb"(?!\w)")) for start in (b" def ", b" class ")),
    (b"\n    ", re.compile(rb":|[ ]*=[^=]")),
    *((start, re.compile(rb"[ ]*(?::[^\n=]+)?=[^=]")) for start in (b"self.", b"cls.")),
)
_TEXT_LIMIT = 1000  # of an annotation in quotes
_SIGNATURE_LIMIT = 20_000
_DEPTH = 25
_UNIONS = frozenset(("Union", "Optional", "typing.Union", "typing.Optional", "t.Union", "t.Optional"))
_SELF = frozenset(("Self", "typing.Self", "typing_extensions.Self", "t.Self"))


class Classes(Definitions):
    """What is known of classes; everything is found out once."""

    def __init__(self, modules: Modules, statements: Statements | None = None) -> None:
        """``statements`` is that of ``Definitions``."""
        super().__init__(modules, statements)
        self._open: dict[str, bool] = {}
        self._below: dict[str, tuple[str, ...]] = {}
        self._properties: dict[tuple[str, str], bool] = {}
        self._members: dict[tuple[str, str], bool | None] = {}
        self._bases: dict[str, tuple[str, ...] | None] = {}
        self._returns: dict[tuple[str, str], frozenset[str] | None] = {}

    def family(self, full: str) -> Iterator[Definition | str | None]:
        """Yield a class and all that it inherits from: the name of a builtin for one, ``None`` for what is unknown."""
        seen: set[str] = set()
        waiting = [full]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if name.startswith(BUILTIN):
                yield name.removeprefix(BUILTIN)
                continue
            definition = self.define(name)
            if definition is None or not definition.is_class:
                yield None
                continue
            yield definition
            bases = self._bases_of(definition)
            if bases is None:
                yield None
            waiting += reversed(bases or ())

    def has_member(self, full: str, name: str) -> bool | None:
        """Say whether objects of a class have an attribute; ``None`` when that cannot be told."""
        if (full, name) not in self._members:
            self._members[full, name] = self._has_member(full, name)
        return self._members[full, name]

    def _has_member(self, full: str, name: str) -> bool | None:
        unknown = False
        for each in self.family(full):
            if each is None:
                unknown = True
            elif isinstance(each, str):
                if hasattr(getattr(builtins, each, None), name):
                    return True
            elif gives(each.text, name):
                return True
            else:
                unknown = unknown or _decides(each.text)
        return None if unknown else False

    def is_open(self, full: str) -> bool:
        """Whether a class decides by code what attributes it has."""
        if full not in self._open:
            self._open[full] = any(isinstance(each, Definition) and _decides(each.text) for each in self.family(full))
        return self._open[full]

    def below(self, full: str) -> tuple[str, ...]:
        """Return the classes in the package of a class that directly inherit from it."""
        if full not in self._below:
            self._below[full] = self._inheriting(full)
        return self._below[full]

    def _inheriting(self, full: str) -> tuple[str, ...]:
        definition = self.define(full)
        place = self.modules.find(definition.module) if definition is not None else None
        if definition is None or place is None or not place.path:
            return ()
        package = definition.module.rpartition(".")[0] if not place.is_package else definition.module
        found: list[str] = []
        header = re.compile(rb"\nclass[ ]+(\w+)\([^)]*\b" + re.escape(definition.name.encode()) + rb"\b")
        for module in (package, *self._siblings(package)):
            text = self.source_of(module)
            names = [name.decode("ascii", "replace") for name in header.findall(b"\n" + text)] if text else []
            found += [
                f"{module}.{name}" for name in names if definition.dotted in (self._base_names(module, name) or ())
            ]
        return tuple(dict.fromkeys(found))

    def _siblings(self, package: str) -> Iterator[str]:
        for folder in getattr(self.modules.find(package), "folders", ()):
            for file in sorted(self.modules.files_in(folder)):
                stem, _, ending = file.partition(".")
                if ending == "py" and stem.isidentifier() and stem != "__init__":
                    yield f"{package}.{stem}"

    def _base_names(self, module: str, name: str) -> tuple[str, ...] | None:
        definition = self.define(f"{module}.{name}")
        return self._bases_of(definition) if definition is not None and definition.is_class else None

    def _bases_of(self, definition: Definition) -> tuple[str, ...] | None:
        """Return the full names of the classes that a class inherits from, ``None`` when one is not known."""
        if definition.dotted in self._bases:
            return self._bases[definition.dotted]
        self._bases[definition.dotted] = None  # classes that inherit from themselves
        node = _header(definition.text)
        bases: list[str] | None = [] if isinstance(node, ast.ClassDef) else None
        for base in node.bases if isinstance(node, ast.ClassDef) else ():
            full = self._class_of(definition.module, base.value if isinstance(base, ast.Subscript) else base)
            if full is None:
                bases = None
                break
            bases = [*(bases or []), full]
        self._bases[definition.dotted] = None if bases is None else tuple(bases)
        return self._bases[definition.dotted]

    def _class_of(self, module: str, node: ast.expr) -> str | None:
        """Return the full name of the class that an expression in a module stands for."""
        written = dotted(node)
        if not written:
            return None
        found = self.define(self.spelled(module, written))
        if found is None and "." not in written and isinstance(getattr(builtins, written, None), type):
            index = self.index_of(module)
            own = written in index.defines or self.imports_of(module, written) or written in index.aliases
            return None if own else BUILTIN + written
        return found.dotted if found is not None and found.is_class else None

    # --- what calls return -------------------------------------------------------------------------------------------

    def made_by(self, full: str) -> frozenset[str] | None:
        """Return the classes one of which a call of a dotted name returns: the class itself, or by annotation."""
        definition = self.define(full)
        if definition is None:
            owner = self.annotated_class(full.rpartition(".")[0])
            method = full.rpartition(".")[2]
            return self.returned(owner, method) if owner is not None else None
        if definition.is_class:
            return frozenset((definition.dotted,))
        return self._annotated(definition, definition.text, indent=b"", owner="")

    def returned(self, full: str, method: str) -> frozenset[str] | None:
        """Return the classes one of which a method, or a property, of a class returns, by its annotations."""
        key = (full, method)
        if key not in self._returns:
            self._returns[key] = None
            for each in self.family(full):
                if not isinstance(each, Definition):
                    break
                if next(_definitions(each.text, method), None) is not None:
                    self._returns[key] = self._annotated(each, each.text, indent=b"    ", owner=full, name=method)
                    break
        return self._returns[key]

    def is_property(self, full: str, name: str) -> bool:
        """Whether an attribute of a class is what a function gives, without a call."""
        if (full, name) not in self._properties:
            self._properties[full, name] = self._find_property(full, name)
        return self._properties[full, name]

    def _find_property(self, full: str, name: str) -> bool:
        for each in self.family(full):
            for at in _definitions(each.text, name) if isinstance(each, Definition) else ():
                if isinstance(each, Definition) and _PROPERTY.search(each.text, max(at - _FAR, 0), at + 1):
                    return True
        return False

    def _annotated(
        self, where: Definition, text: bytes, *, indent: bytes, owner: str, name: str = ""
    ) -> frozenset[str] | None:
        """Return what the annotations of all definitions of a function say, overloads included."""
        found: set[str] = set()
        for start in _definitions(text, name or where.name, indent):
            node = _header(text[start:])
            if not isinstance(node, ast.FunctionDef) or node.returns is None:
                return None
            arguments = [*node.args.posonlyargs, *node.args.args]
            own = arguments[0].annotation if owner and arguments else None
            classes = self._kinds(where.module, node.returns, owner, dotted(own) if own is not None else "")
            if classes is None:
                return None
            found |= classes
        return frozenset(found) if found else None

    def _kinds(self, module: str, node: ast.expr, owner: str, own_variable: str, depth: int = 0) -> set[str] | None:
        """Return the classes that an annotation admits."""
        parts = union_parts(node)
        if parts is None or depth > _DEPTH:
            return None
        if len(parts) > 1 or parts[0] is not node:
            found: set[str] = set()
            for part in parts:
                classes = self._kinds(module, part, owner, own_variable, depth + 1)
                if classes is None:
                    return None
                found |= classes
            return found
        if isinstance(node, ast.Constant) and node.value is None:
            return {NONE}
        if isinstance(node, ast.Subscript):
            node = node.value
        written = dotted(node)
        if owner and written and (written in _SELF or written == own_variable):
            return {owner}
        full = self._class_of(module, node)
        return {full} if full is not None else None

    def annotated_class(self, full: str) -> str | None:
        """Return the class that a dotted name stands for."""
        found = self.define(full)
        return found.dotted if found is not None and found.is_class else None


def union_parts(node: ast.expr) -> Sequence[ast.expr] | None:
    """Take ``A | B``, ``Union[A, B]``, ``Optional[A]`` and texts apart; ``None`` for a text that is no expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            body = parse(node.value[:_TEXT_LIMIT].encode("utf-8", "replace")).body
        except ReadError:
            return None
        return [body[0].value] if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [node.left, node.right]
    if isinstance(node, ast.Subscript) and dotted(node.value) in _UNIONS:
        inner = node.slice
        parts: list[ast.expr] = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
        return [*parts, *([ast.Constant(None)] if dotted(node.value).endswith("Optional") else [])] or None
    return [node]


def _definitions(text: bytes, name: str, indent: bytes = b"    ") -> Iterator[int]:
    """Yield where a function, with no ``indent``, or a method is defined in a text."""
    for start in (b"def ", b"async def "):
        written = b"\n" + indent + start + name.encode()
        at = text.find(written)
        while at >= 0:
            if text[at + len(written) : at + len(written) + 1] in {b"(", b" ", b"["}:
                yield at
            at = text.find(written, at + 1)


def _decides(text: bytes) -> bool:
    """Whether a class decides by code what attributes it has."""
    return b"__getattr" in text and _GETS_ALL.search(text) is not None


def gives(text: bytes, name: str) -> bool:
    """Whether the source of a class seems to give its objects an attribute, in its body or in a method."""
    word = name.encode()
    for start, ending in _GIVES:
        written = start + word
        at = text.find(written)
        while at >= 0:
            if ending.match(text, at + len(written)):
                return True
            at = text.find(written, at + 1)
    return False


def _header(text: bytes) -> ast.stmt | None:
    """Parse the first line of a definition, which may be several, without its body."""
    start = len(text) - len(text.lstrip())
    depth, at, quote = 0, start, 0
    end = min(len(text), start + _SIGNATURE_LIMIT)
    while at < end:
        char = text[at]
        if quote:
            quote = 0 if char == quote else quote
        elif char in b"\"'":
            quote = char
        elif char == 35:  # a comment
            at = text.find(b"\n", at)
            if at < 0:
                return None
        elif char in b"([{":
            depth += 1
        elif char in b")]}":
            depth -= 1
        elif char == 58 and not depth:
            break
        at += 1
    try:
        body = parse(text[start:at] + b": pass").body
    except ReadError:
        return None
    return body[0] if body else None
