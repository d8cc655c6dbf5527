"""What a file asks of its libraries that they do not have: symbol versions, and symbols.

Only what the loader refuses for certain is told. Weak names and weak versions may stay unresolved. A file with a
library that was not found, or could not be read, is not judged by symbols at all. Only extension modules are: a
library that they load may leave names to whoever loads it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.linker.names import scope_prefixes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.linker.closure import Closure
    from envaudit.linker.library import Library, Shelf
    from envaudit.linker.process import Process

# Names that compilers leave to libraries which need not exist.
_HARMLESS = frozenset(
    {b"__gmon_start__", b"_ITM_deregisterTMCloneTable", b"_ITM_registerTMCloneTable", b"__cxa_finalize"}
)
_PYTHON_NAME = re.compile(rb"_?Py[A-Z_]")
_SERIES = re.compile(r"(.+?)_(\d+(?:\.\d+)*)")
_RELATED_LIMIT = 32


class Versions(NamedTuple):
    """``missing`` are ``(library, version)``; ``offered`` the newest version of that series the library has."""

    missing: tuple[tuple[str, str], ...] = ()
    offered: tuple[tuple[str, str], ...] = ()


class Names(NamedTuple):
    """Undefined names, and for some of them the distribution with a library that has others of the same scope."""

    undefined: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    related: tuple[tuple[str, str], ...] = ()


class Judge:
    """Holds files against what they load; the answers for libraries that many modules share are kept."""

    def __init__(self, process: Process, shelf: Shelf) -> None:
        self._process = process
        self._shelf = shelf
        self._versions: dict[tuple[str, str, str], tuple[str, ...]] = {}
        self._of_rest: dict[int, tuple[tuple[Library, ...], Versions]] = {}

    def versions(self, closure: Closure) -> Versions:
        """Hold the symbol versions that the file, and installed libraries in its closure, ask for against the files.

        Raises ``ReadError``.
        """
        own = self._versions_of(closure.libraries[:1], closure)
        # Of two files that load the same, ``rest`` is the same value, and no name in it is answered by either file.
        if id(closure.rest) not in self._of_rest:
            self._of_rest[id(closure.rest)] = (closure.rest, self._versions_of(closure.rest, closure))
        rest = self._of_rest[id(closure.rest)][1]
        if not own.missing:
            return rest
        missing, offered = (dict.fromkeys((*mine, *others)) for mine, others in zip(own, rest, strict=True))
        return Versions(tuple(missing), tuple(offered))

    def _versions_of(self, libraries: tuple[Library, ...], closure: Closure) -> Versions:
        """Hold what these libraries of a closure ask for against the files."""
        missing: dict[tuple[str, str], None] = {}
        offered: dict[tuple[str, str], None] = {}
        for library in libraries:
            if not library.installed or library.facts is None:
                continue
            for need in library.facts.versions_needed:
                provider = self._process.loaded.get(need.library) or closure.by_name.get(need.library)
                if provider is None or provider.facts is None:
                    continue
                for version in self._lacking(library, need.library, need.versions, provider):
                    missing[need.library, version] = None
                    newest = _newest(version, provider.symbols().defined_versions)
                    if newest:
                        offered[need.library, newest] = None
        return Versions(tuple(missing), tuple(offered))

    def _lacking(self, library: Library, name: str, versions: tuple[str, ...], provider: Library) -> tuple[str, ...]:
        key = (library.path, name, provider.path)
        if key not in self._versions:
            defined = provider.symbols().defined_versions
            # A library without any versions satisfies every one: the loader only warns.
            self._versions[key] = tuple(each for each in versions if each not in defined) if defined else ()
        return self._versions[key]

    def ask_together(self, closures: Iterable[Closure]) -> None:
        """Ask libraries that many modules load for the names of all of them at once; they remember the answers.

        It makes no difference to any answer, and saves opening the libraries again and again.
        """
        wanted: dict[int, tuple[tuple[Library, ...], set[bytes]]] = {}
        for closure in closures:
            if closure.rest and not closure.unread and not closure.missing:
                with suppress(ReadError):  # it will be said when the module is judged
                    wanted.setdefault(id(closure.rest), (closure.rest, set()))[1].update(
                        self._left(closure.libraries[0]) - _HARMLESS
                    )
        for rest, names in wanted.values():
            with suppress(ReadError):
                left = frozenset(names)
                for library in rest:
                    left -= library.provides(left) if left else left

    def names(self, closure: Closure) -> Names:
        """Look for the names that nothing exports; raises ``ReadError``."""
        module = closure.libraries[0]
        left = self._left(module) - _HARMLESS
        # The module itself comes last: what it expects of others it hardly ever has.
        for library in (*closure.rest, module):
            if not left:
                return Names()
            left -= library.provides(left)
        # A name that another file of the distribution has may reach the module by a way that no header tells
        # (a library loaded for all to see, RTLD_GLOBAL).
        for library in self._shelf.owned_by(module.owner) if module.owner and left else ():
            if left and library.facts is not None and not library.facts.truncated:
                left -= library.provides(left)
        python = sorted(name for name in left if _PYTHON_NAME.match(name))
        others = sorted(left.difference(python))
        related = tuple(self._related(others[:_RELATED_LIMIT], closure.rest))
        return Names(_texts(others), _texts(python), related)

    def _left(self, module: Library) -> frozenset[bytes]:
        """Return the names a module expects that the interpreter does not export; raises ``ReadError``."""
        stored = module.stored
        digest = self._process.exports_digest() if stored else ""
        if stored and digest in stored.left:
            return stored.left[digest]
        wanted = module.symbols().undefined
        left = wanted - self._process.exports() if wanted else wanted
        if stored and digest:
            stored.keep_left(digest, left)
        return left

    @staticmethod
    def _related(names: Iterable[bytes], libraries: tuple[Library, ...]) -> Iterable[tuple[str, str]]:
        """Find, for each name, the installed library that has other names of the same class or namespace."""
        installed = [library for library in libraries if library.installed and library.facts is not None]
        for name in names:
            for prefix in scope_prefixes(name):
                owner = next((each.owner for each in installed if _has_prefix(each, prefix)), None)
                if owner is not None:
                    yield name.decode("utf-8", "backslashreplace"), owner
                    break


def _has_prefix(library: Library, prefix: bytes) -> bool:
    return any(name.startswith(prefix) for name in library.symbols().exports())


def _texts(names: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(name.decode("utf-8", "backslashreplace") for name in names)


def _newest(version: str, defined: frozenset[str]) -> str:
    """Return the newest version of the same series: ``GLIBC_2.36`` for ``GLIBC_2.38``."""
    match = _SERIES.fullmatch(version)
    if match is None:
        return ""
    series = [each for text in defined if (each := _SERIES.fullmatch(text)) and each[1] == match[1]]
    newest = max(series, key=lambda each: [int(part) for part in each[2].split(".")[:8]], default=None)
    return newest[0] if newest else ""
