"""``envaudit cache``, and the ways to do without one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from envaudit.cache.database import Cache
from envaudit.cli import main
from envaudit.settings import load_settings
from tests.binary.conftest import fixture
from tests.support.trees import Dist, make_venv, site_packages


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENVAUDIT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment with two compiled files, one of them cut short."""
    names = ("linked.so", "api_1x_O2.so", "cython_1x_O2.so")
    files = {f"pkg/{name}": Path(fixture(name)).read_bytes() for name in names}
    files["pkg/cut.so"] = files["pkg/linked.so"][:3000]
    return make_venv(tmp_path, distributions=[Dist("pkg", "1.0", files=files), Dist("numpy", "2.2.6")])


def _report(capsys: pytest.CaptureFixture[str], venv: Path, *arguments: str) -> dict[str, object]:
    main(["check", str(venv), "--no-smoke", "--format", "json", *arguments])
    report: dict[str, object] = json.loads(capsys.readouterr().out)
    del report["timings"], report["unchanged_since"]
    return report


def test_info_and_clear(folder: Path, venv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", str(venv), "--no-smoke"])
    capsys.readouterr()
    assert main(["cache", "info"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"folder  {folder}", "holds   7 entries, 0 reports, 0.1 MiB"]
    assert main(["cache", "clear"]) == 0
    assert main(["cache", "clear"]) == 0
    said = capsys.readouterr().out
    assert said == f"deleted the cache in {folder}\nthere is no cache in {folder}\n"
    os.chmod(folder, 0o777)
    main(["cache", "info"])
    assert "unused  its folder can be written by others" in capsys.readouterr().out


def test_a_file_in_place_of_the_folder(folder: Path, venv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write_text("")
    assert main(["cache", "clear"]) == 2
    assert "cannot delete the cache" in capsys.readouterr().err
    with_none = _report(capsys, venv)
    assert with_none == _report(capsys, venv, "--no-cache")


def test_the_second_run_says_what_the_first_said(venv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    without = _report(capsys, venv, "--no-cache")
    assert without["findings"]
    assert _report(capsys, venv) == without
    assert _report(capsys, venv) == without
    assert _report(capsys, venv, "--select", "ABI")["findings"]


def test_a_changed_file_is_seen(venv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The cache must never make a broken file look healthy."""
    before = _report(capsys, venv)
    path = site_packages(venv) / "pkg/linked.so"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:3000].ljust(size, b"\0"))  # the same size
    os.utime(path, ns=(1, 1))
    cut = _report(capsys, venv)
    assert cut == _report(capsys, venv, "--no-cache")
    shutil.copy(fixture("linked.so"), path)
    assert _report(capsys, venv) == before


@pytest.mark.parametrize(
    ("flags", "environ", "file", "used"),
    [
        ({}, {}, "", True),
        ({"cache": False}, {}, "", False),
        ({}, {"ENVAUDIT_NO_CACHE": "1"}, "", False),
        ({}, {"ENVAUDIT_NO_CACHE": "0"}, "", True),
        ({}, {"ENVAUDIT_CACHE": "no"}, "", False),
        ({}, {"ENVAUDIT_CACHE_DIR": "/x"}, "cache = false", False),
        ({}, {"ENVAUDIT_CACHE": "yes"}, "cache = false", True),
    ],
)
def test_the_ways_to_do_without(
    flags: dict[str, object], environ: dict[str, str], file: str, *, used: bool, tmp_path: Path
) -> None:
    (tmp_path / "envaudit.toml").write_text(file)
    assert load_settings(flags, environ, str(tmp_path)).cache is used


def test_no_cache_leaves_nothing_behind(folder: Path, venv: Path) -> None:
    main(["check", str(venv), "--no-smoke", "--no-cache"])
    assert not folder.exists()
    main(["check", str(venv), "--no-smoke"])
    cache = Cache(str(folder))
    assert cache.info().entries == 7
    cache.close()
