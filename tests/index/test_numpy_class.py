"""What a wheel on an index was built for, told from as few of its compiled files as possible."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from envaudit.index import IndexFile, RemoteError
from envaudit.index.numpy_class import classify_wheel, worst_class
from envaudit.index.wheels import newest_linux_wheel
from tests.support.package_index import package_index
from tests.support.wheels import module, wheel

if TYPE_CHECKING:
    from collections.abc import Callable

    from envaudit.index import Index
    from envaudit.index.numpy_class import WheelClass

    Ask = Callable[..., Index]

NAME = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"


def _classify(ask: Ask, files: dict[str, bytes]) -> tuple[WheelClass, int]:
    with package_index({"demo": {NAME: wheel("demo", "1.0", files=files)}}) as server:
        index = ask(server.address)
        found = classify_wheel(index.open(index.project("demo").files[0]))
        return found, len(server.asked("/files/"))


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["1.x"], "1.x"),
        (["cython"], "1.x"),
        (["2"], "2"),
        (["pybind11"], "pybind11"),
        (["rust"], "rust"),
        (["none"], "none"),
        ([], "none"),
        (["none", "none", "2"], "2"),
        (["pybind11", "none", "1.x"], "1.x"),
        (["rust", "none"], "rust"),
    ],
)
def test_the_class_of_a_wheel(kinds: list[str], expected: str, ask: Ask) -> None:
    files = {f"demo/m{number}.so": module(kind, 256 * number) for number, kind in enumerate(kinds)}
    found, _ = _classify(ask, {**files, "demo/a.py": b"numpy.core._multiarray_umath"})
    assert found.numpy_class == expected


def test_the_smallest_file_is_asked_first_and_the_rest_only_if_need_be(ask: Ask) -> None:
    large = module("none") + os.urandom(3_000_000)
    found, requests = _classify(ask, {"demo/large.so": large, "demo/small.so": module("2")})
    assert found == ("2", "demo/small.so", 1, found.bytes_read)
    assert found.bytes_read < 5000
    assert requests == 2, "the end of the wheel, and one member"


def test_libraries_that_a_repair_tool_bundled_do_not_count(ask: Ask) -> None:
    found, _ = _classify(ask, {"demo.libs/libx.so.1.2": module("1.x"), "demo/x.so": module("2")})
    assert found.numpy_class == "2"


def test_a_file_that_cannot_be_read_leaves_the_class_unknown(ask: Ask) -> None:
    with pytest.raises(RemoteError, match="neither ELF"):
        _classify(ask, {"demo/a.so": module("none"), "demo/b.so": b"text"})
    found, _ = _classify(ask, {"demo/a.so": b"text", "demo/b.so": module("1.x")})
    assert found.numpy_class == "1.x"


def test_too_much_to_read_leaves_the_class_unknown(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envaudit.index.numpy_class.TOTAL_LIMIT", 1_000_000)
    files = {"demo/a.so": module("none"), "demo/b.so": module("1.x") + os.urandom(2_000_000)}
    with pytest.raises(RemoteError, match="1 of 2 compiled files") as caught:
        _classify(ask, files)
    assert caught.value.kind == "too-large"


def test_the_worst_file_decides() -> None:
    assert worst_class(["2", "none", "rust"]) == "rust"
    assert worst_class([]) == "none"


def _file(tag: str) -> IndexFile:
    return IndexFile(f"demo-1.0-{tag}.whl", "", "1.0", is_wheel=True)


def test_the_wheel_of_a_release_that_is_read() -> None:
    tags = [
        "cp38-cp38-manylinux_2_17_x86_64",
        "cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64",
        "cp312-cp312-manylinux_2_17_aarch64",
        "cp311-cp311-musllinux_1_1_x86_64",
        "cp313-cp313t-manylinux_2_17_x86_64",
        "cp312-cp312-win_amd64",
        "py3-none-any",
    ]
    found = newest_linux_wheel(tuple(map(_file, tags)))
    assert found is not None
    assert found.tags[0] == "cp310"
    stable = newest_linux_wheel((_file("cp37-abi3-manylinux2014_x86_64"), _file("py3-none-manylinux2010_x86_64")))
    assert stable is not None
    assert newest_linux_wheel((_file("py3-none-any"), _file("cp38-cp38-manylinux2010_x86_64"))) is None
