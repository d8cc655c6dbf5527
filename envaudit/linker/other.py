"""What the loaders of macOS and Windows would do with the compiled files of a target.

Both differ from Linux in what a library is called and where it is looked for (``macho_search``, ``pe_search``); what
follows from that is the same. Libraries of the system are not files that can be read (macOS keeps them in one cache),
so what they offer is not asked. Names are: on both systems a file says from which library it takes each.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

from envaudit.binary.named import read_names
from envaudit.errors import ReadError
from envaudit.linker.known import has_operators
from envaudit.model import LinkedFile, Resolved

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from envaudit.binary.named import Names
    from envaudit.linker.library import Library
    from envaudit.model import Binary, Target

_NEEDS_LIMIT = 4096
_REEXPORT_LIMIT = 32
_TAG = re.compile(r"\.(?:cpython-|cp)(\d{2,3}t?)d?-[^/]*\.(?:so|pyd)$")
_NAMED_MODULE = re.compile(r"\.(?:cpython-[^/]*|abi3|pypy[^/]*)\.so$|\.pyd$")
_PLAIN_MODULE = re.compile(r"(?:^|/)(\w+)\.so$")


class Found(NamedTuple):
    """Where a name leads: a file, the system (``library`` is ``None``), or a place that cannot be seen from here.

    ``how`` is a word of ``envaudit.model.Resolved`` or ``unseen``; then ``place`` says where it should lie.
    ``early``: another package loads it first.
    """

    library: Library | None
    how: str
    place: str = ""
    early: bool = False


class Search(Protocol):
    """Where one system's loader looks."""

    def find(self, name: str, asking: Library, chain: tuple[str, ...], module: Library) -> Found | None:
        """Look for what a file asks for on the way from a module; ``None`` when it is nowhere."""

    def inherited(self, library: Library, chain: tuple[str, ...]) -> tuple[str, ...]:
        """Return the folders that what this library loads inherits."""

    def of_interpreter(self, name: str) -> Library | None:
        """Return the interpreter's own library if this is its name and it can be read."""


class _Loaded(NamedTuple):
    """What comes with one file."""

    libraries: tuple[Library, ...]
    found: Mapping[tuple[str, str], Found]  # by path of the file that asks, and name
    missing: tuple[tuple[str, str], ...]
    unseen: tuple[tuple[str, str], ...]
    unread: str


class Linker:
    """Follows files of a target of macOS or Windows; what is read of a library is kept."""

    def __init__(self, search: Search, machine: str, chain: tuple[str, ...] = ()) -> None:
        self._search = search
        self._machine = machine
        self._chain = chain
        self._names: dict[str, Names] = {}

    def link(self, binary: Binary, start: Library, *, judge: bool) -> LinkedFile:
        """Follow one file; with ``judge`` the names it and its libraries take are looked for, too."""
        loaded = self._load(start)
        undefined: tuple[str, ...] = ()
        python: tuple[str, ...] = ()
        related: tuple[tuple[str, str], ...] = ()
        resolved = tuple(_resolved(start, loaded))
        unread, is_module = loaded.unread, False
        try:
            is_module = self._is_module(start)
            judged = is_module or has_operators(binary.owner, resolved)
            if judge and judged and not unread and not loaded.missing:
                undefined, python, related = self._judge(loaded)
        except ReadError as error:
            unread = unread or str(error)
        return LinkedFile(
            path=binary.path,
            site_dir=binary.site_dir,
            owner=binary.owner,
            resolved=resolved,
            missing=loaded.missing,
            undefined=undefined,
            undefined_python=python,
            unread=unread,
            is_module=is_module,
            related=related,
            loads=tuple(library.place for library in loaded.libraries[1:] if library.installed),
            unseen=loaded.unseen,
        )

    def _load(self, start: Library) -> _Loaded:
        """Follow what a file needs, and what that needs, each file once."""
        libraries = {start.path: start}
        found: dict[tuple[str, str], Found] = {}
        missing: dict[tuple[str, str], None] = {}
        unseen: dict[tuple[str, str], None] = {}
        unread = ""
        queue = deque([(start, self._chain, False)])
        while queue:
            library, chain, early = queue.popleft()
            if library.facts is None or library.facts.truncated:
                unread = unread or f"{library.path}: {library.error or 'it is cut short'}"
                continue
            needs = [(name, True) for name in library.facts.needed]
            needs += [(name, False) for name in library.facts.needed_late]
            for name, required in needs:
                answer = self._search.find(name, library, chain, start)
                if answer is None:
                    # What another package has loaded first, that package has to answer for.
                    if required and not early:
                        missing[name, library.place] = None
                    continue
                found[library.path, name] = answer
                if answer.how == "unseen" and required and not early:
                    unseen[name, answer.place] = None
                other = answer.library
                if other is None or other.path in libraries:
                    continue
                if len(found) > _NEEDS_LIMIT:
                    return _Loaded(tuple(libraries.values()), found, (), (), f"more than {_NEEDS_LIMIT} libraries")
                libraries[other.path] = other
                queue.append((other, self._search.inherited(other, chain), early or answer.early))
        return _Loaded(tuple(libraries.values()), found, tuple(missing), tuple(unseen), unread)

    def _judge(self, loaded: _Loaded) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]:
        """Look for each name in the library it is taken from; raises ``ReadError``."""
        undefined: dict[str, None] = {}
        python: dict[str, None] = {}
        related: dict[tuple[str, str], None] = {}
        for library in loaded.libraries:
            if not library.installed:
                continue
            for name, names in self._read(library).asks.items():
                interpreter = self._search.of_interpreter(name)
                if interpreter is not None:
                    python.update(dict.fromkeys(_texts(self._lacking(names, interpreter, loaded))))
                    continue
                answer = loaded.found.get((library.path, name))
                provider = answer.library if answer else None
                if answer is None or provider is None or not provider.installed:
                    continue
                if answer.how == "folder" and answer.early:
                    continue  # nobody knows which of two copies it is
                for text in _texts(self._lacking(names, provider, loaded)):
                    undefined[text] = None
                    related[text, provider.owner] = None
        return tuple(undefined), tuple(python), tuple(related)

    def _lacking(self, names: frozenset[bytes], provider: Library, loaded: _Loaded) -> frozenset[bytes]:
        """Return the names that a library has neither itself nor from those it passes on; raises ``ReadError``."""
        waiting, seen = [provider], {provider.path}
        while names and waiting:
            library = waiting.pop()
            known = self._read(library)
            if not known.is_complete:
                return frozenset()
            names -= known.provides(names)
            for name in known.reexports[:_REEXPORT_LIMIT]:
                answer = loaded.found.get((library.path, name))
                if answer is None or answer.library is None:
                    return frozenset()  # a library of the system, which may have all of them
                if answer.library.path not in seen:
                    seen.add(answer.library.path)
                    waiting.append(answer.library)
        return names

    def _read(self, library: Library) -> Names:
        if library.path not in self._names:
            self._names[library.path] = read_names(library.place, self._machine)
        return self._names[library.path]

    def _is_module(self, library: Library) -> bool:
        """Whether Python can import a file; raises ``ReadError``."""
        if _NAMED_MODULE.search(library.path):
            return True
        plain = _PLAIN_MODULE.search(library.path)
        name = b"_PyInit_" + plain[1].encode("utf-8", "surrogateescape") if plain else b""
        return bool(name and self._read(library).provides(frozenset({name})))


def is_loadable(binary: Binary, target: Target, form: str) -> bool:
    """Leave out what this interpreter never loads: other formats, cut files, the suffix of another Python."""
    if binary.facts is None or binary.facts.format != form or binary.facts.truncated:
        return False
    match = _TAG.search(binary.path)
    wanted = f"{target.version_info[0]}{target.version_info[1]}{'t' if target.free_threaded else ''}"
    return match is None or match[1] == wanted


def _resolved(start: Library, loaded: _Loaded) -> Iterator[Resolved]:
    """Yield where the file's own names lead."""
    for (asking, name), answer in loaded.found.items():
        if asking == start.path and answer.how != "unseen":
            library = answer.library
            yield Resolved(name, library.place if library else "", answer.how, library.owner if library else "")


def _texts(names: Iterable[bytes]) -> list[str]:
    return [name.decode("utf-8", "backslashreplace") for name in sorted(names)]
