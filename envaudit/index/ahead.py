"""Parts of a remote file that are read ahead: what lies close together comes with one request."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.index.remote_file import PartedFile
    from envaudit.index.remote_zip import Member

GAP = 256 * 1024  # bytes that are read in vain rather than asked around
SPAN_LIMIT = 16 * 1024 * 1024  # bytes of one request


class Ahead:
    """A file of which some members were read ahead; what was not is asked for as before."""

    def __init__(self, file: PartedFile, members: Iterable[Member]) -> None:
        self.address = file.address
        self._file = file
        self._starts: list[int] = []
        self._blocks: list[bytes] = []
        self._spans = _spans(members)

    def tail(self, length: int) -> tuple[bytes, int]:
        """Return the last bytes and the size; raises ``RemoteError``."""
        return self._file.tail(length)

    def read(self, offset: int, length: int) -> bytes:
        """Return a part; raises ``RemoteError``."""
        place = bisect_right(self._starts, offset) - 1
        if place < 0 or offset + length > self._starts[place] + len(self._blocks[place]):
            span = next((each for each in self._spans if each[0] <= offset and offset + length <= each[1]), None)
            if span is None:
                return self._file.read(offset, length)
            block = self._file.read(span[0], span[1] - span[0])
            place = bisect_right(self._starts, span[0])
            self._starts.insert(place, span[0])
            self._blocks.insert(place, block)
        begin = offset - self._starts[place]
        return self._blocks[place][begin : begin + length]


def _spans(members: Iterable[Member]) -> list[tuple[int, int]]:
    """Join the places of members that lie close to each other."""
    spans: list[tuple[int, int]] = []
    for member in sorted(members, key=lambda each: each.offset):
        start, end = member.offset, member.end
        if spans and start - spans[-1][1] <= GAP and end - spans[-1][0] <= SPAN_LIMIT:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        elif end - start <= SPAN_LIMIT:
            spans.append((start, end))
    return spans
