"""Many files read at once give what each gives by itself, whatever they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from envaudit.files import looking_inside, read_each
from envaudit.files_seen import Seen, Unnoted, doubt

if TYPE_CHECKING:
    from pathlib import Path


def _tree(folder: Path) -> list[str]:
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "one.py").write_bytes(b"x = 1\n")
    (folder / "empty.py").write_bytes(b"")
    (folder / "large.py").write_bytes(b"y" * 101)
    (folder / "just.py").write_bytes(b"y" * 100)
    (folder / "link.py").symlink_to("a/one.py")
    (folder / "loop.py").symlink_to("loop.py")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.py")
    return ["a/one.py", "empty.py", "large.py", "just.py", "link.py", "loop.py", "pipe.py", "a", "none.py", "nul\0.py"]


_EXPECTED = [b"x = 1\n", b"", None, b"y" * 100, b"x = 1\n", None, None, None, None, None]


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert list(read_each(str(tmp_path), _tree(tmp_path), 100)) == _EXPECTED


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert list(read_each(str(tmp_path / "gone"), ["a.py", "b.py"])) == [None, None]


def test_inside_of_an_image_links_stay_inside(tmp_path: Path) -> None:
    paths = _tree(tmp_path / "image" / "site")
    (tmp_path / "outside.py").write_bytes(b"secret")
    (tmp_path / "image" / "site" / "away.py").symlink_to(tmp_path / "outside.py")
    with looking_inside(str(tmp_path / "image")):
        found = list(read_each(str(tmp_path / "image" / "site"), [*paths, "away.py"], 100))
    assert found == [*_EXPECTED, None]


def test_who_takes_notes_learns_of_each_file(tmp_path: Path) -> None:
    paths = _tree(tmp_path)
    with Seen() as seen:
        assert list(read_each(str(tmp_path), paths, 100)) == _EXPECTED
    assert f"{tmp_path}/a/one.py" in seen.read
    assert f"{tmp_path}/just.py" in seen.read


def test_nothing_is_noted_where_nothing_is_to_be_noted(tmp_path: Path) -> None:
    paths = _tree(tmp_path)
    with Seen() as seen:
        with Unnoted():
            assert list(read_each(str(tmp_path), paths, 100)) == _EXPECTED
        doubt("noted again")
    assert not seen.read
    assert seen.doubt == "noted again"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="nobody tells which files are open")
def test_no_file_stays_open(tmp_path: Path) -> None:
    paths = _tree(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    next(read_each(str(tmp_path), paths, 100))  # given up after the first
    list(read_each(str(tmp_path), paths, 100))
    assert len(os.listdir("/proc/self/fd")) == before
