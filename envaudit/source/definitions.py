"""Where libraries define their classes and functions, found by the bytes of their sources.

What is bound in two ways, made by code or compiled is unknown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.source.finder import absolute_name
from envaudit.source.statements import Statement, Statements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.source.modules import Modules

_DEFINES = re.compile(rb"\n(?:async[ ]+)?(class|def)[ ]+(\w+)")
_ALIAS = re.compile(rb"\n(\w+)[ ]*(?::[ ]*[\w.\[\]\"' ]+)?=[ ]*([A-Za-z_][\w.]*)[ \t]*(?:#[^\n]*)?(?=\r?\n)")
_NEXT = re.compile(rb"\n(?=[^\s#)\]}])")


class Definition(NamedTuple):
    """A class or function where it is defined; ``text`` is its source, with that of overloads."""

    module: str
    name: str
    is_class: bool
    text: bytes

    @property
    def dotted(self) -> str:
        """Its full name."""
        return f"{self.module}.{self.name}"


class _Index(NamedTuple):
    """What one module binds: definitions, imports as ``(module, name)``, names given to others, star imports."""

    defines: dict[str, list[tuple[int, bool]]]
    imports: dict[str, set[tuple[str, str]]]
    aliases: dict[str, set[str]]
    stars: tuple[str, ...]


_EMPTY = _Index({}, {}, {}, ())


class Definitions:
    """Looks up what libraries define; every module is gone through once."""

    def __init__(self, modules: Modules, statements: Statements | None = None) -> None:
        """``statements`` is a reader that knows many of them already."""
        self.modules = modules
        self._statements = statements or Statements()
        self._inner: dict[str, dict[str, set[tuple[str, str]]]] = {}
        self._indexes: dict[str, _Index] = {}
        self._known: dict[str, Definition | None] = {}

    def is_module(self, name: str) -> bool:
        """Whether there is such a module."""
        return self.modules.find(name) is not None

    # --- definitions -------------------------------------------------------------------------------------------------

    def define(self, full: str) -> Definition | None:
        """Return where a dotted name is defined, by way of imports and other names of it; ``None`` if not known."""
        if full not in self._known:
            self._known[full] = None  # names that lead to themselves
            module, _, name = full.rpartition(".")
            self._known[full] = self._in_module(module, name) if module else None
        return self._known[full]

    def _in_module(self, module: str, name: str) -> Definition | None:
        index = self.index_of(module)
        found: dict[str, Definition] = {}
        places = index.defines.get(name, [])
        if places:
            texts = [self._block(module, start) for start, _ in places]
            own = Definition(module, name, places[0][1], b"\n".join(texts))
            if len({is_class for _, is_class in places}) > 1 or (own.is_class and len(places) > 1):
                return None
            found[own.dotted] = own
        imports = index.imports.get(name, ()) if places else self.imports_of(module, name)
        others = [f"{origin}.{inner}" for origin, inner in imports if inner]
        others += (self.spelled(module, written) for written in index.aliases.get(name, ()) if written != name)
        if not places and not others:
            others = [f"{star}.{name}" for star in index.stars]
        for other in others:
            leads = self.define(other) if other else None
            if leads is not None:
                found[leads.dotted] = leads
        return next(iter(found.values())) if len(found) == 1 else None

    def spelled(self, module: str, written: str) -> str:
        """Return the full name of what a dotted expression in a module stands for, empty when it is not known."""
        first, _, rest = written.partition(".")
        if not rest:
            return f"{module}.{first}"
        origins = self.imports_of(module, first)
        if len(origins) != 1:
            return ""
        ((origin, inner),) = origins
        return f"{origin}.{inner}.{rest}" if inner else f"{origin}.{rest}"

    def index_of(self, module: str) -> _Index:
        """Return what a module binds; nothing for one that cannot be read."""
        known = self._indexes.get(module)
        if known is None:
            text = self.source_of(module)
            known = _EMPTY if text is None else self._read(module, b"\n" + text)
            self._indexes[module] = known
        return known

    def source_of(self, module: str) -> bytes | None:
        """Return the source of a module, ``None`` for one that is compiled, not there or cannot be read."""
        place = self.modules.find(module)
        return None if place is None or place.compiled else self.modules.text(place)

    def _read(self, module: str, text: bytes) -> _Index:
        index = _Index({}, {}, {}, ())
        for match in _DEFINES.finditer(text):
            index.defines.setdefault(match[2].decode("ascii", "replace"), []).append(
                (match.start(), match[1] == b"class")
            )
        for name, written in _ALIAS.findall(text):
            index.aliases.setdefault(name.decode(), set()).add(written.decode())
        stars = self._note_imports(index.imports, module, self._statements.at_start(text))
        return index._replace(stars=stars)

    def _note_imports(
        self, found: dict[str, set[tuple[str, str]]], module: str, statements: Iterable[Statement]
    ) -> tuple[str, ...]:
        """Note what statements import, by the name it has then, and return the modules that are taken as a whole."""
        place = self.modules.find(module)
        is_package = place is not None and place.is_package
        stars = []
        for written, names in statements:
            origin = absolute_name(module, written, is_package=is_package)
            if not names:
                top = origin.partition(".")[0]
                found.setdefault(top, set()).add((top, ""))
            for name, alias in names:
                if name == "*":
                    stars.append(origin)
                else:
                    found.setdefault(alias or name, set()).add((origin, name))
        return tuple(dict.fromkeys(stars))

    def imports_of(self, module: str, name: str) -> set[tuple[str, str]]:
        """Return what a name is imported from, at the start of a line, or else in blocks and functions."""
        found = self.index_of(module).imports.get(name)
        if found is not None:
            return found
        if module not in self._inner:
            inner = self._inner[module] = {}
            text = self.source_of(module)
            if text is not None:
                self._note_imports(inner, module, self._statements.indented(text))
        return self._inner[module].get(name, set())

    def _block(self, module: str, start: int) -> bytes:
        """Return the source of what is defined at a place of a module."""
        text = b"\n" + (self.source_of(module) or b"")
        end = _NEXT.search(text, start + 1)
        return text[start : end.start() if end is not None else None]
