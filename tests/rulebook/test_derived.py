"""The table of what releases were built for: held against measured releases, and its form against mistakes.

``bad_releases_2026_11.csv`` lists 814 releases by what their wheels hold: all were built for NumPy 1.x and admit NumPy
2 in their metadata. The table is made from it, so that it finds them shows only that nothing is lost on the way; what
is inferred from less is tested by leaving the lists out. ``other_wheels_2026_11.csv`` is another measurement, of wheels
chosen for other reasons: the table is not made from it.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from envaudit.checks.numpy2_releases import FIRST_NUMPY2_RELEASE
from envaudit.errors import RuleError
from envaudit.model import PredictedBuild
from envaudit.rulebook import default_folder
from envaudit.rulebook.derived import Derived, load_derived, predict
from tests.support.facts import make_dist

if TYPE_CHECKING:
    from collections.abc import Iterator

COMBOS = Path(__file__).parents[1] / "e2e" / "data" / "combos.jsonl"
MEASURED = Path(__file__).parents[2] / "fixtures" / "derived"


@pytest.fixture(scope="module")
def table() -> Derived:
    return load_derived(default_folder())


@pytest.fixture(scope="module")
def ranges() -> Derived:
    """The table without its lists of single releases: only from where to where."""
    data = json.loads(Path(default_folder(), "derived", "numpy2.json").read_text(encoding="utf-8"))
    for entry in data["projects"].values():
        entry.pop("releases", None)
    return Derived("", data["projects"])


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (MEASURED / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _said(table: Derived, name: str, version: str) -> str:
    built = table.built(canonicalize_name(name), version)
    return built.numpy_class if built else "unknown"


def test_every_release_that_was_measured_is_known(table: Derived) -> None:
    rows = list(_rows("bad_releases_2026_11.csv"))
    assert len(rows) == 814
    said = [_said(table, row["pkg"], row["version"]) for row in rows]
    assert said.count("1.x") / len(rows) >= 0.99
    assert [row["pkg"] for row, word in zip(rows, said, strict=True) if word in {"2", "none"}] == []


def test_the_most_downloaded_projects_that_use_numpy_are_known(table: Derived) -> None:
    rows = list(_rows("most_downloaded_2026_11.csv"))
    assert [int(row["place"]) for row in rows] == list(range(1, 201))
    using = [row for row in rows if row["numpy_c_api"] not in {"none", "no module"} and row["project"] != "numpy"]
    assert len(using) > 25
    assert [row for row in using if _said(table, row["project"], row["release"]) != row["numpy_c_api"]] == []


def test_ranges_alone_know_nearly_all_of_them(ranges: Derived) -> None:
    """What is said of a release that was not listed: of 814, none is said to be good."""
    said = [(_said(ranges, row["pkg"], row["version"]), row["pkg"]) for row in _rows("bad_releases_2026_11.csv")]
    assert sum(word == "1.x" for word, _ in said) / len(said) >= 0.97
    assert [name for word, name in said if word == "2"] == []
    assert {name for word, name in said if word == "unknown"} == {"blis", "pyemd", "soxr", "thinc"}


@pytest.mark.parametrize("kind", ["1.x", "2"])
def test_wheels_that_the_table_was_not_made_from_are_judged_right(kind: str, table: Derived, ranges: Derived) -> None:
    rows = [row for row in _rows("other_wheels_2026_11.csv") if row["class"] == kind]
    for each in (table, ranges):
        said = [_said(each, row["project"], row["version"]) for row in rows]
        assert [row for row, word in zip(rows, said, strict=True) if word not in {kind, "unknown"}] == []
        assert sum(word == kind for word in said) / len(rows) >= 0.75, "the rest is unknown, and says so"


def test_no_release_for_numpy_2_is_said_to_be_for_numpy_1(table: Derived, ranges: Derived) -> None:
    """Precision: all releases that were read and are built for NumPy 2, and the first of each of the 90 projects."""
    good = [(row["project"], row["version"]) for row in _rows("measured_wheels.csv") if row["class"] == "2"]
    good += [(row["pkg"], row["first_np2"]) for row in _rows("projects_2026_11.csv") if row["first_np2"]]
    good += [(row["project"], row["version"]) for row in _rows("other_wheels_2026_11.csv") if row["class"] == "2"]
    assert len(good) > 150
    for each in (table, ranges):
        assert {_said(each, name, version) for name, version in good} == {"2"}


def test_advice_and_table_name_the_same_releases(table: Derived) -> None:
    differ = {}
    for name, release in FIRST_NUMPY2_RELEASE.items():
        project = table.project(name)
        assert project is not None, name
        if str(project.good) != release:
            differ[name] = (release, str(project.good))
    assert differ == {}


def test_documents_state_its_size(table: Derived) -> None:
    root = Path(__file__).parents[2]
    for path in (root / "docs" / "package-index.md", root / "docs" / "rules.md", root / "envaudit/pages/ABI001.md"):
        assert f"{len(table)} projects" in " ".join(path.read_text(encoding="utf-8").split()), path.name


def test_the_documents_say_what_is_covered(table: Derived) -> None:
    """The figures of docs/rules.md are those of the data."""
    text = " ".join((Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8").split())
    known = [project for name in table.names() if (project := table.project(name)) is not None]
    listed = [found for project in known for found in project.releases.values()]
    old = sum(found not in {"2", "none"} for found in listed)
    whole = len(list(_rows("projects_2026_11.csv")))
    assert f"{len(listed)} releases stand in it by themselves" in text
    assert f"{old} of them were built for NumPy 1.x, {listed.count('2')} for NumPy 2" in text
    assert f"{listed.count('none')} have no module that uses NumPy's C API" in text
    assert f"all releases of {whole} projects were read, of the other {len(known) - whole} only some" in text
    assert f"of {sum(project.good is not None for project in known)} a release for NumPy 2 is known" in text


def test_the_sets_that_were_built_are_placed(table: Derived) -> None:
    """Every set of pins that broke by NumPy's ABI under NumPy 2 holds a release that the table knows to be old."""
    unplaced, tried = [], 0
    for line in COMBOS.read_text(encoding="utf-8").splitlines():
        combo = json.loads(line)
        pins = dict(pin.split("==") for pin in combo["pins"] if "==" in pin)
        if combo["kind"] == "abi" and Version(pins.get("numpy", "0")).major == 2:
            tried += 1
            said = {_said(table, name, version) for name, version in pins.items()}
            unplaced += [combo["id"]] if not said & {"1.x", "pybind11", "rust", "by-name"} else []
    assert (tried, unplaced) == (35, [])


# --- small tables -----------------------------------------------------------------------------------------------------

SMALL: dict[str, Any] = {
    "whole": {"before": "1.x", "oldest": "1.0", "good": "2.0.post1", "releases": {"1.x": "1.0 3.0", "2": "2.0.post1"}},
    "part": {"before": "pybind11", "oldest": "1.2", "last": "1.4", "good": "2.0", "releases": {"pybind11": "1.2 1.4"}},
    "back": {
        "before": "1.x",
        "oldest": "1.0",
        "last": "1.1",
        "good": "2.0",
        "releases": {"1.x": "1.0 1.1 3.0", "2": "2.0"},
    },
    "again": {"before": "1.x", "oldest": "7.0", "last": "9.0.1", "good": "8.3.0", "releases": {"1.x": "7.0 9.0.0"}},
    "never": {"before": "none"},
    "mixed": {"good": "2.0", "releases": {"1.x": "1.0", "none": "1.1"}},
}


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("whole", "1.0", ("1.x", "measured")),
        ("whole", "1.0+cpu", ("1.x", "measured")),
        ("whole", "1.0.0", ("1.x", "measured")),
        ("whole", "1.5", ("1.x", "inferred")),
        ("whole", "2.0", ("1.x", "inferred")),
        ("whole", "2.0rc1", None),
        ("whole", "2.0.post1", ("2", "measured")),
        ("whole", "2.1", ("2", "inferred")),
        ("whole", "3.0", ("1.x", "measured")),
        ("whole", "0.9", None),
        ("whole", "not a version", None),
        ("part", "1.3", ("pybind11", "inferred")),
        ("part", "1.5", None),
        ("part", "2.0", ("2", "inferred")),
        ("back", "2.5", None),
        ("back", "3.0", ("1.x", "measured")),
        ("back", "3.1", ("2", "inferred")),
        ("again", "8.2", ("1.x", "inferred")),
        ("again", "8.3.4", ("2", "inferred")),
        ("again", "8.4", None),
        ("again", "9.0.1", None),
        ("again", "9.0.2", ("2", "inferred")),
        ("never", "7", ("none", "inferred")),
        ("mixed", "1.0.5", None),
        ("mixed", "1.1", ("none", "measured")),
        ("absent", "1.0", None),
    ],
)
def test_what_is_said_of_a_release(name: str, version: str, expected: tuple[str, str] | None) -> None:
    built = Derived("", SMALL).built(name, version)
    assert (built and built[:2]) == expected


def test_the_day_of_upload_helps_where_versions_do_not() -> None:
    table = Derived("", SMALL)
    assert table.built("whole", "0.9", "2024-03-31T23:59:59Z") == ("1.x", "date", "2.0.post1")
    assert table.built("part", "1.5", "2023-01-01") == ("pybind11", "date", "2.0")
    assert table.built("part", "1.5", "2024-04-01") is None
    assert table.built("mixed", "1.0.5", "2023-01-01") is None, "some of its releases do not use NumPy at all"
    assert table.built("whole", "3.1", "2020-01-01") == ("2", "inferred", "")
    assert table.built("whole", "3.0") == ("1.x", "measured", ""), "the first good release is an older one: no advice"


def test_what_was_read_is_not_predicted() -> None:
    whole, part, hidden = make_dist("whole", "1.0"), make_dist("Part", "1.3"), make_dist("never", "1", hidden_by="/x")
    found = predict(Derived("", SMALL), [whole, part, hidden, make_dist("numpy", "2.0")], {whole.info_path})
    assert found == (PredictedBuild(part.key, "pybind11", "inferred", "2.0"),)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("{", "not JSON"),
        ("[]", "schema"),
        ('{"schema": 2}', "newer than this program"),
        ('{"schema": 1, "version": "1"}', "projects"),
        ({"Name": {}}, "normalised"),
        ({"a": []}, "projects.a"),
        ({"a": {"befor": "1.x"}}, "projects.a.befor"),
        ({"a": {"good": 2}}, "projects.a.good"),
        ({"a": {"good": "two"}}, "'two' is not a version"),
        ({"a": {"before": "3"}}, "'3' is none of"),
        ({"a": {"releases": {"3": "1.0"}}}, "'3' is none of"),
        ({"a": {"releases": {"2": "1.0", "1.x": "1.0"}}}, "twice"),
    ],
)
def test_a_table_with_a_mistake_is_refused_with_its_place(content: Any, where: str, tmp_path: Path) -> None:
    (tmp_path / "derived").mkdir()
    if not isinstance(content, str):
        content = json.dumps({"schema": 1, "version": "2026.1.1", "projects": content})
    (tmp_path / "derived" / "numpy2.json").write_text(content, encoding="utf-8")
    with pytest.raises(RuleError, match=r"numpy2\.json") as caught:
        load_derived(str(tmp_path))
    assert where in str(caught.value)


def test_a_folder_without_a_table_knows_nothing(tmp_path: Path) -> None:
    table = load_derived(str(tmp_path))
    assert (len(table), table.built("pandas", "1.0")) == (0, None)
