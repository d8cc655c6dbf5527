"""Reading inside of an image: links are those of the image, and none of them leads out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from envaudit import files
from envaudit.errors import ReadError
from envaudit.files_root import Root
from tests.support.trees import Fifo, Link, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UP = "../" * 30


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Path]:
    """Return an image beside a secret, with links that try to reach it; everything is looked up in the image."""
    secret = write_tree(tmp_path / "secret", {"word.txt": "secret"})
    write_tree(
        tmp_path / "img",
        {
            "etc/word.txt": "public",
            "etc/deep/up.txt": Link(f"{UP}etc/word.txt"),
            "etc/deep/root.txt": Link("/etc/word.txt"),
            "etc/out.txt": Link(f"{secret}/word.txt"),
            "etc/above.txt": Link("../../secret/word.txt"),
            "etc/far.txt": Link(f"{UP}{secret}/word.txt"),
            "etc/loop": Link("loop"),
            "etc/ring": Link("circle"),
            "etc/circle": Link("/etc/ring"),
            "etc/pipe": Fifo(),
            "etc/device": Link("/dev/zero"),
            "out": Link(str(secret)),
            "above": Link("../secret"),
            "top": Link("/"),
            **{f"chain/{number}": Link(f"/chain/{number + 1}") for number in range(60)},
            "chain/60": "end",
        },
    )
    with files.looking_inside(str(tmp_path / "img")):
        yield tmp_path / "img"


@pytest.mark.parametrize("name", ["etc/word.txt", "etc/deep/up.txt", "etc/deep/root.txt", "top/top/etc/word.txt"])
def test_links_are_those_of_the_image(image: Path, name: str) -> None:
    path = f"{image}/{name}"
    assert files.read_text(path) == "public"
    assert files.is_file(path)
    assert files.exists(path)
    assert files.is_there(path)
    assert files.real(path) == f"{image}/etc/word.txt"


@pytest.mark.parametrize(
    "name",
    [
        *("etc/out.txt", "etc/above.txt", "etc/far.txt", "out/word.txt", "above/word.txt", "../secret/word.txt"),
        *("etc/loop", "etc/ring", "chain/0", "etc/device", f"{UP}dev/zero", "etc/wo\0rd", "x" * 5000),
    ],
)
def test_nothing_outside_is_read(image: Path, name: str) -> None:
    path = f"{image}/{name}"
    with pytest.raises(ReadError):
        files.read_bytes(path)
    with pytest.raises(ReadError):
        files.list_folder(path)
    assert not files.is_file(path)
    assert not files.is_folder(path)
    assert not files.exists(path)


def test_a_path_of_this_machine_is_no_path_of_the_image(image: Path) -> None:
    for path in (f"{image.parent}/secret/word.txt", f"{image}x/word.txt", "/etc/passwd", "etc/word.txt", ""):
        with pytest.raises(ReadError, match="outside of the image"):
            files.read_bytes(path)
        assert not files.is_there(path)


def test_a_pipe_does_not_block(image: Path) -> None:
    with pytest.raises(ReadError, match="named pipe"):
        files.read_bytes(f"{image}/etc/pipe")


def test_folders(image: Path) -> None:
    assert "word.txt" in [entry.name for entry in files.list_folder(f"{image}/top/etc/deep/..")]
    assert files.is_folder(f"{image}/top")
    assert files.is_link(f"{image}/top/top")
    assert not files.is_link(f"{image}/top/etc")
    assert not files.is_link(f"{image}/out/word.txt")
    assert files.is_there(f"{image}/etc/loop")


def test_the_two_names_of_a_path(image: Path) -> None:
    assert files.inside(f"{image}/etc/word.txt") == "/etc/word.txt"
    assert files.inside(str(image)) == "/"
    assert files.outside("/etc/word.txt") == f"{image}/etc/word.txt"
    assert files.outside("/") == str(image)
    assert files.outside("/../../etc") == f"{image}/etc"
    # The last part may be a link, of which somebody wants to know where it stands.
    assert files.outside("/top/etc/out.txt") == f"{image}/etc/out.txt"
    assert files.outside("/out/word.txt").startswith(f"{image}/")


def test_an_image_of_any_name_is_one_folder(image: Path) -> None:
    link = image.parent / "link"
    link.symlink_to("img")
    root = Root(str(link))
    assert root.prefix == str(image)
    assert root.inside(f"{link}/etc") == root.inside(f"{image}/etc") == "/etc"
    assert root.follow(f"{image}/etc/deep/up.txt") == f"{image}/etc/word.txt"
    assert root.outside("/") == str(image)


def test_afterwards_everything_is_as_before(image: Path) -> None:
    with files.looking_inside(str(image / "etc")):
        assert files.target_root().prefix == f"{image}/etc"
    with pytest.raises(ZeroDivisionError), files.looking_inside(str(image / "etc")):
        raise ZeroDivisionError
    assert files.target_root().prefix == str(image)
    with files.looking_inside(""):
        assert not files.target_root().foreign
        assert files.read_text(f"{image}/etc/above.txt") == "secret"
        assert files.real(f"{image}/above") == os.path.realpath(image / "above")
        assert files.outside("/a/../b") == "/a/../b"
        assert files.inside("/b") == "/b"
