"""The three stages on real packages: known crashes, pairs, every import, and results that are kept."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.watch.brake import can_look
from tests.support.command import check
from tests.support.environments import build_environment
from tests.support.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux only"),
]


def smoked(folder: Path, *arguments: str) -> dict[str, Any]:
    """Return the report of the smoke tests alone."""
    return check(folder, "--select", "RUN,EA", "--no-config", *arguments, timeout=600).report()


def test_a_known_crash_is_a_warning_with_its_trigger(tmp_path: Path) -> None:
    env = build_environment(tmp_path / "env", "3.12", ["scipy==1.18.1", "numpy==2.4.6"])
    report = smoked(env)
    crashes = [each for each in report["findings"] if each["code"] == "RUN003"]
    assert {each["severity"] for each in crashes} == {"warning"}
    messages = " ".join(each["message"] for each in crashes)
    assert "when scipy.linalg.inv gets a symmetric indefinite matrix" in messages
    assert "when scipy.linalg.solve gets overwrite_a=True" in messages
    if not can_look():
        assert "_batched_linalg" in messages or "scipy" in crashes[0]["evidence"][-1]["path"]
    (rule,) = [each for each in report["findings"] if each["code"] == "EA-2026-0074"]
    assert sorted(rule["explains"]) == sorted(each["fingerprint"] for each in crashes)
    good = build_environment(tmp_path / "good", "3.12", ["scipy==1.17.0", "numpy==2.4.6"])
    assert smoked(good, "--smoke", "all")["findings"] == []


def test_pairs_and_kept_results(tmp_path: Path) -> None:
    env = build_environment(tmp_path / "env", "3.11", ["lz4==4.4.5", "orjson==3.10.18"])
    (site,) = (env / "lib").glob("python3*/site-packages")
    # A second copy of a runtime, and what two of them do to each other.
    write_tree(
        site,
        {
            "orjson/late.py": "",
            "first_one.py": "",
            "second_one.py": "import ctypes, sys\nif 'first_one' in sys.modules: ctypes.string_at(0)\n",
            **{
                f"{name}-1.0.dist-info/{file}": text
                for name in ("first_one", "second_one")
                for file, text in {
                    "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
                    "WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
                    "INSTALLER": "test\n",
                    "RECORD": f"{name}.py,,\n{name}.libs/libgomp.so.1,,\n{name}-1.0.dist-info/RECORD,,\n",
                }.items()
            },
        },
    )
    library = next(path for path in site.rglob("*.so"))
    for name in ("first_one", "second_one"):
        (site / f"{name}.libs").mkdir()
        (site / f"{name}.libs" / "libgomp.so.1").write_bytes(library.read_bytes())
    pairs = smoked(env, "--pairs", "--smoke", "auto")
    (finding,) = [each for each in pairs["findings"] if each["code"] == "RUN012"]
    assert finding["severity"] == "error"
    assert "when first_one is imported first; second_one first works" in finding["message"]
    again = smoked(env, "--pairs")
    (kept,) = [each for each in again["findings"] if each["code"] == "RUN012"]
    assert kept["message"] == finding["message"]
    assert again["timings"]["smoke_seconds"] < pairs["timings"]["smoke_seconds"] / 2
    assert [each for each in smoked(env, "--no-cache")["findings"] if each["code"] == "RUN012"] == []
    everything = smoked(env, "--smoke", "all", "-k", "import and not one")
    assert (everything["findings"], everything["gaps"]) == ([], [])


def test_a_package_that_starts_process_after_process(tmp_path: Path) -> None:
    env = build_environment(tmp_path / "env", "3.11", ["orjson==3.10.18"])
    (site,) = (env / "lib").glob("python3*/site-packages")
    start = "subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])"
    write_tree(
        site,
        {
            "breeder.py": f"import subprocess, sys, time\nkeep = [{start} for _ in range(200)]\ntime.sleep(60)\n",
            "breeder-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: breeder\nVersion: 1.0\n",
            "breeder-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
            "breeder-1.0.dist-info/INSTALLER": "test\n",
            "breeder-1.0.dist-info/RECORD": "breeder.py,,\nbreeder-1.0.dist-info/RECORD,,\n",
        },
    )
    (finding,) = smoked(env, "--smoke", "all", "-k", "breeder")["findings"]
    assert (finding["code"], finding["distribution"]) == ("RUN013", "breeder")
