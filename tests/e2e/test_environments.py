"""Broken environments are named with the distribution to blame; their healthy twins are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.command import check, envaudit
from tests.support.environments import build_environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.network

# What a plain installation gives on Python 3.11, the distribution to name, and the companion that heals it.
BROKEN = [
    ("pandas", ["pandas==2.0.3"], ["pandas==2.0.3", "numpy<2"]),
    ("matplotlib", ["matplotlib==3.7.1"], ["matplotlib==3.7.1", "numpy<2"]),
    ("h5py", ["h5py==3.10.0"], ["h5py==3.10.0", "numpy<2"]),
    (
        "opencv-python-headless",
        ["opencv-python-headless==4.8.1.78"],
        ["opencv-python-headless==4.8.1.78", "numpy<2"],
    ),
    (
        "boost-histogram",
        ["boost-histogram==1.4.0", "numpy>=2,<2.4"],
        ["boost-histogram==1.4.0", "numpy<2"],
    ),
    ("gensim", ["gensim==4.3.2", "scipy==1.13.1"], ["gensim==4.3.2", "scipy==1.12.0"]),
    ("flask", ["flask==2.2.2"], ["flask==2.2.2", "werkzeug<3"]),
]
STACK = ["numpy", "scipy", "pandas", "scikit-learn", "matplotlib", "h5py"]


@pytest.mark.parametrize(("blamed", "broken", "fixed"), BROKEN, ids=[name for name, *_ in BROKEN])
def test_a_broken_set_is_named_and_its_twin_is_not(
    tmp_path: Path, blamed: str, broken: list[str], fixed: list[str]
) -> None:
    ran = check(build_environment(tmp_path / "bad", "3.11", broken), "--no-smoke")
    assert ran.status == 1
    assert blamed in {distribution for _, distribution in ran.errors()}
    ran = check(build_environment(tmp_path / "good", "3.11", fixed), "--no-smoke")
    assert (ran.status, ran.errors()) == (0, [])


@pytest.mark.parametrize("version", ["3.9", "3.11", "3.13"])
def test_a_healthy_stack_has_no_error_and_computes_right(tmp_path: Path, version: str) -> None:
    ran = check(build_environment(tmp_path / "env", version, STACK))
    assert (ran.status, ran.errors()) == (0, [])
    report = ran.report()
    assert report["verdict"] == "clean"
    assert report["timings"]["smoke_seconds"] > 0
    assert report["target"]["python"].startswith(f"{version}.")


def test_what_is_seen_stands_under_what_was_read(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.11", ["pandas==2.0.3", "numpy>=2,<2.4"])
    ran = check(folder)
    assert ran.status == 1
    findings = ran.report()["findings"]
    (cause,) = [finding for finding in findings if finding["code"] == "ABI001"]
    failures = {finding["fingerprint"] for finding in findings if finding["code"].startswith("RUN")}
    assert failures
    assert set(cause["explains"]) == failures
    text = envaudit("check", str(folder)).stdout
    assert text.index("ABI001") < text.index("RUN002")
    assert "numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88" in text


def test_the_fix_that_is_printed_heals_the_environment(tmp_path: Path) -> None:
    import shlex
    import subprocess

    from tests.support.environments import UV

    folder = build_environment(tmp_path / "env", "3.11", ["h5py==3.10.0", "numpy>=2,<2.4"])
    (finding,) = [item for item in check(folder, "--no-smoke").report()["findings"] if item["severity"] == "error"]
    uv, *words = shlex.split(finding["fix"][0]["command"])
    assert uv == "uv"
    subprocess.run([*UV, *words], check=True, capture_output=True)
    assert check(folder).status == 0
