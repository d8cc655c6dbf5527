"""Compiled files as the loader sees them, each read once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envaudit.binary import read_binary
from envaudit.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from envaudit.binary.stored import Stored
    from envaudit.binary.symbols import Symbols
    from envaudit.files_root import Root
    from envaudit.model import Binary, BinaryFacts


class Library:
    """A compiled file: ``path`` inside the root, ``place`` on this machine, ``error`` why it could not be read.

    ``soname`` is the name by which others ask for it: DT_SONAME, else that of the file.
    ``owner`` is the ``info_path`` of its distribution; ``installed`` says that it lies in the target's site folders.
    ``stored`` is what earlier runs have found out about its symbols, if that is kept.
    """

    __slots__ = ("_answers", "_symbols", "error", "facts", "installed", "owner", "path", "place", "soname", "stored")

    def __init__(
        self, path: str, place: str, facts: BinaryFacts | None, error: str = "", symbols: Symbols | None = None
    ) -> None:
        self.path = path
        self.place = place
        self.facts = facts
        self.error = error
        self.soname = (facts.soname if facts else "") or path.rpartition("/")[2]
        self.owner = ""
        self.installed = False
        self._symbols = symbols
        self._answers: dict[bytes, bool] = {}
        self.stored: Stored | None = None

    def symbols(self) -> Symbols:
        """Return its dynamic symbols, each kind of which is read when it is first asked for."""
        if self._symbols is None:
            from envaudit.binary.symbols import Symbols  # noqa: PLC0415  most libraries are never asked

            self._symbols = Symbols(self.place)
        return self._symbols

    def forget_symbols(self) -> None:
        """Read its symbols again when they are asked for."""
        self._symbols = None

    def provides(self, names: frozenset[bytes]) -> frozenset[bytes]:
        """Return those of the names that the file exports; raises ``ReadError``.

        Answers are kept, because the modules of a package mostly ask its libraries for the same names.
        """
        answers = self.stored.offers if self.stored else self._answers
        asked = names.difference(answers)
        if asked:
            found = self.symbols().provides(asked)
            answers.update(dict.fromkeys(asked, False))
            answers.update(dict.fromkeys(found, True))
            if self.stored:
                self.stored.changed = True
        return frozenset([name for name in names if answers[name]])


class Shelf:
    """All libraries that were looked at, by path inside the root; universal files are read for ``machine``."""

    def __init__(self, root: Root, machine: str = "") -> None:
        self._root = root
        self._machine = machine
        self._by_path: dict[str, Library | None] = {}
        self._by_name: dict[str, list[Library]] = {}
        self._owner_of_folder: dict[str, str] = {}

    def add_installed(
        self,
        binaries: Iterable[Binary],
        symbols: Mapping[str, Symbols],
        stored: Callable[[str], Stored | None],
    ) -> list[tuple[Binary, Library]]:
        """Put the compiled files of the target on the shelf; those that could not be read are left out.

        ``symbols`` are those known already, by the place of the file.
        """
        pairs = []
        for binary in binaries:
            place = f"{binary.site_dir}/{binary.path}"
            path = os.path.normpath(self._root.inside(place))
            library = Library(path, place, binary.facts, symbols=symbols.get(place))
            library.stored = stored(place)
            library.owner, library.installed = binary.owner, True
            self._by_path[path] = library
            self._owner_of_folder[path.rpartition("/")[0]] = binary.owner
            self._by_name.setdefault(library.soname, []).append(library)
            pairs.append((binary, library))
        return pairs

    def get(self, path: str) -> Library | None:
        """Return the file at a path inside, ``None`` when there is none."""
        if path in self._by_path:
            return self._by_path[path]
        place = self._root.find(path)
        if not place:
            found = None
        else:
            normal = os.path.normpath(path)
            known = self._by_path.get(normal)
            found = known if known is not None and known.installed else self._read(normal, place)
        self._by_path[path] = found
        return found

    def named(self, soname: str, owner: str) -> Library | None:
        """Return an installed library of this name, one of the distribution ``owner`` if it has one."""
        known = self._by_name.get(soname, ())
        return next((library for library in known if library.owner == owner), known[0] if known else None)

    def owned_by(self, owner: str) -> list[Library]:
        """Return the compiled files of a distribution."""
        return [library for group in self._by_name.values() for library in group if library.owner == owner]

    def _read(self, path: str, place: str) -> Library:
        """Read a file that is none of the given ones; beside one of them it belongs to the same distribution."""
        try:
            library = Library(path, place, read_binary(place, machine=self._machine))
        except ReadError as error:
            library = Library(path, place, None, str(error))
        owner = self._owner_of_folder.get(path.rpartition("/")[0])
        library.installed = owner is not None
        library.owner = owner or ""
        return library
