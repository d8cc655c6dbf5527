"""Rubbish in place of any file of an environment: a gap that names the path, never a traceback, never a hang."""

from __future__ import annotations

import os
import random
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.command import check, envaudit
from tests.support.trees import Dist, make_venv, site_packages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMPILED = "demo/_core.cpython-311-x86_64-linux-gnu.so"


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def _random(path: Path) -> None:
    path.write_bytes(random.Random(7).randbytes(5000))


def _ones(path: Path) -> None:
    path.write_bytes(b"\xff" * 5000)


def _nul(path: Path) -> None:
    path.write_bytes(bytes(5000))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _huge_line(path: Path) -> None:
    path.write_bytes(b"Name: " + b"a" * 10_000_000)


def _forbidden(path: Path) -> None:
    path.chmod(0)


KINDS = [_empty, _truncated, _random, _ones, _nul, _folder, _fifo, _loop, _dangling, _huge_line, _forbidden]


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """Return an environment with a sound distribution and the one that a test spoils."""
    demo = Dist(
        "demo",
        "1.0",
        requires=["absent-demo"],
        entry_points="[console_scripts]\ndemo = demo:main\n",
        direct_url={"url": "file:///src/demo", "dir_info": {}},
        files={"demo/__init__.py": "", COMPILED: b"\x7fELF" + bytes(200)},
    )
    return make_venv(tmp_path, distributions=[demo, Dist("sound", "2.0", requires=["absent-sound"])])


@pytest.mark.parametrize("spoil", KINDS, ids=lambda spoil: spoil.__name__.strip("_"))
@pytest.mark.parametrize(
    "name", ["METADATA", "RECORD", "WHEEL", "INSTALLER", "direct_url.json", "entry_points.txt", COMPILED]
)
def test_rubbish_never_ends_the_run_and_never_hides_the_rest(
    env: Path, name: str, spoil: Callable[[Path], None]
) -> None:
    site = site_packages(env)
    path = site / name if name == COMPILED else site / "demo-1.0.dist-info" / name
    if spoil is _forbidden and os.geteuid() == 0:
        pytest.skip("root may read everything")
    spoil(path)
    ran = check(env, "--no-smoke", timeout=60)
    assert ran.status in {0, 1, 3}
    report = ran.report()
    assert ("DEP001", "sound") in ran.errors()
    # What these files say is needed for a check; a file cut at a line's end can look whole.
    told = [gap["what"] for gap in report["gaps"]]
    told += [item["path"] for finding in report["findings"] for item in finding["evidence"]]
    if name in {"METADATA", "RECORD", "WHEEL", COMPILED} and spoil is not _truncated:
        assert any(str(path) in text for text in told), told


@pytest.mark.parametrize("spoil", [_folder, _fifo, _loop, _dangling, _random], ids=lambda spoil: spoil.__name__)
def test_rubbish_in_place_of_pyvenv_cfg(env: Path, spoil: Callable[[Path], None]) -> None:
    spoil(env / "pyvenv.cfg")
    assert check(env, "--no-smoke", timeout=60).status in {0, 1, 2, 3}


def test_a_target_that_is_none_gets_a_sentence_and_exit_status_2(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("text")
    for name in ("absent", "pipe", "loop", "empty", "file"):
        ran = envaudit("check", str(tmp_path / name), "--no-smoke", timeout=60)
        assert ran.status == 2, name
        assert ran.stdout == ""
        assert ran.stderr.startswith("envaudit: error: "), ran.stderr
        assert len(ran.stderr.splitlines()) == 1
        assert name in ran.stderr


def test_a_dangling_interpreter_leaves_the_rest_to_be_audited(env: Path) -> None:
    for link in (env / "bin").iterdir():
        link.unlink()
        link.symlink_to("/nowhere/python3.11")
    ran = check(env, timeout=60)
    assert ran.status == 1
    assert {code for code, _ in ran.errors()} == {"ENV001", "DEP001"}


def test_an_environment_without_packages_is_said_to_have_none(env: Path) -> None:
    shutil.rmtree(env / "lib")
    ran = envaudit("check", str(env), "--no-smoke", timeout=60)
    assert ran.status == 2
    assert "it has no folder of packages" in ran.stderr
