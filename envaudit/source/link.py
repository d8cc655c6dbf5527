"""Join what the distributions of a target need of each other with what there is: the link editor for Python names.

1. One pass over the bytes of all sources gives candidates (``candidates``).
2. Each name is looked up in the module that should have it, again by bytes (``modules``).
3. Only files of which a name was not found are parsed, to see whether it is code, runs, and is not caught (``needs``).
4. Only then the module that lacks the name is parsed as well, and the way from the package to the file (``reach``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import read_bytes
from envaudit.model_names import MissingName
from envaudit.source.blocks import Blocks
from envaudit.source.candidates import LOST, Scanner, Wanted
from envaudit.source.guards import Caught
from envaudit.source.lost import FileUse, LostFinder
from envaudit.source.methods import Members
from envaudit.source.modules import Modules
from envaudit.source.needs import Form, Need, read_imports, read_needs
from envaudit.source.owners import Owners
from envaudit.source.parse import SIZE_LIMIT
from envaudit.source.reach import Reach, parts_of, starts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envaudit.model import Distribution, Target

# Files of one distribution that are parsed to confirm candidates.
_PARSE_LIMIT = 300


class _Missing(NamedTuple):
    """What is not there: the deepest module that is missing, or empty when the module lacks the name."""

    absent: str
    removed_in: str = ""
    instead: str = ""


class _Known(NamedTuple):
    """What was found out about a name, and the top-level modules that were looked at for it."""

    missing: _Missing | None
    tops: tuple[str, ...]


class _Part(NamedTuple):
    """One distribution with what it needs."""

    dist: Distribution
    tops: tuple[str, ...]
    wanted: Wanted


class _Late(NamedTuple):
    """A name that is wanted in a block or a function, or as an attribute of a module."""

    module: str
    name: str
    attribute: bool

    @property
    def dotted(self) -> str:
        return f"{self.module}.{self.name}" if self.name else self.module


class Linked(NamedTuple):
    """What one distribution lacks, and the top-level modules on which that answer hangs."""

    missing: tuple[MissingName, ...]
    tops: tuple[str, ...]


class Linker:
    """Links distributions one by one; everything that is looked up is looked up once."""

    def __init__(self, target: Target, visible: Sequence[Distribution]) -> None:
        self.modules = Modules(target, hooks=any(dist.editable_path for dist in visible))
        self._owners = Owners(visible, target.python)
        self._scanner = Scanner()
        versions = {str(dist.key): dist.version for dist in visible}
        members = Members(self.modules, versions, target.python, self._scanner.statements)
        self._lost = LostFinder(members, self.modules.values)
        self._touched_for_lost: set[str] = set()
        self._part_reach: dict[str, Reach] = {}
        self._verdicts: dict[tuple[str, str, bool], _Known] = {}
        self._facts: dict[tuple[str, str, bool], _Known] = {}

    def linked(self, dist: Distribution, files: Sequence[str]) -> Linked:
        """Link a distribution, and say on which modules the answer hangs."""
        self.modules.touched = set(dist.top_level)
        missing = tuple(dict.fromkeys(self.link(dist, files)))
        return Linked(missing, _tops(self.modules.touched))

    def link(self, dist: Distribution, files: Sequence[str]) -> Iterator[MissingName]:
        """Scan the sources of a distribution, look up all that they want, and confirm what was not found."""
        own = frozenset(top.encode() for top in dist.top_level)
        part = _Part(dist, dist.top_level, self._scanner.scan(dist.site_dir, files, own))
        early: dict[int, set[tuple[str, str]]] = {}
        late: dict[int, set[_Late]] = {}
        for (module, name), indexes in part.wanted.imports.items():
            if self.suspect(module, name, attribute=False) is not None:
                for index in self._imported(part, module, indexes):
                    early.setdefault(index, set()).add((module, name))
        for found, attribute in ((part.wanted.inner, False), (part.wanted.attributes, True)):
            for (module, name), indexes in found.items():
                missing = self.suspect(module, name, attribute=attribute)
                # A module that nobody has is only wanted where its absence stops the import.
                if missing is not None and not self._is_nobodys(missing.absent):
                    for index in indexes:
                        late.setdefault(index, set()).add(_Late(module, name, attribute))
        if early or late:
            yield from self._confirm(part, early, late)
        yield from self._lost_members(part)

    def _imported(self, part: _Part, module: str, indexes: Sequence[int]) -> Iterator[int]:
        """Leave out what only Cython reads: the module ``cython`` where a source was compiled, as in all of PyAV."""
        shadow = module.partition(".")[0] == "cython"
        for index in indexes:
            if not (shadow and self.modules.is_compiled(f"{part.dist.site_dir}/{part.wanted.files[index]}")):
                yield index

    def _is_made_later(self, module: str, name: str, asking: Distribution | None, missing: _Missing) -> bool:
        """Whether a name that is missing may be made while a program runs."""
        if missing.removed_in or self._is_nobodys(missing.absent):
            return False
        last = (missing.absent or name).rpartition(".")[2]
        return self._owners.makes_at_run_time(module, last, asking, self.modules)

    def _is_nobodys(self, absent: str) -> bool:
        """Whether a missing module would be no part of what is installed: a top-level one, or one in a namespace."""
        if not absent:
            return False
        parent = self.modules.find(absent.rpartition(".")[0]) if "." in absent else None
        return parent is None or not parent.path

    def suspect(self, module: str, name: str, *, attribute: bool) -> _Missing | None:
        """Say what seems to be missing, without parsing anything; ``None`` when nothing is."""
        key = (module, name, attribute)
        known = self._verdicts.get(key)
        if known is None:
            outside, self.modules.touched = self.modules.touched, set()
            missing = self._judge(module, name, attribute=attribute, sure=False)
            known = self._verdicts[key] = _Known(missing, _tops(self.modules.touched))
            self.modules.touched = outside
        self.modules.touched.update(known.tops)
        return known.missing

    def fact(self, module: str, name: str, *, attribute: bool) -> _Missing | None:
        """Say what is missing, by the syntax of the module that lacks it; ``None`` when nothing is."""
        key = (module, name, attribute)
        known = self._facts.get(key)
        if known is None:
            outside, self.modules.touched = self.modules.touched, set()
            suspected = self.suspect(module, name, attribute=attribute)
            sure = suspected and self._judge(module, name, attribute=attribute, sure=True)
            known = self._facts[key] = _Known(sure, _tops(self.modules.touched))
            self.modules.touched = outside
        self.modules.touched.update(known.tops)
        return known.missing

    def _judge(self, module: str, name: str, *, attribute: bool, sure: bool) -> _Missing | None:
        there = self.modules.has_module(module)
        if there is False:
            if attribute:
                return None
            absent = self._deepest(module)
            return _Missing(absent, *(self._owners.removed(absent, "", self.modules) or ()))
        if not name or name == "*":
            return None
        has: bool | None = None
        if there:
            ask = self.modules.resolve if attribute else self.modules.has_name
            has = ask(module, name, sure=sure)
        if has and attribute and module in LOST:  # asked for by its name, which is that of many a variable
            has = self.modules.binds_at_all(module, name)
        if has:
            return None
        if has is False and not attribute and self._is_namespace(module):
            return _Missing(f"{module}.{name}")
        known = self._owners.removed(module, name, self.modules)
        return _Missing("", *(known or ())) if has is False or known is not None else None

    def _is_namespace(self, module: str) -> bool:
        """Whether a module is a package without a file, to which every distribution may add modules."""
        place = self.modules.find(module)
        return place is not None and bool(place.folders) and not place.path and not place.standard

    def _deepest(self, module: str) -> str:
        """Return the first module on the way to a missing one that is not there."""
        parts = module.split(".")
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[:count])
            if self.modules.has_module(name) is False:
                return name
        return module

    # --- from suspicion to fact --------------------------------------------------------------------------------------

    def _confirm(
        self, part: _Part, early: dict[int, set[tuple[str, str]]], late: dict[int, set[_Late]]
    ) -> Iterator[MissingName]:
        """Parse the files in which something was not found."""
        reach = self._reach(part, starts_of(self.modules, part.tops, part.wanted.files))
        left = _PARSE_LIMIT
        for index in sorted(early.keys() | late.keys()):
            path = part.wanted.files[index]
            pairs = {pair for pair in early.get(index, ()) if self._counts(part, reach, module_of(path), pair)}
            text = self._text(part, path) if pairs or index in late else None
            if text is None:
                continue
            inner = self._seen_to_use(part, reach, path, text, late.get(index, set()))
            if not inner and not pairs:
                continue
            left -= 1
            if left < 0:
                return
            wanted = {f"{module}.{name}" if name else module for module, name in pairs} | inner
            for need, patched in self._needs(text, path, whole=bool(inner)):
                if (f"{need.module}.{need.name}" if need.name else need.module) in wanted:
                    found = self._finding(part, reach, path, need, patched)
                    if found is not None:
                        yield found

    def _counts(self, part: _Part, reach: Reach, module: str, pair: tuple[str, str]) -> bool:
        """Whether an import that begins a line is worth parsing the file."""
        missing = self.fact(*pair, attribute=False)
        if missing is None:
            return False
        if not self._is_nobodys(missing.absent):
            return not self._is_made_later(pair[0], pair[1], None, missing)
        return not self._owners.brings(part.dist, missing.absent) and reach.may_reach(module)

    def _seen_to_use(self, part: _Part, reach: Reach, path: str, text: bytes, late: Iterable[_Late]) -> set[str]:
        """Return the dotted names that a file, by the lines in question, wants in functions or as attributes.

        Inside of functions only what users can come to is of interest, and nearly all of it is caught.
        """
        pairs = {(each.module, each.name) for each in late}
        if not pairs:
            return set()
        module = module_of(path)
        blocks = Blocks(text, module, self.modules.values, is_package=path.endswith("/__init__.py"))
        seen = blocks.asks_for(pairs, self._scanner.statements)
        for each in late if seen else ():
            missing = self.fact(each.module, each.name, attribute=each.attribute)
            if missing is None or self._is_made_later(each.module, each.name, None, missing):
                seen.discard(each.dotted)
        return seen if seen and self._may_come(part, reach, module) else set()

    def _lost_members(self, part: _Part) -> Iterator[MissingName]:
        """Yield what objects of other distributions have lost and files that users can come to ask of them."""
        for path, use in self._uses_of_lost(part):
            reach = self._reach(part, starts_of(self.modules, part.tops, part.wanted.files))
            module = module_of(path)
            if use.lost.known.sure and self._may_come(part, reach, module):
                yield MissingName(
                    owner=part.dist.info_path,
                    site_dir=part.dist.site_dir,
                    path=path,
                    line=use.line,
                    module=use.lost.owner,
                    name=use.lost.name,
                    form="member",
                    at_import=False,  # what it is used on need not be made at every import
                    provider=use.lost.project,
                    removed_in=use.lost.known.first_without,
                    instead=use.lost.known.instead,
                    of_part=not reach.may_reach(module),
                )

    def _uses_of_lost(self, part: _Part) -> list[FileUse]:
        """Return what files use of what objects have lost; the answer hangs on every class looked at for any of them.

        What is known of classes is shared by all distributions, so that who asks first looks at the modules for others.
        """
        outside, self.modules.touched = self.modules.touched, self._touched_for_lost
        uses = list(self._lost.find(part.dist, part.wanted))
        self.modules.touched = outside
        if self._lost.is_of_interest(part.wanted):
            self.modules.touched |= self._touched_for_lost
        return uses

    def _needs(self, text: bytes, path: str, *, whole: bool) -> Iterator[tuple[Need, frozenset[str]]]:
        """Parse a file, or only its imports; what is written for another Python is never imported here."""
        module, is_package = module_of(path), path.endswith("/__init__.py")
        try:
            if whole:
                needs, patched = read_needs(text, module, self.modules.values, is_package=is_package)
            else:
                needs, patched = read_imports(text, module, self.modules.values, is_package=is_package), frozenset()
        except ReadError:
            return
        for need in needs:
            yield need, patched

    def _first_missing(self, need: Need) -> Need:
        """Cut ``zarr.hierarchy.Group`` down to ``zarr.hierarchy`` where that is what is not there."""
        name = need.name
        while "." in name and self.fact(need.module, name.rpartition(".")[0], attribute=True) is not None:
            name = name.rpartition(".")[0]
        return need._replace(name=name)

    def _may_come(self, part: _Part, reach: Reach, module: str) -> bool:
        """Whether importing the distribution, or a public part of it, may lead to a module."""
        return reach.may_reach(module) or self._reach_of_parts(part, reach).may_reach(module)

    def _reach_of_parts(self, part: _Part, whole: Reach) -> Reach:
        """Return the ways from the public parts of a distribution, each of which users import by itself."""
        reach = self._part_reach.get(part.dist.info_path)
        if reach is None:
            reach = self._part_reach[part.dist.info_path] = self._reach(part, parts_of(self.modules, whole))
        return reach

    def _reach(self, part: _Part, starts: Sequence[str]) -> Reach:
        return Reach(self.modules, part.tops, starts, self._scanner.statements, part.wanted.own)

    @staticmethod
    def _text(part: _Part, path: str) -> bytes | None:
        try:
            return read_bytes(f"{part.dist.site_dir}/{path}", SIZE_LIMIT)
        except ReadError:
            return None

    def _finding(  # noqa: PLR0911
        self, part: _Part, reach: Reach, path: str, need: Need, patched: frozenset[str]
    ) -> MissingName | None:
        """Turn one need into a fact, unless the file goes on without it."""
        attribute = need.form is Form.ATTRIBUTE
        module = module_of(path)
        if need.module.partition(".")[0] in part.tops or _is_patched(need, patched):
            return None
        missing = self.fact(need.module, need.name, attribute=attribute)
        if missing is None or need.guarded(module_missing=bool(missing.absent)):
            return None
        if attribute:
            need = self._first_missing(need)
        nobodys = self._is_nobodys(missing.absent)
        if nobodys and (not need.at_import or self._owners.brings(part.dist, missing.absent)):
            return None
        if self._is_made_later(need.module, need.name, part.dist if attribute else None, missing):
            return None
        way: tuple[str, ...] = ()
        of_part = False
        if need.at_import:
            kind = Caught.MODULE if missing.absent else Caught.IMPORT
            kind = Caught.ATTRIBUTE if attribute else kind
            way = reach.way_to(module, kind)
            of_part = not way and not nobodys
            if of_part:
                way = self._reach_of_parts(part, reach).way_to(module, kind)
        elif not self._may_come(part, reach, module):
            return None
        else:
            of_part = not reach.may_reach(module)
        if nobodys and not way:
            return None
        return MissingName(
            owner=part.dist.info_path,
            site_dir=part.dist.site_dir,
            path=path,
            line=need.line,
            module=need.module,
            name=need.name,
            form=need.form.value,
            at_import=need.at_import,
            start=way[0] if way else "",
            through=way[1:],
            provider="" if nobodys and not missing.removed_in else self._owners.of(need.module, self.modules),
            absent=missing.absent,
            removed_in=missing.removed_in,
            instead=missing.instead,
            of_part=of_part and (bool(way) or not need.at_import),
        )


def _tops(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name.partition(".")[0] for name in names}))


def module_of(path: str) -> str:
    """Return the dotted name of the module in a file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _is_patched(need: Need, patched: Iterable[str]) -> bool:
    full = f"{need.module}.{need.name}"
    return any(full == name or full.startswith(f"{name}.") for name in patched)
