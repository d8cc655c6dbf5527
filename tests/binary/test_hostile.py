"""Files made to harm: whatever the bytes are, there are facts or a ``ReadError``, soon."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from envaudit.binary import read_binary
from envaudit.binary.image import PIECE_LIMIT, Range, Source, pieces
from envaudit.binary.machine_code import CANDIDATE_LIMIT
from envaudit.errors import ReadError
from envaudit.model import BinaryFacts
from tests.binary.forge import AARCH64, CODE, RODATA, X86_64, Elf, address, lea
from tests.binary.mutants import mutant, read_all, seeds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[Elf | bytes], str]

MUTANTS = 60  # of each seed
SEEDS = [seed for group in seeds().values() for seed in group]
_RODATA = (
    b"numpy.core.multiarray failed to import\0module compiled against API version 0x%x\0"
    b"size changed, may indicate binary incompat\0dtype\0ndarray\0ufunc\0"
)
_LINKED = Elf(rodata=_RODATA, needed=("libm.so.6",), soname="a.so", runpath="$ORIGIN", interpreter="/lib/ld.so")


@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_mutants(number: int, tmp_path: Path) -> None:
    choose = random.Random(number)
    path = tmp_path / "mutant.so"
    read = refused = 0
    slowest = 0.0
    for _ in range(MUTANTS):
        path.write_bytes(mutant(SEEDS[number], choose))
        started = time.process_time()
        facts, refusals = read_all(str(path))
        read += facts
        refused += refusals
        slowest = max(slowest, time.process_time() - started)
    assert read
    assert refused
    assert slowest < 2.0


def _with_code(machine: int, pattern: bytes) -> bytes:
    """Return a file with 16 MiB of the same instruction."""
    data = bytearray(bytes(Elf(machine=machine, rodata=_RODATA, sections=False)))
    code = pattern * ((1 << 24) // len(pattern))
    place = 64 + 2 * 56 + 32  # sizes of the third segment, the code
    data[place : place + 16] = len(code).to_bytes(8, "little") * 2
    return bytes(data[:CODE]) + code


@pytest.mark.parametrize(
    ("machine", "pattern"),
    [
        (X86_64, b"\x48\x8d\x05\0\0\0\0"),
        (X86_64, b"\x8d\x05"),
        (AARCH64, b"\x01\0\0\x90"),
        (AARCH64, b"\x01\0\0\x10"),
    ],
)
def test_code_of_nothing_but_candidates(machine: int, pattern: bytes, tmp_path: Path) -> None:
    path = tmp_path / "long.so"
    path.write_bytes(_with_code(machine, pattern))
    started = time.process_time()
    facts = read_binary(str(path), "all")
    assert time.process_time() - started < 1.5
    assert facts.numpy is not None
    assert facts.numpy_unread.startswith(f"too many candidates: more than the {CANDIDATE_LIMIT} instructions")


def test_a_text_that_is_used_everywhere(tmp_path: Path) -> None:
    code = b"".join(lea(at, address(_RODATA, b"module compiled")) for at in range(0, 7 * 600, 7))
    path = tmp_path / "long.so"
    path.write_bytes(_with_code(X86_64, code))
    facts = read_binary(str(path), "features")
    assert facts.numpy_unread.startswith("too many candidates: more than the 512 references")


def test_slots_everywhere(tmp_path: Path) -> None:
    code = lea(0, address(_RODATA, b"module compiled")) + b"\xff\x90\x98\x06\0\0" * 500_000
    path = tmp_path / "long.so"
    path.write_bytes(_with_code(X86_64, code))
    started = time.process_time()
    facts = read_binary(str(path), "features")
    assert time.process_time() - started < 1.5
    assert facts.numpy_unread.startswith("too many candidates")


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
