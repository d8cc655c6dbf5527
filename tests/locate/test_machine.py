"""Machine and C library by the first bytes of an interpreter, or by the suffix of a compiled file."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from envaudit.errors import ReadError
from envaudit.locate import machine
from envaudit.locate.machine import Machine, host_machine, machine_of_program, machine_of_suffix
from tests.support.trees import elf_program, write_tree

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, data: bytes) -> Machine:
    write_tree(folder, {"python": data})
    return machine_of_program(str(folder / "python"))


@pytest.mark.parametrize("name", ["x86_64", "aarch64", "ppc64le", "s390x", "riscv64"])
def test_elf(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, elf_program(name, "/no/such/ld.so"))
    assert (found.system, found.machine, found.libc, found.platform) == ("linux", name, "", f"linux-{name}")


def test_musl_by_the_loader_and_the_version_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_HOST_FOLDERS", (os.path.realpath(tmp_path),))
    write_tree(tmp_path, {"ld-musl-x86_64.so.1": b"\x7fELF\0 1.0 \0" + b"1.2.5\0"})
    loader = str(tmp_path / "ld-musl-x86_64.so.1")
    assert read(tmp_path, elf_program("x86_64", loader)).libc == "musl 1.2"
    write_tree(tmp_path, {"ld-musl-x86_64.so.1": b"1.1.24"})
    assert read(tmp_path, elf_program("x86_64", loader)).libc == "musl 1.2"
    write_tree(tmp_path, {"ld-musl-x86_64.so.1": b"\x001.1.24\0"})
    assert read(tmp_path, elf_program("x86_64", loader)).libc == "musl 1.1"


def test_a_loader_of_another_root_has_no_known_version(tmp_path: Path) -> None:
    write_tree(tmp_path, {"ld-linux-x86-64.so.2": ""})
    assert read(tmp_path, elf_program("x86_64", str(tmp_path / "ld-linux-x86-64.so.2"))).libc == ""


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01", Machine("darwin", "x86_64")),
        (b"\xcf\xfa\xed\xfe\x0c\0\0\x01", Machine("darwin", "arm64")),
        (b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0\x64\xaa", Machine("win32", "ARM64")),
        (b"MZ", Machine("win32", "AMD64")),
        (b"MZ" + b"\xff" * 62, Machine("win32", "AMD64")),
    ],
)
def test_other_systems(tmp_path: Path, data: bytes, expected: Machine) -> None:
    assert read(tmp_path, data) == expected


def test_a_file_for_several_machines_is_for_macos(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xca\xfe\xba\xbe\0\0\0\x02").system == "darwin"


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF" + b"\xff" * 200])
def test_what_is_no_executable_is_a_read_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ReadError):
        read(tmp_path, data)


def test_platform_names_are_those_of_sysconfig() -> None:
    assert Machine("win32", "AMD64").platform == "win-amd64"
    assert Machine("darwin", "arm64").platform == "macosx-arm64"


def test_the_host_is_the_machine_at_hand() -> None:
    assert host_machine().machine == os.uname().machine
    assert host_machine().system == sys.platform


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.cpython-311-x86_64-linux-gnu.so", "linux-x86_64"),
        ("a.cpython-311-i386-linux-gnu.so", "linux-i686"),
        ("a.cpython-311-aarch64-linux-musl.so", "linux-aarch64"),
        ("a.pypy310-pp73-x86_64-linux-gnu.so", "linux-x86_64"),
        ("a.cp311-win32.pyd", "win32"),
        ("a.abi3.so", None),
    ],
)
def test_suffixes(name: str, expected: str | None) -> None:
    found = machine_of_suffix(name)
    assert (found.platform if found else None) == expected


def test_a_version_of_a_c_library_is_only_known_for_that_of_this_machine() -> None:
    libcs = {name: machine_of_suffix(f"a.cpython-311-x86_64-linux-{name}.so") for name in ("gnu", "musl")}
    here = host_machine().libc
    for name, libc in (("gnu", "glibc"), ("musl", "musl")):
        found = libcs[name]
        assert found is not None
        assert found.libc == (here if here.startswith(libc) else "")


@pytest.mark.parametrize(
    ("host", "other", "expected"),
    [
        (("linux", "x86_64"), ("linux", "x86_64"), True),
        (("linux", "x86_64"), ("linux", "i686"), True),
        (("linux", "i586"), ("linux", "i686"), True),
        (("linux", "x86_64"), ("linux", "aarch64"), False),
        (("linux", "aarch64"), ("linux", "x86_64"), False),
        (("linux", "aarch64"), ("linux", "armv7l"), True),
        (("linux", "armv6l"), ("linux", "armv7l"), True),
        (("linux", "mips64"), ("linux", "mips"), True),
        (("linux", "x86_64"), ("linux", ""), False),
        (("darwin", "arm64"), ("darwin", "x86_64"), True),
        (("darwin", "x86_64"), ("darwin", "arm64"), False),
        (("linux", "x86_64"), ("darwin", "x86_64"), False),
        (("win32", "AMD64"), ("win32", "AMD64"), True),
        (("win32", "ARM64"), ("win32", "AMD64"), True),
        (("win32", "AMD64"), ("win32", "x86"), True),
    ],
)
def test_what_a_machine_can_start(
    host: tuple[str, str], other: tuple[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "host_machine", lambda: Machine(*host))
    assert machine.runs_here(Machine(*other)) == expected
