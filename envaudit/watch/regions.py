"""What is mapped where in a process (``/proc/PID/maps``)."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_BYTES = 8 * 1024 * 1024
_MOST_REGIONS = 65_536


class Region(NamedTuple):
    """A range of addresses, ``end`` excluded; ``offset`` is that of ``start`` in the file ``path`` (may be empty)."""

    start: int
    end: int
    rights: str
    offset: int
    path: str

    @property
    def executable(self) -> bool:
        """Whether code may run here."""
        return "x" in self.rights

    @property
    def writable(self) -> bool:
        """Whether data may be written here."""
        return "w" in self.rights


class Regions:
    """The regions of one process, found by address."""

    def __init__(self, regions: Iterable[Region]) -> None:
        self._all = sorted(regions)
        self._starts = [region.start for region in self._all]

    def at(self, address: int) -> Region | None:
        """Return the region an address lies in."""
        number = bisect_right(self._starts, address) - 1
        if number >= 0 and address < self._all[number].end:
            return self._all[number]
        return None

    def code(self, address: int) -> Region | None:
        """Return the region of an address at which code may run."""
        region = self.at(address)
        return region if region is not None and region.executable else None

    def first_of(self, region: Region) -> Region | None:
        """Return the region that maps the beginning of the same file, the nearest at or below ``region``."""
        number = bisect_right(self._starts, region.start) - 1
        while number >= 0:
            other = self._all[number]
            if other.path == region.path and other.offset == 0:
                return other
            number -= 1
        return None

    def paths(self) -> tuple[str, ...]:
        """Return every mapped file once, in the order of addresses."""
        return tuple(dict.fromkeys(region.path for region in self._all if region.path.startswith("/")))


def read_regions(pid: int) -> Regions:
    """Return the regions of a process; raises ``OSError``."""
    with open(f"/proc/{pid}/maps", "rb") as file:
        text = file.read(_MOST_BYTES).decode("utf-8", "surrogateescape")
    return parse_regions(text)


def parse_regions(text: str) -> Regions:
    """Return the regions a text of the form of ``/proc/PID/maps`` lists; lines of another form are left out."""
    found = []
    for line in text.split("\n")[:_MOST_REGIONS]:
        words = line.split(None, 5)
        try:
            start, end = (int(word, 16) for word in words[0].split("-"))
            found.append(Region(start, end, words[1], int(words[2], 16), words[5] if len(words) > 5 else ""))
        except (IndexError, ValueError):
            continue
    return Regions(found)
