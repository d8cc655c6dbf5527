"""The maker of the table of builds, against a server on this machine: few wheels read, none twice, exceptions kept."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.package_index import package_index
from tests.support.wheels import module, wheel, wheel_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from envaudit.index import Index

    Ask = Callable[..., Index]

TAG = "cp311-cp311-manylinux_2_17_x86_64"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    path = Path(__file__).parents[2] / "fixtures" / "derived" / "derive_numpy2.py"
    spec = importlib.util.spec_from_file_location("derive_numpy2", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["derive_numpy2"] = made
    spec.loader.exec_module(made)
    return made


def _releases(kinds: list[str], project: str = "demo") -> tuple[dict[str, bytes], dict[str, dict[str, Any]]]:
    """Make release 1.0, 1.1, ... of these classes, uploaded a month apart, and what JSON says of them."""
    files, extra = {}, {}
    for number, kind in enumerate(kinds):
        name = wheel_name(project, f"1.{number}", TAG)
        files[name] = wheel(project, f"1.{number}", ["numpy"], {f"{project}/m.so": module(kind)}, TAG)
        extra[name] = {"upload-time": f"{2022 + number // 12}-{number % 12 + 1:02}-01T00:00:00Z"}
    return files, extra


def test_few_wheels_are_read_to_find_where_the_class_changes(maker: ModuleType, ask: Ask, tmp_path: Path) -> None:
    files, extra = _releases(["1.x"] * 29 + ["2"] * 11)
    work = tmp_path / "work.csv"
    with package_index({"demo": files}, extra=extra) as server:
        assert maker.scan(["demo"], ask(server.address), every=False, path=work) == 0
        read = maker.read_measured(work)
        assert len(read) <= 8
        assert {row.version: row.numpy_class for row in read}.items() >= {"1.28": "1.x", "1.29": "2"}.items()
        assert {row.uploaded for row in read if row.version == "1.28"} == {"2024-05-01"}
        asked = len(server.asked("/files/"))
        assert maker.scan(["demo"], ask(server.address), every=False, path=work) == 0
        assert len(server.asked("/files/")) == asked, "what was read once is not read again"
        assert maker.scan(["demo"], ask(server.address), every=True, path=work) == 0
    assert len(maker.read_measured(work)) == 40


def test_what_cannot_be_read_is_counted_and_the_rest_goes_on(maker: ModuleType, ask: Ask, tmp_path: Path) -> None:
    files, extra = _releases(["1.x", "1.x", "2"])
    broken = next(iter(files))
    files[broken] = files[broken][:-30]
    work = tmp_path / "work.csv"
    with package_index({"demo": files, "other": _releases(["rust"], "other")[0]}, extra=extra) as server:
        assert maker.scan(["demo", "absent", "other"], ask(server.address), every=True, path=work) == 2
    found = {(row.project, row.version): row.numpy_class for row in maker.read_measured(work)}
    assert found == {("demo", "1.1"): "1.x", ("demo", "1.2"): "2", ("other", "1.0"): "rust"}


def test_a_folder_of_wheels_is_an_index_too(
    maker: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, _ = _releases(["1.x", "2"])
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    from envaudit.index import Index, Sources

    index = Index(Sources((), (tmp_path.as_uri(),)), {}, offline=True)
    assert maker.scan(["demo"], index, every=True, path=tmp_path / "work.csv") == 0
    assert [row.numpy_class for row in maker.read_measured(tmp_path / "work.csv")] == ["1.x", "2"]
    assert "demo: 2 wheels read {'1.x': 1, '2': 1}" in capsys.readouterr().out


def test_installed_wheels_are_read(maker: ModuleType, tmp_path: Path) -> None:
    import io
    import zipfile

    for project, kind, requires in (("user", "1.x", ["numpy"]), ("none", "none", ["numpy"]), ("other", "none", [])):
        content = wheel(project, "1.0+local", requires, {f"{project}/_libs/m.so": module(kind)}, TAG)
        zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path)
    both = {f"both/{kind}.so": module(kind) for kind in ("pybind11", "2")}
    zipfile.ZipFile(io.BytesIO(wheel("both", "1.0", ["numpy"], both, TAG))).extractall(tmp_path)
    found = {(row.project, row.version, row.numpy_class) for row in maker.read_installed(tmp_path)}
    assert found == {("user", "1.0", "1.x"), ("none", "1.0", "none")}


def test_the_table_says_no_more_than_was_measured(maker: ModuleType) -> None:
    def entry(**classes: str) -> dict[str, Any]:
        rows = [maker.Measured("demo", version, kind) for kind, text in classes.items() for version in text.split()]
        rows = [row._replace(numpy_class=row.numpy_class.replace("old", "1.x").replace("new", "2")) for row in rows]
        projects: dict[str, Any] = maker.build_table([], [], rows, "2026.1.1")["projects"]
        return dict(projects["demo"])

    assert entry(old="1.0 1.5", new="2.0") == {
        "good": "2.0",
        "before": "1.x",
        "oldest": "1.0",
        "last": "1.5",
        "releases": {"1.x": "1.0 1.5", "2": "2.0"},
    }
    assert "before" not in entry(old="1.0", none="1.1", new="2.0"), "two kinds: nothing is said of the releases between"
    assert entry(old="1.0 9.0", new="8.3 9.1") == {
        "good": "8.3",
        "before": "1.x",
        "oldest": "1.0",
        "last": "1.0",
        "releases": {"1.x": "1.0 9.0", "2": "8.3 9.1"},
    }


def test_folders_of_unpacked_wheels_are_read_once(maker: ModuleType, tmp_path: Path) -> None:
    """As an installer's cache has them; what an index would not give for Linux and CPython 3.9 or newer is left out."""
    import io
    import zipfile

    wheels = {
        "seen": ("1.0", "1.x", TAG),
        "mac": ("1.0", "1.x", "cp311-cp311-macosx_11_0_arm64"),
        "musl": ("1.0", "1.x", "cp311-cp311-musllinux_1_1_x86_64"),
        "here": ("1.0", "1.x", "cp311-cp311-linux_x86_64"),
        "early": ("1.0", "1.x", "cp38-cp38-manylinux_2_17_x86_64"),
        "free": ("1.0", "2", "cp313-cp313t-manylinux_2_17_x86_64"),
        "preview": ("1.0rc1", "2", TAG),
        "local": ("1.0+cpu", "2", TAG),
        "stable": ("2.0", "2", "cp38-abi3-manylinux_2_17_x86_64"),
    }
    for project, (version, kind, tag) in wheels.items():
        content = wheel(project, version, ["numpy"], {f"{project}/m.so": module(kind)}, tag)
        zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path / f"of-{project}")
    (tmp_path / "CACHEDIR.TAG").touch()
    new = maker.read_unpacked([tmp_path], [])
    assert [(row.project, row.version, row.numpy_class) for row in new] == [
        ("seen", "1.0", "1.x"),
        ("stable", "2.0", "2"),
    ]
    assert maker.read_unpacked([tmp_path], new) == []


def test_a_release_whose_wheels_differ_is_not_spoken_of(maker: ModuleType) -> None:
    rows = [maker.Measured("demo", "1.0", kind, wheel=tag) for kind, tag in (("1.x", "cp310"), ("2", "cp313"))]
    assert maker.build_table([], [], rows, "2026.1.1")["projects"] == {}
    whole = maker.build_table([], [], [*rows, maker.Measured("demo", "1.1", "2")], "2026.1.1")["projects"]
    assert whole["demo"]["releases"] == {"2": "1.1"}


def test_what_is_inferred_of_a_release_that_is_left_out_is_right_or_unknown(maker: ModuleType) -> None:
    """Each of the 814 old releases in turn is left out, the table is made of the rest, and asked for it."""
    import csv
    from collections import Counter

    from envaudit.rulebook.derived import Derived

    def rows(path: Path) -> list[dict[str, str]]:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    projects, bad, read = rows(maker.PROJECTS), rows(maker.BAD_RELEASES), maker.read_measured()
    said: Counter[str] = Counter()
    for left in bad:
        name, version = left["pkg"], left["version"]
        key = maker.canonicalize_name(name)
        own = [row for row in projects if row["pkg"] == name]
        others = [row for row in bad if row["pkg"] == name and row["version"] != version]
        seen = [row for row in read if row.project == key and row.version != version]
        table = maker.build_table(own, others, seen, "2026.1.1")["projects"]
        built = Derived("", table).built(key, version)
        said[built.numpy_class if built else "unknown"] += 1
    assert said == {"1.x": 744, "unknown": 70}, "as docs/rules.md says"


def test_the_table_that_ships_is_the_one_that_is_made(maker: ModuleType) -> None:
    import csv
    import json

    shipped = json.loads(maker.OUTPUT.read_text(encoding="utf-8"))
    with (
        maker.PROJECTS.open(encoding="utf-8", newline="") as one,
        maker.BAD_RELEASES.open(encoding="utf-8", newline="") as two,
    ):
        made = maker.build_table(csv.DictReader(one), csv.DictReader(two), maker.read_measured(), shipped["version"])
    assert made == shipped
