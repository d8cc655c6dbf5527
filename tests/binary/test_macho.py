"""Mach-O files: thin and universal, both byte orders and word sizes; macholib as referee on what was forged."""

from __future__ import annotations

from itertools import product
from struct import pack
from typing import TYPE_CHECKING, Any, SupportsBytes

import pytest
from macholib.MachO import MachO

from envaudit.binary import read_binary
from envaudit.errors import ReadError
from envaudit.model import NumpyNeed, StructSizes
from tests.binary.forge import CODE, add, address, adrp, lea, movz
from tests.binary.forge_others import ARM64, I386, X86_64, Mach, content, fat

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[SupportsBytes | bytes], str]

LINKED = Mach(
    names=(
        (0xD, "@rpath/libme.dylib"),
        (0xC, "/usr/lib/libSystem.B.dylib"),
        (0x80000018, "@rpath/libweak.dylib"),
        (0x8000001F, "@loader_path/libagain.dylib"),
        (0x20, "liblazy.dylib"),
        (0x80000023, "libup.dylib"),
        (0x8000001C, "@loader_path/.dylibs"),
        (0x8000001C, "/opt/lib"),
    ),
    build_version=(1, 0x000C0300),
)
API_1X = b"numpy.core.multiarray\0module compiled against API version 0x%x but\0"
SIZES = b"numpy.core.multiarray failed to import\0size changed, may indicate binary incompat\0ndarray\0"


@pytest.mark.parametrize(("bits", "order", "universal"), list(product((32, 64), "<>", (None, False, True))))
def test_links(bits: int, order: str, universal: bool | None, written: Write) -> None:
    made = LINKED.but(bits=bits, order=order, rodata=b"numpy.core.multiarray\0_ARRAY_API\0")
    path = written(made if universal is None else fat(made, wide=universal))
    facts = read_binary(path)
    assert (facts.format, facts.machine, facts.bits, facts.truncated) == ("macho", "x86_64", bits, False)
    assert facts.soname == "@rpath/libme.dylib"
    assert facts.needed == ("/usr/lib/libSystem.B.dylib", "@loader_path/libagain.dylib", "libup.dylib")
    assert facts.needed_late == ("@rpath/libweak.dylib", "liblazy.dylib")
    assert facts.rpath == ("@loader_path/.dylibs", "/opt/lib")
    assert facts.min_os == "12.3"
    assert facts.numpy == NumpyNeed("by-name", "1.x")


def test_macholib_reads_the_same(written: Write) -> None:
    path = written(LINKED)
    names: dict[int, list[str]] = {}
    for load, _, data in MachO(path).headers[0].commands:
        if isinstance(data, bytes):
            names.setdefault(load.cmd, []).append(data.split(b"\0")[0].decode())
    facts = read_binary(path)
    assert names[0x8000001C] == list(facts.rpath)
    assert [names[command][0] for command in (0xC, 0x8000001F, 0x80000023)] == list(facts.needed)
    assert [names[command][0] for command in (0x80000018, 0x20)] == list(facts.needed_late)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"build_version": None, "min_macos": 0x000A0900}, "10.9"),
        ({"build_version": (1, 0x000E0000)}, "14.0"),
        ({"build_version": (1, 0x000A0D06)}, "10.13.6"),
        ({"build_version": (2, 0x000E0000)}, ""),  # iOS
        ({"build_version": None}, ""),
    ],
)
def test_oldest_macos(changes: dict[str, Any], expected: str, written: Write) -> None:
    assert read_binary(written(LINKED.but(**changes))).min_os == expected


@pytest.mark.parametrize(
    ("cpus", "machine", "expected"),
    [
        ((I386, X86_64, ARM64), "", "x86_64"),
        ((I386, ARM64, X86_64), "", "arm64"),
        ((I386, X86_64, ARM64), "arm64", "arm64"),
        ((I386, X86_64, ARM64), "aarch64", "arm64"),
        ((I386, X86_64, ARM64), "AMD64", "x86_64"),
        ((I386, X86_64, ARM64), "i386", "i386"),
        ((I386, X86_64), "arm64", "x86_64"),
        ((I386, 99), "arm64", "i386"),
        ((99,), "", "machine-99"),
    ],
)
def test_choosing_a_slice(cpus: tuple[int, ...], machine: str, expected: str, written: Write) -> None:
    slices = [LINKED.but(cpu=cpu, names=((0xC, f"lib{cpu}.dylib"),)) for cpu in cpus]
    for wide in (False, True):
        facts = read_binary(written(fat(*slices, wide=wide)), machine=machine)
        assert facts.machine == expected
        number = {"x86_64": X86_64, "arm64": ARM64, "i386": I386, "machine-99": 99}[expected]
        assert facts.needed == (f"lib{number}.dylib",)


def test_feature_and_sizes_in_code(written: Write) -> None:
    text = address(API_1X, b"module compiled")
    intel = Mach(rodata=API_1X, code=lea(0, text) + b"\xba\x10\0\0\0")
    # Variadic arguments go to the stack on Apple's machines: any register may hold them on the way.
    apple = Mach(cpu=ARM64, rodata=API_1X, code=adrp(0, text, 1) + add(text, 1) + movz(9, 0x0E))
    assert read_binary(written(intel)).numpy == NumpyNeed("c-api", "1.x")
    assert read_binary(written(intel), "all").numpy == NumpyNeed("c-api", "1.x", "", 0x10, "argument")
    path = written(fat(intel, apple))
    assert read_binary(path, "all").numpy == NumpyNeed("c-api", "1.x", "", 0x10, "argument")
    assert read_binary(path, "all", "arm64").numpy == NumpyNeed("c-api", "1.x", "", 0x0E, "argument")
    name = address(SIZES, b"ndarray\0")
    sized = Mach(cpu=ARM64, rodata=SIZES, code=movz(3, 96) + adrp(4, name, 2) + add(name, 2))
    assert read_binary(written(sized), "sizes").numpy == NumpyNeed(
        "cython", "1.x", "cython", expects=StructSizes(ndarray=96)
    )
    old = intel.but(cpu=I386, bits=32)
    assert read_binary(written(old), "all").numpy_unread == "code for i386 (32 bits) is not read"


@pytest.mark.parametrize(
    ("symbols", "searched"), [(("PyCapsule_Import",), True), (("PyList_New",), False), ((), False), (None, True)]
)
def test_symbols_rule_numpy_out(symbols: tuple[str, ...] | None, searched: bool, written: Write) -> None:
    facts = read_binary(written(Mach(rodata=API_1X, symbols=symbols)))
    assert (facts.numpy is not None) is searched


def test_a_string_table_too_large_to_read_rules_nothing_out(written: Write) -> None:
    data = content(Mach(rodata=b"numpy.core\0_ARRAY_API\0", symbols=()))
    place = data.index(pack("<II", 2, 24)) + 20
    data[place : place + 4] = b"\xff\xff\xff\x7f"
    assert read_binary(written(bytes(data))).numpy == NumpyNeed("by-name", "1.x")


def test_every_cut_is_truncated_or_too_short_for_a_header(written: Write) -> None:
    for make in (LINKED, fat(LINKED, LINKED.but(cpu=ARM64))):
        whole = bytes(make)
        base = 0x100 if whole[:1] == b"\xca" else 0
        for length in (base + CODE + 1, base + 200, base + 33):
            facts = read_binary(written(whole[:length]))
            assert facts.truncated
            assert facts.machine == "x86_64"
            assert facts.needed == ()
            assert facts.numpy is None
        with pytest.raises(ReadError, match="inside its Mach-O header"):
            read_binary(written(whole[: base + 20]))
    with pytest.raises(ReadError, match="inside its universal header"):
        read_binary(written(whole[:20]))
    with pytest.raises(ReadError, match="inside its universal header"):
        read_binary(written(whole[:5]))
    assert read_binary(written(whole[:-1]), machine="arm64").truncated
    assert not read_binary(written(whole[:-1]), machine="x86_64").truncated


def test_broken_headers_are_refused_in_words(written: Write) -> None:
    cases: list[tuple[int, bytes, str]] = [
        (16, b"\xff\xff\0\0", "65535 load commands"),
        (20, b"\xff\xff\xff\x7f", "load commands of 2147483647 bytes"),
        (20, b"\x08\0\0\0", "a load command of"),
        (36, b"\x04\0\0\0", "a load command of 4 bytes"),
        (96, b"\xff\xff\0\0", "65535 sections in one segment"),
    ]
    for place, new, text in cases:
        data = content(LINKED)
        data[place : place + len(new)] = new
        with pytest.raises(ReadError, match=text):
            read_binary(written(bytes(data)))
    for number, text in ((0x32, "a version command is too short"), (0x19, "a segment command is too short")):
        data = content(LINKED.but(names=(), build_version=(1, 0), symbols=None))
        place = data.index(pack("<II", 0x32, 24))
        data[place : place + 8] = pack("<II", number, 8)
        with pytest.raises(ReadError, match=text):
            read_binary(written(bytes(data)))
    data = content(LINKED)
    place = data.index(b"@rpath/libme") - 16
    data[place : place + 4] = b"\xff\0\0\0"
    with pytest.raises(ReadError, match="name in a load command lies outside"):
        read_binary(written(bytes(data)))
    java = b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(2000)
    with pytest.raises(ReadError, match="52 slices, or a Java class file"):
        read_binary(written(java))
    with pytest.raises(ReadError, match="is no Mach-O file"):
        read_binary(written(fat(LINKED).replace(b"\xcf\xfa\xed\xfe", b"\0\0\0\0")))


def test_a_file_of_nothing_but_a_header_has_no_links(tmp_path: Path) -> None:
    path = tmp_path / "empty.so"
    path.write_bytes(bytes(Mach())[:16] + bytes(8) + bytes(100))
    facts = read_binary(str(path), "all")
    assert (facts.needed, facts.truncated, facts.numpy) == ((), False, None)
