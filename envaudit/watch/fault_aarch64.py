"""The moment of a crash on Linux on aarch64: where the kernel left the registers, and what it says besides.

The frame of a signal (``arch/arm64/include/uapi/asm/sigcontext.h``) is recognised by the record for the floating-point
registers, which is always the first behind the general ones; another record holds the syndrome of the exception (Arm
Architecture Reference Manual, ESR_EL1). Signals that another process sent leave no syndrome.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from envaudit.watch.crash import Context
from envaudit.watch.memory import Reads, UnreadableError, quads

if TYPE_CHECKING:
    from envaudit.watch.regions import Regions

_FLOATS = struct.pack("<II", 0x46508001, 528)  # FPSIMD_MAGIC and the size of its record
_SYNDROME = 0x45535201  # ESR_MAGIC
_INFO = 128  # bytes of siginfo, before the user context
_CONTEXT = 176  # bytes from the user context to the machine's own: address, 31 registers, sp, pc, state
_RECORDS = _CONTEXT + 288  # bytes from the user context to the first record
_MOST_RECORDS = 16
_NOT_USER = 0x1F  # bits of the processor state that are 0 in 64-bit code of users
# Classes of exceptions (bits 26 to 31 of the syndrome), those from users.
_UNKNOWN, _INSTRUCTION_ABORT, _PC_ALIGNMENT, _DATA_ABORT, _SP_ALIGNMENT = 0x00, 0x20, 0x22, 0x24, 0x26
_ALIGNMENT_FAULT = 0x21  # bits 0 to 5 of the syndrome of an abort
_WRITE = 1 << 6


def find(memory: Reads, regions: Regions, stack: int, data: bytes) -> Context | None:
    """Return the registers at the crash from the bytes of a stack, which begin at the address ``stack``."""
    place = data.find(_FLOATS)
    while place >= 0:
        address = stack + place - _RECORDS
        if address % 16 == 0 and address - _INFO >= stack:
            context = _context(memory, regions, address)
            if context is not None:
                return context
        place = data.find(_FLOATS, place + 8)
    return None


def _context(memory: Reads, regions: Regions, address: int) -> Context | None:
    """Return what a user context at an address holds, ``None`` when there can be none."""
    try:
        flags, link = quads(memory, address, 2)
        accessed, *registers, state = quads(memory, address + _CONTEXT, 35)
    except UnreadableError:
        return None
    if flags or link or state & _NOT_USER or regions.at(registers[31]) is None:
        return None
    syndrome = _syndrome(memory, address + _RECORDS)
    return Context(dict(enumerate(registers)), *_meaning(syndrome, accessed))


def _syndrome(memory: Reads, address: int) -> int | None:
    try:
        for _ in range(_MOST_RECORDS):
            magic, size = struct.unpack("<II", memory.read(address, 8))
            if magic == _SYNDROME:
                return quads(memory, address + 8, 1)[0]
            if magic == 0 or size < 8:
                break
            address += size
    except UnreadableError:
        pass
    return None


def _meaning(syndrome: int | None, accessed: int) -> tuple[str, int | None]:
    """Return the kind of fault and the address it was about."""
    if syndrome is None:
        return "", None
    kind = syndrome >> 26 & 0x3F
    if kind == _DATA_ABORT:
        if syndrome & 0x3F == _ALIGNMENT_FAULT:
            return "alignment", accessed
        return "write" if syndrome & _WRITE else "read", accessed
    if kind == _INSTRUCTION_ABORT:
        return "execute", accessed
    return {_UNKNOWN: "instruction", _PC_ALIGNMENT: "alignment", _SP_ALIGNMENT: "alignment"}.get(kind, ""), None


def instruction_class(memory: Reads, address: int) -> str:
    """Say which extension of the processor an instruction belongs to; ``trap`` is one that is never defined.

    The groups of encodings are those of the Arm Architecture Reference Manual, section C4.1.
    """
    try:
        (word,) = struct.unpack("<I", memory.read(address, 4))
    except UnreadableError:
        return "no instruction can be read there"
    if word >> 16 == 0:  # UDF
        return "trap"
    if word >> 25 & 0xF == 0b0010:
        return "SVE"
    if word & 0x3B200C00 == 0x38200000 or word & 0x3FA07C00 == 0x08A07C00:
        return "atomics of ARMv8.1 (LSE)"
    if word & 0x9F20FC00 == 0x0E009400:
        return "dot products of ARMv8.2"
    return "no known instruction (a wild jump, or damaged code)"
