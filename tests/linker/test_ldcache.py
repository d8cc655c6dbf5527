"""The loader's cache: forged, hostile, and the one of this machine."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envaudit.errors import ReadError
from envaudit.linker.ldcache import read_ld_cache

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAGIC = b"glibc-ld.so.cache1.1"


def forge(entries: Sequence[tuple[str, str, int]], *, before: bytes = b"", order: str = "<", flag: int = 0) -> bytes:
    """Write a cache: ``(name, path, hwcap)`` for each entry; ``before`` stands where the old format did."""
    table, strings = b"", b""
    start = 48 + 24 * len(entries)
    for name, path, hwcap in entries:
        key = start + len(strings)
        strings += name.encode() + b"\0"
        value = start + len(strings)
        strings += path.encode() + b"\0"
        table += struct.pack(order + "iIIIQ", 0x303, key, value, 0, hwcap)
    header = MAGIC + struct.pack(order + "II", len(entries), len(strings)) + bytes([flag]) + bytes(19)
    assert len(header) == 48
    return before + header + table + strings


def read(tmp_path: Path, data: bytes) -> dict[str, tuple[str, ...]]:
    file = tmp_path / "ld.so.cache"
    file.write_bytes(data)
    return dict(read_ld_cache(str(file)))


@pytest.mark.parametrize("before", [b"", b"ld.so-1.7.0\0" + bytes(36)])
@pytest.mark.parametrize(("order", "flag"), [("<", 0), ("<", 2), (">", 3), (">", 0)])
def test_names_and_paths(tmp_path: Path, before: bytes, order: str, flag: int) -> None:
    entries = [("libz.so.1", "/lib/libz.so.1", 0), ("libz.so.1", "/lib32/libz.so.1", 0), ("liba.so", "/lib/liba.so", 0)]
    assert read(tmp_path, forge(entries, before=before, order=order, flag=flag)) == {
        "libz.so.1": ("/lib/libz.so.1", "/lib32/libz.so.1"),
        "liba.so": ("/lib/liba.so",),
    }


def test_libraries_for_special_processors_come_last(tmp_path: Path) -> None:
    entries = [("libz.so", "/lib/glibc-hwcaps/x86-64-v3/libz.so", 1 << 62), ("libz.so", "/lib/libz.so", 0)]
    assert read(tmp_path, forge(entries))["libz.so"] == ("/lib/libz.so", "/lib/glibc-hwcaps/x86-64-v3/libz.so")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a cache"),
        (b"ld.so-1.7.0\0" + bytes(100), "not a cache"),
        (MAGIC, "ends inside its header"),
        (forge([("a", "/a", 0)])[:60], "states 1 entries"),
        (MAGIC + b"\xff\xff\xff\x7f" + bytes(60), "entries"),
        (MAGIC + b"\xff\xff\xff\xff" + bytes(60), "entries"),
    ],
)
def test_a_broken_cache_is_an_error(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(ReadError, match=reason):
        read(tmp_path, data)


def test_strings_outside_the_file_and_relative_paths_are_passed_over(tmp_path: Path) -> None:
    good = forge([("liba.so", "/lib/liba.so", 0), ("libb.so", "lib/libb.so", 0)])
    assert read(tmp_path, good) == {"liba.so": ("/lib/liba.so",)}
    wild = bytearray(good)
    struct.pack_into("<II", wild, 48 + 4, 0xFFFFFFFF, 0x7FFFFFFF)
    assert read(tmp_path, bytes(wild)) == {}
    endless = good[: good.index(b"liba.so")] + b"x" * 9000
    assert read(tmp_path, endless) == {}


@given(cut=st.integers(0, 200), changes=st.lists(st.tuples(st.integers(0, 150), st.integers(0, 255)), max_size=12))
def test_nothing_but_a_read_error_comes_of_mutated_bytes(
    tmp_path_factory: pytest.TempPathFactory, cut: int, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(forge([("libz.so.1", "/lib/libz.so.1", 0), ("liba.so", "/lib/liba.so", 1)]))
    for place, value in changes:
        if place < len(data):
            data[place] = value
    try:
        read(tmp_path_factory.mktemp("cache"), bytes(data[: len(data) - cut] if cut < len(data) else data))
    except ReadError:
        return


def test_the_cache_of_this_machine() -> None:
    if not os.path.exists("/etc/ld.so.cache"):
        pytest.skip("this machine has no cache of glibc's loader")
    cache = read_ld_cache("/etc/ld.so.cache")
    assert any(os.path.exists(path) for path in cache["libc.so.6"])
