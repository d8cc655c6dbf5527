"""Imports and pairs that are made for one environment, and which tests are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.model import Binary, BinaryFacts
from envaudit.smoke import SmokeOptions, choose, run_smoke
from envaudit.smoke.made import MOST_PAIRS, import_tests, pair_tests
from envaudit.smoke.options import affordable_jobs
from tests.smoke.fake import installed
from tests.support.facts import make_dist

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.utils import NormalizedName

    from envaudit.model import Distribution
    from tests.smoke.fake import FakeEnvironment


def dists(*made: Distribution) -> dict[NormalizedName, Distribution]:
    return {dist.key: dist for dist in made}


def binary(dist: Distribution, path: str) -> Binary:
    return Binary(path, dist.site_dir, dist.info_path, BinaryFacts("elf", "x86_64", 64))


def test_packages_that_are_worth_an_import() -> None:
    made = dists(
        make_dist("scikit-learn", "1.0", top_level=("sklearn",)),
        make_dist("odd", "1.0", top_level=("_odd", "tests", "odd", "not-a-name", "docs")),
        make_dist("types-odd", "1.0", top_level=("odd_types",)),
        make_dist("many", "1.0", top_level=("a", "b", "c", "d", "e", "f", "many")),
        make_dist("nothing", "1.0", top_level=()),
    )
    tests = import_tests(made)
    assert [test.name for test in tests if test.needs != ("many",)] == ["import sklearn", "import odd"]
    assert [test.name for test in tests if test.needs == ("many",)] == [
        f"import {name}" for name in ["many", "a", "b", "c", "d"]
    ]
    assert {test.kind for test in tests} == {"import"}


def test_pairs_are_those_that_bring_the_same_runtime() -> None:
    one, two, three = (make_dist(name, "1.0", top_level=(name,)) for name in ("one", "two", "three"))
    binaries = [
        binary(one, "one.libs/libgomp-a34b3233.so.1"),
        binary(two, "two/.libs/libiomp5.so"),
        binary(three, "three/libzstd.so.1"),
    ]
    tests = {test.name: test for test in pair_tests(dists(one, two, three), binaries)}
    assert sorted(tests) == ["import one", "import one, two", "import two", "import two, one"]
    pair = tests["import one, two"]
    assert (pair.kind, pair.alone, pair.needs) == ("pair", ("import one", "import two"), ("two", "one"))
    assert pair.trigger == "both bring or use OpenMP"
    lines = pair.code.splitlines()
    assert lines.index("    importlib.import_module('one')") < lines.index("    importlib.import_module('two')")


def test_there_are_not_too_many_pairs() -> None:
    made = [make_dist(f"d{number}", "1.0", top_level=(f"d{number}",)) for number in range(20)]
    tests = pair_tests(dists(*made), [binary(dist, "x/libgomp.so.1") for dist in made])
    assert sum(test.kind == "pair" for test in tests) == 2 * MOST_PAIRS


def test_modes() -> None:
    names = {
        mode: {test.name for test, _ in choose({**installed("numpy"), **_scipy("1.16.0")}, mode)}
        for mode in ("auto", "all")
    }
    assert names["all"] - names["auto"] == {"known.scipy.inv", "known.scipy.solve"}
    affected = {test.name for test, _ in choose({**installed("numpy"), **_scipy("1.18.1")}, "auto")}
    assert affected == names["all"]
    assert "known.scipy.inv" not in {test.name for test, _ in choose({**installed("numpy"), **_scipy("odd")}, "auto")}


def _scipy(version: str) -> dict[NormalizedName, str]:
    return dict.fromkeys(installed("scipy"), version)


def test_a_keyword_chooses_by_test_and_distribution_and_brings_what_a_pair_needs() -> None:
    both = installed("numpy", "scipy")
    assert {test.name for test, _ in choose(both, keyword="fft and not scipy")} == {"numpy.fft"}
    one, two = (make_dist(name, "1.0", top_level=(name,)) for name in ("one", "two"))
    more = pair_tests(dists(one, two), [binary(each, "x/libgomp.so.1") for each in (one, two)])
    chosen = [test.name for test, _ in choose(installed("one", "two"), keyword="one, and not two,", more=more)]
    assert sorted(chosen) == ["import one", "import one, two", "import two"]


def test_nothing_matches(environment: FakeEnvironment) -> None:
    outcome = run_smoke(environment.target, installed("numpy"), SmokeOptions(keyword="no_such_test"))
    assert outcome.results == ()
    assert "no_such_test" in outcome.gaps[0].why


@pytest.mark.parametrize("first", ["one", "two"])
def test_a_pair_that_dies_in_one_order(environment: FakeEnvironment, first: str) -> None:
    other = "two" if first == "one" else "one"
    (environment.site / f"{first}.py").write_text("")
    (environment.site / f"{other}.py").write_text(
        f"import ctypes, sys\nif {first!r} in sys.modules: ctypes.string_at(0)\n"
    )
    one, two = (make_dist(name, "1.0", top_level=(name,)) for name in ("one", "two"))
    more = pair_tests(dists(one, two), [binary(each, "x/libgomp.so.1") for each in (one, two)])
    results = run_smoke(environment.target, installed("one", "two"), SmokeOptions(jobs=2), more=more).results
    ends = {result.test: result.end for result in results}
    assert ends == {
        "import one": "ok",
        "import two": "ok",
        f"import {first}, {other}": "crash",
        f"import {other}, {first}": "ok",
    }
    (pair,) = [result for result in results if result.end == "crash"]
    assert (pair.kind, pair.alone) == ("pair", (f"import {first}", f"import {other}"))


def test_no_more_tests_at_a_time_than_there_is_memory_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from envaudit.smoke import options

    path = tmp_path / "meminfo"
    monkeypatch.setattr(options, "_MEMORY", str(path))
    assert affordable_jobs(8, 1024) == 8
    path.write_text("MemTotal: 99 kB\nMemAvailable:    5 kB\n")
    assert [affordable_jobs(jobs, 2048) for jobs in (1, 2, 8)] == [1, 2, 2]
    assert affordable_jobs(8, 10**9) == 1


def test_a_pair_loads_the_compiled_part_of_a_shared_folder() -> None:
    made = dists(
        make_dist("protobuf", "6.0", top_level=("google",)), make_dist("pyarrow", "25.0", top_level=("pyarrow",))
    )
    names = [test.name for test in pair_tests(made, ()) if test.kind == "pair"]
    assert names == ["import google.protobuf.descriptor, pyarrow", "import pyarrow, google.protobuf.descriptor"]
