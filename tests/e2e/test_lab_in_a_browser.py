"""A watched kernel that dies in a real JupyterLab, as somebody sees it who looks at the page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_watched_kernel import CRASH, _environ, command
from tests.support.environments import build_environment, python_of

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for path in map(shutil.which, NAMES) if path is not None), "")
pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(sys.platform != "linux", reason="kernels are watched on Linux"),
    pytest.mark.skipif(not CHROMIUM, reason=f"there is no browser: none of {', '.join(NAMES)}"),
]


def test_the_reason_stands_below_the_cell_and_above_the_next_output(tmp_path: Path) -> None:
    lab = build_environment(tmp_path / "env", "3.11", ["jupyterlab>=4.2", "websocket-client"])
    made = command(tmp_path, "install", "-p", str(lab), "--name", "w", "--memory-limit", "1G")
    assert made.returncode == 0, made.stderr
    cells: list[dict[str, Any]] = [
        {
            "id": f"c{number}",
            "cell_type": "code",
            "source": text,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for number, text in enumerate(["x = 1", CRASH, "print('after')"])
    ]
    book = {"cells": cells, "metadata": {"kernelspec": {"name": "w", "display_name": "W", "language": "python"}}}
    (tmp_path / "books").mkdir()
    (tmp_path / "books/crash.ipynb").write_text(json.dumps({**book, "nbformat": 4, "nbformat_minor": 5}))
    (tmp_path / "out").mkdir()
    program = str(Path(__file__).with_name("lab_browser.py"))
    looked = subprocess.run(
        [python_of(lab), program, CHROMIUM, str(tmp_path / "books/crash.ipynb"), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=_environ(tmp_path),
    )
    assert looked.returncode == 0, looked.stderr
    seen = json.loads(looked.stdout)
    reason = "segfault: it died of a segmentation fault (SIGSEGV) in string_at of _ctypes"
    place = r"In \[\d+\], line 3, in read: return ctypes\.string_at\(address\)"
    assert "Why this" not in seen["died"][0]
    assert reason in seen["died"][1]
    assert re.search(place, seen["died"][1])
    assert "appears to have died" in seen["dialog"]
    assert re.search(place, seen["after"][1])
    assert re.search(place, seen["after"][2])
    assert seen["after"][2].rstrip().endswith("after")
