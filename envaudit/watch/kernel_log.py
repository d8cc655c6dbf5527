"""What the kernel's log says of a crash that nothing else saw (Linux, where the log may be read).

The kernel writes a line for a fault only when the program has no handler for it: when the others have failed.
"""

from __future__ import annotations

import os
from contextlib import suppress

_LOG = "/dev/kmsg"
_MOST_RECORDS = 4096
_MOST_RECORD = 8192
# Such as: python[77]: segfault at 10 ip ... error 6 in _bad.so[...]; or: traps: python[77] trap invalid opcode ip:...
_FAULT = (
    r"[^\[\]:]\[(?P<pid>\d+)\]:? (?P<what>segfault at [0-9a-f]+|general protection fault|trap [a-z ]+?(?= ip:)) "
    r".*\bin (?P<file>[^\[\s]+)\["
)


class KernelLog:
    """The log from now on."""

    def __init__(self, path: str = _LOG) -> None:
        self._file = -1
        with suppress(OSError):
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._file, 0, os.SEEK_END)

    def fault(self, pid: int) -> tuple[str, str]:
        """Return what the log says of the death of a process, and the name of the file it was in; empty for nothing.

        A line about a thread has the number of the thread: the only line of the time is taken for it.
        """
        import re  # noqa: PLC0415 - hardly any program ends in a way that asks for it

        found: list[tuple[int, str, str]] = []
        for record in self._records():
            match = re.search(_FAULT, record)
            if match is not None:
                found.append((int(match["pid"]), match["what"], match["file"]))
        own = [line for line in found if line[0] == pid] or (found if len(found) == 1 else [])
        return (own[-1][1], own[-1][2]) if own else ("", "")

    def _records(self) -> list[str]:
        found: list[str] = []
        with suppress(OSError):  # at the end: nothing more to read, without waiting
            while self._file >= 0 and len(found) < _MOST_RECORDS:
                record = os.read(self._file, _MOST_RECORD)
                if not record:
                    break
                found.append(record.decode("utf-8", "replace"))
        return found

    def close(self) -> None:
        """Close it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
