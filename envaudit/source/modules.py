"""Which modules a target has, and which names each of them; a module is read when somebody names it, and once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import read_bytes
from envaudit.scan.reach_conditions import names_of_target
from envaudit.source.finder import Finder, Place, absolute_name
from envaudit.source.offers import GIVEN, Offer, Openness, public, read_offer
from envaudit.source.statements import Statements
from envaudit.source.stdlib import is_standard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envaudit.model import Target

_COMPILED_LIMIT = 64 * 1024 * 1024
_OPEN = Offer(frozenset(), (), None, Openness.ALL)
# What certainly stands at module level: definitions and assignments at the start of a line.
_BINDS = re.compile(rb"\n(?:(?:async[ ]+)?def[ ]+(\w+)[ ]*\(|class[ ]+(\w+)|([A-Za-z_]\w*)[ ]*(?::[^\n=]{0,80})?=[^=])")
# What opens a module wherever it stands in the text.
_OPENS = (b"globals()", b"sys.modules", b"\ndef __getattr__(", b"\n__getattr__", b"\nexec(")
_NO_START = frozenset(
    bytes((number,)) for number in b"._'\"" + bytes(range(48, 58)) + bytes(range(65, 91)) + bytes(range(97, 123))
)
_BINDS_INSIDE = re.compile(rb"[ \t]*(?:=(?!=)|[:,\n(]|in\b|\)[ \t\r\n]|as[ \t]|\r?\n|$)")
_ALL = re.compile(
    rb"(?:\n|^)__all__[ ]*(?::[^=\n]{0,80})?=[ ]*[\[(]([^\])]{0,60000})[\])][ \t]*(?:#[^\n]*)?(?:\r?\n|$)"
)
_ALL_BARE = re.compile(rb"(?:\n|^)__all__[ ]*=[ ]*((?:['\"]\w+['\"][ \t]*,?[ \t]*)+)(?:#[^\n]*)?(?:\r?\n|$)")
_QUOTED = re.compile(rb"['\"](\w+)(?=['\"])")
_BEFORE = (b"def", b"class", b"as", b"global", b"for", b"import", b",")


class _Lean(NamedTuple):
    """What the bytes of a source tell: names at the start of a line, and those of them that are no modules below it."""

    bound: frozenset[str]
    other: frozenset[str]
    stars: tuple[str, ...]


_NOTHING = _Lean(frozenset(), frozenset(), ())


class Modules(Finder):
    """The modules of a target, looked up in the order of its ``sys.path``.

    Answers are ``True``, ``False``, or ``None`` when it cannot be told.
    """

    def __init__(self, target: Target, extra: Mapping[str, str] | None = None, *, hooks: bool = False) -> None:
        """``extra`` is that of ``Finder``; ``hooks``: finders that nobody can read are installed."""
        super().__init__(target, extra)
        self.values: dict[str, Any] = names_of_target(target)
        self._hooks = hooks
        self._offers: dict[str, Offer] = {}
        self._stubs: dict[str, Offer | None] = {}
        self._binaries: dict[str, bytes] = {}
        self._leans: dict[str, _Lean] = {}
        self._open: dict[str, bool] = {}
        self._given_out: dict[str, frozenset[bytes] | None] = {}
        self._statements = Statements()

    def has_module(self, name: str) -> bool | None:  # noqa: PLR0911  one line a case
        """Say whether ``import name`` finds a module."""
        if self.find(name) is not None:
            return True
        parent, _, last = name.rpartition(".")
        if not last.isidentifier():
            return None
        if not parent:
            return self._has_top(name)
        there = self.has_module(parent)
        if not there:
            return there
        place = self.find(parent)
        if place is None or place.compiled or (place.standard and not self.library):
            return None
        if not place.path:
            return None if self._hooks else False
        return None if self.offer(parent).openness & Openness.MODULES else False

    def _has_top(self, name: str) -> bool | None:
        if is_standard(name, self.version) or name.startswith("_"):
            return True
        return None if self._hooks else False

    def has_name(self, module: str, name: str, *, sure: bool = True) -> bool | None:
        """Say whether ``from module import name`` finds something; ``None`` as well when there is no such module.

        Without ``sure`` nothing is parsed: ``False`` is a suspicion then, and a few names are taken to be there.
        """
        place = self.find(module)
        if place is None:
            return None
        if name in GIVEN or self.find(f"{module}.{name}") is not None:
            return True
        if place.compiled:
            return self._compiled_has(place, name)
        if not place.path:
            return None if self._hooks or place.standard else False
        has = self._lean_has(place, name, set())
        return has if has is not False or not sure else self._source_has(module, name, set())

    def resolve(self, module: str, chain: str, *, sure: bool = True) -> bool | None:
        """Say the same of ``module.a.b.c``, as far as ``a`` and ``b`` are modules; of other values nothing is known."""
        for name in chain.split("."):
            place = self.find(module)
            if place is None:
                return None
            below = self.find(f"{module}.{name}")
            if below is None and not place.path:
                return None  # what lies in this folder may be brought by anybody
            if below is None:
                return self.has_name(module, name, sure=sure)
            if place.path and (place.compiled or name in self._lean(place).other):
                return None  # a function, say, of the same name as its module
            module = below.name
        return True

    def binds_at_all(self, module: str, name: str) -> bool | None:
        """Say whether a module has a name, as ``has_name``, by its syntax and not by its bytes."""
        place = self.find(module)
        if place is None or "." in name or place.compiled or self.find(f"{module}.{name}") is not None:
            return None if place is None else True
        return self._source_has(module, name, set())

    def binds(self, package: str, name: str) -> bool:
        """Whether a package binds a name otherwise than by importing the module of that name below it."""
        place = self.find(package)
        if place is None or place.compiled or not place.path:
            return False
        lean = self._lean(place)
        return name in lean.other

    def offer(self, module: str) -> Offer:
        """Return what a module binds by itself; open when it cannot be read."""
        known = self._offers.get(module)
        if known is None:
            place = self.find(module)
            text = self.text(place) if place is not None and not place.compiled else None
            known = _OPEN
            if place is not None and text is not None:
                try:
                    known = read_offer(text, module, self.values, is_package=place.is_package)
                except ReadError:
                    known = _OPEN
            self._offers[module] = known
        return known

    def _lean(self, place: Place) -> _Lean:
        """Return what the bytes of a source tell of its names, without parsing it."""
        known = self._leans.get(place.path)
        if known is None:
            text = self.text(place)
            known = self._leans[place.path] = _NOTHING if text is None else self._read_lean(place, text)
        return known

    def _read_lean(self, place: Place, text: bytes) -> _Lean:
        bound: set[str] = set()
        other: set[str] = set()
        stars: list[str] = []
        for groups in _BINDS.findall(b"\n" + text):
            bound.update(group.decode("ascii", "replace") for group in groups if group)
        other |= bound
        for statement in self._statements.at_start(text):
            inside = statement.module in {".", place.name}
            for name, alias in statement.names:
                if name == "*":
                    stars.append(absolute_name(place.name, statement.module, is_package=place.is_package))
                else:
                    bound.add(alias or name)
                    if not inside:
                        other.add(alias or name)
            if not statement.names:
                bound.add(statement.module.partition(".")[0])
        if b" *" in text or b"\t*" in text:
            stars += (
                absolute_name(place.name, statement.module, is_package=place.is_package)
                for statement in self._statements.indented(text)
                if ("*", "") in statement.names
            )
        return _Lean(frozenset(bound), frozenset(other), tuple(dict.fromkeys(stars)))

    def _is_open(self, place: Place) -> bool:
        """Whether a source can gain names in a way that reading does not show, or cannot be read."""
        known = self._open.get(place.path)
        if known is None:
            text = self.text(place)
            known = self._open[place.path] = text is None or any(mark in text for mark in _OPENS)
        return known

    def _lean_has(self, place: Place, name: str, seen: set[str]) -> bool | None:
        """Say whether a source has a name as far as its bytes tell; ``False`` is to be confirmed by parsing."""
        if place.name in seen:
            return False
        seen.add(place.name)
        lean = self._lean(place)
        if name in lean.bound:
            return True
        if self._is_open(place):
            return None
        if self._inner_binds(place, name):
            return True
        unknown = False
        for star in lean.stars:
            below = self.find(star)
            has: bool | None = None
            if below is not None and below.compiled:
                has = self._compiled_exports(below, name)
            elif below is not None and below.path:
                has = False if self._keeps_back(below, name) else self._lean_has(below, name, seen)
            if has:
                return True
            unknown = unknown or has is None
        return None if unknown else False

    def _inner_binds(self, place: Place, name: str) -> bool:
        """Whether a line in a block looks as if it would bind a name; some are variables of functions."""
        text = self.text(place) or b""
        word = name.encode()
        at = text.find(word)
        while at >= 0:
            end = at + len(word)
            if text[at - 1 : at] not in _NO_START and _BINDS_INSIDE.match(text, end):
                return True
            if text[at - 1 : at] == b" " and text[max(at - 8, 0) : at].strip().endswith(_BEFORE):
                return True
            at = text.find(word, end)
        return False

    def _keeps_back(self, place: Place, name: str) -> bool:
        """Whether ``import *`` does not take a name: ``__all__`` is written out without it, or it is private."""
        if place.path not in self._given_out:
            self._given_out[place.path] = _given_out(self.text(place) or b"")
        given = self._given_out[place.path]
        return name.startswith("_") if given is None else bool(given) and name.encode() not in given

    def _source_has(self, module: str, name: str, seen: set[str]) -> bool | None:
        if module in seen:
            return False
        seen.add(module)
        place = self.find(module)
        if place is None or self._is_open(place):
            return None
        offer = self.offer(module)
        if name in offer.names:
            return True
        if offer.openness & Openness.NAMES:
            return None
        unknown = False
        for star in offer.stars:
            has = self._star_has(star, name, seen)
            if has:
                return True
            unknown = unknown or has is None
        return None if unknown else False

    def _star_has(self, module: str, name: str, seen: set[str]) -> bool | None:  # noqa: PLR0911  one line a case
        """Say whether ``from module import *`` brings a name."""
        place = self.find(module)
        if place is None:
            return None
        if place.compiled:
            return self._compiled_exports(place, name)
        if not place.path:
            return False
        offer = self.offer(module)
        if offer.exported is not None:
            return name in offer.exported
        if offer.openness & Openness.NAMES:
            return None
        if name in public(offer.names):
            return True
        return False if name.startswith("_") else self._source_has(module, name, seen)

    def _compiled_exports(self, place: Place, name: str) -> bool | None:
        """Say whether ``import *`` brings a name from a compiled module.

        Names stand in its bytes as text, unless all texts are packed; a module with ``__all__`` shows that by its name.
        """
        has = self._compiled_has(place, name)
        if has is not None or not place.path.endswith((".so", ".pyd")):
            return has
        if place.path not in self._binaries:
            try:
                self._binaries[place.path] = read_bytes(place.path, _COMPILED_LIMIT)
            except ReadError:
                self._binaries[place.path] = b""
        data = self._binaries[place.path]
        return False if b"__all__" in data and name.encode() not in data else None

    def _compiled_has(self, place: Place, name: str) -> bool | None:  # noqa: PLR0911  one line a case
        """Ask the stub beside a compiled module, and the bytes of the module: a name it has stands in them as text."""
        if not place.path or place.path.endswith(".pyc"):
            return None
        folder, _, file = place.path.rpartition("/")
        stub = Place(place.name, f"{folder}/{file.partition('.')[0]}.pyi", ())
        if name.startswith("_"):
            return None
        if stub.path not in self._stubs:
            text = self.text(stub) if stub.path.rpartition("/")[2] in self._list(folder) else None
            try:
                self._stubs[stub.path] = read_offer(text, place.name, self.values) if text is not None else None
            except ReadError:
                self._stubs[stub.path] = None
        offer = self._stubs[stub.path]
        if offer is None:
            return None
        if name in offer.names:
            return True
        if offer.openness or offer.stars:
            return None
        try:
            return None if name.encode() in read_bytes(place.path, _COMPILED_LIMIT) else False
        except ReadError:
            return None


def _given_out(text: bytes) -> frozenset[bytes] | None:
    """Return ``__all__`` as it is written, ``None`` for a source without, and nothing for one that is computed."""
    if b"__all__" not in text:
        return None
    written = _ALL.search(text) or _ALL_BARE.search(text)
    if written is None or b" for " in written[1] or text.count(b"__all__ ") + text.count(b"__all__.") > 1:
        return frozenset()
    return frozenset(_QUOTED.findall(written[1])) | {b""}
