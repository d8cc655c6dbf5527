"""How much is known of a crash where less of it can be seen: each rung is forced, and says how sure it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.watch.brake import can_look
from envaudit.watch.kernel_log import KernelLog
from tests.support.command import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are watched on Linux")

CRASH = "import ctypes\ndef work():\n    ctypes.string_at(0)\nwork()\n"
RUN = """
import sys
from envaudit.cli import main
main(["run", "-p", sys.executable, "--memory-limit", "512M", "--json", "-o", "verdict.json", "p.py"])
"""
FORBIDDEN = """
from envaudit.watch import brake
def forbidden(*_): raise PermissionError(1, "Operation not permitted")
"""


def crash(folder: Path, change: str, text: str = CRASH) -> dict[str, Any]:
    """Run a program that crashes, under a supervisor in which something has been changed."""
    (folder / "p.py").write_text(text)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", change + RUN], cwd=folder, env=environ, check=False, timeout=60)
    told: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
    return told


def test_the_memory_is_read_where_it_can_be(tmp_path: Path) -> None:
    if can_look():
        pytest.skip(can_look())
    told = crash(tmp_path, "")
    assert (told["verdict"], told["seen_by"], told["sure"]) == ("segfault", "memory", True)
    assert "_ctypes" in told["library"]["path"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (FORBIDDEN + "brake.Memory = forbidden", "the memory of the process cannot be read: Operation not permitted"),
        (FORBIDDEN + "brake.read_regions = forbidden", "the memory of the process cannot be read"),
        (FORBIDDEN + "brake._threads = lambda _: []", "the process that crashed could not be found"),
        (FORBIDDEN + "brake.find_context = lambda *_: None", "the registers at the crash were not found"),
        (FORBIDDEN + "brake.this_machine = lambda: None", "the library of a crash can be read on x86_64 and aarch64"),
    ],
)
def test_what_may_not_be_looked_at_leaves_the_line(change: str, why: str, tmp_path: Path) -> None:
    told = crash(tmp_path, change)
    assert (told["verdict"], told["signal"], told["library"]) == ("segfault", "SIGSEGV", None)
    assert (told["seen_by"], told["sure"]) == ("faulthandler", False)
    assert [frame["line"] for frame in told["frames"] if frame["path"] == "p.py"] == [4, 3]
    assert any(words.startswith(why) for words in told["evidence"])


def test_a_handler_that_was_replaced_leaves_the_exit_status(tmp_path: Path) -> None:
    without_log = "from envaudit.watch.kernel_log import KernelLog\nKernelLog.__init__.__defaults__ = ('none',)"
    told = crash(tmp_path, without_log, "import ctypes\nctypes.CDLL(None).signal(11, None)\n" + CRASH)
    assert (told["verdict"], told["signal"], told["library"], told["frames"]) == ("segfault", "SIGSEGV", None, [])
    assert (told["seen_by"], told["sure"]) == ("exit-status", False)
    assert "only its exit status is known" in told["evidence"][0]


LINE = "6,565,6891441593,-;python[{pid}]: segfault at 10 ip 00007fde35 sp 00007ffe error 6 in _bad.so[1c6a8,7f+26000]"
TRAP = "6,565,1,-;traps: python[{pid}] trap divide error ip:7f sp:7e error:0 in libm.so.6[7f+26]"
OTHER = "6,565,1,-;traps: other[{pid}] general protection fault ip:7f sp:7e error:0 in libodd.so[7f+26]"


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ((LINE.format(pid=7),), ("segfault at 10", "_bad.so")),
        ((TRAP.format(pid=7), OTHER.format(pid=9)), ("trap divide error", "libm.so.6")),
        ((OTHER.format(pid=8),), ("general protection fault", "libodd.so")),
        ((OTHER.format(pid=8), LINE.format(pid=9)), ("", "")),
        (("6,1,1,-;something else in a file[1]",), ("", "")),
    ],
)
def test_the_kernels_log_names_a_file(
    records: tuple[str, ...], found: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KernelLog, "_records", lambda _: list(records))
    log = KernelLog(os.devnull)
    assert log.fault(7) == found
    log.close()


def test_a_log_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    log = KernelLog(str(tmp_path / "none"))
    assert log.fault(7) == ("", "")
    log.close()
