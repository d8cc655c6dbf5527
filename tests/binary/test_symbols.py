"""Dynamic symbols, versions and what else the loader asks; pyelftools as referee on real libraries."""

from __future__ import annotations

import os
import time
from itertools import product
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING, Any

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerDefSection, GNUVerNeedSection

from envaudit.binary import read_binary
from envaudit.binary.gnu_hash import hash_of
from envaudit.binary.symbols import read_symbols
from envaudit.errors import ReadError
from envaudit.model import VersionNeed
from tests.binary.conftest import fixture, system_libraries
from tests.binary.forge_symbols import LOCAL, WEAK, Library, Symbol, gnu

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[[Library | bytes], str]

SYMBOLS = (
    Symbol("PyFoo"),
    Symbol("weak", binding=WEAK),
    Symbol("memcpy", version=2),
    Symbol("old", version=0x8002),
    Symbol("_ZN3foo3barEi"),
    Symbol("offered", section=7),
    Symbol("weakly_offered", section=7, binding=WEAK),
    Symbol("protected", section=7, visibility=3),
    Symbol("hidden", section=7, visibility=2),
    Symbol("internal", section=7, visibility=1),
    Symbol("local", section=7, binding=LOCAL),
    Symbol("absolute", section=0xFFF1),
)
OFFERED = {b"offered", b"weakly_offered", b"protected", b"absolute"}
LIBRARY = Library(
    SYMBOLS,
    needs=(("libc.so.6", (("GLIBC_2.2.5", 0), ("GLIBC_2.34", 0), ("GLIBC_2.99", 2))), ("libm.so.6", (("M_1", 0),))),
    defines=("me.so", "ME_1.0", "ME_1.1"),
)


@pytest.mark.parametrize(
    ("bits", "order", "hashes"), list(product((32, 64), "<>", ((True, False), (False, True), (False, False))))
)
def test_every_form(bits: int, order: str, hashes: tuple[bool, bool], written: Write) -> None:
    gnu_hash, sysv_hash = hashes
    library = LIBRARY.but(bits=bits, order=order, gnu_hash=gnu_hash, sysv_hash=sysv_hash)
    path = written(library)
    symbols = read_symbols(path)
    assert symbols.undefined == {b"PyFoo", b"_ZN3foo3barEi"}
    assert symbols.defined_versions == {"me.so", "ME_1.0", "ME_1.1"}
    names = {one.name.encode() for one in SYMBOLS} | {b"nothing", b"offere", b"offered\0", b"", b"x" * 5000}
    assert symbols.provides(names) == OFFERED
    assert symbols.provides(()) == set()
    assert symbols.exports() == OFFERED
    assert symbols.provides(names) == OFFERED
    assert read_binary(path).versions_needed == (
        VersionNeed("libc.so.6", ("GLIBC_2.2.5", "GLIBC_2.34")),
        VersionNeed("libm.so.6", ("M_1",)),
    )


def test_the_wide_hash_of_s390x(written: Write) -> None:
    library = LIBRARY.but(order=">", machine=22, gnu_hash=False, sysv_hash=True)
    assert read_symbols(written(library)).undefined == {b"PyFoo", b"_ZN3foo3barEi"}


@pytest.mark.parametrize("sysv_hash", [True, False])
def test_a_file_that_defines_nothing(sysv_hash: bool, written: Write) -> None:
    """The empty hash of such a file does not tell where the undefined symbols end."""
    library = LIBRARY.but(symbols=SYMBOLS[:5], versions=False, defines=(), needs=(), sysv_hash=sysv_hash)
    symbols = read_symbols(written(library))
    assert symbols.undefined == {b"PyFoo", b"memcpy", b"old", b"_ZN3foo3barEi"}
    assert symbols.defined_versions == frozenset()
    assert symbols.provides([b"PyFoo"]) == set()
    assert symbols.exports() == frozenset()


def test_a_file_without_dynamic_symbols(written: Write) -> None:
    symbols = read_symbols(written(bytes(LIBRARY)[:56] + b"\0\0" + bytes(LIBRARY)[58:]))  # no program headers
    assert (symbols.undefined, symbols.defined_versions) == (frozenset(), frozenset())
    assert (symbols.exports(), symbols.provides([b"offered"])) == (frozenset(), set())


@pytest.mark.parametrize("length", [0, 1, 5, 254, 255, 256, 257, 1000])
def test_hash(length: int) -> None:
    name = ("offered_\u00e9" * length)[:length]
    assert hash_of(name.encode()) == gnu(name)


def test_what_else_the_loader_is_asked(written: Write) -> None:
    quiet = read_binary(written(LIBRARY))
    assert (quiet.exec_stack, quiet.static_tls, quiet.min_align) == (False, 0, 4096)
    loud = read_binary(written(LIBRARY.but(stack=7, tls=6000, flags=0x18, align=0x10000)))
    assert (loud.exec_stack, loud.static_tls, loud.min_align) == (True, 6000, 0x10000)
    assert read_binary(written(LIBRARY.but(tls=6000, flags=0x8))).static_tls == 0
    # Without the header the loader assumes what the machine's calling convention once was.
    assert read_binary(written(LIBRARY.but(stack=None))).exec_stack
    assert not read_binary(written(LIBRARY.but(stack=None, machine=183))).exec_stack


def test_broken_tables_are_refused_in_words(written: Write) -> None:
    whole = bytes(LIBRARY)
    tables = {name: _find(whole, tag) for name, tag in {"versions": 0x6FFFFFFE, "hash": 0x6FFFFEF5}.items()}
    place = tables["versions"]
    with pytest.raises(ReadError, match="record of symbol versions lies outside"):
        read_binary(written(_patched(whole, place + 8, b"\xff\xff\xff\x7f")))
    looped = read_binary(written(_patched(whole, place + 12, b"\0\0\0\0")))
    assert looped.versions_needed == (VersionNeed("libc.so.6", ("GLIBC_2.2.5", "GLIBC_2.34")),)
    place = tables["hash"]
    with pytest.raises(ReadError, match="dynamic symbols, more than"):
        read_symbols(written(_patched(whole, place + 4, b"\xff\xff\xff\x7f")))
    for change, text in (((place, bytes(4)), "without buckets"), ((place, b"\xff\xff\xff\x7f"), "buckets, more than")):
        with pytest.raises(ReadError, match=text):
            read_symbols(written(_patched(whole, *change))).provides([b"offered"])
    with pytest.raises(ReadError, match="cut short"):
        read_symbols(written(whole[:900]))
    with pytest.raises(ReadError, match="not an ELF file"):
        read_symbols(written(b"MZ" + bytes(2000)))


def test_records_that_go_on_for_ever(written: Write) -> None:
    versions = tuple((f"V_{number}", 0) for number in range(5000))
    with pytest.raises(ReadError, match="more than the 4096 records"):
        read_binary(written(LIBRARY.but(needs=(("libc.so.6", versions),))))
    many = read_binary(written(LIBRARY.but(needs=(("libc.so.6", versions[:3000]),))))
    assert many.versions_needed[0].versions == tuple(name for name, _ in versions[:3000])


def test_a_chain_without_an_end(written: Write) -> None:
    symbols = tuple(Symbol(f"name{number}", section=1) for number in range(10000))
    whole = bytearray(bytes(Library(symbols)))
    place = _find(whole, 0x6FFFFEF5) + 16 + 8 + 8
    for at in range(place, place + 40000, 4):
        whole[at] &= 0xFE
    started = time.process_time()
    with pytest.raises(ReadError, match="symbols of one hash bucket"):
        read_symbols(written(bytes(whole))).provides([b"name1"])
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(("length", "text"), [(70_000, "too long"), (60_000, "names have more than")])
def test_names_that_overlap(length: int, text: str, written: Write) -> None:
    """Each symbol may name another byte of one long string: all names together are far larger than the file."""
    whole = bytes(Library((Symbol("x" * length), *(Symbol("y") for _ in range(5000))), versions=False))
    place = _find(whole, 6)
    table = b"".join(pack("<IBBHQQ", 1 + number, 0x12, 0, 0, 0, 0) for number in range(5000))
    started = time.process_time()
    with pytest.raises(ReadError, match=text):
        read_symbols(written(_patched(whole, place + 24, table)))
    assert time.process_time() - started < 1.0


def test_all_names_in_one_long_chain(written: Write) -> None:
    names = [f"name{number}" for number in range(8000)]
    path = written(Library(tuple(Symbol(name, section=1) for name in names)))
    started = time.process_time()
    with pytest.raises(ReadError, match="chains of the symbol hash are too long"):
        read_symbols(path).provides([name.encode() for name in names])
    assert time.process_time() - started < 1.0


def test_pybind11_name() -> None:
    facts = read_binary(fixture("by_name_1x.so"))
    assert facts.frameworks == ("pybind11",)
    assert facts.pybind11 == "__pybind11_internals_v4_gcc_libstdcpp_cxxabi1014__"
    assert read_binary(fixture("api_1x_O2.so")).pybind11 == ""


def test_pyelftools_agrees() -> None:
    compared = 0
    for path in system_libraries():
        symbols = read_symbols(path)
        undefined, offered, needs, defines = _by_pyelftools(path)
        assert symbols.undefined == undefined, path
        assert symbols.provides(undefined | offered) == offered, path
        assert symbols.exports() == offered, path
        assert symbols.defined_versions == defines, path
        assert [(need.library, need.versions) for need in read_binary(path).versions_needed] == needs, path
        compared += 1
    assert compared > 20


def _by_pyelftools(path: str) -> tuple[set[bytes], set[bytes], list[tuple[str, tuple[str, ...]]], set[str]]:
    """Return undefined and offered names, needed and defined versions."""
    undefined: set[bytes] = set()
    offered: set[bytes] = set()
    needs: list[tuple[str, tuple[str, ...]]] = []
    defines: set[str] = set()
    with Path(path).open("rb") as stream:
        elf = ELFFile(stream)
        numbers: Any = elf.get_section_by_name(".gnu.version")
        table: Any = elf.get_section_by_name(".dynsym")
        for index, symbol in enumerate(table.iter_symbols()):
            binding, name = symbol.entry.st_info.bind, symbol.name.encode()
            if symbol.entry.st_shndx == "SHN_UNDEF":
                version = numbers.get_symbol(index).entry["ndx"] if numbers else "VER_NDX_GLOBAL"
                if binding == "STB_GLOBAL" and version in {"VER_NDX_LOCAL", "VER_NDX_GLOBAL"}:
                    undefined.add(name)
            elif binding != "STB_LOCAL" and symbol.entry.st_other.visibility in {"STV_DEFAULT", "STV_PROTECTED"}:
                offered.add(name)
        for section in elf.iter_sections():
            if isinstance(section, GNUVerNeedSection):
                for library, versions in section.iter_versions():
                    strong = tuple(one.name for one in versions if not one.entry.vna_flags & 2)
                    needs.append((str(library.name), strong))
            elif isinstance(section, GNUVerDefSection):
                defines |= {next(iter(names)).name for _, names in section.iter_versions()}
    return undefined, offered, needs, defines


def test_symbols_of_a_file_that_is_gone(written: Write) -> None:
    path = written(LIBRARY)
    symbols = read_symbols(path)
    os.unlink(path)
    with pytest.raises(ReadError, match="no such file"):
        symbols.provides([b"offered"])
    with pytest.raises(ReadError, match="no such file"):
        symbols.exports()


def _find(data: bytes | bytearray, tag: int) -> int:
    """Return the offset of the table that a tag of a 64-bit little-endian file leads to."""
    place = data.rindex(tag.to_bytes(8, "little"))
    return int.from_bytes(data[place + 8 : place + 16], "little") - 0x10000


def _patched(data: bytes, offset: int, new: bytes) -> bytes:
    return data[:offset] + new + data[offset + len(new) :]
