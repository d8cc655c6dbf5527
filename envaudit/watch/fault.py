"""What the processor says about a crash: registers, kind of access, instruction (Linux on x86_64 and aarch64)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envaudit.watch import fault_aarch64, fault_x86_64
from envaudit.watch.crash import Context, Fault
from envaudit.watch.machine import AARCH64, X86_64, Machine
from envaudit.watch.memory import Reads, UnreadableError

if TYPE_CHECKING:
    from envaudit.watch.regions import Regions

_SEARCHED = 256 * 1024
_PAGE = 4096
_NEAR_STACK = 64 * 1024
_FIND = {X86_64.name: fault_x86_64.find, AARCH64.name: fault_aarch64.find}
_CLASS = {X86_64.name: fault_x86_64.instruction_class, AARCH64.name: fault_aarch64.instruction_class}


def find_context(memory: Reads, regions: Regions, stack: int, machine: Machine = X86_64) -> Context | None:
    """Return the registers at the crash, searched from the stack pointer of a thread in its signal handler."""
    region = regions.at(stack)
    if region is None:
        return None
    size = min(_SEARCHED, region.end - stack) // 8 * 8
    try:
        data = memory.read(stack, size)
    except UnreadableError:
        return None
    return _FIND[machine.name](memory, regions, stack, data)


def describe(context: Context, signal: str, memory: Reads, regions: Regions, machine: Machine = X86_64) -> Fault:
    """Say what the crash was; ``signal`` is its name."""
    kind = context.kind
    if signal == "SIGFPE":
        return Fault(kind if kind == "divide" else "")
    if signal == "SIGILL" and (kind == "instruction" or machine is AARCH64):
        instruction = _CLASS[machine.name](memory, context.registers[machine.pc])
        return Fault("instruction", instruction=instruction)
    if signal not in {"SIGSEGV", "SIGBUS"} or kind in {"divide", "instruction"}:
        return Fault("")
    if context.address is None:
        return Fault(kind)
    region = regions.at(context.address)
    path = region.path if region is not None and region.path.startswith("/") else ""
    return Fault(kind, context.address, path, _cause(context, context.address, signal, regions, machine))


def _cause(context: Context, address: int, signal: str, regions: Regions, machine: Machine) -> str:
    region = regions.at(address)
    near = abs(address - context.registers[machine.sp]) < _NEAR_STACK
    if signal == "SIGSEGV" and near and (region is None or not region.writable):
        return "stack-overflow"
    if signal != "SIGBUS" or region is None or not region.path.startswith("/"):
        return ""
    try:
        size = os.stat(region.path.removesuffix(" (deleted)")).st_size
    except OSError:
        return ""
    if region.offset + address - region.start >= -(-size // _PAGE) * _PAGE:
        return "truncated-file"
    return "full-shm" if region.path.startswith("/dev/shm/") else ""  # noqa: S108 - where the memory is, not a file
