"""Expressions of DWARF (section 2.5 of the standard), as far as tables for unwinding use them."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from envaudit.watch.memory import Cursor, Reads, UnreadableError, quads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MASK = 2**64 - 1
_MOST_STEPS = 256
_MOST_STACK = 64
_CONSTANTS = {0x08: "B", 0x09: "b", 0x0A: "H", 0x0B: "h", 0x0C: "I", 0x0D: "i", 0x0E: "Q", 0x0F: "q"}
_PAIRS: dict[int, Callable[[int, int], int]] = {
    0x1A: operator.and_,
    0x1C: operator.sub,
    0x1E: operator.mul,
    0x21: operator.or_,
    0x22: operator.add,
    0x24: lambda one, two: one << (two & 63),
    0x25: lambda one, two: one >> (two & 63),
    0x27: operator.xor,
}
_COMPARISONS: dict[int, Callable[[int, int], bool]] = {
    0x29: operator.eq,
    0x2A: operator.ge,
    0x2B: operator.gt,
    0x2C: operator.le,
    0x2D: operator.lt,
    0x2E: operator.ne,
}


def evaluate(code: bytes, registers: Mapping[int, int], memory: Reads, start: tuple[int, ...] = ()) -> int:
    """Return what an expression leaves on its stack, which begins with ``start``; raises ``UnreadableError``."""
    stack = list(start)
    cursor = Cursor(code)
    for _ in range(_MOST_STEPS):
        if not cursor.more():
            if not stack:
                break
            return stack[-1] & _MASK
        try:
            _step(cursor.byte(), cursor, stack, registers, memory)
        except (IndexError, KeyError) as error:
            raise UnreadableError("an expression that does not work out") from error
        if len(stack) > _MOST_STACK:
            break
    raise UnreadableError("an expression without a value")


def _step(  # noqa: C901 - one line for each kind of operation
    operation: int, cursor: Cursor, stack: list[int], registers: Mapping[int, int], memory: Reads
) -> None:
    if operation in _CONSTANTS:
        stack.append(cursor.number(_CONSTANTS[operation]))
    elif 0x30 <= operation <= 0x4F:
        stack.append(operation - 0x30)
    elif 0x70 <= operation <= 0x8F:
        stack.append((registers[operation - 0x70] + cursor.sleb()) & _MASK)
    elif operation == 0x06:
        stack.append(quads(memory, stack.pop(), 1)[0])
    elif operation in {0x10, 0x11}:
        stack.append(cursor.uleb() if operation == 0x10 else cursor.sleb())
    elif operation == 0x12:
        stack.append(stack[-1])
    elif operation == 0x13:
        stack.pop()
    elif operation == 0x23:
        stack.append((stack.pop() + cursor.uleb()) & _MASK)
    elif operation in _PAIRS:
        two, one = stack.pop(), stack.pop()
        stack.append(_PAIRS[operation](one, two) & _MASK)
    elif operation in _COMPARISONS:
        two, one = stack.pop(), stack.pop()
        stack.append(int(_COMPARISONS[operation](_signed(one), _signed(two))))
    else:
        raise UnreadableError(f"the unknown operation {operation:#x}")


def _signed(value: int) -> int:
    return value - 2**64 if value >> 63 else value
