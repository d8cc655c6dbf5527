"""Files made to harm: whatever the bytes are, there are facts or a ``ReadError``, soon."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from envaudit.binary import read_binary, read_interpreter
from envaudit.binary.image import PIECE_LIMIT, Range, Source, pieces
from envaudit.errors import ReadError
from envaudit.model import BinaryFacts
from tests.binary.conftest import FIXTURES
from tests.binary.forge import AARCH64, CODE, RODATA, Elf, adrp, lea, movz

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[Elf | bytes], str]

MUTANTS = 100  # of each seed
EXTREMES = (b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80")

_RODATA = (
    b"numpy.core.multiarray failed to import\0module compiled against API version 0x%x\0"
    b"size changed, may indicate binary incompat\0dtype\0ndarray\0ufunc\0"
)
_LINKED = Elf(rodata=_RODATA, needed=("libm.so.6",), soname="a.so", runpath="$ORIGIN", interpreter="/lib/ld.so")
SEEDS = [
    *(path.read_bytes() for path in sorted(FIXTURES.glob("*.so"))),
    bytes(_LINKED.but(code=lea(0, 0x10800, 2) * 20, data=b"ufunc\0")),
    bytes(_LINKED.but(machine=AARCH64, code=(adrp(0, 0x10800, 1) + movz(2, 16)) * 20)),
    *(bytes(_LINKED.but(bits=bits, order=order)) for bits in (32, 64) for order in "<>"),
    bytes(_LINKED.but(sections=False, one_segment=True)),
]


def mutant(seed: bytes, choose: random.Random) -> bytes:
    """Cut one file in five, change up to 64 places of the others."""
    if choose.random() < 0.2:
        return seed[: choose.randrange(len(seed))]
    data = bytearray(seed)
    reach = min(choose.choice((64, 512, 4096, len(data))), len(data))
    for _ in range(choose.choice((1, 2, 4, 16, 64))):
        place = choose.randrange(reach)
        extreme = choose.choice(EXTREMES)
        width = choose.choice((1, 2, 4, 8))
        new = bytes([choose.randrange(256)]) if width == 1 else (extreme * 8)[:width]
        data[place : place + len(new)] = new
    return bytes(data[: len(seed)])


@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_mutants(number: int, tmp_path: Path) -> None:
    choose = random.Random(number)
    path = tmp_path / "mutant.so"
    read = refused = 0
    slowest = 0.0
    for _ in range(MUTANTS):
        path.write_bytes(mutant(SEEDS[number], choose))
        started = time.process_time()
        for reader in (lambda name: read_binary(name, "all"), read_interpreter):
            try:
                reader(str(path))
                read += 1
            except ReadError:
                refused += 1
        slowest = max(slowest, time.process_time() - started)
    assert read
    assert refused
    assert slowest < 2.0


def test_a_hole_of_a_terabyte(tmp_path: Path) -> None:
    path = tmp_path / "hole.so"
    path.write_bytes(bytes(_LINKED))
    os.truncate(path, 1 << 40)
    started = time.process_time()
    assert isinstance(read_binary(str(path), "all"), BinaryFacts)
    path.write_bytes(b"")
    os.truncate(path, 1 << 40)
    with pytest.raises(ReadError, match="neither ELF"):
        read_binary(str(path))
    assert time.process_time() - started < 1.0


def test_a_named_pipe_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "pipe.so"
    os.mkfifo(path)
    with pytest.raises(ReadError, match="named pipe"):
        read_binary(str(path))


def test_every_section_may_claim_the_same_bytes(tmp_path: Path) -> None:
    """Thousands of sections over one large range must not be read thousands of times."""
    seed = bytearray(bytes(Elf(rodata=_RODATA)))
    sections = int.from_bytes(seed[40:48], "little")
    rodata = bytearray(seed[sections + 64 : sections + 128])
    rodata[24:40] = (RODATA).to_bytes(8, "little") + (CODE - RODATA + (1 << 20)).to_bytes(8, "little")
    names, text = seed[-64:], seed[sections + 128 : sections + 192]
    seed[60:64] = (4000).to_bytes(2, "little") + (3999).to_bytes(2, "little")
    path = tmp_path / "many.so"
    path.write_bytes(seed[:sections] + text + rodata * 3998 + names + bytes(1 << 21))
    started = time.process_time()
    facts = read_binary(str(path))
    assert "bytes to search" in facts.numpy_unread
    assert time.process_time() - started < 1.0


def test_a_source_gives_only_what_the_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        source = Source(descriptor, 10)
        assert source.read(2, 3) == b"234"
        assert source.start(100) == b"0123456789"
        for offset, length in ((-1, 2), (0, -1), (5, 6), (1 << 70, 1), (0, 1 << 70)):
            with pytest.raises(ReadError, match="lie outside"):
                source.read(offset, length)
        with pytest.raises(ReadError, match="changed while it was read"):
            Source(descriptor, 20).read(5, 10)
        with pytest.raises(ReadError, match="read at once"):
            Source(descriptor, PIECE_LIMIT * 2).read(0, PIECE_LIMIT + 1)
        with pytest.raises(ReadError, match="bytes to search"):
            pieces(source, [Range(0, 0, PIECE_LIMIT, "ro")] * 2)
    finally:
        os.close(descriptor)
    with pytest.raises(ReadError, match="bad file descriptor"):
        Source(descriptor, 10).read(0, 1)
