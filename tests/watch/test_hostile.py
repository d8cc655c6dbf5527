"""Memory of a process that has crashed can hold anything: reading it ends, and never fails in another way."""

from __future__ import annotations

import os
import random
import struct
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envaudit.watch.crash import read_text
from envaudit.watch.expression import evaluate
from envaudit.watch.fault import find_context
from envaudit.watch.fault_x86_64 import instruction_class
from envaudit.watch.frame_table import row_at
from envaudit.watch.memory import Cursor, UnreadableError
from envaudit.watch.objects import Objects
from envaudit.watch.pipe import drain, make_pipe
from envaudit.watch.regions import Regions, parse_regions
from envaudit.watch.unwind import native_stack

BASE = 0x10000
MAP = f"{BASE:x}-{BASE + 0x4000:x} r-xp 00000000 00:00 0 /lib/any.so\n40000-44000 rw-p 00000000 00:00 0 [stack]\n"


class Bytes:
    """Memory made of the same bytes at two places."""

    def __init__(self, data: bytes) -> None:
        self._data = data.ljust(0x4000, b"\0")

    def read(self, address: int, size: int) -> bytes:
        for base in (BASE, 0x40000):
            if base <= address and address + size <= base + 0x4000 and size >= 0:
                return self._data[address - base : address - base + size]
        raise UnreadableError("nothing there")


@given(st.binary(max_size=600))
@settings(max_examples=150, deadline=2000)
def test_any_table_is_a_row_or_unreadable(data: bytes) -> None:
    head = struct.pack("<BBBBiI", 1, 0x1B, 3, 0x3B, 0, 1) + struct.pack("<ii", 0, 20)
    memory = Bytes(head + data)
    for pc in (BASE, BASE + 200):
        try:
            row_at(memory, BASE, pc)
        except UnreadableError:
            continue


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=2000)
def test_any_expression_is_a_number_or_unreadable(code: bytes) -> None:
    try:
        assert 0 <= evaluate(code, {7: BASE, 6: 0x40000}, Bytes(code), (BASE,)) < 2**64
    except UnreadableError:
        return


@pytest.mark.parametrize("seed", range(40))
def test_any_stack_is_walked_to_an_end(seed: int) -> None:
    chance = random.Random(seed)
    words = []
    for _ in range(0x800):
        places = (BASE + chance.randrange(0x4000), 0x40000 + chance.randrange(0x4000), chance.getrandbits(64))
        words.append(chance.choice(places))
    data = struct.pack("<2048Q", *words)
    if seed % 2:
        program = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 0x4000, 0x4000, 0x1000)
        table = struct.pack("<IIQQQQQQ", 0x6474E550, 4, 0, chance.randrange(0x5000), 0, 64, 64, 4)
        head = struct.pack("<6s26xQ14xHH6x", b"\x7fELF\x02\x01", 64, 56, 2)
        data = head + program + table + data[176:]
    memory, regions = Bytes(data), parse_regions(MAP)
    registers = {number: chance.choice(words) for number in range(17)}
    registers[7], registers[16] = 0x40000 + 8 * chance.randrange(0x700), BASE + chance.randrange(0x4000)
    assert 1 <= len(native_stack(memory, regions, registers)) <= 48
    find_context(memory, regions, registers[7])
    instruction_class(memory, registers[16])
    Objects(memory, regions).symbol(registers[16])


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    read_text(text)
    assert isinstance(parse_regions(text), Regions)


def test_numbers_without_an_end_are_unreadable() -> None:
    with pytest.raises(UnreadableError):
        Cursor(b"\xff" * 40).uleb()
    with pytest.raises(UnreadableError):
        Cursor(b"\x01").number("I")
    assert Cursor(b"\x7f").sleb() == -1
    assert Cursor(b"\xe5\x8e\x26").uleb() == 624485


@pytest.mark.parametrize(
    "line",
    [
        "Fatal Python error: Segmentation fault",
        "Fatal Python error: Fatal Python error: Segmentation fault",
        "Fatal Python error: Fatal Python error: Segmentation faultSegmentation fault",
    ],
)
def test_threads_that_crash_together_write_into_one_line(line: str) -> None:
    text = f'{line}\n\n\n\nThread 0x00007f0a9c46eb80 (most recent call first):\n  File "a.py", line 4 in work\n'
    assert read_text(text) == ("Segmentation fault", (("a.py", 4, "work"),))


def test_the_rest_of_the_first_line_may_take_its_time() -> None:
    reading, writing = make_pipe()
    os.write(writing, b"Fatal Python error: ")

    def say() -> None:
        time.sleep(0.4)
        os.write(writing, b"Segmentation fault")
        time.sleep(0.4)
        os.write(writing, b"\n\n")

    speaker = threading.Thread(target=say)
    speaker.start()
    try:
        assert drain(reading) == "Fatal Python error: Segmentation fault\n\n"
    finally:
        speaker.join()
        os.close(reading)
        os.close(writing)
