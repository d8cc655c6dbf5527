"""PE files: PE32 and PE32+, imports and delayed imports; pefile as referee on what was forged."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING, SupportsBytes

import pefile
import pytest

from envaudit.binary import read_binary
from envaudit.errors import ReadError
from envaudit.model import NumpyNeed, StructSizes
from tests.binary.forge import BASE, CODE, DATA, add, address, adrp, lea, movz
from tests.binary.forge_others import AMD64, PYTHON_CALLS, WIN_ARM64, WIN_X86, Pe, content

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[[SupportsBytes | bytes], str]

LINKED = Pe(
    libraries=(("python311.dll", PYTHON_CALLS), ("KERNEL32.dll", ("Sleep", 7))),
    delayed=(("MSVCP140.dll", ("what",)), ("cudart64_12.dll", ())),
)
API_1X = b"numpy.core.multiarray\0module compiled against API version 0x%x but\0"
TEXT = address(API_1X, b"module compiled")
SIZES = b"numpy.core.multiarray failed to import\0size changed, may indicate binary incompat\0dtype\0"


@pytest.mark.parametrize(
    ("bits", "machine", "name"), [(64, AMD64, "AMD64"), (64, WIN_ARM64, "ARM64"), (32, WIN_X86, "x86")]
)
@pytest.mark.parametrize("by_address", [False, True])
def test_links(bits: int, machine: int, name: str, by_address: bool, written: Write) -> None:
    made = LINKED.but(bits=bits, machine=machine, delayed_by_address=by_address, rodata=b"numpy.core\0_ARRAY_API\0")
    facts = read_binary(written(made))
    assert (facts.format, facts.machine, facts.bits, facts.truncated) == ("pe", name, bits, False)
    assert facts.needed == ("python311.dll", "KERNEL32.dll")
    assert facts.needed_late == ("MSVCP140.dll", "cudart64_12.dll")
    assert facts.numpy == NumpyNeed("by-name", "1.x")


@pytest.mark.parametrize("bits", [32, 64])
def test_pefile_reads_the_same(bits: int, written: Write) -> None:
    path = written(LINKED.but(bits=bits, machine=AMD64 if bits == 64 else WIN_X86))
    image = pefile.PE(path)
    facts = read_binary(path)
    assert [one.dll.decode() for one in image.DIRECTORY_ENTRY_IMPORT] == list(facts.needed)
    assert [one.name for one in image.DIRECTORY_ENTRY_IMPORT[0].imports] == [name.encode() for name in PYTHON_CALLS]
    # The second library is delayed without a function: pefile stops there.
    assert [one.dll.decode() for one in image.DIRECTORY_ENTRY_DELAY_IMPORT] == list(facts.needed_late)[:1]


@pytest.mark.parametrize(
    ("libraries", "searched"),
    [
        ((("python311.dll", PYTHON_CALLS),), True),
        ((("Python3.dll", ("PyCapsule_Import",)),), True),
        ((("libpython3.11.dll", PYTHON_CALLS),), True),
        ((("python311.dll", (5,)),), True),  # by number: nothing rules it out
        ((("python311.dll", ("PyList_New",)),), False),
        ((("python311.dll", ()),), False),
        ((("KERNEL32.dll", PYTHON_CALLS),), False),
        ((), False),
    ],
)
def test_imports_rule_numpy_out(
    libraries: tuple[tuple[str, tuple[str | int, ...]], ...], searched: bool, written: Write
) -> None:
    facts = read_binary(written(Pe(rodata=b"numpy.core\0_ARRAY_API\0", libraries=libraries)))
    assert (facts.numpy is not None) is searched
    facts = read_binary(written(Pe(rodata=b"numpy.core\0_ARRAY_API\0", libraries=(), delayed=libraries)))
    assert (facts.numpy is not None) is searched


def test_feature_in_code(written: Write) -> None:
    argument = NumpyNeed("c-api", "1.x", "", 0x10, "argument")
    usual = Pe(rodata=API_1X, code=lea(0, TEXT, 2) + b"\x41\xb8" + pack("<I", 0x10))
    assert read_binary(written(usual), "all").numpy == argument
    # The third argument of other systems is another one here.
    other = Pe(rodata=API_1X, code=lea(0, TEXT, 2) + b"\xba" + pack("<I", 0x10))
    assert read_binary(written(other), "all").numpy == NumpyNeed("c-api", "1.x")
    compared = Pe(rodata=API_1X, code=b"\x83\xf8\x0f\x0f\x86" + bytes(4) + lea(9, TEXT))
    assert read_binary(written(compared), "all").numpy == NumpyNeed("c-api", "1.x", "", 0x10, "compare")
    arm = Pe(WIN_ARM64, rodata=API_1X, code=adrp(0, TEXT, 1) + add(TEXT, 1) + movz(2, 0x10))
    assert read_binary(written(arm), "all").numpy == argument
    other = Pe(WIN_ARM64, rodata=API_1X, code=adrp(0, TEXT, 1) + add(TEXT, 1) + movz(9, 0x10))
    assert read_binary(written(other), "all").numpy == NumpyNeed("c-api", "1.x")


def test_arguments_are_pushed_on_x86(written: Write) -> None:
    code = b"\x6a\x0d\x68" + pack("<I", 0x10) + b"\x90\x68" + pack("<I", TEXT)  # the last before the text is the third
    made = Pe(WIN_X86, 32, rodata=API_1X, code=code)
    assert read_binary(written(made), "all").numpy == NumpyNeed("c-api", "1.x", "", 0x10, "argument")
    small = made.but(code=b"\x6a\x0d\x50\x68" + pack("<I", TEXT))
    assert read_binary(written(small), "all").numpy == NumpyNeed("c-api", "1.x", "", 0x0D, "argument")


def test_text_that_no_code_uses_is_no_user(written: Write) -> None:
    """Microsoft's compiler leaves it behind; this must be known at any runtime, so code is always read."""
    used = Pe(rodata=API_1X, code=lea(0, TEXT, 2) + b"\x41\xb8" + pack("<I", 0x10))
    for code in ("never", "sizes", "features", "all"):
        assert read_binary(written(used), code).numpy is not None
        assert read_binary(written(used.but(code=b"\x90" * 64)), code).numpy is None
    # Where code cannot be searched well, the text alone counts.
    x86 = Pe(WIN_X86, 32, rodata=API_1X)
    assert read_binary(written(x86)).numpy == NumpyNeed("c-api", "1.x")
    assert read_binary(written(Pe(0x1C4, 32, rodata=API_1X))).numpy == NumpyNeed("c-api", "1.x")
    unread = read_binary(written(used.but(code=lea(0, TEXT, 2))))
    assert (unread.numpy, unread.numpy_unread) == (NumpyNeed("c-api", "1.x"), "")
    assert "was not found in its code" in read_binary(written(used.but(code=lea(0, TEXT, 2))), "features").numpy_unread


def test_strings_in_writable_data(written: Write) -> None:
    text = BASE + DATA + API_1X.index(b"module")
    made = Pe(data=API_1X, code=lea(0, text, 2) + b"\x41\xb8" + pack("<I", 0x0D))
    assert read_binary(written(made), "all").numpy == NumpyNeed("c-api", "1.x", "", 0x0D, "argument")


@pytest.mark.parametrize("register", [b"\xb8", b"\xb9"])
def test_sizes_in_code(register: bytes, written: Write) -> None:
    name = address(SIZES, b"dtype\0")
    before = b"\x41" + register + pack("<I", 96)
    made = Pe(rodata=SIZES, code=before + lea(6, name))
    expected = NumpyNeed("cython", "1.x", "cython", expects=StructSizes(dtype=96))
    assert read_binary(written(made), "sizes").numpy == expected
    inlined = made.but(code=lea(0, name) + b"\x90" * 40 + b"\x48\x83\xf8\x60\x72")
    assert read_binary(written(inlined), "sizes").numpy == expected
    # ecx is the first argument here.
    other = made.but(code=b"\xb9" + pack("<I", 96) + lea(5, name))
    assert "sizes of NumPy's types" in read_binary(written(other), "sizes").numpy_unread


def test_every_cut_is_truncated_or_too_short_for_a_header(written: Write) -> None:
    whole = bytes(LINKED)
    for length in (len(whole) - 1, CODE + 1, 400, 350):
        facts = read_binary(written(whole[:length]))
        assert facts.truncated
        assert (facts.machine, facts.needed, facts.numpy) == ("AMD64", (), None)
    for length, text in ((150, "inside its PE header"), (80, "before its PE header"), (40, "inside its DOS header")):
        with pytest.raises(ReadError, match=text):
            read_binary(written(whole[:length]))


def test_broken_headers_are_refused_in_words(written: Write) -> None:
    imports = int.from_bytes(bytes(LINKED)[64 + 24 + 120 : 64 + 24 + 124], "little")
    cases: list[tuple[int, bytes, str]] = [
        (64, b"NE\0\0", "a DOS program"),
        (60, b"\xff\xff\xff\x7f", "before its PE header"),
        (70, b"\xff\xff", "65535 sections"),
        (88, b"\x07\x01", "neither a 32-bit nor a 64-bit PE file"),
        (84, b"\x10\0", "inside its PE header"),
        (64 + 24 + 120, b"\xff\xff\xff\x7f", "not in any section"),
        (imports + 12, b"\xff\xff\xff\x7f", "not in any section"),
        (imports, b"\xff\xff\xff\x7f", "not in any section"),
    ]
    for place, new, text in cases:
        data = content(LINKED)
        data[place : place + len(new)] = new
        with pytest.raises(ReadError, match=text):
            read_binary(written(bytes(data)))


def test_a_header_far_from_the_start(written: Write) -> None:
    """The DOS program in front may have any length."""
    whole = bytes(LINKED)
    for place in (4000, 5000, 100_000):
        data = bytearray(place + 1000)
        data[: len(whole)] = whole
        data[place : place + 500] = whole[64:564]
        data[60:64] = pack("<I", place)
        facts = read_binary(written(bytes(data)))
        assert (facts.machine, facts.needed) == ("AMD64", ("python311.dll", "KERNEL32.dll"))


def test_one_python_too_many(written: Write) -> None:
    """Lists of 65,536 functions are not read for each of a thousand libraries that call themselves Python."""
    made = Pe(
        rodata=b"numpy.core\0_ARRAY_API\0", libraries=tuple((f"python{n}.dll", ("PyList_New",)) for n in range(5))
    )
    assert read_binary(written(made)).numpy is not None
    assert read_binary(written(made.but(libraries=made.libraries[:4]))).numpy is None


def test_too_many_libraries(written: Write) -> None:
    many = tuple((f"lib{number}.dll", ()) for number in range(1200))
    with pytest.raises(ReadError, match="more than the 1024 libraries"):
        read_binary(written(Pe(libraries=many)))
    assert len(read_binary(written(Pe(libraries=many[:1000]))).needed) == 1000


def test_a_table_and_a_name_without_an_end(written: Write) -> None:
    data = content(Pe(libraries=(("python311.dll", PYTHON_CALLS),)))
    with pytest.raises(ReadError, match="table of libraries has no end"):
        read_binary(written(bytes(data[:-20] + data[-40:-20])))
    long = Pe(libraries=(("x" * 600, ()),))
    with pytest.raises(ReadError, match="name of a library has no end"):
        read_binary(written(long))
