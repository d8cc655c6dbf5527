"""A compiled library with a function for each way to die, and a way to run a program watched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from envaudit.watch.brake import can_look
from envaudit.watch.judge import Verdict, judge
from envaudit.watch.start import Program, watch

if TYPE_CHECKING:
    from collections.abc import Callable

    Runs = Callable[..., Verdict]

MEMORY = 512 * 1024**2


@pytest.fixture(scope="session")
def bad_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library, installed as a distribution named ``badlib`` would be."""
    if can_look() or shutil.which("gcc") is None:
        pytest.skip(can_look() or "there is no compiler")
    site = tmp_path_factory.mktemp("env") / "lib" / "site-packages"
    (site / "badlib").mkdir(parents=True)
    library = site / "badlib" / "_bad.so"
    options = ["-O1", "-fomit-frame-pointer", "-fno-optimize-sibling-calls", "-shared", "-fPIC", "-pthread", "-w"]
    subprocess.run(["gcc", *options, "-o", library, Path(__file__).with_name("bad.c")], check=True)
    info = site / "badlib-1.5.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("badlib/_bad.so,,\nbadlib-1.5.dist-info/RECORD,,\n")
    return library


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """Return a function that runs the text of a script, watched, and judges its end."""

    def run(text: str, timeout: float = 20.0, memory: int = MEMORY, **environment: str) -> Verdict:
        script = tmp_path / "program.py"
        script.write_text(text)
        program = Program(
            (sys.executable,),
            "script",
            str(script),
            (),
            {**os.environ, **environment},
            memory,
            timeout,
            str(tmp_path),
            inherit=False,
        )
        return judge(watch(program), memory, timeout, 2)

    return run
