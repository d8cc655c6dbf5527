"""Environments whose interpreter is not there: their compiled files say what they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.locate.compiled import machine_of_files
from envaudit.locate.machine import Machine, host_machine
from tests.locate.support import find, kinds
from tests.support.trees import Link, make_distribution, write_tree

if TYPE_CHECKING:
    from pathlib import Path

ARM = b"\xcf\xfa\xed\xfe\x0c\0\0\x01"
INTEL = b"\xcf\xfa\xed\xfe\x07\0\0\x01"


def mac_venv(folder: Path, program: Link | None, data: bytes) -> Path:
    site = "lib/python3.11/site-packages"
    write_tree(folder, {"pyvenv.cfg": "home = /no/such/homebrew/bin\nversion = 3.11.7\n"})
    write_tree(folder, {f"{site}/a/_c.cpython-311-darwin.so": data})
    if program:
        write_tree(folder, {"bin/python": program})
    make_distribution(folder / site, "a", "1")
    return folder


@pytest.mark.parametrize("program", [None, Link("/no/such/homebrew/bin/python3.11")])
@pytest.mark.parametrize(("data", "machine"), [(ARM, "arm64"), (INTEL, "x86_64"), (b"", "arm64")])
def test_a_copy_of_an_environment_of_macos(tmp_path: Path, program: Link | None, data: bytes, machine: str) -> None:
    target = find(mac_venv(tmp_path / "venv", program, data))
    assert (target.platform, target.python, target.executable) == (f"macosx-{machine}", "3.11.7", "")
    assert kinds(target) == ["assumed-python"]  # not "the interpreter is missing": it is missing here
    site = find(tmp_path / "venv/lib/python3.11/site-packages")
    assert site.platform == f"macosx-{machine}"


def test_what_pip_installed_into_an_empty_prefix(tmp_path: Path) -> None:
    site = write_tree(tmp_path, {"lib/python3.11/site-packages": {}}) / "lib/python3.11/site-packages"
    make_distribution(site, "a", "1", files={"a/_c.cpython-311-darwin.so": ARM})
    assert find(tmp_path).platform == "macosx-arm64"


def test_a_stray_file_does_not_decide(tmp_path: Path) -> None:
    names = ["a.cpython-311-darwin.so", "b.cp311-win_amd64.pyd", "c.cp311-win_amd64.pyd", "d.cp311-win32.pyd"]
    write_tree(tmp_path, dict.fromkeys(names, ""))
    assert machine_of_files([str(tmp_path)]) == Machine("win32", "AMD64")


def test_without_a_name_that_says_so_it_is_the_machine_at_hand(tmp_path: Path) -> None:
    write_tree(tmp_path, {"pyvenv.cfg": "version = 3.11.7\n", "lib/python3.11/site-packages/a.abi3.so": ARM})
    assert machine_of_files([f"{tmp_path}/lib/python3.11/site-packages", f"{tmp_path}/none"]) is None
    target = find(tmp_path)
    assert (target.platform, kinds(target)) == (host_machine().platform, ["base-missing"])
