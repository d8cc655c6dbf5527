"""Everything the loader would load with one file, breadth first, each name once."""

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
    ``unread`` says why the closure is not known to be complete, else it is empty.
    """

    libraries: tuple[Library, ...]
    by_name: Mapping[str, Library]
    needs: tuple[tuple[str, Found], ...]
    missing: tuple[tuple[str, str], ...]
    unread: str = ""


NOTHING: Mapping[str, Library] = {}


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
        library, inherited, early = queue.popleft()
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
            found = _find(name, _Waiting(library, inherited, early), search, loaded, by_name)
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
    return Closure(tuple(libraries.values()), by_name, tuple(needs), tuple(missing), unread)


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
