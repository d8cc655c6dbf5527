"""The pipe that a crashing process writes to: it holds one packet, and the second one has to wait."""

from __future__ import annotations

import os
import select
import sys
import time
from contextlib import suppress

_O_DIRECT = 0o40000  # of pipe2: packets
_F_SETPIPE_SZ = 1031
_QUIET = 0.15  # seconds without another word after which a text is complete
_LONGEST = 2.0  # seconds a text may take
_MOST_TEXT = 256 * 1024


def make_pipe() -> tuple[int, int]:
    """Return both ends of a pipe that holds one packet; on other systems than Linux it holds more and brakes nobody."""
    if sys.platform != "linux":
        return os.pipe()
    import fcntl  # noqa: PLC0415 - not on every platform

    reading, writing = os.pipe2(_O_DIRECT | os.O_CLOEXEC)
    with suppress(OSError):
        fcntl.fcntl(writing, _F_SETPIPE_SZ, 4096)
    return reading, writing


def drain(reading: int) -> str:
    """Read until nothing more comes. A thread that crashes again and again says nothing more and never ends."""
    poller = select.poll()
    poller.register(reading, select.POLLIN)
    kept = bytearray()
    deadline = time.monotonic() + _LONGEST
    while (left := deadline - time.monotonic()) > 0 and len(kept) < _MOST_TEXT:
        # On a busy machine even the rest of the first line may take its time.
        if not poller.poll((_QUIET if b"\n" in kept else left) * 1000):
            break
        try:
            chunk = os.read(reading, 65536)
        except OSError:
            break
        if not chunk:
            break
        kept += chunk
    return kept.decode("utf-8", "backslashreplace")
