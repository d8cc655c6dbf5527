"""The native stack of a process that holds still, from the registers of one of its threads (x86_64)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.watch.crash import NativeFrame
from envaudit.watch.expression import evaluate
from envaudit.watch.frame_table import RBP, RIP, RSP, Row, Rule, row_at
from envaudit.watch.memory import Reads, UnreadableError, quads
from envaudit.watch.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envaudit.watch.regions import Regions

_MOST_FRAMES = 48
_SCANNED = 4096  # bytes of stack that are searched for a return address where nothing better is known
_MASK = 2**64 - 1


def native_stack(memory: Reads, regions: Regions, registers: Mapping[int, int]) -> tuple[NativeFrame, ...]:
    """Return the frames, innermost first, from registers by their numbers in DWARF. Never raises: it may be short."""
    objects = Objects(memory, regions)
    stepper = _Stepper(memory, regions, objects)
    found: list[NativeFrame] = []
    state: dict[int, int] | None = dict(registers)
    interrupted = sure = True  # the first address is the next instruction itself, not behind a call
    while state is not None and state.get(RIP) and len(found) < _MOST_FRAMES:
        pc = state[RIP] if interrupted else state[RIP] - 1
        found.append(_described(objects, regions, pc, sure=sure))
        before = state[RSP]
        state, interrupted, sure = stepper.caller(state, pc)
        if state is not None and state[RSP] < before:
            break
    return tuple(found)


def _described(objects: Objects, regions: Regions, pc: int, *, sure: bool) -> NativeFrame:
    region = regions.at(pc)
    symbol = objects.symbol(pc) if region is not None and region.executable else None
    path = region.path if region is not None else ""
    return NativeFrame(pc, path, symbol.name if symbol else "", symbol is not None and symbol.inside, sure)


class _Stepper:
    """Steps from one frame to the one that called it."""

    def __init__(self, memory: Reads, regions: Regions, objects: Objects) -> None:
        self._memory = memory
        self._regions = regions
        self._objects = objects

    def caller(self, state: dict[int, int], pc: int) -> tuple[dict[int, int] | None, bool, bool]:
        """Return the registers of the caller, whether it was interrupted by a signal, and whether that is sure."""
        loaded = self._objects.at(pc)
        if loaded is not None and loaded.table:
            try:
                row = row_at(self._memory, loaded.table, pc)
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
        new[RSP] = cfa
        new.pop(RIP)
        for register, rule in row.rules.items():
            value = self._value(rule, register, state, cfa)
            if value is None:
                new.pop(register, None)
            else:
                new[register] = value
        if RIP not in new:
            new[RIP] = 0
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
        """Return from a call to where there is no code: the return address is what was pushed last."""
        if self._regions.code(pc) is not None:
            raise UnreadableError("there is code")
        back = quads(self._memory, state[RSP], 1)[0]
        if self._regions.code(back) is None:
            raise UnreadableError("nothing was called")
        return {**state, RIP: back, RSP: state[RSP] + 8}

    def _by_frame_pointer(self, state: dict[int, int], pc: int) -> dict[int, int]:
        if self._regions.code(pc) is None:
            raise UnreadableError("there is no code")
        base = state.get(RBP, 0)
        if base < state[RSP]:
            raise UnreadableError("rbp is no frame pointer")
        before, back = quads(self._memory, base, 2)
        if self._regions.code(back) is None or not self._follows_call(back):
            raise UnreadableError("rbp is no frame pointer")
        return {RIP: back, RSP: base + 16, RBP: before}

    def _by_scanning(self, state: dict[int, int], _pc: int) -> dict[int, int]:
        start = state[RSP]
        region = self._regions.at(start)
        if region is None:
            raise UnreadableError("there is no stack")
        count = min(_SCANNED, region.end - start) // 8
        for number, value in enumerate(quads(self._memory, start, count)):
            code = self._regions.code(value)
            if code is not None and code.path.startswith("/") and self._follows_call(value):
                new = {RIP: value, RSP: start + 8 * (number + 1)}
                return {**new, RBP: state[RBP]} if RBP in state else new
        raise UnreadableError("no return address on the stack")

    def _follows_call(self, address: int) -> bool:
        before = self._memory.read(address - 7, 7)
        return before[2] == 0xE8 or 0xFF in {before[0], before[1], before[4], before[5]}
