"""Names that Mach-O and PE files take from their libraries, and those they offer."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envaudit.binary.macho_symbols import MachSymbols
from envaudit.binary.named import read_names
from envaudit.errors import ReadError
from tests.binary.forge_named import (
    ANYWHERE,
    LOAD,
    MAY_BE_ABSENT,
    REEXPORT,
    SHARED,
    UPWARD,
    WEAK,
    mach,
    pe,
    trie,
)

if TYPE_CHECKING:
    from pathlib import Path

LIBRARIES = (
    (LOAD, "/usr/lib/libSystem.B.dylib"),
    (WEAK, "weak.dylib"),
    (REEXPORT, "again.dylib"),
    (UPWARD, "up.dylib"),
)


def _write(folder: Path, content: bytes) -> str:
    path = folder / "file"
    path.write_bytes(content)
    return str(path)


def test_each_name_is_asked_of_one_library_by_its_number(tmp_path: Path) -> None:
    asks = (("malloc", 1), ("free", 1), ("one", 2), ("two", 3), ("three", 4))
    names = read_names(_write(tmp_path, mach(*LIBRARIES, asks=asks)))
    assert names.asks == {
        "/usr/lib/libSystem.B.dylib": {b"_malloc", b"_free"},
        "weak.dylib": {b"_one"},
        "again.dylib": {b"_two"},
        "up.dylib": {b"_three"},
    }
    assert names.reexports == ("again.dylib",)


def test_what_need_not_be_in_one_library_is_left_out(tmp_path: Path) -> None:
    asks = (
        ("PyList_New", ANYWHERE),
        ("self", 0),
        ("absent", 1 << 8 | MAY_BE_ABSENT),
        ("template", 1 << 8 | SHARED),
        ("behind", 9),
    )
    assert read_names(_write(tmp_path, mach(*LIBRARIES, asks=asks))).asks == {}
    flat = read_names(_write(tmp_path, mach(*LIBRARIES, asks=(("malloc", 1),), flat=True)))
    assert isinstance(flat, MachSymbols)
    assert (flat.flat, flat.asks) == (True, {})


def test_exported_names_are_found_in_the_tree(tmp_path: Path) -> None:
    names = ("omp_init_lock", "omp_init_lock_with_hint", "omp", "x", "zoo")
    read = read_names(_write(tmp_path, mach(exports=names)))
    wanted = frozenset(b"_" + name.encode() for name in names)
    assert read.provides(wanted) == wanted
    assert read.provides(frozenset({b"_om", b"_omp_init", b"_zo", b"_zoom", b"", b"_", b"y"})) == frozenset()
    assert read.is_complete


def test_a_branch_may_carry_no_characters_and_two_may_fit(tmp_path: Path) -> None:
    # As Apple's linker writes it: "_a" leads to a node without a name whose empty branch leads to the name.
    node = b"\x00\x01_a\x00\x06" + b"\x00\x02b\x00\x0d\x00\x11" + 2 * b"\x02\x00\x10\x00"
    read = read_names(_write(tmp_path, mach(table=node)))
    assert read.provides(frozenset({b"_a", b"_ab", b"_b"})) == {b"_a", b"_ab"}


@given(st.lists(st.text("ab_", max_size=6), max_size=30), st.lists(st.text("ab_", max_size=7), max_size=30))
def test_the_tree_says_neither_more_nor_less(
    tmp_path_factory: pytest.TempPathFactory, have: list[str], ask: list[str]
) -> None:
    table = trie([name.encode() for name in have if name])
    read = read_names(_write(tmp_path_factory.mktemp("trie"), mach(table=table or b"\0\0")))
    wanted = frozenset(name.encode() for name in (*have, *ask) if name)
    assert read.provides(wanted) == wanted & frozenset(name.encode() for name in have)


@pytest.mark.parametrize(
    "table",
    [b"\x80" * 12, b"\x00", b"\x05", b"\x00\x01_a", b"\x00\x01_a\x00", b"\x00\x01\x00\x90\x7f"],
    ids=["long number", "no branches", "no end", "name without end", "no place", "place outside"],
)
def test_a_tree_that_leads_outside_is_refused(tmp_path: Path, table: bytes) -> None:
    read = read_names(_write(tmp_path, mach(table=table)))
    with pytest.raises(ReadError):
        read.provides(frozenset({b"_a"}))


def test_a_tree_that_leads_back_ends(tmp_path: Path) -> None:
    read = read_names(_write(tmp_path, mach(table=b"\x00\x02_\x00\x00\x00\x00")))
    assert read.provides(frozenset({b"_" * 50})) == frozenset()


def test_an_old_file_without_a_tree_is_not_complete(tmp_path: Path) -> None:
    assert not read_names(_write(tmp_path, mach(exports=None))).is_complete


def test_names_outside_the_file_are_refused(tmp_path: Path) -> None:
    content = bytearray(mach(*LIBRARIES, asks=(("malloc", 1),)))
    place = content.index(b"\x0b\x00\x00\x00\x50\x00\x00\x00") + 8 + 20
    content[place : place + 4] = b"\xff\xff\xff\x00"
    with pytest.raises(ReadError, match="undefined names"):
        read_names(_write(tmp_path, bytes(content)))


def test_a_library_of_windows(tmp_path: Path) -> None:
    long = "?" + string.ascii_letters * 30
    content = pe(("KERNEL32.dll", ("Sleep", 7)), ("x.dll", ("a", long)), exports=("PyInit__core", long))
    names = read_names(_write(tmp_path, content))
    assert names.asks == {"KERNEL32.dll": {b"Sleep"}, "x.dll": {b"a", long.encode()}}
    assert names.provides(frozenset({b"PyInit__core", long.encode(), b"Sleep"})) == {b"PyInit__core", long.encode()}
    assert (names.is_complete, names.reexports) == (True, ())
    assert read_names(_write(tmp_path, pe(("x.dll", ("a",))))).provides(frozenset({b"a"})) == frozenset()


def test_an_export_table_outside_its_section_is_refused(tmp_path: Path) -> None:
    content = bytearray(pe(("x.dll", ("a",)), exports=("one",)))
    optional = 64 + 24
    place = int.from_bytes(content[optional + 112 : optional + 116], "little")
    content[place + 24 : place + 28] = (999_999).to_bytes(4, "little")
    with pytest.raises(ReadError, match="outside their section"):
        read_names(_write(tmp_path, bytes(content)))
    content[place + 24 : place + 28] = (9_999_999).to_bytes(4, "little")
    with pytest.raises(ReadError, match="more than are read"):
        read_names(_write(tmp_path, bytes(content)))
