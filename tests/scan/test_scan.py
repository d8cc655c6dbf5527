"""Scanning whole site folders: what is found, what hides what, and what one bad distribution does to the others."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.model import DirectUrl, EntryPoint, RecordEntry, SiteDir
from tests.scan.support import kinds, scan, scan_one
from tests.support.trees import Fifo, Link, Tree, make_distribution, write_tree

if TYPE_CHECKING:
    from pathlib import Path

PKG_INFO = "Metadata-Version: 1.1\nName: six\nVersion: 1.16.0\nRequires-Python: >=2.7\n\n"


def test_everything_about_a_wheel(tmp_path: Path) -> None:
    info = make_distribution(
        tmp_path,
        "Pandas.Extra",
        "2.0.3",
        requires=["numpy>=1.20.3", 'pytest; extra == "test"'],
        extras=["test"],
        requires_python=">=3.8",
        tags=["cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux2014_x86_64"],
        files={"pandas/__init__.py": "", "pandas/lib.cpython-311-x86_64-linux-gnu.so": b"\x7fELF"},
        installer="uv",
        requested=True,
        direct_url={"url": "https://me:secret@example.org/p.whl", "archive_info": {}},
        entry_points="[console_scripts]\npd = pandas:main\n",
    )
    dist = scan_one(tmp_path)
    assert (dist.name, dist.key, dist.version) == ("Pandas.Extra", "pandas-extra", "2.0.3")
    assert (dist.info_path, dist.site_dir) == (str(info), str(tmp_path))
    assert dist.metadata_path == str(info / "METADATA")
    assert dist.requires == ("numpy>=1.20.3", 'pytest; extra == "test"')
    assert (dist.provides_extra, dist.requires_python) == (("test",), ">=3.8")
    assert dist.wheel_tags == ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux2014_x86_64")
    assert (dist.installer, dist.requested, dist.has_record) == ("uv", True, True)
    assert dist.direct_url == DirectUrl("https://example.org/p.whl", False)
    assert dist.entry_points == (EntryPoint("console_scripts", "pd", "pandas:main"),)
    assert dist.top_level == ("pandas",)
    (binary,) = dist.binaries
    assert (binary.path, binary.size) == ("pandas/lib.cpython-311-x86_64-linux-gnu.so", 4)
    assert binary.hash.startswith("sha256=")
    assert dist.problems == ()


def test_distributions_come_in_order_and_leftovers_do_not_count(tmp_path: Path) -> None:
    for name in ("b", "a", "C"):
        make_distribution(tmp_path, name, "1")
    make_distribution(tmp_path, "~umpy", "1.26.4")
    write_tree(tmp_path, {"~umpy-1.25.0.dist-info": {}, "-ip-23.0.dist-info": {}, "dist-info": {}, "x.txt": ""})
    assert [dist.name for dist in scan(tmp_path).distributions] == ["C", "a", "b"]


HOSTILE: dict[str, tuple[Tree, list[str]]] = {
    "nothing": ({}, ["missing"]),
    "empty": ({"METADATA": ""}, ["bad-name", "bad-version"]),
    "random": ({"METADATA": random.Random(7).randbytes(5000)}, ["unreadable", "unreadable", "bad-name", "bad-version"]),
    "0xff": ({"METADATA": b"\xff" * 100}, ["unreadable", "unreadable", "bad-name", "bad-version"]),
    "cut": ({"METADATA": "Metadata-Version: 2.1\nName: bad\nVer"}, ["unreadable", "bad-version"]),
    "folder": ({"METADATA": {}}, ["unreadable"]),
    "pipe": ({"METADATA": Fifo()}, ["unreadable"]),
    "loop": ({"METADATA": Link("METADATA")}, ["unreadable"]),
    "dangling": ({"METADATA": Link("/no/such/file")}, ["unreadable"]),
    "device": ({"METADATA": Link("/dev/zero")}, ["unreadable"]),
    "one line of 10 MB": ({"METADATA": b"x" * 10_000_000}, ["unreadable", "bad-name", "bad-version"]),
    "long name": ({"METADATA": b"Name: " + b"x" * 10_000_000}, ["unreadable", "bad-name", "bad-version"]),
    "bad version": ({"METADATA": "Name: bad\nVersion: one\n"}, ["bad-version"]),
    "bad name": ({"METADATA": "Name: ../bad\nVersion: 1.0\n"}, ["bad-name"]),
    "NUL": ({"METADATA": b"Name: b\0d\nVersion: 1.0\n"}, ["bad-name"]),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_one_bad_distribution_has_problems_and_hides_no_other(tmp_path: Path, case: str) -> None:
    tree, expected = HOSTILE[case]
    make_distribution(tmp_path, "good", "1.0")
    write_tree(tmp_path / "bad-1.0.dist-info", tree)
    found = scan(tmp_path)
    bad, good = found.distributions
    assert (good.name, good.problems) == ("good", ())
    assert bad.key == "bad"
    assert kinds(bad) == expected
    assert found.gaps == ()
    assert all(len(problem.detail) < 300 for problem in bad.problems)


def test_a_distribution_without_metadata_has_name_and_version_of_its_folder(tmp_path: Path) -> None:
    make_distribution(tmp_path, "numpy", "1.26.4", metadata=None)
    dist = scan_one(tmp_path)
    assert (dist.name, dist.version, dist.metadata_path) == ("numpy", "1.26.4", "")
    assert dist.has_record
    (problem,) = dist.problems
    assert (problem.kind, problem.path) == ("missing", f"{dist.info_path}/METADATA")


@pytest.mark.parametrize("content", [Link("a-1.dist-info"), Link("/no/such"), "a file", Fifo()])
def test_an_info_folder_that_is_none_is_a_distribution_with_a_problem(tmp_path: Path, content: Any) -> None:
    write_tree(tmp_path, {"a-1.dist-info": content})
    dist = scan_one(tmp_path)
    assert (dist.name, dist.version) == ("a", "1")
    assert kinds(dist) == ["unreadable", "missing"]


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"RECORD": "../../../../../etc/passwd,,\na/x.so,,1\na-1.0.dist-info/RECORD,,\n"}, ["bad-record"]),
        ({"RECORD": {}}, ["bad-record"]),
        ({"RECORD": Fifo()}, ["bad-record"]),
        ({"WHEEL": "Wheel-Version: 1.0\n"}, ["bad-wheel"]),
        ({"WHEEL": b"\xff"}, ["bad-wheel", "bad-wheel", "bad-wheel"]),
        ({"direct_url.json": "{"}, ["bad-direct-url"]),
        ({"direct_url.json": b"\xff"}, ["bad-direct-url", "bad-direct-url"]),
        ({"entry_points.txt": "lost = x\n"}, ["bad-entry-points"]),
        ({"entry_points.txt": {}}, ["bad-entry-points"]),
        ({"INSTALLER": {}}, ["unreadable"]),
    ],
)
def test_each_bad_file_is_told_by_its_kind(tmp_path: Path, tree: Tree, expected: list[str]) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    make_distribution(site, "a", "1.0", installer="", info=tree)
    dist = scan_one(site)
    assert kinds(dist) == expected
    assert all(problem.path == f"{dist.info_path}/{next(iter(tree))}" for problem in dist.problems)
    assert (dist.name, dist.version) == ("a", "1.0")


def test_a_site_folder_that_cannot_be_listed_is_a_gap(tmp_path: Path) -> None:
    make_distribution(tmp_path / "there", "a", "1")
    found = scan(tmp_path / "gone", tmp_path / "there")
    assert [dist.name for dist in found.distributions] == ["a"]
    (gap,) = found.gaps
    assert (gap.code, gap.what) == ("ENV", str(tmp_path / "gone"))
    assert gap.why == "the folder cannot be listed: no such file or directory"


def test_the_first_folder_hides_the_same_distribution_in_later_ones(tmp_path: Path) -> None:
    first = make_distribution(tmp_path / "one", "My_Package", "1")
    second = make_distribution(tmp_path / "two", "my.package", "2")
    dists = scan(tmp_path / "one", tmp_path / "two").distributions
    assert [(dist.info_path, dist.hidden_by) for dist in dists] == [(str(first), ""), (str(second), str(first))]


def test_of_two_in_one_folder_the_one_whose_files_are_there_wins(tmp_path: Path) -> None:
    present = make_distribution(tmp_path, "numpy", "1.26.4", files={"numpy/core.py": ""})
    gone = make_distribution(tmp_path, "numpy", "2.0.0", files={"numpy/_core.py": ""})
    (tmp_path / "numpy" / "_core.py").unlink()
    by_path = {dist.info_path: dist.hidden_by for dist in scan(tmp_path).distributions}
    assert by_path == {str(present): "", str(gone): str(present)}


def test_of_two_that_fit_equally_the_newer_wins(tmp_path: Path) -> None:
    for version in ("1.9", "1.10", "1.2"):
        make_distribution(tmp_path, "numpy", version)
    dists = scan(tmp_path).distributions
    assert [dist.version for dist in dists if not dist.hidden_by] == ["1.10"]
    assert len(dists) == 3


def test_of_two_the_one_without_metadata_or_record_loses(tmp_path: Path) -> None:
    make_distribution(tmp_path, "a", "1")
    make_distribution(tmp_path, "a", "2", record=None)
    write_tree(tmp_path, {"a-3.dist-info": {}})
    assert {dist.version: bool(dist.hidden_by) for dist in scan(tmp_path).distributions} == {
        "1": False,
        "2": True,
        "3": True,
    }


def test_egg_info_folder(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "six-1.16.0-py3.11.egg-info": {
                "PKG-INFO": PKG_INFO,
                "requires.txt": "attrs\n\n[test]\npytest\n",
                "top_level.txt": "six\n",
                "entry_points.txt": "[g]\na = b\n",
            },
            "six.py": "",
        },
    )
    dist = scan_one(tmp_path)
    assert (dist.name, dist.version, dist.requires_python) == ("six", "1.16.0", ">=2.7")
    assert dist.requires == ("attrs", 'pytest; extra == "test"')
    assert dist.top_level == ("six",)
    assert dist.entry_points == (EntryPoint("g", "a", "b"),)
    assert (dist.wheel_tags, dist.has_record, dist.problems) == (None, False, ())


def test_egg_info_file(tmp_path: Path) -> None:
    write_tree(tmp_path, {"six-1.16.0.egg-info": PKG_INFO})
    dist = scan_one(tmp_path)
    assert (dist.name, dist.version) == ("six", "1.16.0")
    assert dist.metadata_path == str(tmp_path / "six-1.16.0.egg-info")
    assert dist.problems == ()


def test_egg_info_file_of_bytes(tmp_path: Path) -> None:
    write_tree(tmp_path, {"six-1.16.0.egg-info": b"\xff\xfe\0", "b.egg-info": ""})
    b, six = scan(tmp_path).distributions
    assert (six.name, six.version, b.name) == ("six", "1.16.0", "b")
    assert "bad-name" in kinds(six)
    assert kinds(b) == ["bad-name", "bad-version"]


def test_a_requires_txt_that_cannot_be_read_is_a_bad_requirement(tmp_path: Path) -> None:
    write_tree(tmp_path, {"six-1.egg-info": {"PKG-INFO": PKG_INFO, "requires.txt": Fifo()}})
    assert kinds(scan_one(tmp_path)) == ["bad-requirement"]


def test_an_egg_info_without_pkg_info(tmp_path: Path) -> None:
    write_tree(tmp_path, {"six.egg-info": {"top_level.txt": "six\n"}, "bad-.egg-info": {}})
    bad, six = scan(tmp_path).distributions
    assert (six.name, six.version, kinds(six)) == ("six", "", ["missing", "bad-version"])
    assert (bad.name, kinds(bad)) == ("bad", ["missing", "bad-version"])


def test_of_two_the_one_whose_record_is_of_no_use_loses(tmp_path: Path) -> None:
    make_distribution(tmp_path, "a", "1")
    make_distribution(tmp_path, "a", "2", record="../../../x,,\n")
    make_distribution(tmp_path, "a", "3", record=None, info={"RECORD": Fifo()})
    assert [dist.version for dist in scan(tmp_path).distributions if not dist.hidden_by] == ["1"]


def test_two_that_differ_in_nothing_are_ordered_by_name(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a-1.dist-info": {}, "A-1.dist-info": {}})
    upper, lower = scan(tmp_path).distributions
    assert (upper.hidden_by, lower.hidden_by) == ("", str(tmp_path / "A-1.dist-info"))


def test_an_egg_counts_when_it_is_on_the_path(tmp_path: Path) -> None:
    egg = tmp_path / "six-1.16.0-py3.11.egg"
    write_tree(egg, {"EGG-INFO": {"PKG-INFO": PKG_INFO, "top_level.txt": "six"}, "six": {"_c.so": "", "x.py": ""}})
    assert scan(tmp_path).distributions == ()
    (dist,) = scan(tmp_path, SiteDir(str(egg), "pth")).distributions
    assert (dist.name, dist.site_dir, dist.info_path) == ("six", str(egg), str(egg / "EGG-INFO"))
    assert dist.binaries == (RecordEntry("six/_c.so"),)


def test_a_zipped_egg_is_a_gap(tmp_path: Path) -> None:
    write_tree(tmp_path, {"six-1.16.0-py3.11.egg": b"PK\x03\x04"})
    found = scan(tmp_path)
    assert found.distributions == ()
    assert [gap.what for gap in found.gaps] == [str(tmp_path / "six-1.16.0-py3.11.egg")]


def test_names_that_are_no_utf8_can_still_be_printed(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"b\xffd-1.0.dist-info")).mkdir()
    dist = scan_one(tmp_path)
    assert (dist.name, dist.key) == ("b\\udcffd", "b\\udcffd")
    assert kinds(dist) == ["missing", "bad-name"]
