"""Everything the loader would load with one file, breadth first, each name once.

The modules of a package mostly ask for the same libraries: what one of them loads is what all of them load.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from envaudit.linker.search import Found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envaudit.linker.library import Library, Shelf
    from envaudit.linker.search import Search

_NEEDS_LIMIT = 4096  # of all files of one closure; those of a large C++ package have about 1,000


class Closure(NamedTuple):
    """``libraries`` in the order of loading, the file itself first; ``by_name`` by the names they answer to.

    ``needs`` are the file's own names with what is found for each. ``missing`` are ``(name, file that asks)``.
    ``unread`` says why the closure is not known to be complete, else it is empty. ``rest`` are the libraries without
    the file itself; it is the very same value for all files that load the same.
    """

    libraries: tuple[Library, ...]
    by_name: Mapping[str, Library]
    needs: tuple[tuple[str, Found], ...]
    missing: tuple[tuple[str, str], ...]
    unread: str = ""
    rest: tuple[Library, ...] = ()


NOTHING: Mapping[str, Library] = {}


class Closures:
    """The closures of many files, each worked out once for all files that ask for the same in the same place."""

    def __init__(self, search: Search, shelf: Shelf, chain: tuple[str, ...], loaded: Mapping[str, Library]) -> None:
        self._search = search
        self._shelf = shelf
        self._chain = chain
        self._loaded = loaded
        self._known: dict[tuple[object, ...], tuple[Closure, frozenset[str]]] = {}

    def of(self, start: Library) -> Closure:
        """Return what a file loads, as ``close`` does."""
        facts = start.facts
        if facts is None or facts.truncated:
            return close(start, self._search, self._shelf, self._chain, self._loaded)
        key: tuple[object, ...] = (facts.needed,)
        # What the process has loaded is not looked for; half of all files ask for nothing else.
        if not all(map(self._loaded.__contains__, facts.needed)):
            # Where a file lies matters to a path that begins at it, and to a path that is none of a folder.
            paths = (*facts.rpath, *facts.runpath, *facts.needed)
            folder = start.path.rpartition("/")[0] if any("$" in path or "/" in path for path in paths) else ""
            key = (facts.needed, folder, start.owner, facts.rpath, facts.runpath)
        if key in self._known:
            known, names = self._known[key]
            # What another library asks for by the name of this file is this file, and it is loaded but once.
            if start.soname not in names and start not in known.rest:
                return _of_another(known, start)
        closure = close(start, self._search, self._shelf, self._chain, self._loaded)
        names = _names_in(closure)
        if key not in self._known and start.soname not in names and start not in closure.rest:
            self._known[key] = (closure, names)
        return closure


def _of_another(known: Closure, start: Library) -> Closure:
    """Return the closure of a file that asks for what the first file of a known one asks for."""
    first = known.libraries[0]
    by_name = dict(known.by_name)
    if by_name.get(first.soname) is first:
        del by_name[first.soname]
    missing = tuple((name, start.path if asks == first.path else asks) for name, asks in known.missing)
    return known._replace(libraries=(start, *known.rest), by_name={start.soname: start, **by_name}, missing=missing)


def _names_in(closure: Closure) -> frozenset[str]:
    """Return all names by which anything of a closure could ask for a library, or answer."""
    names = {name for name, _ in closure.missing} | {name for name, _ in closure.needs}
    for library in closure.rest:
        names.add(library.soname)
        if library.facts is not None:
            names.update(library.facts.needed)
            names.update(need.library for need in library.facts.versions_needed)
    return frozenset(names)


class _Waiting(NamedTuple):
    """A library whose needs are still to be found; ``early``: another package loads it, and what it needs."""

    library: Library
    chain: tuple[str, ...]
    early: bool


def close(
    start: Library, search: Search, shelf: Shelf, chain: tuple[str, ...] = (), loaded: Mapping[str, Library] = NOTHING
) -> Closure:
    """Follow what a file needs, and what that needs.

    ``chain`` are the folders the file inherits, ``loaded`` the libraries of the process that loads it, by name. A name
    that no folder has, and that an installed library answers to, counts as loaded before by the package it belongs to.
    """
    by_name: dict[str, Library] = {start.soname: start} if start.facts else {}
    libraries = {start.path: start}
    needs: list[tuple[str, Found]] = []
    missing: dict[tuple[str, str], None] = {}
    unread = ""
    asked = 0
    queue = deque([_Waiting(start, chain, early=False)])
    while queue:
        asking = queue.popleft()
        library, inherited, early = asking
        if library.facts is None or library.facts.truncated:
            unread = unread or f"{library.path}: {library.error or 'it is cut short'}"
            continue
        asked += len(library.facts.needed)
        if asked > _NEEDS_LIMIT:
            unread = f"more than {_NEEDS_LIMIT} needed libraries"
            break
        for name in library.facts.needed:
            if library is not start and (name in by_name or name in loaded):
                continue  # it is there already, wherever this file would have found it
            found = _find(name, asking, search, loaded, by_name)
            known = found is not None
            if found is None:
                other = shelf.named(name, start.owner)
                found = Found(other, "loaded") if other is not None else None
            if library is start and found is not None:
                needs.append((name, found))
            if found is None:
                missing[name, library.path] = None
                unread = unread or (f"{library.path} does not find {name}" if early else "")
                continue
            by_name.setdefault(name, found.library)
            if found.library.path in libraries or loaded.get(found.library.soname) is found.library:
                continue
            libraries[found.library.path] = found.library
            by_name.setdefault(found.library.soname, found.library)
            passed_on = search.inherited(library, inherited) if known else ()
            queue.append(_Waiting(found.library, passed_on, early or not known))
    everything = tuple(libraries.values())
    return Closure(everything, by_name, tuple(needs), tuple(missing), unread, everything[1:])


def _find(
    name: str, asking: _Waiting, search: Search, loaded: Mapping[str, Library], by_name: Mapping[str, Library]
) -> Found | None:
    """Find a name among what is loaded, else where the loader looks."""
    if name in loaded:
        return Found(loaded[name], "system" if not loaded[name].installed else "loaded")
    if name in by_name:
        # The file names it twice, in effect: the search is only asked how it would have been found.
        found = search.find(name, asking.library, asking.chain)
        return Found(by_name[name], found.how if found else "loaded")
    return search.find(name, asking.library, asking.chain)
