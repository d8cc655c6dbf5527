"""What the processor says about a crash: registers, kind of access, instruction (Linux on x86_64).

The kernel leaves the registers of the moment of the crash on the stack of the signal handler, in front of the address
of its two instructions ``mov rax, 15; syscall`` that return from it (``arch/x86/include/uapi/asm/sigcontext.h``).
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from envaudit.watch.crash import Fault
from envaudit.watch.memory import Reads, UnreadableError, quads

if TYPE_CHECKING:
    from envaudit.watch.regions import Regions

_RETURN = bytes.fromhex("48c7c00f0000000f05")
_SEARCHED = 256 * 1024
_CONTEXT = 40  # bytes from the frame's user context to its registers
_USER_CODE = 0x33  # the segment of 64-bit code
# Positions among the 23 numbers by their numbers in DWARF: rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to r15, rip.
_ORDER = (13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7, 16)
_PAGE = 4096
_NEAR_STACK = 64 * 1024

_DIVIDE, _INVALID, _PROTECTION, _PAGE_FAULT, _ALIGNMENT = 0, 6, 13, 14, 17
_NOT_MAPPED, _WRITE, _EXECUTE = 1, 2, 16  # bits of the error code of a page fault


class Context(NamedTuple):
    """The moment of the crash: registers by their numbers in DWARF, and what the processor reported."""

    registers: dict[int, int]
    trap: int
    error: int
    address: int


def find_context(memory: Reads, regions: Regions, stack: int) -> Context | None:
    """Return the registers at the crash, searched from the stack pointer of a thread in its signal handler."""
    region = regions.at(stack)
    if region is None:
        return None
    size = min(_SEARCHED, region.end - stack) // 8 * 8
    try:
        data = memory.read(stack, size)
    except UnreadableError:
        return None
    checked: dict[int, bool] = {}
    for number, (value,) in enumerate(struct.iter_unpack("<Q", data)):
        if value > _PAGE and regions.code(value) is not None:
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
    return Context(registers, trap=values[20], error=values[19], address=values[22])


def describe(context: Context, signal: str, memory: Reads, regions: Regions) -> Fault:
    """Say what the crash was; ``signal`` is its name."""
    if signal == "SIGFPE" and context.trap == _DIVIDE:
        return Fault("divide")
    if signal == "SIGILL" and context.trap == _INVALID:
        return Fault("instruction", instruction=instruction_class(memory, context.registers[16]))
    if signal not in {"SIGSEGV", "SIGBUS"}:
        return Fault("")
    if context.trap != _PAGE_FAULT:
        return Fault({_PROTECTION: "address", _ALIGNMENT: "alignment"}.get(context.trap, ""))
    kind = "execute" if context.error & _EXECUTE else "write" if context.error & _WRITE else "read"
    region = regions.at(context.address)
    path = region.path if region is not None and region.path.startswith("/") else ""
    return Fault(kind, context.address, path, _cause(context, signal, regions))


def _cause(context: Context, signal: str, regions: Regions) -> str:
    region = regions.at(context.address)
    near = abs(context.address - context.registers[7]) < _NEAR_STACK
    if signal == "SIGSEGV" and near and (region is None or not region.writable):
        return "stack-overflow"
    if signal != "SIGBUS" or region is None or not region.path.startswith("/"):
        return ""
    try:
        size = os.stat(region.path.removesuffix(" (deleted)")).st_size
    except OSError:
        return ""
    if region.offset + context.address - region.start >= -(-size // _PAGE) * _PAGE:
        return "truncated-file"
    return "full-shm" if region.path.startswith("/dev/shm/") else ""  # noqa: S108 - where the memory is, not a file


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
