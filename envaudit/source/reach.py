"""Whether importing a distribution runs into one of its modules, and by which way.

A cheap graph first: every import at the start of a line that the bytes show. What cannot be reached in it is taken to
be not reached. Along the ways that are left, nearest to the goal first, each file is parsed, and only imports that
certainly run, and that let the error pass, lead on.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.source.finder import absolute_name
from envaudit.source.guards import Caught
from envaudit.source.needs import read_imports

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from envaudit.source.finder import Place
    from envaudit.source.modules import Modules
    from envaudit.source.needs import Need
    from envaudit.source.statements import Statement, Statements, Written

# Files parsed for one distribution; then nothing more is claimed about it.
_PARSE_LIMIT = 250
_FILE_LIMIT = 6000
# Left in site-packages by accident; nobody imports a distribution by these names.
_BESIDE = frozenset(
    ("test", "tests", "testing", "doc", "docs", "example", "examples", "benchmarks", "scripts", "tools")
)
# Parts that only some users import, or nobody any more.
_APART = frozenset(
    ("contrib", "plugins", "sandbox", "experimental", "compat", "ext", "extensions", "vendor", "externals")
)
# By convention the module that users import, where the package itself imports nothing.
_PUBLIC = ("api",)


class _Edge(NamedTuple):
    goal: str
    caught: Caught


class Reach:
    """The imports inside of one distribution."""

    def __init__(
        self,
        modules: Modules,
        tops: Sequence[str],
        starts: Sequence[str],
        statements: Statements,
        read: Mapping[str, Sequence[Written]],
    ) -> None:
        """``tops`` are its top-level modules, ``starts`` the modules that users import.

        ``read`` has the imports of own modules of files that have been read, by path.
        """
        self._modules = modules
        self._tops = frozenset(tops)
        self.starts = tuple(starts)
        self._statements = statements
        self._read_before = read
        self._graph: dict[str, frozenset[str]] | None = None
        self._edges: dict[str, tuple[_Edge, ...]] = {}
        self._parsed = 0

    def may_reach(self, module: str) -> bool:
        """Say whether a module can be reached at all, as far as the imports at the start of a line go."""
        return module in self._all()

    def leads_on(self, start: str) -> bool:
        """Say whether a module imports any other of its distribution, wherever and however guarded."""
        place = self._modules.find(start)
        text = self._modules.text(place, keep=False) if place is not None and not place.compiled else None
        if place is None or text is None:
            return True  # nothing rules it out
        statements = (*self._statements.at_start(text), *self._statements.indented(text))
        return any(
            absolute_name(start, each.module, is_package=place.is_package).partition(".")[0] in self._tops
            for each in statements
        )

    def way_to(self, module: str, kind: Caught) -> tuple[str, ...]:
        """Return the modules on a way that certainly runs and lets an error of this kind pass; empty without one.

        The first is one of ``starts``, the last is ``module``.
        """
        graph = self._all()
        if module not in graph:
            return ()
        distance = self._distances(module)
        waiting: list[tuple[int, str, tuple[str, ...]]] = []
        seen: set[str] = set()
        for start in self.starts:
            if start in distance:
                heapq.heappush(waiting, (distance[start], start, (start,)))
        while waiting:
            _, name, way = heapq.heappop(waiting)
            if name == module:
                return way
            if name in seen:
                continue
            seen.add(name)
            for edge in self._certain(name):
                if edge.goal in distance and edge.goal not in seen and not edge.caught & (kind | Caught.PERHAPS):
                    heapq.heappush(waiting, (distance[edge.goal] + len(way), edge.goal, (*way, edge.goal)))
        return ()

    def _distances(self, module: str) -> dict[str, int]:
        """Return how many imports each module is away from a goal."""
        backward: dict[str, list[str]] = {}
        for name, goals in self._all().items():
            for goal in goals:
                backward.setdefault(goal, []).append(name)
        distance = {module: 0}
        waiting = [module]
        while waiting:
            following = []
            for name in waiting:
                for before in backward.get(name, ()):
                    if before not in distance:
                        distance[before] = distance[name] + 1
                        following.append(before)
            waiting = following
        return distance

    def _all(self) -> dict[str, frozenset[str]]:
        """Return all modules that can be reached, each with what its file imports anywhere."""
        if self._graph is None:
            self._graph = {}
            waiting = [name for start in self.starts for name in _with_parents(start)]
            while waiting and len(self._graph) < _FILE_LIMIT:
                name = waiting.pop()
                if name not in self._graph:
                    self._graph[name] = frozenset(self._possible(name))
                    waiting += self._graph[name] - self._graph.keys()
        return self._graph

    def _possible(self, name: str) -> Iterator[str]:
        place = self._modules.find(name)
        if place is None or place.compiled:
            return
        for module, names in self._imports_of(place):
            origin = absolute_name(name, module, is_package=place.is_package)
            yield from self._targets(origin, [inner for inner, _ in names if inner])

    def _imports_of(self, place: Place) -> Iterable[Statement]:
        known = self._read_before.get(place.path)
        if known is None:
            return self._statements.at_start(self._modules.text(place, keep=False) or b"")
        return (statement for written in known for statement in self._statements.take_apart(written))

    def _targets(self, origin: str, names: Iterable[str]) -> Iterator[str]:
        if not origin or origin.partition(".")[0] not in self._tops:
            return
        for module in (origin, *(f"{origin}.{name}" for name in names if name != "*")):
            if self._modules.find(module) is not None:
                yield from _with_parents(module)

    def _certain(self, name: str) -> tuple[_Edge, ...]:
        """Return what a module certainly imports of its own distribution, with what is caught around it."""
        known = self._edges.get(name)
        if known is None:
            known = self._edges[name] = tuple(dict.fromkeys(self._read(name)))
        return known

    def _read(self, name: str) -> Iterator[_Edge]:
        place = self._modules.find(name)
        if place is None or place.compiled or self._parsed >= _PARSE_LIMIT:
            return
        text = self._modules.text(place, keep=False)
        if text is None:
            return
        self._parsed += 1
        try:
            needs = read_imports(text, name, self._modules.values, is_package=place.is_package)
        except ReadError:
            return
        for need in needs:
            if need.module.partition(".")[0] in self._tops:
                for goal in self._goals(need):
                    yield from (_Edge(each, need.caught) for each in _with_parents(goal))

    def _goals(self, need: Need) -> Iterator[str]:
        """Yield the modules of its own that an import of a file certainly imports."""
        if self._modules.find(need.module) is not None:
            yield need.module
        if need.name and need.name != "*":
            inner = f"{need.module}.{need.name}"
            if self._modules.find(inner) is not None and not self._modules.binds(need.module, need.name):
                yield inner


def _with_parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def starts_of(modules: Modules, tops: Sequence[str], files: Sequence[str]) -> tuple[str, ...]:
    """Return the modules that users import: the public packages, and below namespaces the first real ones."""
    there = [top for top in tops if modules.find(top) is not None]
    public = [top for top in there if not top.startswith("_") and top not in _BESIDE]
    starts: dict[str, None] = {}
    for top in public or there:
        place = modules.find(top)
        if place is not None and place.path:
            starts[top] = None
            for name in _PUBLIC:
                if place.is_package and modules.find(f"{top}.{name}") is not None:
                    starts[f"{top}.{name}"] = None
        else:
            below = dict.fromkeys(_below_namespace(modules, top, files))
            # Single files beside packages are their helpers, which need not be imported by themselves.
            packages = [name for name in below if (found := modules.find(name)) is not None and found.is_package]
            starts.update(dict.fromkeys(packages or below))
    return tuple(starts)


def parts_of(modules: Modules, reach: Reach) -> tuple[str, ...]:
    """Return the public packages directly in those that users import: ``astropy.units``.

    Of a package that imports nothing of its own users import the single modules too: ``tornado.web``.
    """
    found: dict[str, None] = {}
    for start in reach.starts:
        below = modules.packages_below(start)
        if not reach.leads_on(start) and not modules.offer(start).openness:
            below += modules.modules_below(start)
        public = (name for name in below if not name.startswith("_") and name not in _BESIDE and name not in _APART)
        found.update(dict.fromkeys(f"{start}.{name}" for name in public))
    return tuple(found)


def _below_namespace(modules: Modules, top: str, files: Sequence[str]) -> Iterator[str]:
    """Yield the first importable module on the way to each file in a folder without ``__init__``."""
    for path in files:
        parts = path.removesuffix(".py").split("/")
        if parts[0] != top:
            continue
        for count in range(2, len(parts) + 1):
            name = ".".join(parts[:count])
            place = modules.find(name)
            if place is None:
                break
            if place.path:
                if not parts[count - 1].startswith("_"):
                    yield name
                break
