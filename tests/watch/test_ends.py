"""Ends that are no crash of compiled code, and that nothing outlives them."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.watch.conftest import Runs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are watched on Linux")

ENDS = {
    "pass": ("ok", "it ended well"),
    "raise SystemExit(0)": ("ok", "it ended well"),
    "raise SystemExit(7)": ("exit", "status 7"),
    "{}['x']": ("exception", "KeyError: 'x'"),
    "x = (": ("exception", "SyntaxError"),
    "bytearray(3 * 1024**3)": ("out-of-memory", "an allocation was refused: MemoryError"),
    "import os; os._exit(0)": ("native-exit", "status 0"),
    "import os; os._exit(4)": ("native-exit", "status 4"),
    "import os; os.kill(os.getpid(), 9)": ("killed", "SIGKILL"),
    "import os; os.kill(os.getpid(), 15)": ("killed", "SIGTERM"),
    "import os; os.kill(os.getpid(), 11)": ("killed", "SIGSEGV"),
    "import atexit, os; atexit.register(os._exit, 5)": ("native-exit", "had finished"),
    "raise KeyboardInterrupt": ("interrupted", ""),
}


@pytest.mark.parametrize("text", ENDS)
def test_how_it_ended(text: str, runs: Runs) -> None:
    kind, words = ENDS[text]
    verdict = runs(text)
    assert verdict.kind == kind
    assert words in verdict.headline


def test_memory_that_grows_is_stopped_at_the_limit_with_its_line(runs: Runs) -> None:
    verdict = runs("kept = []\nimport time\nwhile True:\n    kept.append(bytearray(4_000_000)); time.sleep(0.005)\n")
    assert verdict.kind == "out-of-memory"
    assert verdict.frames[-1][1] in {3, 4}


def test_a_deadlock_is_told_from_a_busy_program(runs: Runs) -> None:
    waiting = runs("import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\n", timeout=1.5)
    assert waiting.kind == "timeout"
    assert "deadlock" in waiting.evidence[0]
    assert waiting.frames[-1][1] == 4
    busy = runs("while True:\n    pass\n", timeout=1.5)
    assert busy.kind == "timeout"
    assert "it was busy" in busy.evidence[0]


def test_nothing_outlives_a_run(runs: Runs, tmp_path: Path) -> None:
    text = (
        "import os, time\nfor number in range(3):\n    if os.fork() == 0:\n        os.setsid()\n"
        "        if os.fork() == 0:\n            open('pid%d' % os.getpid(), 'w').close()\n            time.sleep(60)\n"
        "        os._exit(0)\ntime.sleep(0.3)\n"
    )
    verdict = runs(text)
    assert any("left 3 processes behind" in note for note in verdict.notes)
    pids = [path.name.removeprefix("pid") for path in tmp_path.glob("pid*")]
    assert len(pids) == 3
    time.sleep(0.05)
    assert not [pid for pid in pids if Path("/proc", pid).exists()]
