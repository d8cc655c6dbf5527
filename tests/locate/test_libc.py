"""The C library by the files of an image: by that of this machine, copied, and by files that say little or lie."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import pytest

from envaudit.files import looking_inside
from envaudit.locate.libc import libc_of_files, loader_of_image
from tests.locate.image import add
from tests.support.trees import Link, elf_program, write_tree

HOST = os.confstr("CS_GNU_LIBC_VERSION") or "" if "CS_GNU_LIBC_VERSION" in os.confstr_names else ""
MACHINE = platform.machine()
LIBC = next((path for path in (f"/lib/{MACHINE}-linux-gnu/libc.so.6", "/lib64/libc.so.6") if Path(path).exists()), "")
LOADER = "/lib64/ld-linux-x86-64.so.2"
needs_glibc = pytest.mark.skipif(not (HOST.startswith("glibc") and LIBC), reason="needs the files of glibc")


def libc_of(image: Path, loader: str = LOADER, machine: str = MACHINE) -> str:
    with looking_inside(str(image)):
        return libc_of_files(loader, machine)


@needs_glibc
@pytest.mark.parametrize("place", ["usr/lib64", f"usr/lib/{MACHINE}-linux-gnu", "usr/lib", "gnu/store/glibc"])
def test_the_version_of_this_machines_libc_in_another_place(tmp_path: Path, place: str) -> None:
    write_tree(tmp_path, {"lib64": Link("/usr/lib64"), "lib": Link("usr/lib"), "usr/lib64": {}, "usr/lib": {}})
    add(tmp_path, {f"{place}/libc.so.6": Path(LIBC).read_bytes(), f"{place}/loader": elf_program()})
    add(tmp_path, {"usr/lib64/ld-linux-x86-64.so.2": Link(f"/{place}/loader")})
    assert libc_of(tmp_path) == HOST


@needs_glibc
def test_the_versions_it_defines_tell_without_its_words(tmp_path: Path) -> None:
    data = Path(LIBC).read_bytes()
    newest = max(int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)\0", data))
    add(tmp_path, {"lib64/libc.so.6": data.replace(b"GNU C Library", b"GNU c library")})
    assert libc_of(tmp_path) == f"glibc 2.{newest}"
    # A release without new symbols is newer than all it defines.
    words = re.sub(rb"(GNU C Library [^\n]* version 2\.)\d\d", rb"\g<1>99", data)
    assert words != data
    add(tmp_path, {"lib64/libc.so.6": words})
    assert libc_of(tmp_path) == "glibc 2.99"


@needs_glibc
def test_a_library_of_another_machine_or_a_damaged_one_says_nothing(tmp_path: Path) -> None:
    data = Path(LIBC).read_bytes()
    add(tmp_path, {"lib64/libc.so.6": data})
    assert libc_of(tmp_path, machine="riscv64") == "glibc"
    for broken in (
        b"",
        b"\x7fELF",
        data[:5000],
        elf_program("aarch64"),
        b"GNU C Library stable release version 2.36.\n",
    ):
        add(tmp_path, {"lib64/libc.so.6": broken})
        assert libc_of(tmp_path) == "glibc"


@pytest.mark.parametrize(
    ("tree", "libc"),
    [
        ({}, "musl"),
        ({"lib/ld-musl-x86_64.so.1": b"\x001.2.4\0"}, "musl 1.2"),
        ({"lib/ld-musl-x86_64.so.1": b"1.2.4"}, "musl"),
        ({"lib/libc.musl-x86_64.so.1": b"\x001.1.24\0"}, "musl 1.1"),
        ({"usr/lib/libc.musl-x86_64.so.1": b"\x001.2.5\0"}, "musl 1.2"),
        ({"lib/ld-musl-x86_64.so.1": Link("/opt/libc.so"), "opt/libc.so": b"\x001.2.5\0"}, "musl 1.2"),
        ({"lib/ld-musl-x86_64.so.1": Link("ld-musl-x86_64.so.1")}, "musl"),
    ],
)
def test_musl_is_loader_and_library_in_one(tmp_path: Path, tree: dict[str, bytes | Link], libc: str) -> None:
    write_tree(tmp_path, tree)
    assert libc_of(tmp_path, "/lib/ld-musl-x86_64.so.1", "x86_64") == libc


def test_a_loader_of_another_name_tells_nothing(tmp_path: Path) -> None:
    assert [libc_of(tmp_path, loader) for loader in ("", "/lib/ld.so", "/system/bin/linker64")] == ["", "", ""]


def test_the_loader_of_an_image_is_one_inside_of_it(tmp_path: Path) -> None:
    write_tree(tmp_path, {"lib64/ld-linux-x86-64.so.2": Link("../../../../../../lib64/ld-linux-x86-64.so.2")})
    with looking_inside(str(tmp_path)):
        assert loader_of_image() is None
