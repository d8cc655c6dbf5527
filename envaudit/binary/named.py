"""Names of Mach-O and PE files: what a file takes from which library, and what it offers itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from envaudit.binary.image import Source
from envaudit.binary.macho import MachImage
from envaudit.binary.macho_symbols import MachSymbols
from envaudit.binary.pe import MAGIC, PeImage
from envaudit.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Mapping


class Names(Protocol):
    """The names of one file.

    ``asks`` are those it takes from each library, under the name by which it asks for the library; those that may be
    absent, and those that any library may provide, are left out. ``reexports`` are libraries whose names it passes on.
    ``is_complete`` says that all names it offers itself are known.
    """

    asks: Mapping[str, frozenset[bytes]]
    reexports: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all names it offers itself are known."""

    def provides(self, names: frozenset[bytes]) -> frozenset[bytes]:
        """Return those of the names that the file itself exports; raises ``ReadError``."""


class PeSymbols:
    """The names of a PE file; functions that are taken by number are not followed."""

    is_complete = True

    def __init__(self, image: PeImage) -> None:
        self.asks: Mapping[str, frozenset[bytes]] = {name: frozenset(names) for name, names in image.imported()}
        self.reexports: tuple[str, ...] = ()
        self._exports = image.exported()

    def provides(self, names: frozenset[bytes]) -> frozenset[bytes]:
        """Return those of the names that the file itself exports."""
        return names & self._exports


def read_names(path: str, machine: str = "") -> Names:
    """Read the names of one file, of the slice for ``machine`` if it has several; raises ``ReadError``."""
    with open_regular(path) as (descriptor, size):
        source = Source(descriptor, size)
        if source.start(2) == MAGIC:
            return PeSymbols(PeImage(source))
        return MachSymbols(MachImage(source, machine))
