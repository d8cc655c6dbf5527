"""Numbers in code: each encoding that compilers use, and the traps that were met in real files."""

from __future__ import annotations

from struct import pack

import pytest

from envaudit.binary.api_version import Feature, can_find_version, feature_version
from envaudit.binary.image import Piece
from envaudit.binary.machine_code import Reference, Search, moves
from envaudit.binary.struct_sizes import can_find_sizes, expected_sizes, type_names
from envaudit.errors import ReadError
from envaudit.model import StructSizes
from tests.binary.forge import BASE, CODE, add, adr, adrp, cmp_w, cmp_x, lea, movz

TEXT = BASE + 0x800  # where the error text, or the name of a type, stands
OTHER = BASE + 0x900
NOP = b"\x90"
WORD = pack("<I", 0xD503201F)  # nop


def references(machine: str, code: Piece, targets: set[int]) -> list[Reference]:
    return list(Search().references(machine, code, targets))


def _feature(machine: str, code: bytes, *texts: int) -> Feature:
    return feature_version(machine, [Piece(BASE + CODE, code)], texts or (TEXT,))


def _mov_edx(value: int) -> bytes:
    return b"\xba" + pack("<I", value)


@pytest.mark.parametrize("register", range(8))
@pytest.mark.parametrize("prefix", [b"\x48", b"\x4c"])
def test_lea_into_any_register(register: int, prefix: bytes) -> None:
    code = NOP * 5 + prefix + lea(5, TEXT, register)[1:]
    assert [found.position for found in references("x86_64", Piece(BASE + CODE, code), {TEXT})] == [5]


def test_lea_of_another_width_or_at_the_end_is_none() -> None:
    for code in (b"\x41" + lea(0, TEXT)[1:], lea(0, TEXT)[1:], lea(0, TEXT)[:-1], lea(0, OTHER), b""):
        assert (references("x86_64", Piece(BASE + CODE, code), {TEXT})) == []


def test_targets_before_the_code_and_after_it() -> None:
    for target in (BASE, BASE + CODE + 0x5000):
        piece = Piece(BASE + CODE, NOP + lea(1, target))
        assert [found.target for found in references("x86_64", piece, {target})] == [target]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (lea(0, TEXT) + _mov_edx(0x10), Feature(0x10, "argument", referenced=True)),
        (_mov_edx(0x0D) + lea(5, TEXT), Feature(0x0D, "argument", referenced=True)),
        # The nearest counts, and only what can be a version.
        (_mov_edx(0x0D) + NOP * 8 + lea(13, TEXT) + _mov_edx(0x10), Feature(0x10, "argument", referenced=True)),
        (lea(0, TEXT) + _mov_edx(0x1000009) + _mov_edx(0x0E), Feature(0x0E, "argument", referenced=True)),
        # r10d is another register, and 64 bytes away is another call.
        (lea(0, TEXT) + b"\x41" + _mov_edx(0x0E), Feature(None, "", referenced=True)),
        (lea(0, TEXT) + NOP * 64 + _mov_edx(0x0E), Feature(None, "", referenced=True)),
        # A compare decides when no argument is found: "above 15" wants 16, "not below 14" wants 14.
        (b"\x83\xf8\x0f\x0f\x86" + bytes(4) + lea(9, TEXT), Feature(0x10, "compare", referenced=True)),
        (b"\x83\xf8\x0f\x77\x20" + lea(5, TEXT), Feature(0x10, "compare", referenced=True)),
        (b"\x83\xf8\x0e\x73\x20" + lea(5, TEXT), Feature(0x0E, "compare", referenced=True)),
        (b"\x83\xf8\x0e\x74\x20" + lea(5, TEXT), Feature(None, "", referenced=True)),
        # The call through slot 211 of NumPy's table, anywhere.
        (
            lea(0, TEXT) + NOP * 99 + b"\xff\x90\x98\x06\0\0\x83\xf8\x0c\x89\xc3\x76\x10",
            Feature(0x0D, "slot", referenced=True),
        ),
        (NOP * 40, Feature(None, "", referenced=False)),
    ],
)
def test_feature_on_x86_64(code: bytes, expected: Feature) -> None:
    assert _feature("x86_64", code) == expected


def test_a_byte_of_an_address_does_not_hide_an_instruction() -> None:
    # The displacement of the lea holds 0xba: a search without overlap takes it for a mov and skips the real one.
    text = BASE + CODE + 7 + 0xBA
    code = lea(0, text) + _mov_edx(0x10)
    assert code[3] == 0xBA
    assert _feature("x86_64", code, text).value == 0x10


def test_two_copies_of_import_array_ask_for_the_larger() -> None:
    code = lea(0, TEXT) + _mov_edx(0x0D) + NOP * 100
    code += lea(len(code), OTHER) + _mov_edx(0x10)
    assert _feature("x86_64", code, TEXT, OTHER) == Feature(0x10, "argument", referenced=True)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (adrp(0, TEXT, 1) + add(TEXT, 1) + movz(2, 0x10), Feature(0x10, "argument", referenced=True)),
        (movz(2, 0x0D) + adrp(4, TEXT, 1) + WORD * 9 + add(TEXT, 1), Feature(0x0D, "argument", referenced=True)),
        (adr(0, TEXT, 1) + movz(2, 0x0F), Feature(0x0F, "argument", referenced=True)),
        # The result may go into another register, and the page serves several texts.
        (
            adrp(0, TEXT, 3) + add(OTHER, 3, 4) + add(TEXT, 3, 1) + movz(2, 0x10),
            Feature(0x10, "argument", referenced=True),
        ),
        (adrp(0, TEXT, 1) + add(TEXT, 1) + movz(3, 0x10), Feature(None, "", referenced=True)),
        (cmp_w(0, 0x0F) + adrp(4, TEXT, 1) + add(TEXT, 1), Feature(0x10, "compare", referenced=True)),
        # Overwritten before it is completed, completed from another register, too far away.
        (adrp(0, TEXT, 1) + add(OTHER, 1) + add(TEXT, 1), Feature(None, "", referenced=False)),
        (adrp(0, TEXT, 1) + add(TEXT, 2) + movz(2, 0x10), Feature(None, "", referenced=False)),
        (adrp(0, TEXT, 1) + WORD * 12 + add(TEXT, 1), Feature(None, "", referenced=False)),
        (WORD * 3 + b"\x01\x02", Feature(None, "", referenced=False)),
    ],
)
def test_feature_on_aarch64(code: bytes, expected: Feature) -> None:
    assert _feature("aarch64", code) == expected


def test_references_across_the_chunks_of_a_search() -> None:
    start = (1 << 20) - 4
    code = WORD * (start // 4) + adrp(start, TEXT, 1) + add(TEXT, 1) + adr(start + 8, OTHER, 5)
    found = references("aarch64", Piece(BASE + CODE, code), {TEXT, OTHER})
    assert found == [(start + 4, TEXT)]  # adr reaches 1 MiB, no further
    near = (1 << 19) - 4
    code = WORD * (near // 4) + adr(near, OTHER, 5)
    assert (references("aarch64", Piece(BASE + CODE, code), {OTHER})) == [(near, OTHER)]


def test_movk_completes_a_number() -> None:
    movk = 0x72800000 | 1 << 21 | 0x100 << 5 | 2
    assert moves(movz(2, 9) + pack("<I", movk) + movz(3, 5), 0, 100) == [(0, 2, 0x1000009), (8, 3, 5)]


@pytest.mark.parametrize(
    ("convention", "version", "sizes"),
    [
        ("x86_64", True, True),
        ("x86_64-windows", True, True),
        ("i686-windows", True, False),
        ("aarch64", True, True),
        ("aarch64-apple", True, True),
        ("s390x", False, False),
        ("", False, False),
    ],
)
def test_conventions_whose_code_is_read(convention: str, version: bool, sizes: bool) -> None:
    assert can_find_version(convention) is version
    assert can_find_sizes(convention) is sizes


NAMES = {TEXT: "dtype", OTHER: "ndarray", BASE: "ufunc"}


def _sizes(machine: str, code: bytes) -> StructSizes:
    return expected_sizes(machine, [Piece(BASE + CODE, code)], NAMES)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (b"\xb9" + pack("<I", 96) + lea(5, TEXT), StructSizes(dtype=96)),
        (b"\xb9" + pack("<I", 32) + lea(5, TEXT), StructSizes(dtype=32)),
        (b"\x41\xb8" + pack("<I", 88) + lea(6, TEXT), StructSizes(dtype=88)),
        (_mov_edx(80) + lea(5, OTHER), StructSizes(ndarray=80)),
        (lea(0, OTHER) + b"\xb9" + pack("<I", 16), StructSizes(ndarray=16)),
        (lea(0, BASE) + b"\xb9" + pack("<I", 216), StructSizes(ufunc=216)),
        # Before goes before after; the largest of several uses counts.
        (b"\xb9" + pack("<I", 96) + NOP * 20 + lea(25, TEXT) + b"\xb9" + pack("<I", 88), StructSizes(dtype=96)),
        # edx only close by, r9d and r10d never, and no size that NumPy never had.
        (_mov_edx(96) + NOP * 20 + lea(25, TEXT), StructSizes()),
        (b"\x41\xb9" + pack("<I", 96) + lea(6, TEXT), StructSizes()),
        (b"\xb9" + pack("<I", 97) + lea(5, TEXT), StructSizes()),
        (b"\xb9" + pack("<I", 80) + lea(5, TEXT), StructSizes()),
        # Inlined: a compare after it, "< 96" or "<= 95", with any of three instructions and before a jump.
        (lea(0, TEXT) + NOP * 200 + b"\x48\x83\xf8\x60\x72", StructSizes(dtype=96)),
        (lea(0, TEXT) + NOP * 200 + b"\x49\x83\xfc\x5f\x0f\x86", StructSizes(dtype=96)),
        (lea(0, BASE) + NOP * 9 + b"\x48\x81\xff" + pack("<I", 231) + b"\x76", StructSizes(ufunc=232)),
        (lea(0, BASE) + NOP * 9 + b"\x48\x3d" + pack("<I", 216) + b"\x0f\x82", StructSizes(ufunc=216)),
        (lea(0, TEXT) + NOP * 9 + b"\x48\x83\xf8\x60\x90", StructSizes()),
        (lea(0, TEXT) + NOP * 320 + b"\x48\x83\xf8\x60\x72", StructSizes()),
    ],
)
def test_sizes_on_x86_64(code: bytes, expected: StructSizes) -> None:
    assert _sizes("x86_64", code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (movz(3, 96) + adrp(4, TEXT, 2) + add(TEXT, 2), StructSizes(dtype=96)),
        (movz(5, 88) + movz(3, 96) + adrp(8, TEXT, 2) + add(TEXT, 2) + movz(6, 32), StructSizes(dtype=96)),
        (adrp(0, OTHER, 2) + add(OTHER, 2) + movz(4, 80), StructSizes(ndarray=80)),
        (adrp(0, TEXT, 2) + add(TEXT, 2) + WORD * 90 + cmp_x(0, 95), StructSizes(dtype=96)),
        (adrp(0, BASE, 2) + add(BASE, 2) + WORD * 90 + cmp_x(0, 232), StructSizes(ufunc=232)),
        (adrp(0, TEXT, 2) + add(TEXT, 2) + WORD * 121 + cmp_x(0, 96), StructSizes()),
        (adrp(0, TEXT, 2) + add(TEXT, 2) + movz(3, 80), StructSizes()),
    ],
)
def test_sizes_on_aarch64(code: bytes, expected: StructSizes) -> None:
    assert _sizes("aarch64", code) == expected


def test_the_search_ends_with_one_size_of_each_type() -> None:
    code = b"".join(
        b"\xb9" + pack("<I", size) + lea(number * 12 + 5, name)
        for number, (size, name) in enumerate([(96, TEXT), (80, OTHER), (216, BASE)])
    )
    assert len(code) == 36
    found = StructSizes(dtype=96, ndarray=80, ufunc=216)
    assert _sizes("x86_64", code) == found
    # What would be too much to look at is not looked at.
    endless = b"\x8d\x05\0\0\0\0" * 1_300_000
    assert _sizes("x86_64", code + endless) == found
    with pytest.raises(ReadError, match="too many candidates"):
        _sizes("x86_64", code[:24] + endless)


def test_names_of_types_end_in_a_nul_and_may_be_the_tail_of_another() -> None:
    data = b"dtype \0numpy.dtype\0ndarrays\0ndarray\0ufunc"
    assert type_names([Piece(0x100, data)]) == {
        0x100 + data.index(b"dtype\0"): "dtype",
        0x100 + data.index(b"ndarray\0"): "ndarray",
    }
