"""How to step from a function to its caller: the table in ``.eh_frame`` that compilers write for exceptions.

The form is described in the Linux Standard Base ("Exception Frames") and in the DWARF standard, section 6.4.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from envaudit.watch.machine import SIGNED, X86_64, Machine
from envaudit.watch.memory import Cursor, Reads, UnreadableError

_MOST_ENTRY = 64 * 1024
_MOST_FUNCTIONS = 4 * 1024 * 1024
_MOST_STEPS = 4096
_MOST_SAVED = 64
_TABLE_ENCODING = 0x3B  # relative to the table, four bytes, signed: what every linker writes
_NONE = 0xFF
# A signal frame; on aarch64 return addresses signed with the second key, and frames with tagged memory.
_SILENT = frozenset("SBG")


class Rule(NamedTuple):
    """Where the caller's value of a register is.

    ``how``: ``offset`` (in memory at CFA + number), ``value`` (CFA + number), ``register`` (in another one), ``same``,
    ``undefined``, ``expression`` (in memory at what ``code`` computes), ``computed`` (what ``code`` computes).
    """

    how: str
    number: int = 0
    code: bytes = b""


class Row(NamedTuple):
    """The rules at one address. The CFA is a register plus a number (``base``, ``number``), or the expression ``code``.

    ``back`` is the register that stands for the return address.
    """

    base: int
    number: int
    code: bytes
    rules: dict[int, Rule]
    is_signal: bool
    back: int


class _Common(NamedTuple):
    """What entries of several functions share (CIE)."""

    code_align: int
    data_align: int
    encoding: int
    augmented: bool
    is_signal: bool
    back: int
    start: bytes


def row_at(memory: Reads, table: int, pc: int, machine: Machine = X86_64) -> Row:
    """Return the rules for an address from the table (``.eh_frame_hdr``) at another; raises ``UnreadableError``."""
    address, data = _entry(memory, _search(memory, table, pc))
    cursor = Cursor(data, address)
    back = cursor.number("I")
    if back == 0:
        raise UnreadableError("an entry without a function")
    common = _common(memory, address - back)
    begin = cursor.pointer(common.encoding)
    size = cursor.pointer(common.encoding & 0x0F)
    if not begin <= pc < begin + size:
        raise UnreadableError("no entry for this address")
    if common.augmented:
        cursor.take(cursor.uleb())
    program = _Program(common, pc, machine)
    program.run(Cursor(common.start), begin)
    program.initial = dict(program.rules)
    program.run(Cursor(data, address, cursor.position), begin)
    return Row(program.base, program.number, program.code, program.rules, common.is_signal, common.back)


def _search(memory: Reads, table: int, pc: int) -> int:
    """Return the address of the entry of the last function that begins at or before ``pc``."""
    head = Cursor(memory.read(table, 24), table)
    version, first, counted, encoding = head.take(4)
    if version != 1 or encoding != _TABLE_ENCODING or counted == _NONE:
        raise UnreadableError("a table of an unknown form")
    head.pointer(first)
    count = head.pointer(counted)
    if count > _MOST_FUNCTIONS:
        raise UnreadableError("a table of too many functions")
    base = table + head.position
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        start = struct.unpack("<i", memory.read(base + 8 * middle, 4))[0]
        if table + start <= pc:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        raise UnreadableError("no function begins before this address")
    where: int = struct.unpack("<i", memory.read(base + 8 * (low - 1) + 4, 4))[0]
    return table + where


def _entry(memory: Reads, address: int) -> tuple[int, bytes]:
    """Return address and bytes of an entry behind its length."""
    size = struct.unpack("<I", memory.read(address, 4))[0]
    if not 4 < size <= _MOST_ENTRY:
        raise UnreadableError("an entry of an impossible length")
    return address + 4, memory.read(address + 4, size)


def _common(memory: Reads, address: int) -> _Common:
    place, data = _entry(memory, address)
    cursor = Cursor(data, place)
    if cursor.number("I") != 0:
        raise UnreadableError("an entry that shares nothing")
    version = cursor.byte()
    letters = cursor.text()
    code_align, data_align = cursor.uleb(), cursor.sleb()
    back = cursor.byte() if version == 1 else cursor.uleb()
    encoding = 0
    if letters.startswith(b"z"):
        end = cursor.uleb()
        end += cursor.position
        for letter in letters[1:].decode("latin-1"):
            if letter == "R":
                encoding = cursor.byte()
            elif letter == "L":
                cursor.byte()
            elif letter == "P":
                cursor.pointer(cursor.byte() & 0x7F)
            elif letter not in _SILENT:
                raise UnreadableError("an entry with unknown additions")
        cursor.position = end
    elif letters:
        raise UnreadableError("an entry with unknown additions")
    start = data[cursor.position :]
    return _Common(code_align, data_align, encoding, letters.startswith(b"z"), b"S" in letters, back, start)


class _Program:
    """Runs the instructions of an entry up to an address."""

    def __init__(self, common: _Common, pc: int, machine: Machine) -> None:
        self._common = common
        self._pc = pc
        self._machine = machine
        self.base, self.number, self.code = machine.sp, 8 if machine.link < 0 else 0, b""
        self.rules: dict[int, Rule] = {}
        self.initial: dict[int, Rule] = {}
        self._saved: list[tuple[int, int, bytes, dict[int, Rule]]] = []

    def run(self, cursor: Cursor, place: int) -> None:
        """Run until the address, or the end; raises ``UnreadableError``."""
        for _ in range(_MOST_STEPS):
            if not cursor.more():
                return
            operation = cursor.byte()
            advanced = self._advance(operation, cursor)
            if advanced is not None:
                place += advanced * self._common.code_align
                if place > self._pc:
                    return
            elif operation >> 6:
                self._short(operation, cursor)
            elif operation == 0x2D and self._machine.link >= 0:  # from here on the other way round: signed or not
                if self.rules.pop(SIGNED, None) is None:
                    self.rules[SIGNED] = Rule("same")
            elif not (self._cfa(operation, cursor) or self._register(operation, cursor)):
                raise UnreadableError(f"the unknown instruction {operation:#x}")
        raise UnreadableError("too many instructions")

    @staticmethod
    def _advance(operation: int, cursor: Cursor) -> int | None:
        if operation >> 6 == 1:
            return operation & 0x3F
        form = {0x02: "B", 0x03: "H", 0x04: "I"}.get(operation)
        return cursor.number(form) if form else None

    def _short(self, operation: int, cursor: Cursor) -> None:
        register = operation & 0x3F
        if operation >> 6 == 2:
            self._set(register, Rule("offset", cursor.uleb() * self._common.data_align))
        else:
            self._restore(register)

    def _cfa(self, operation: int, cursor: Cursor) -> bool:
        """Run an instruction about the CFA, or one that saves all rules."""
        if operation == 0x0C:
            self.base, self.number, self.code = cursor.uleb(), cursor.uleb(), b""
        elif operation == 0x12:
            self.base, self.number, self.code = cursor.uleb(), cursor.sleb() * self._common.data_align, b""
        elif operation == 0x0D:
            self.base = cursor.uleb()
        elif operation == 0x0E:
            self.number = cursor.uleb()
        elif operation == 0x13:
            self.number = cursor.sleb() * self._common.data_align
        elif operation == 0x0F:
            self.code = cursor.take(cursor.uleb())
        elif operation == 0x0A and len(self._saved) < _MOST_SAVED:
            self._saved.append((self.base, self.number, self.code, dict(self.rules)))
        elif operation == 0x0B and self._saved:
            self.base, self.number, self.code, self.rules = self._saved.pop()
        elif operation == 0x2E:
            cursor.uleb()
        else:
            return operation == 0
        return True

    def _register(self, operation: int, cursor: Cursor) -> bool:
        """Run an instruction about one register."""
        align = self._common.data_align
        if operation not in {0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x11, 0x14, 0x15, 0x16, 0x2F}:
            return False
        register = cursor.uleb()
        if operation == 0x06:
            self._restore(register)
        elif operation in {0x07, 0x08}:
            self._set(register, Rule("undefined" if operation == 0x07 else "same"))
        elif operation == 0x09:
            self._set(register, Rule("register", cursor.uleb()))
        elif operation in {0x10, 0x16}:
            code = cursor.take(cursor.uleb())
            self._set(register, Rule("expression" if operation == 0x10 else "computed", code=code))
        elif operation == 0x2F:
            self._set(register, Rule("offset", -cursor.uleb() * align))
        else:
            number = cursor.uleb() if operation in {0x05, 0x14} else cursor.sleb()
            self._set(register, Rule("offset" if operation in {0x05, 0x11} else "value", number * align))
        return True

    def _set(self, register: int, rule: Rule) -> None:
        if register <= self._machine.last:
            self.rules[register] = rule

    def _restore(self, register: int) -> None:
        if register in self.initial:
            self.rules[register] = self.initial[register]
        else:
            self.rules.pop(register, None)
