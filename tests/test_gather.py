"""Whose sources are read: only of what may have a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.gather import gather_facts, suspects
from envaudit.locate import TargetRequest, locate
from envaudit.model import NumpyNeed, StructSizes, replace
from tests.support.facts import SITE, make_binary, make_dist, make_facts
from tests.support.trees import Dist, make_venv
from tests.support.wheels import module

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model import Binary

OLD = NumpyNeed("c-api", "1.x")
NEW = NumpyNeed("c-api", "2.x", feature=0x14)
LARGE = NumpyNeed("cython", "2.x", "cython", expects=StructSizes(32, 96, 240))
DIST = make_dist("pkg")


@pytest.mark.parametrize(
    ("need", "numpy", "found"),
    [
        (OLD, "2.2.6", True),
        (OLD, "1.26.4", False),
        (NEW, "2.2.6", True),
        (NEW, "2.4.6", False),
        (LARGE, "1.26.4", True),
        (LARGE, "2.4.6", False),
        (NumpyNeed("by-name", "1.x", "pybind11"), "2.2.6", False),
        (None, "2.2.6", False),
    ],
)
def test_a_module_is_suspect_when_numpy_may_refuse_it(need: NumpyNeed | None, numpy: str, *, found: bool) -> None:
    facts = make_facts([DIST], [make_binary(DIST, "pkg/_a.so", need)], numpy)
    expected = {(DIST.info_path, SITE): [frozenset(("pkg/_a.so",))]} if found else {}
    assert suspects(facts.binaries, facts.numpy) == expected


def test_a_numpy_without_an_abi_number_is_known_by_its_version() -> None:
    facts = make_facts([DIST], [make_binary(DIST, "pkg/_a.so", OLD)], "2.2.6")
    assert facts.numpy is not None
    assert suspects(facts.binaries, replace(facts.numpy, abi=None))
    assert not suspects(facts.binaries, replace(facts.numpy, abi=None, version="1.26.4"))
    assert not suspects(facts.binaries, None)


def test_faults_of_different_kinds_are_looked_for_apart() -> None:
    binaries = [make_binary(DIST, "pkg/_a.so", OLD), make_binary(DIST, "pkg/_b.so", NEW)]
    facts = make_facts([DIST], [*binaries, make_binary(DIST, "pkg/_c.so")], "2.2.6")
    (groups,) = suspects(facts.binaries, facts.numpy).values()
    assert groups == [frozenset(("pkg/_a.so",)), frozenset(("pkg/_b.so",))]


def _linked(binary: Binary, *needed: str) -> Binary:
    assert binary.facts is not None
    return replace(binary, facts=replace(binary.facts, needed=needed))


def test_a_library_is_looked_for_by_the_modules_that_are_linked_with_it() -> None:
    library, module = make_binary(DIST, "pkg/libx.so", OLD), make_binary(DIST, "pkg/_a.so")
    facts = make_facts([DIST], [library, _linked(module, "libx.so")], "2.2.6")
    assert suspects(facts.binaries, facts.numpy) == {
        (DIST.info_path, SITE): [frozenset(("pkg/libx.so", "pkg/_a.so"))],
    }
    bundled = make_binary(DIST, "pkg.libs/libx.so", OLD)
    assert suspects([bundled, _linked(module, "libx.so")], facts.numpy) == {}


def test_numpys_own_modules_and_files_of_nobody_are_left_out() -> None:
    facts = make_facts(numpy="2.2.6")
    own = make_binary(facts.distributions[0], "numpy/_x.so", OLD)
    nobodys = replace(make_binary(DIST, "_y.so", OLD), owner="")
    assert suspects([own, nobodys, replace(nobodys, owner=DIST.info_path, facts=None)], facts.numpy) == {}


@pytest.mark.parametrize(
    ("files", "predicted"),
    [
        ({"pandas/_a.so": b"text", "pandas/_b.so": b"text"}, ["pandas"]),
        ({"pandas/_a.so": b"text", "pandas/_b.so": module("2")}, []),
        ({"pandas/_a.so": module("2")}, []),
        ({"pandas/_a.pyd": b"text"}, []),
        ({"pandas/__init__.py": b""}, []),
    ],
)
def test_what_releases_were_built_for_stands_in_for_files_that_cannot_be_read(
    files: dict[str, str | bytes], predicted: list[str], tmp_path: Path
) -> None:
    """Only where not one could be: what bytes say is not predicted."""
    dists = [Dist("numpy", "2.2.6"), Dist("pandas", "2.0.3", files=files)]
    venv = make_venv(tmp_path, distributions=dists)
    facts = gather_facts(locate(TargetRequest(str(venv)), {}, str(tmp_path)))
    assert [build.key for build in facts.predicted] == predicted
