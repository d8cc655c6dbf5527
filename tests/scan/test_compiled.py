"""Compiled files beside RECORD: of packages without one, of editable installs, at the top of a site folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from envaudit.model import RecordEntry, SiteDir
from envaudit.scan import LooseBinary, loose
from tests.scan.support import scan, scan_one
from tests.support.trees import Fifo, Link, make_distribution, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_distribution_without_record_owns_what_lies_in_its_packages(tmp_path: Path) -> None:
    files = {"a/x.so": "", "a/sub/y.so": "", "a/z.py": "", "_a.abi3.so": "", "other.so": ""}
    info = make_distribution(tmp_path, "A-Dist", "1", files=files, record=None)
    write_tree(info, {"top_level.txt": "a\n_a\n"})
    found = scan(tmp_path)
    (dist,) = found.distributions
    assert [entry.path for entry in dist.binaries] == ["a/sub/y.so", "a/x.so", "_a.abi3.so"]
    assert dist.has_record is False
    assert found.loose_binaries == (LooseBinary(RecordEntry("other.so"), str(tmp_path), ""),)


def test_without_top_level_the_name_is_the_package(tmp_path: Path) -> None:
    make_distribution(tmp_path, "my-pkg", "1", files={"my_pkg/x.so": ""}, record=None)
    assert scan_one(tmp_path).binaries == (RecordEntry("my_pkg/x.so"),)


def test_a_shared_namespace_is_not_counted_twice(tmp_path: Path) -> None:
    make_distribution(tmp_path, "one", "1", files={"ns/one.so": ""})
    info = make_distribution(tmp_path, "two", "1", files={"ns/two.so": ""}, record=None)
    write_tree(info, {"top_level.txt": "ns\n"})
    one, two = scan(tmp_path).distributions
    assert [entry.path for entry in one.binaries] == ["ns/one.so"]
    assert [entry.path for entry in two.binaries] == ["ns/two.so"]


def test_recorded_files_at_the_top_are_not_loose(tmp_path: Path) -> None:
    make_distribution(tmp_path, "a", "1", files={"_a.abi3.so": ""})
    found = scan(tmp_path)
    assert found.loose_binaries == ()
    assert [entry.path for entry in found.distributions[0].binaries] == ["_a.abi3.so"]


def test_a_walk_follows_no_link_to_a_folder(tmp_path: Path) -> None:
    outside = write_tree(tmp_path / "outside", {"secret.so": ""})
    site = write_tree(
        tmp_path / "site",
        {
            "a": {
                "x.so": "",
                "out": Link(str(outside)),
                "self": Link("."),
                "pipe": Fifo(),
                "__pycache__": {"p.so": ""},
            },
            "b": Link(str(outside)),
        },
    )
    make_distribution(site, "a", "1", files={}, record=None)
    make_distribution(site, "b", "1", files={}, record=None)
    a, b = scan(site).distributions
    assert a.binaries == (RecordEntry("a/x.so"),)
    assert b.binaries == ()


def test_a_walk_ends_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loose, "ENTRY_LIMIT", 25)
    make_distribution(tmp_path, "a", "1", files={f"a/d{number}/x.so": "" for number in range(20)}, record=None)
    found = scan(tmp_path)
    assert 0 < len(found.distributions[0].binaries) < 20
    (gap,) = found.gaps
    assert (gap.code, gap.what) == ("ABI", str(tmp_path))
    assert gap.why == "more than 25 files; the rest was left out"


def test_a_walk_does_not_go_down_for_ever(tmp_path: Path) -> None:
    make_distribution(tmp_path, "a", "1", files={"a/" + "d/" * 40 + "x.so": ""}, record=None)
    found = scan(tmp_path)
    assert found.distributions[0].binaries == ()
    assert [gap.why for gap in found.gaps] == ["more than 24 folders inside of each other"]


def editable(site: Path, source: Path, **more: object) -> None:
    make_distribution(
        site,
        "my-pkg",
        "1.0",
        files={"__editable__.my_pkg-1.0.pth": f"{source}\n", **{name: str(text) for name, text in more.items()}},
        direct_url={"url": source.as_uri(), "dir_info": {"editable": True}},
    )


def test_editable_install_by_path(tmp_path: Path) -> None:
    source = write_tree(tmp_path / "project", {"src/my_pkg": {"__init__.py": "", "_c.so": ""}, "build/old.so": ""})
    site = tmp_path / "site"
    editable(site, source)
    found = scan(site, SiteDir(str(source / "src"), "pth"))
    (dist,) = found.distributions
    assert dist.editable_path == str(source)
    assert dist.top_level == ("my_pkg",)
    assert found.loose_binaries == (LooseBinary(RecordEntry("my_pkg/_c.so"), str(source / "src"), dist.info_path),)
    assert found.gaps == ()


def test_editable_install_by_finder(tmp_path: Path) -> None:
    source = write_tree(tmp_path / "project", {"lib/my_pkg": {"__init__.py": "", "_c.so": ""}, "tests/t.so": ""})
    site = tmp_path / "site"
    mapping = {"my_pkg": str(source / "lib" / "my_pkg"), "_fast": str(source / "lib" / "_fast.abi3.so")}
    finder = f"MAPPING: dict[str, str] = {mapping!r}\nraise RuntimeError('run')\n"
    editable(site, source, **{"__editable___my_pkg_1_0_finder.py": finder})
    found = scan(site)
    (dist,) = found.distributions
    assert dist.top_level == ("_fast", "my_pkg")
    assert [(file.entry.path, file.site_dir) for file in found.loose_binaries] == [
        ("_fast.abi3.so", str(source / "lib")),
        ("my_pkg/_c.so", str(source / "lib")),
    ]
    assert {file.owner for file in found.loose_binaries} == {dist.info_path}


def test_editable_install_by_another_hook_is_a_gap(tmp_path: Path) -> None:
    source = write_tree(tmp_path / "project", {"src/my_pkg/_c.so": ""})
    editable(tmp_path / "site", source)
    found = scan(tmp_path / "site")
    assert found.loose_binaries == ()
    assert [(gap.code, gap.what) for gap in found.gaps] == [("ABI", str(source))]


def test_develop_install_by_egg_link(tmp_path: Path) -> None:
    source = write_tree(
        tmp_path / "project",
        {
            "old.egg-info": {"PKG-INFO": "Name: old\nVersion: 0.1\n\n", "top_level.txt": "old\n"},
            "old": {"__init__.py": "", "_c.so": ""},
        },
    )
    found = scan(SiteDir(str(source), "pth"))
    (dist,) = found.distributions
    assert (dist.name, dist.version, dist.site_dir) == ("old", "0.1", str(source))
    assert dist.binaries == (RecordEntry("old/_c.so"),)


def test_direct_url_of_a_local_wheel_is_not_editable(tmp_path: Path) -> None:
    info = make_distribution(tmp_path, "a", "1", direct_url={"url": "file:///src/a.whl", "archive_info": {}})
    assert json.loads((info / "direct_url.json").read_text())["url"] == "file:///src/a.whl"
    assert scan_one(tmp_path).editable_path == ""
