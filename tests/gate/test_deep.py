"""``--deep``: wheels on the index are read as if they were installed, within limits, once."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.gate import GateRequest, gate
from envaudit.index import contents
from envaudit.settings import Settings
from tests.support.package_index import package_index
from tests.support.wheels import module, wheel, wheel_name

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model import Report

LINUX = "cp311-cp311-manylinux_2_17_x86_64"
NUMPY = {
    "numpy": {
        wheel_name("numpy", "2.2.6", LINUX): wheel(
            "numpy", "2.2.6", tag=LINUX, files={"numpy/__init__.py": b"float64 = 1\n"}
        )
    }
}


def built(kind: str, **files: bytes) -> dict[str, dict[str, bytes]]:
    """Return a project that nobody has heard of, with one compiled module."""
    content = {
        "demo/__init__.py": b"from demo import _fast\n",
        "demo/_fast.cpython-311-x86_64-linux-gnu.so": module(kind),
    }
    content |= files
    return {"demo": {wheel_name("demo", "1.0", LINUX): wheel("demo", "1.0", ("numpy",), content, LINUX)}}


def judge(folder: Path, text: str, address: str, *, deep: bool = True, **fields: Any) -> Report:
    (folder / "requirements.txt").write_text(text)
    environ = {"PATH": "/usr/bin:/bin", "PIP_INDEX_URL": address, "PIP_CONFIG_FILE": "/dev/null", "HOME": str(folder)}
    environ["ENVAUDIT_CACHE_DIR"] = str(folder / "cache")
    python = fields.pop("python", "3.11")
    request = GateRequest(("requirements.txt",), pythons=(python,), platforms=("linux",), resolve=False, deep=deep)
    return gate(Settings(**{"cache": False, **fields}), request, environ, str(folder))


def codes(report: Report) -> list[tuple[str, str, int | None]]:
    return sorted(
        (each.code, each.distribution, (each.location or (0, 0))[1])
        for each in report.findings
        if not each.code.startswith("DEP")
    )


@pytest.mark.parametrize(("kind", "expected"), [("1.x", "ABI001"), ("pybind11", "ABI002"), ("2", ""), ("none", "")])
def test_what_no_table_knows_is_read_from_the_wheel(tmp_path: Path, kind: str, expected: str) -> None:
    with package_index({**NUMPY, **built(kind)}, advisories={}) as server:
        blind = judge(tmp_path, "numpy==2.2.6\ndemo==1.0\n", server.address, deep=False)
        report = judge(tmp_path, "numpy==2.2.6\ndemo==1.0\n", server.address)
    assert codes(blind) == []
    assert {"API"} <= {gap.code for gap in blind.gaps}
    assert codes(report) == ([(expected, "demo", 2)] if expected else [])
    assert [gap for gap in report.gaps if gap.code != "ABI003"] == []
    if expected:
        (finding,) = report.findings
        name = wheel_name("demo", "1.0", LINUX)
        assert any(each.path == name and each.detail == "read from the wheel" for each in finding.evidence)
        assert any(each.path == f"{name}/demo/_fast.cpython-311-x86_64-linux-gnu.so" for each in finding.evidence)
        assert "/tmp" not in repr(finding)


def test_a_wheel_is_read_once(tmp_path: Path) -> None:
    with package_index({**NUMPY, **built("1.x")}, advisories={}) as server:
        first = judge(tmp_path, "numpy==2.2.6\ndemo==1.0\n", server.address, cache=True)
        asked = len(server.asked("/files/"))
        second = judge(tmp_path, "numpy==2.2.6\ndemo==1.0\n", server.address, cache=True)
        assert len(server.asked("/files/")) == asked > 0
    assert (first.findings, first.gaps) == (second.findings, second.gaps)
    assert codes(first) == [("ABI001", "demo", 2)]


def names(user: bytes, **other: bytes) -> dict[str, dict[str, bytes]]:
    """Return a project that imports another, and that one."""
    used = wheel("used", "2.0", files={f"used/{name}.py": text for name, text in other.items()})
    return {
        "user": {wheel_name("user", "1.0"): wheel("user", "1.0", ("used",), {"user/__init__.py": user})},
        "used": {wheel_name("used", "2.0"): used},
    }


def test_names_that_another_package_has_not(tmp_path: Path) -> None:
    files = names(b"import os\nfrom used import gone, there\n", __init__=b"there = 1\n")
    with package_index(files, advisories={}) as server:
        report = judge(tmp_path, "user==1.0\nused==2.0\n", server.address)
        fine = judge(tmp_path, "used==2.0\n", server.address)
    assert codes(report) == [("API001", "user", 1)]
    assert report.findings[0].evidence[0].path == f"{wheel_name('user', '1.0')}/user/__init__.py"
    assert report.findings[0].evidence[0].line == 2
    assert "used.gone" in report.findings[0].message
    assert codes(fine) == []
    assert fine.gaps == ()


def test_what_is_not_there_to_be_read_is_a_gap_and_no_false_alarm(tmp_path: Path) -> None:
    files = names(b"import absent\nimport used.part\n", __init__=b"", part=b"")
    files["absent"] = {"absent-1.0.tar.gz": b"an sdist"}
    with package_index(files, advisories={}) as server:
        report = judge(tmp_path, "user==1.0\nused==2.0\nabsent==1.0\n", server.address)
    assert [each[0] for each in codes(report)] == ["IDX002"]
    assert ("ABI, API", "absent 1.0") in [(gap.code, gap.what) for gap in report.gaps]


def test_too_much_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "COMPILED_LIMIT", 10)
    with package_index({**NUMPY, **built("1.x")}, advisories={}) as server:
        report = judge(tmp_path, "numpy==2.2.6\ndemo==1.0\n", server.address)
    assert codes(report) == []
    whys = [gap.why for gap in report.gaps if gap.what == "demo 1.0"]
    assert any("1 of 1 compiled files were not read" in why for why in whys)
    assert any("not known" in why for why in whys), "and no table knows it either"


def test_what_is_small_enough_of_a_giant_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "COMPILED_LIMIT", 10_000)
    giant = module("none") + os.urandom(20_000)
    files = built("1.x", **{"demo/giant.cpython-311-x86_64-linux-gnu.so": giant})
    with package_index({**NUMPY, **files}, advisories={}) as server:
        for _ in range(2):
            report = judge(tmp_path, "numpy==2.2.6\ndemo==1.0\n", server.address, cache=True)
            assert codes(report) == [("ABI001", "demo", 2)]
            assert any("1 of 2 compiled files were not read" in gap.why for gap in report.gaps)
        assert len(server.asked("/files/demo/")) < 6


def test_no_more_than_the_run_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents.Room.__init__, "__defaults__", (10,))
    with package_index({**NUMPY, **built("1.x")}, advisories={}) as server:
        report = judge(tmp_path, "numpy==2.2.6\ndemo==1.0\n", server.address)
    assert codes(report) == []
    assert {gap.what for gap in report.gaps if "in one run" in gap.why} == {"numpy 2.2.6", "demo 1.0"}


@pytest.mark.parametrize("place", ["../outside.py", "/outside.py", "demo/../../outside.py", "demo\\..\\outside.py", "demo/./x.py"])  # fmt: skip  # noqa: E501
def test_nothing_is_written_outside(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "scratch").mkdir()
    files = built("none", **{place: b"x = 1\n"})
    with package_index({**NUMPY, **files}, advisories={}) as server:
        report = judge(tmp_path, "numpy==2.2.6\ndemo==1.0\n", server.address)
    assert codes(report) == []
    assert not list(tmp_path.rglob("outside.py"))
    assert not list(tmp_path.rglob("*outside.py"))
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize(
    ("ranges", "why"),
    [("ignored", ""), ("endless", "more than the"), ("other", "another part"), ("refused", "no such part")],
)
def test_servers_that_send_something_else(tmp_path: Path, ranges: str, why: str) -> None:
    with package_index({**NUMPY, **built("1.x")}, advisories={}, ranges=ranges) as server:
        report = judge(tmp_path, "numpy==2.2.6\ndemo==1.0\n", server.address)
        assert server.sent < 512 * 1024**2
    whys = [gap.why for gap in report.gaps if gap.what == "demo 1.0" and gap.code == "ABI, API"]
    assert all(why in each for each in whys)
    assert bool(whys) == bool(why)
    assert codes(report) == ([] if why else [("ABI001", "demo", 2)])


def test_the_library_of_another_python_is_not_known(tmp_path: Path) -> None:
    version = "3.11" if platform.python_version_tuple()[:2] != ("3", "11") else "3.12"
    files = names(b"from os import nothing\nimport used\nimport distutils\n", __init__=b"")
    with package_index(files, advisories={}) as server:
        report = judge(tmp_path, "user==1.0\nused==2.0\n", server.address, python=version)
    assert [gap.what for gap in report.gaps] == ["names of Python's own library"]
    assert ("API001", "user", 1) in codes(report) or version == "3.11"


@pytest.mark.parametrize("limit", ["SOURCES_LIMIT", "UNPACKED_LIMIT", "TREE_LIMIT"])
def test_sources_that_are_too_large_are_a_gap(tmp_path: Path, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, limit, 10)
    files = names(b"from used import gone\n", __init__=b"there = 1\n")
    with package_index(files, advisories={}) as server:
        report = judge(tmp_path, "user==1.0\nused==2.0\n", server.address)
    assert codes(report) == []
    assert {gap.what for gap in report.gaps if gap.code == "ABI, API"} == {"user 1.0", "used 2.0"}


@pytest.mark.parametrize("lie", ["cut", "moved"])
def test_a_wheel_that_lies_is_a_gap(tmp_path: Path, lie: str) -> None:
    files = {**NUMPY, **built("1.x")}
    ((name, content),) = files["demo"].items()
    place = content.rindex(b"PK\x05\x06") + 16
    moved = content[:place] + (7).to_bytes(4, "little") + content[place + 4 :]
    files["demo"] = {name: content[:-30] if lie == "cut" else moved}
    with package_index(files, advisories={}) as server:
        report = judge(tmp_path, "numpy==2.2.6\ndemo==1.0\n", server.address)
    assert codes(report) == []
    assert any(gap.what == "demo 1.0" and "table of contents" in gap.why for gap in report.gaps)


def test_of_two_wheels_with_one_file_the_same_one_has_it_always(tmp_path: Path) -> None:
    for order in (("a.whl", "b.whl"), ("b.whl", "a.whl")):
        folder = tmp_path / order[0]
        folder.mkdir()
        tree = contents.Tree(str(folder))
        for name in order:
            assert tree.add(name, [("pkg/x.py", name.encode()), (f"pkg/{name}", b"")])
        assert (folder / "pkg" / "x.py").read_bytes() == b"a.whl"
        assert (folder / "pkg" / "b.whl").exists()


def test_a_file_where_another_wheel_has_a_folder_is_a_gap(tmp_path: Path) -> None:
    files = {
        name: {wheel_name(name, "1.0"): wheel(name, "1.0", files={place: b"x = 1\n"})}
        for name, place in (("one", "pkg.py"), ("two", "pkg.py/x.py"))
    }
    with package_index(files, advisories={}) as server:
        report = judge(tmp_path, "one==1.0\ntwo==1.0\n", server.address)
    assert codes(report) == []
    assert any("cannot be unpacked" in gap.why for gap in report.gaps)


def test_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    files = built("1.x", **{"demo/big.so": module("none") + os.urandom(500_000), "demo/__init__.py": b"import os\n"})
    text = "numpy==2.2.6\ndemo==1.0\n"
    with package_index({**NUMPY, **files}, advisories={}) as server:
        assert judge(tmp_path, text, server.address, select=("API",)).findings == ()
        names_alone = sum(_length(request.headers.get("range", "")) for request in server.asked("/files/demo/"))
        server.requests.clear()
        assert codes(judge(tmp_path, text, server.address, select=("ABI",))) == [("ABI001", "demo", 2)]
        everything = sum(_length(request.headers.get("range", "")) for request in server.asked("/files/demo/"))
    assert names_alone < 200_000
    assert everything > 500_000


def _length(wanted: str) -> int:
    """Return how many bytes a range asks for."""
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    return int(last) - int(first) + 1 if first and last else int(last or 0)


def test_code_generated_for_a_newer_protobuf(tmp_path: Path) -> None:
    generated = b"# Generated\nfrom google.protobuf import descriptor\nfrom google.protobuf.internal import builder\n"
    runtime = {
        "google/protobuf/__init__.py": b"",
        "google/protobuf/descriptor.py": b"",
        "google/protobuf/internal/builder.py": b"",
    }
    demo = {"demo/__init__.py": b"from demo import x_pb2\n", "demo/x_pb2.py": generated}
    files = {
        "protobuf": {
            wheel_name("protobuf", each): wheel("protobuf", each, files=runtime) for each in ("3.19.6", "3.20.3")
        },
        "demo": {wheel_name("demo", "1.0"): wheel("demo", "1.0", files=demo)},
    }
    with package_index(files, advisories={}) as server:
        old = judge(tmp_path, "protobuf==3.19.6\ndemo==1.0\n", server.address)
        new = judge(tmp_path, "protobuf==3.20.3\ndemo==1.0\n", server.address)
    assert codes(old) == [("API010", "demo", 2)]
    assert any(each.path == f"{wheel_name('demo', '1.0')}/demo/x_pb2.py" for each in old.findings[0].evidence)
    assert codes(new) == []
