"""Environments that work are left alone, also those of other systems that are only looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.healthy import ENVIRONMENTS, Outcome, run_one
from tests.support.command import check
from tests.support.environments import run_uv
from tests.support.trees import Link, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.healthy import Healthy

SAMPLE = ("grpc-3.11", "geo-3.13")
SYSTEMS = {
    "macos": ("aarch64-apple-darwin", "macosx-arm64", "lib/python3.11/site-packages"),
    "windows": ("x86_64-pc-windows-msvc", "win-amd64", "Lib/site-packages"),
}


@pytest.mark.network
@pytest.mark.parametrize("healthy", [one for one in ENVIRONMENTS if one.name in SAMPLE], ids=lambda one: one.name)
def test_an_environment_that_works_has_no_error(tmp_path: Path, healthy: Healthy) -> None:
    outcome = run_one(healthy, tmp_path / "env")
    assert not outcome.problem
    assert outcome.broken == ()
    assert (outcome.status, outcome.errors()) == (0, [])


def _tree(folder: Path, system: str, *requirements: str) -> Path:
    """Lay out a virtual environment of another system, as a copy of it would look here."""
    platform, _, site = SYSTEMS[system]
    if system == "macos":
        write_tree(folder, {"pyvenv.cfg": "home = /no/such/homebrew/bin\nversion = 3.11.7\n"})
        write_tree(folder, {"bin/python3": Link("/no/such/homebrew/bin/python3.11"), "bin/python": Link("python3")})
    else:
        write_tree(folder, {"pyvenv.cfg": "home = C:\\Python311\nversion = 3.11.7\n", "Scripts/python.exe": b"MZ"})
    options = ("--python-version", "3.11", "--python-platform", platform, "--only-binary", ":all:")
    run_uv("pip", "install", "--quiet", "--no-config", "--target", str(folder / site), *options, *requirements)
    return folder


@pytest.mark.network
@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_environments_of_other_systems(tmp_path: Path, system: str) -> None:
    good = check(_tree(tmp_path / "good", system, "pandas==2.0.3", "h5py==3.10.0", "numpy==1.26.4"), "--no-smoke")
    assert (good.status, good.errors()) == (0, [])
    report = good.report()
    assert (report["target"]["platform"], report["target"]["python"]) == (SYSTEMS[system][1], "3.11.7")
    assert not [item for item in report["findings"] if item["severity"] == "warning"]
    assert "LNK" in {gap["code"] for gap in report["gaps"]}
    bad = check(_tree(tmp_path / "bad", system, "pandas==2.0.3", "h5py==3.10.0", "numpy==2.2.6"), "--no-smoke")
    # The names are linked on every system: pandas 2.0.3 takes `numpy.NaN`, which NumPy 2 no longer has.
    expected = [("ABI001", "h5py"), ("ABI001", "pandas"), ("API001", "pandas")]
    assert (bad.status, sorted(bad.errors())) == (1, expected)


def test_an_error_beside_which_nothing_fails_is_in_doubt() -> None:
    error, warning = {"severity": "error"}, {"severity": "warning"}
    fails, works = ("a: ImportError: no", "b"), ("a", "b")
    outcome = Outcome("x", 1, ((error, works), (error, fails), (warning, works)))
    assert outcome.doubts == [error]
