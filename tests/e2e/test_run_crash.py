"""A crash that anybody can install, and the library that ``envaudit run`` names for it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from envaudit.cli import main
from envaudit.watch.brake import can_look
from tests.support.environments import build_environment, python_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.network, pytest.mark.skipif(bool(can_look()), reason="the library cannot be read here")]

INVERT = """import numpy as np, scipy.linalg

def invert(matrix):
    return scipy.linalg.inv(matrix)

invert(np.array([[0, 1], [1, 0]], dtype=np.int64, order="F"))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("scipy") / "env"
    build_environment(folder, "3.11", ["scipy==1.17.1", "numpy"])
    yield folder
    shutil.rmtree(folder)


def test_scipy_is_named_for_its_crash(environment: Path, tmp_path: Path) -> None:
    script, verdict = tmp_path / "invert.py", tmp_path / "verdict.json"
    script.write_text(INVERT)
    python = python_of(environment)
    assert main(["run", "-p", python, "--memory-limit", "2G", "--json", "-o", str(verdict), str(script)]) == 1
    told = json.loads(verdict.read_text())
    assert (told["verdict"], told["signal"], told["sure"]) == ("segfault", "SIGSEGV", True)
    assert (told["library"]["distribution"], told["library"]["version"]) == ("scipy", "1.17.1")
    assert "_batched_linalg" in told["library"]["path"]
    assert told["access"] == {"kind": "write", "address": 0, "path": ""}
    assert {"path": str(script), "line": 4, "function": "invert", "cell": 0} in told["frames"]
