"""Folders of packages named without their environment."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from envaudit.errors import TargetError
from tests.locate.support import find, kinds, sites
from tests.support.trees import make_distribution, make_python, make_venv, site_packages, write_tree

if TYPE_CHECKING:
    from pathlib import Path

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_a_site_folder_takes_python_from_the_environment_around(tmp_path: Path) -> None:
    site = site_packages(make_venv(tmp_path, version="3.9.18"))
    target = find(site)
    assert (target.kind, target.python, kinds(target)) == ("site-packages", "3.9.18", [])
    assert sites(target) == [(str(site), "site")]


def test_a_site_folder_of_another_python_has_the_version_of_its_path(tmp_path: Path) -> None:
    venv = make_venv(tmp_path, version="3.9.18")
    site = write_tree(venv, {"lib/python3.12/site-packages": {}}) / "lib/python3.12/site-packages"
    target = find(site)
    assert (target.python, target.executable, kinds(target)) == ("3.12", "", [])


def test_a_bare_folder_is_for_the_python_that_is_named(tmp_path: Path) -> None:
    make_distribution(tmp_path / "deps", "a", "1", files={"a.cpython-38-x86_64-linux-gnu.so": ""})
    program = make_python(tmp_path / "base", "3.10.2")
    target = find(tmp_path / "deps", str(program))
    assert (target.kind, target.python, target.executable) == ("site-packages", "3.10.2", str(program))
    assert kinds(target) == []
    assert sites(target) == [(f"{tmp_path}/deps", "site")]


def test_a_python_that_is_named_does_not_change_an_environment(tmp_path: Path) -> None:
    venv = make_venv(tmp_path)
    assert find(venv, "/no/such/python").python == "3.11.7"
    make_distribution(tmp_path / "deps", "a", "1")
    with pytest.raises(TargetError, match="no such file or folder: /no/such/python"):
        find(tmp_path / "deps", "/no/such/python")


@pytest.mark.parametrize(
    ("name", "version", "free_threaded", "platform"),
    [
        ("a/_c.cpython-38-x86_64-linux-gnu.so", "3.8", False, "linux-x86_64"),
        ("a/b/_c.cpython-313t-aarch64-linux-gnu.so", "3.13", True, "linux-aarch64"),
        ("_c.cpython-312-darwin.so", "3.12", False, "macosx-arm64"),
        ("a/_c.cp311-win_amd64.pyd", "3.11", False, "win-amd64"),
    ],
)
def test_a_bare_folder_is_for_the_python_of_its_compiled_files(
    tmp_path: Path, name: str, version: str, free_threaded: bool, platform: str
) -> None:
    make_distribution(tmp_path, "a", "1", files={name: "", "a/_d.abi3.so": ""})
    target = find(tmp_path)
    assert (target.python, target.free_threaded, target.platform) == (version, free_threaded, platform)
    assert kinds(target) == ["assumed-python"]
    assert name.rpartition("/")[2] in target.problems[0].detail


def test_a_bare_folder_that_says_nothing_is_for_the_python_at_hand(tmp_path: Path) -> None:
    make_distribution(tmp_path, "a", "1")
    target = find(tmp_path)
    assert (target.python, kinds(target)) == (HERE, ["assumed-python"])
    assert "--python names another" in target.problems[0].detail


def test_an_empty_site_folder_can_be_audited(tmp_path: Path) -> None:
    target = find(write_tree(tmp_path, {"site-packages": {}}) / "site-packages")
    assert (target.kind, kinds(target)) == ("site-packages", ["assumed-python"])
