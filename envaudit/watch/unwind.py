"""The native stack of a process that holds still, from the registers of one of its threads (x86_64 and aarch64)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from envaudit.watch.crash import NativeFrame
from envaudit.watch.expression import evaluate
from envaudit.watch.frame_table import Row, Rule, row_at
from envaudit.watch.machine import SIGNED, X86_64, Machine, without_signature
from envaudit.watch.memory import Reads, UnreadableError, quads
from envaudit.watch.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envaudit.watch.regions import Regions

_MOST_FRAMES = 48
_SCANNED = 4096  # bytes of stack that are searched for a return address where nothing better is known
_MASK = 2**64 - 1


def native_stack(
    memory: Reads, regions: Regions, registers: Mapping[int, int], machine: Machine = X86_64
) -> tuple[NativeFrame, ...]:
    """Return the frames, innermost first, from registers by their numbers in DWARF. Never raises: it may be short."""
    objects = Objects(memory, regions)
    stepper = _Stepper(memory, regions, objects, machine)
    found: list[NativeFrame] = []
    state: dict[int, int] | None = dict(registers)
    interrupted = sure = True  # the first address is the next instruction itself, not behind a call
    while state is not None and state.get(machine.pc) and len(found) < _MOST_FRAMES:
        pc = state[machine.pc] if interrupted else state[machine.pc] - 1
        found.append(_described(objects, regions, pc, sure=sure))
        before = state
        state, interrupted, sure = stepper.caller(state, pc)
        if state is not None and not _goes_on(before, state, machine):
            break
    return tuple(found)


def _goes_on(before: Mapping[int, int], state: Mapping[int, int], machine: Machine) -> bool:
    """Whether a step led outwards: the stack shrinks, or at least the place is another."""
    if state[machine.sp] == before[machine.sp]:
        return state.get(machine.pc) != before[machine.pc]
    return state[machine.sp] > before[machine.sp]


def _described(objects: Objects, regions: Regions, pc: int, *, sure: bool) -> NativeFrame:
    region = regions.at(pc)
    symbol = objects.symbol(pc) if region is not None and region.executable else None
    path = region.path if region is not None else ""
    return NativeFrame(pc, path, symbol.name if symbol else "", symbol is not None and symbol.inside, sure)


class _Stepper:
    """Steps from one frame to the one that called it."""

    def __init__(self, memory: Reads, regions: Regions, objects: Objects, machine: Machine) -> None:
        self._memory = memory
        self._regions = regions
        self._objects = objects
        self._machine = machine

    def caller(self, state: dict[int, int], pc: int) -> tuple[dict[int, int] | None, bool, bool]:
        """Return the registers of the caller, whether it was interrupted by a signal, and whether that is sure."""
        loaded = self._objects.at(pc)
        if loaded is not None and loaded.table:
            try:
                row = row_at(self._memory, loaded.table, pc, self._machine)
                return self._by_row(state, row), row.is_signal, True
            except UnreadableError:
                pass  # code without an entry, or damaged: the ways below need none
        for way in (self._bad_target, self._by_frame_pointer, self._by_scanning):
            try:
                return way(state, pc), False, False
            except UnreadableError:
                continue
        return None, False, False

    def _by_row(self, state: dict[int, int], row: Row) -> dict[int, int]:
        if row.code:
            cfa = evaluate(row.code, state, self._memory)
        elif row.base in state:
            cfa = (state[row.base] + row.number) & _MASK
        else:
            raise UnreadableError("the frame depends on a register that is not known")
        new = dict(state)
        new[self._machine.sp] = cfa
        new.pop(self._machine.pc)
        for register, rule in row.rules.items():
            value = self._value(rule, register, state, cfa)
            if value is None:
                new.pop(register, None)
            else:
                new[register] = value
        back = new.get(row.back, 0)
        new[self._machine.pc] = without_signature(back) if SIGNED in row.rules else back
        return new

    def _value(self, rule: Rule, register: int, state: dict[int, int], cfa: int) -> int | None:
        if rule.how == "offset":
            return quads(self._memory, (cfa + rule.number) & _MASK, 1)[0]
        if rule.how == "value":
            return (cfa + rule.number) & _MASK
        if rule.how == "register":
            return state.get(rule.number)
        if rule.how == "same":
            return state.get(register)
        if rule.how == "undefined":
            return None
        value = evaluate(rule.code, state, self._memory, (cfa,))
        return value if rule.how == "computed" else quads(self._memory, value, 1)[0]

    def _bad_target(self, state: dict[int, int], pc: int) -> dict[int, int]:
        """Return from a call to where there is no code: the call has just left the return address."""
        pc_register, sp, link, _ = self._numbers()
        if self._regions.code(pc) is not None:
            raise UnreadableError("there is code")
        pushed = link < 0
        back = quads(self._memory, state[sp], 1)[0] if pushed else without_signature(state.get(link, 0))
        if self._regions.code(back) is None:
            raise UnreadableError("nothing was called")
        return {**state, pc_register: back, sp: state[sp] + 8 if pushed else state[sp]}

    def _by_frame_pointer(self, state: dict[int, int], pc: int) -> dict[int, int]:
        pc_register, sp, link, fp = self._numbers()
        if self._regions.code(pc) is None:
            raise UnreadableError("there is no code")
        base = state.get(fp, 0)
        if base < state[sp]:
            raise UnreadableError("there is no frame pointer")
        before, back = quads(self._memory, base, 2)
        back = back if link < 0 else without_signature(back)
        if self._regions.code(back) is None or not self._follows_call(back):
            raise UnreadableError("there is no frame pointer")
        return {pc_register: back, sp: base + 16, fp: before}

    def _by_scanning(self, state: dict[int, int], _pc: int) -> dict[int, int]:
        pc_register, sp, link, fp = self._numbers()
        start = state[sp]
        region = self._regions.at(start)
        if region is None:
            raise UnreadableError("there is no stack")
        count = min(_SCANNED, region.end - start) // 8
        for number, value in enumerate(quads(self._memory, start, count)):
            back = value if link < 0 else without_signature(value)
            code = self._regions.code(back)
            if code is not None and code.path.startswith("/") and self._follows_call(back):
                new = {pc_register: back, sp: start + 8 * (number + 1)}
                return {**new, fp: state[fp]} if fp in state else new
        raise UnreadableError("no return address on the stack")

    def _numbers(self) -> tuple[int, int, int, int]:
        return self._machine.pc, self._machine.sp, self._machine.link, self._machine.fp

    def _follows_call(self, address: int) -> bool:
        if self._machine.link < 0:
            before = self._memory.read(address - 7, 7)
            return before[2] == 0xE8 or 0xFF in {before[0], before[1], before[4], before[5]}
        word: int = struct.unpack("<I", self._memory.read(address - 4, 4))[0]
        # BL; BLR; BLRAA and its kin, which check a signature first.
        return word >> 26 == 0x25 or word & 0xFFFFFC1F == 0xD63F0000 or word & 0xFEFFF800 == 0xD63F0800
