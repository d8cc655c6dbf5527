"""The memory of another process (``/proc/PID/mem``), and bytes taken apart.

The process has crashed: nothing in it can be believed, and every read may fail. Whatever is not there, or is too
much, is an ``UnreadableError``.
"""

from __future__ import annotations

import os
import struct
from typing import Protocol

_MOST_AT_ONCE = 1024 * 1024
_MOST_ALTOGETHER = 64 * 1024 * 1024
_LAST_ADDRESS = 2**63 - 1
_LONGEST_NUMBER = 10  # bytes of a LEB128 number of 64 bits


class UnreadableError(Exception):
    """There is nothing to read at an address, or it does not have the form it should have."""


class Reads(Protocol):
    """Whatever memory can be read from."""

    def read(self, address: int, size: int) -> bytes:
        """Return exactly ``size`` bytes; raises ``UnreadableError``."""
        ...


class Memory:
    """The memory of one process, open until ``close``."""

    def __init__(self, pid: int) -> None:
        """Open it; raises ``OSError``."""
        self._file = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        self._left = _MOST_ALTOGETHER

    def read(self, address: int, size: int) -> bytes:
        """Return exactly ``size`` bytes; raises ``UnreadableError``."""
        if not (0 <= address <= _LAST_ADDRESS - size and 0 <= size <= min(_MOST_AT_ONCE, self._left)):
            raise UnreadableError(f"cannot read {size} bytes at {address:#x}")
        self._left -= size
        try:
            data = os.pread(self._file, size, address)
        except (OSError, OverflowError, ValueError) as error:
            raise UnreadableError(f"cannot read at {address:#x}: {error}") from error
        if len(data) != size:
            raise UnreadableError(f"only {len(data)} of {size} bytes at {address:#x}")
        return data

    def close(self) -> None:
        """Close it."""
        os.close(self._file)


def quads(memory: Reads, address: int, count: int) -> tuple[int, ...]:
    """Return unsigned numbers of 8 bytes; raises ``UnreadableError``."""
    return struct.unpack(f"<{count}Q", memory.read(address, 8 * count))


class Cursor:
    """Reads numbers from bytes one after the other; raises ``UnreadableError`` at their end.

    ``address`` is where the first byte lies in the process: numbers may be relative to their own place.
    """

    def __init__(self, data: bytes, address: int = 0, position: int = 0) -> None:
        self.data = data
        self.address = address
        self.position = position

    def more(self) -> bool:
        """Whether anything is left."""
        return self.position < len(self.data)

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        end = self.position + size
        if size < 0 or end > len(self.data):
            raise UnreadableError("it ends too early")
        self.position, start = end, self.position
        return self.data[start:end]

    def number(self, form: str) -> int:
        """Return the next number in a format of ``struct`` (little-endian)."""
        value: int = struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]
        return value

    def byte(self) -> int:
        """Return the next byte."""
        return self.take(1)[0]

    def uleb(self) -> int:
        """Return the next unsigned LEB128 number."""
        value, _ = self._leb()
        return value

    def sleb(self) -> int:
        """Return the next signed LEB128 number."""
        value, bits = self._leb()
        return value - (1 << bits) if value >> (bits - 1) else value

    def text(self) -> bytes:
        """Return the bytes before the next zero."""
        end = self.data.find(b"\0", self.position)
        if end < 0:
            raise UnreadableError("a text without end")
        found = self.take(end - self.position)
        self.position += 1
        return found

    def pointer(self, encoding: int) -> int:
        """Return a pointer in an encoding of ``.eh_frame`` (``DW_EH_PE``): absolute or relative to itself."""
        here = self.address + self.position
        forms = {0x00: "Q", 0x02: "H", 0x03: "I", 0x04: "Q", 0x0A: "h", 0x0B: "i", 0x0C: "q"}
        form = encoding & 0x0F
        if form in {0x01, 0x09}:
            value = self.uleb() if form == 0x01 else self.sleb()
        elif form in forms:
            value = self.number(forms[form])
        else:
            raise UnreadableError(f"a pointer of the unknown encoding {encoding:#x}")
        if encoding & 0x70 == 0x10:
            value += here
        elif encoding & 0x70:
            raise UnreadableError(f"a pointer of the unknown encoding {encoding:#x}")
        return value & (2**64 - 1)

    def _leb(self) -> tuple[int, int]:
        value = 0
        for count in range(_LONGEST_NUMBER):
            byte = self.byte()
            value |= (byte & 0x7F) << (7 * count)
            if not byte & 0x80:
                return value, 7 * (count + 1)
        raise UnreadableError("a number without end")
