"""One release on an index: there or not, yanked or not, and the wheel that would be installed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from envaudit.index import RemoteError
from envaudit.index.release import Release, built_for, find_releases
from tests.index.conftest import REQUIRES
from tests.support.package_index import package_index
from tests.support.wheels import module, wheel, wheel_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from envaudit.index import Index

    Ask = Callable[..., Index]


def _one(index: Index, name: str, version: str) -> Release:
    (found,) = find_releases(index, [(name, version)])
    assert isinstance(found, Release)
    return found


@pytest.mark.parametrize("form", ["json", "html"])
def test_a_release_is_yanked_when_all_its_files_are(form: str, ask: Ask) -> None:
    one, two, three = (wheel_name("demo", version) for version in ("1.0", "2.0", "3.0"))
    files = {name: wheel("demo", name.split("-")[1], REQUIRES) for name in (one, two, three)}
    files["demo-2.0.tar.gz"] = b""
    extra = {one: {"yanked": "wrong numbers"}, two: {"yanked": "wrong numbers"}}
    with package_index({"demo": files}, form=form, extra=extra, status={"status": "archived"}) as server:
        index = ask(server.address)
        assert _one(index, "Demo", "1").yanked == "wrong numbers"
        assert _one(index, "demo", "2.0").yanked is None, "its sdist is not"
        assert _one(index, "demo", "3.0").yanked is None
        absent = _one(index, "demo", "4.0")
        assert (absent.files, absent.yanked, absent.status) == ((), None, "archived")
        (missing,) = find_releases(index, [("other", "1.0")])
        assert isinstance(missing, RemoteError)
        digest = index.project("demo").files[0].sha256
        assert f"sha256:{digest}" in _one(index, "demo", "1.0").digests


def test_the_wheel_with_the_best_tag_is_taken(ask: Ask) -> None:
    tags = ["cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp39-abi3-manylinux_2_17_x86_64", "py3-none-any"]
    files = {wheel_name("demo", "1.0", tag): wheel("demo", "1.0", tag=tag) for tag in reversed(tags)}
    with package_index({"demo": {**files, "demo-1.0.tar.gz": b""}}) as server:
        release = _one(ask(server.address), "demo", "1.0")
    ranked = ["cp311-cp311-manylinux2014_x86_64", "cp39-abi3-manylinux_2_17_x86_64", "py3-none-any"]
    for start, expected in enumerate(tags):
        best = release.wheel_for({tag: rank for rank, tag in enumerate(ranked[start:])})
        assert best is not None
        assert best.name == wheel_name("demo", "1.0", expected)
    assert release.wheel_for({"cp311-cp311-win_amd64": 0}) is None


def test_what_a_wheel_was_built_for_is_found_out_once(ask: Ask) -> None:
    name = wheel_name("demo", "1.0", "cp311-cp311-manylinux_2_17_x86_64")
    with package_index({"demo": {name: wheel("demo", "1.0", files={"demo/m.so": module("pybind11")})}}) as server:
        for _ in range(2):
            index = ask(server.address, cache=True)
            found = built_for(index, index.project("demo").files[0])
            assert found[:2] == ("pybind11", "demo/m.so")
        assert len(server.asked("/files/")) == 2, "the end of the wheel and one member, the first time"


def test_nothing_that_is_not_needed_is_imported() -> None:
    """A run that reads kept pages alone must not pay for the libraries of the network."""
    code = "import sys, envaudit.index, envaudit.index.release; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"requests", "urllib3", "pypi_simple", "cachecontrol", "bs4", "pydantic", "http"} & set(
        done.stdout.split()
    )
