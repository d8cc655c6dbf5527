"""Crashes on aarch64: one captured from an emulator (``fixtures/crashes``), and tables and frames made by hand."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import pytest

from envaudit.watch.crash import Fault
from envaudit.watch.fault import describe, find_context
from envaudit.watch.fault_aarch64 import instruction_class
from envaudit.watch.frame_table import Rule, row_at
from envaudit.watch.machine import AARCH64, SIGNED, X86_64
from envaudit.watch.memory import UnreadableError
from envaudit.watch.regions import parse_regions
from envaudit.watch.unwind import native_stack
from tests.support.command import ROOT

PC, SP, LINK = AARCH64.pc, AARCH64.sp, AARCH64.link


class Pieces:
    """Memory that has some pieces."""

    def __init__(self, pieces: dict[int, bytes]) -> None:
        self._pieces = pieces

    def read(self, address: int, size: int) -> bytes:
        for start, data in self._pieces.items():
            if start <= address and size >= 0 and address + size <= start + len(data):
                return data[address - start : address - start + size]
        raise UnreadableError("nothing there")


@pytest.fixture(scope="module")
def captured() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((ROOT / "fixtures" / "crashes" / "aarch64.json").read_text())
    told["memory"] = Pieces(
        {int(at, 16): zlib.decompress(base64.b85decode(text)) for at, text in told["memory"].items()}
    )
    told["regions"] = parse_regions("\n".join(told["maps"]))
    return told


def test_the_stack_of_a_crash_is_walked_through_signed_return_addresses(captured: dict[str, Any]) -> None:
    registers = dict(enumerate(captured["crash"]))
    frames = native_stack(captured["memory"], captured["regions"], registers, AARCH64)
    names = [
        next((name for name, (at, size) in captured["functions"].items() if at <= frame.address < at + size), "")
        for frame in frames
    ]
    assert names[:8] == ["deep_two", "deep_one", "work", "work", "work", "compare", "", "main"]
    assert all(frame.sure for frame in frames[:8])


def test_the_registers_of_the_crash_are_found_from_the_handler(captured: dict[str, Any]) -> None:
    context = find_context(captured["memory"], captured["regions"], captured["handler"][SP], AARCH64)
    assert context is not None
    assert [context.registers[number] for number in range(33)] == captured["crash"]
    assert find_context(captured["memory"], captured["regions"], captured["handler"][SP], X86_64) is None


def _frame(stack: int, *, syndrome: int | None, accessed: int, pc: int) -> bytes:
    """Return the frame of a signal as the kernel lays it out, in a stack that goes on behind it."""
    machine = struct.pack("<35Q", accessed, *range(29), stack, 0x10100, stack + 0x1800, pc, 0x6000_0000)
    records = struct.pack("<II", 0x46508001, 528) + bytes(520)
    if syndrome is not None:
        records += struct.pack("<IIQ", 0x45535201, 16, syndrome)
    frame = bytes(0x100) + b"\xcc" * 128 + bytes(176) + machine + bytes(8) + records
    return frame.ljust(0x2000, b"\0")


MAPS = "10000-20000 r-xp 00000000 0:0 1 /lib/any.so\n700000-702000 rw-p 00000000 0:0 0 [stack]\n"


@pytest.mark.parametrize(
    ("signal", "syndrome", "accessed", "fault"),
    [
        ("SIGSEGV", 0x92000046, 0x18, Fault("write", 0x18)),
        ("SIGSEGV", 0x92000006, 0x18, Fault("read", 0x18)),
        ("SIGSEGV", 0x82000006, 0x7, Fault("execute", 0x7)),
        ("SIGBUS", 0x92000021, 0x700003, Fault("alignment", 0x700003)),
        ("SIGSEGV", 0x92000047, 0x6FFFF0, Fault("write", 0x6FFFF0, cause="stack-overflow")),
        ("SIGSEGV", None, 0, Fault("")),
        ("SIGILL", 0x02000000, 0, Fault("instruction", instruction="SVE")),
    ],
)
def test_what_the_processor_reported_is_read(signal: str, syndrome: int | None, accessed: int, fault: Fault) -> None:
    near = 0x700000 - 0x1800 + 0x20 if fault.cause else 0x700000
    stack = _frame(near, syndrome=syndrome, accessed=accessed, pc=0x10100)
    memory = Pieces({0x700000: stack, 0x10100: struct.pack("<I", 0x04E00000)})
    regions = parse_regions(MAPS)
    context = find_context(memory, regions, 0x700000, AARCH64)
    assert context is not None
    assert context.registers[PC] == 0x10100
    assert describe(context, signal, memory, regions, AARCH64) == fault


@pytest.mark.parametrize(
    ("word", "name"),
    [
        (0x00000000, "trap"),
        (0x04E00000, "SVE"),
        (0xF8200041, "atomics of ARMv8.1 (LSE)"),  # ldadd x0, x1, [x2]
        (0xC8A07C41, "atomics of ARMv8.1 (LSE)"),  # cas x0, x1, [x2]
        (0x4E829420, "dot products of ARMv8.2"),  # sdot v0.4s, v1.16b, v2.16b
        (0x8B020020, "no known instruction (a wild jump, or damaged code)"),  # add x0, x1, x2
    ],
)
def test_instructions_have_a_class(word: int, name: str) -> None:
    assert instruction_class(Pieces({0x1000: struct.pack("<I", word)}), 0x1000) == name


def _table(program: bytes, augmentation: bytes = b"zR") -> Pieces:
    """Return a table for unwinding with one function of 64 bytes at 0x1000; itself at 0x2000."""
    body = struct.pack("<IB", 0, 1) + augmentation + b"\0" + b"\x04\x78\x1e\x01\x1b" + b"\x0c\x1f\x00"
    common = struct.pack("<I", len(body)) + body
    start = 0x2000 + 20  # behind the head
    place = start + len(common)
    body = struct.pack("<Iii", place + 4 - start, 0x1000 - (place + 8), 64) + b"\0" + program
    entry = struct.pack("<I", len(body)) + body
    head = struct.pack("<BBBBiIii", 1, 0x1B, 3, 0x3B, 0, 1, 0x1000 - 0x2000, place - 0x2000)
    return Pieces({0x2000: head + common + entry})


def test_rules_follow_the_function_from_its_first_instruction_to_its_frame() -> None:
    # paciasp; stp x29, x30, [sp, #-16]!; mov x29, sp
    program = b"\x41\x2d" + b"\x41\x0e\x10\x9d\x02\x9e\x01" + b"\x41\x0d\x1d"
    memory = _table(program, b"zRB")
    first, signed, framed, last = (row_at(memory, 0x2000, 0x1000 + at, AARCH64) for at in (0, 4, 8, 12))
    assert (first.base, first.number, first.back, first.rules) == (SP, 0, LINK, {})
    assert signed.rules == {SIGNED: Rule("same")}
    assert (framed.base, framed.number) == (SP, 16)
    assert framed.rules == {SIGNED: Rule("same"), 29: Rule("offset", -16), LINK: Rule("offset", -8)}
    assert (last.base, last.number) == (29, 16)


def test_what_was_signed_is_signed_no_more_at_the_end_of_a_function() -> None:
    memory = _table(b"\x41\x2d\x42\x0a\x41\x2d\x44\x0b")
    seen = [SIGNED in row_at(memory, 0x2000, 0x1000 + 4 * step, AARCH64).rules for step in (0, 1, 3, 4, 8)]
    assert seen == [False, True, True, False, True]
    with pytest.raises(UnreadableError):
        row_at(memory, 0x2000, 0x1004, X86_64)


def test_a_call_to_nowhere_returns_to_the_link_register() -> None:
    memory = Pieces({0x10100: struct.pack("<II", 0xD63F0100, 0), 0x700000: bytes(0x1000)})  # blr x8
    registers = dict.fromkeys(range(29), 0) | {29: 0, LINK: 0x10104, SP: 0x700100, PC: 0x7}
    frames = native_stack(memory, parse_regions(MAPS), registers, AARCH64)
    assert [frame.address for frame in frames] == [0x7, 0x10103]
