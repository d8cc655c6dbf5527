"""Files hashed ahead in threads: the same is said of them as of those that are hashed when their turn comes."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from envaudit.errors import ReadError
from envaudit.scan import hashing, scan_target
from envaudit.scan.content import change_of
from envaudit.scan.hashing import Hashed, Wanted
from tests.scan.support import target_of
from tests.support.trees import Dist, make_distribution

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model_installed import Change

SIZE = 6 * 1024 * 1024  # bytes; more than what one thread is given at a time


def _digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def test_outcomes_are_those_of_each_file_by_itself(tmp_path: Path) -> None:
    files = []
    for number in range(250):
        data = bytes([number % 256]) * (1000 + number)
        path = tmp_path / f"f{number}.bin"
        path.write_bytes(data if number % 3 else bytes(len(data)))
        files.append(Wanted(str(path), _digest(data), len(data), len(data)))
    hashed = Hashed()
    hashed.add(files)
    for file in files:
        expected = change_of(file.path, file.hash, file.size)
        assert hashed.change_of(file.path, file.hash, file.size) == expected


def test_what_cannot_be_read_is_said_when_its_turn_comes(tmp_path: Path) -> None:
    hashed = Hashed()
    hashed.add([Wanted(str(tmp_path / "gone"), "sha256=x", 1, 1)])
    with pytest.raises(ReadError, match="no such file"):
        hashed.change_of(str(tmp_path / "gone"), "sha256=x", 1)


def test_files_are_hashed_ahead_and_none_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "env/lib/python3.11/site-packages"
    site.mkdir(parents=True)
    data = {"pkg/__init__.py": b"", "pkg/a.bin": b"a" * SIZE, "pkg/b.bin": b"b" * SIZE, "pkg/small.bin": b"c"}
    make_distribution(site, Dist("pkg", "1.0", files=data))
    outside = tmp_path / "outside.bin"
    outside.write_bytes(b"b" * SIZE)
    (site / "pkg/b.bin").unlink()
    (site / "pkg/b.bin").symlink_to(outside)
    before = os.stat(site / "pkg/a.bin")
    (site / "pkg/a.bin").write_bytes(b"x" + b"a" * (SIZE - 1))
    os.utime(site / "pkg/a.bin", ns=(before.st_atime_ns, before.st_mtime_ns))
    ahead: list[str] = []

    def noted(path: str, recorded: str, size: int | None) -> Change | None:
        ahead.append(path)
        return change_of(path, recorded, size)

    monkeypatch.setattr(hashing, "change_of", noted)
    scan = scan_target(target_of(site)._replace(prefix=str(tmp_path / "env")), verify=True)
    assert sorted(ahead) == [f"{site}/pkg/{name}" for name in ("__init__.py", "a.bin", "small.bin")]
    (found,) = scan.changed
    assert [(file.path, file.change) for file in found.changed] == [("pkg/a.bin", "content")]
    assert found.outside == ("pkg/b.bin",)
