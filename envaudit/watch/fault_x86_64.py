"""The moment of a crash on Linux on x86_64: where the kernel left the registers, and what it says besides.

They are on the stack of the signal handler, in front of the address of its two instructions ``mov rax, 15; syscall``
that return from it (``arch/x86/include/uapi/asm/sigcontext.h``).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from envaudit.watch.crash import Context
from envaudit.watch.memory import Reads, UnreadableError, quads

if TYPE_CHECKING:
    from envaudit.watch.regions import Regions

_RETURN = bytes.fromhex("48c7c00f0000000f05")
_FIRST_PAGE = 4096
_CONTEXT = 40  # bytes from the frame's user context to its registers
_USER_CODE = 0x33  # the segment of 64-bit code
# Positions among the 23 numbers by their numbers in DWARF: rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to r15, rip.
_ORDER = (13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7, 16)
_PAGE_FAULT = 14
_TRAPS = {0: "divide", 6: "instruction", 13: "address", 17: "alignment"}
_WRITE, _EXECUTE = 2, 16  # bits of the error code of a page fault


def find(memory: Reads, regions: Regions, stack: int, data: bytes) -> Context | None:
    """Return the registers at the crash from the bytes of a stack, which begin at the address ``stack``."""
    checked: dict[int, bool] = {}
    for number, (value,) in enumerate(struct.iter_unpack("<Q", data)):
        if value > _FIRST_PAGE and regions.code(value) is not None:
            if value not in checked:
                checked[value] = _returns(memory, value)
            if checked[value]:
                context = _context(memory, stack + 8 * number + 8 + _CONTEXT)
                if context is not None:
                    return context
    return None


def _returns(memory: Reads, address: int) -> bool:
    try:
        return memory.read(address, len(_RETURN)) == _RETURN
    except UnreadableError:
        return False


def _context(memory: Reads, address: int) -> Context | None:
    try:
        values = quads(memory, address, 23)
    except UnreadableError:
        return None
    if values[18] & 0xFFFF != _USER_CODE:
        return None
    registers = {number: values[position] for number, position in enumerate(_ORDER)}
    error, trap = values[19], values[20]
    if trap != _PAGE_FAULT:
        return Context(registers, _TRAPS.get(trap, ""))
    kind = "execute" if error & _EXECUTE else "write" if error & _WRITE else "read"
    return Context(registers, kind, values[22])


def instruction_class(memory: Reads, address: int) -> str:
    """Say which extension of the processor an instruction belongs to; ``trap`` is a deliberate ``ud2``."""
    try:
        code = memory.read(address, 8)
    except UnreadableError:
        return "no instruction can be read there"
    if code.startswith(b"\x0f\x0b"):
        return "trap"
    code = code.lstrip(b"\x66\xf2\xf3")
    if code[:1] and 0x40 <= code[0] <= 0x4F:
        code = code[1:]
    names = {b"\x62": "AVX-512", b"\xc4": "AVX, AVX2, FMA or BMI", b"\xc5": "AVX, AVX2, FMA or BMI"}
    longer = {b"\x0f\x38": "SSSE3, SSE4 or AES", b"\x0f\x3a": "SSSE3, SSE4 or AES", b"\x0f\xb8": "POPCNT"}
    return names.get(code[:1]) or longer.get(code[:2]) or "no known instruction (a wild jump, or damaged code)"
