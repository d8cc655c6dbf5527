"""The lower rungs, for systems without ``/proc``: what is known there, tried on this one."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from envaudit.watch import start
from envaudit.watch.elsewhere import watch_elsewhere
from envaudit.watch.judge import Verdict, judge

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024
MEMORY = 256 * MIB


def run(folder: Path, text: str, timeout: float = 60.0, **more: Any) -> tuple[Verdict, dict[str, Any]]:
    (folder / "p.py").write_text(text)
    request = {
        "python": (sys.executable,), "kind": "script", "name": str(folder / "p.py"), "arguments": ("word",),
        "environment": dict(os.environ), "cwd": str(folder), "timeout": timeout, "memory": MEMORY, "inherit": False,
        "output_to_errors": False, "confined": False, "shares_terminal": False,
        "limits": [("RLIMIT_CORE", 0), ("RLIMIT_DATA", 4 * MEMORY), ("RLIMIT_NONE", 1)], **more,
    }  # fmt: skip
    seen = watch_elsewhere(request)
    return (judge(seen, MEMORY, timeout, 2) if seen["started"] else Verdict("", "")), seen


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("import sys\nassert sys.argv[1:] == ['word']", "ok"),
        ("raise SystemExit(3)", "exit"),
        ("{}['x']", "exception"),
        ("import os\nos._exit(4)", "native-exit"),
        ("bytearray(8 * 1024**3)", "out-of-memory"),
    ],
)
def test_how_it_ended(text: str, kind: str, tmp_path: Path) -> None:
    assert run(tmp_path, text)[0].kind == kind


@pytest.mark.skipif(sys.platform == "win32", reason="a signal of POSIX")
def test_a_crash_has_its_signal_and_line_and_says_what_is_not_known(tmp_path: Path) -> None:
    verdict, _ = run(tmp_path, "import ctypes\ndef work():\n    ctypes.string_at(0)\nwork()\n")
    assert (verdict.kind, verdict.signal, verdict.seen_by, verdict.sure) == (
        "segfault",
        "SIGSEGV",
        "faulthandler",
        False,
    )
    assert [line for path, line, _ in verdict.frames if path.endswith("p.py")] == [4, 3]
    assert verdict.blame is None
    assert any(words.startswith("the library of a crash can be read on Linux only") for words in verdict.evidence)


def test_memory_that_grows_is_stopped(tmp_path: Path) -> None:
    text = "import time\nkept = []\nwhile True:\n    kept.append(bytearray(4_000_000)); time.sleep(0.005)\n"
    verdict, seen = run(tmp_path, text)
    assert verdict.kind == "out-of-memory"
    assert seen["peak"] > MEMORY


def test_a_program_that_runs_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    text = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('pid', 'w').write(str(child.pid))\ntime.sleep(60)\n"
    )
    assert run(tmp_path, text, timeout=3.0)[0].kind == "timeout"
    pid = int((tmp_path / "pid").read_text())
    if psutil.pid_exists(pid):
        psutil.wait_procs([psutil.Process(pid)], timeout=30)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_program_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    assert not run(tmp_path, "", python=(str(tmp_path / "none"),))[1]["started"]


def test_other_systems_come_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.py").write_text("raise SystemExit(2)")
    monkeypatch.setattr("envaudit.watch.start.sys.platform", "darwin")
    program = start.Program(
        (sys.executable,), "script", str(tmp_path / "p.py"), (), dict(os.environ), MEMORY, 60.0, inherit=False
    )
    seen = start.watch(program)
    assert seen["status"] == 2


@pytest.mark.parametrize(
    ("status", "kind"), [(0xC0000005, "segfault"), (0xC000001D, "illegal-instruction"), (0xC0000374, "abort")]
)
def test_windows_says_with_a_status_what_others_say_with_a_signal(status: int, kind: str, tmp_path: Path) -> None:
    _, seen = run(tmp_path, "import os\nos._exit(4)")
    verdict = judge({**seen, "status": status}, MEMORY, 0, 2)
    assert (verdict.kind, verdict.seen_by, verdict.sure) == (kind, "exit-status", False)
