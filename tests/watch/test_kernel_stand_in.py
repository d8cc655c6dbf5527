"""The process that stands in for a kernel, with a program in the kernel's place: its ends, signals and verdicts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.watch.kernel_record import record
from envaudit.watch.kernel_verdicts import kept, read
from envaudit.watch.kernel_watch import KernelWatch, limit_for
from envaudit.watch.kernel_words import Cells
from envaudit.watch.start import Program, watch
from tests.support.command import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    Starts = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are watched on Linux")
MIB = 1024 * 1024
READY = "import sys, time\nprint('ready', flush=True)\n"
GROW = "kept = []\nwhile True:\n    kept.append(bytearray(4_000_000)); time.sleep(0.005)\n"


@pytest.fixture
def starts(tmp_path: Path) -> Starts:
    """Return a function that starts the stand-in of a kernel which is a piece of code."""

    def start(code: str, on_limit: str = "kill") -> subprocess.Popen[str]:
        app = tmp_path / "path/ipykernel/kernelapp.py"
        app.parent.mkdir(parents=True, exist_ok=True)
        (app.parent / "__init__.py").write_text("")
        app.write_text("class IPKernelApp:\n    shell = None\n    def start(self):\n        import program\n")
        (tmp_path / "path/program.py").write_text(code)
        (tmp_path / "path/ipykernel_launcher.py").write_text(
            "from ipykernel.kernelapp import IPKernelApp\nIPKernelApp().start()\n"
        )
        launch = str(ROOT / "envaudit/watch/kernel_launch.py")
        options = ["--name", "w", "--memory-limit", str(200 * MIB), "--on-limit", on_limit]
        kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", "/nowhere/kernel-1.json"]
        return subprocess.Popen(
            [sys.executable, "-I", "-S", launch, str(ROOT), *options, "--", *kernel],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(tmp_path / "path"),
                "ENVAUDIT_STATE_DIR": str(tmp_path / "state"),
                "JPY_PARENT_PID": "1",
                "JPY_SESSION_NAME": "a.ipynb",
            },
            cwd=tmp_path,
            start_new_session=True,
        )

    return start


def verdicts(tmp_path: Path) -> list[dict[str, Any]]:
    return [read(path) for path in kept(str(tmp_path / "state/kernels"))]


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("pass", 0, ""),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV, "segfault"),
        ("import os; os.abort()", -signal.SIGABRT, "abort"),
        ("import os; os._exit(3)", 3, "native-exit"),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL, "killed"),
        ("raise SystemExit(4)", 4, "exit"),
        ("import nothing_such", 1, "exception"),
        ("import time\n" + GROW, -signal.SIGKILL, "out-of-memory"),
    ],
)
def test_it_ends_as_the_kernel_did_and_keeps_why(
    code: str, status: int, kind: str, starts: Starts, tmp_path: Path
) -> None:
    program = starts(code)
    _, words = program.communicate(timeout=120)
    assert program.returncode == status
    found = verdicts(tmp_path)
    assert [each["verdict"] for each in found] == ([kind] if kind else [])
    if kind:
        assert (found[0]["kernel"], found[0]["notebook"], found[0]["connection"]) == ("w", "a.ipynb", "kernel-1.json")
        assert f"envaudit: {kind}: " in words


def test_an_interruption_reaches_the_kernel_once(starts: Starts, tmp_path: Path) -> None:
    code = READY + "try:\n    time.sleep(100)\nexcept KeyboardInterrupt:\n    print('interrupted', flush=True)\n"
    program = starts(code + "time.sleep(1)\n")
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    os.killpg(program.pid, signal.SIGINT)
    assert program.communicate(timeout=120)[0] == "interrupted\n"
    assert program.returncode == 0
    assert verdicts(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_end_that_was_asked_for_is_no_death(number: signal.Signals, starts: Starts, tmp_path: Path) -> None:
    code = "import os\nprint(os.getpid(), os.environ['JPY_PARENT_PID'] == str(os.getppid()), flush=True)\n"
    program = starts(code + "import time; time.sleep(100)\n")
    assert program.stdout is not None
    pid, is_parent = program.stdout.readline().split()
    assert is_parent == "True"
    program.send_signal(number)
    program.communicate(timeout=120)
    assert program.returncode == -number
    deadline = time.monotonic() + 60
    while Path("/proc", pid).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path("/proc", pid).exists()
    assert verdicts(tmp_path) == []


def told(memory: int = 200 * MIB) -> KernelWatch:
    return KernelWatch({"memory": memory}, -1, interrupts=True)


def test_what_the_kernel_says_of_its_cells() -> None:
    kernel = told()
    shown: list[bool] = []
    kernel.when_shown = lambda: shown.append(True)
    parent = {"msg_id": "1"}
    for words in (
        {"name": "/tmp/a.py", "cell": 3, "text": "x = 1", "parent": parent},
        {"shown": "/v.json"},
        {"name": 1, "cell": 4, "text": "", "parent": parent},
        {"end": "ok", "type": "", "text": "", "frames": []},
        ["no object"],
    ):
        kernel._told(json.dumps(words).encode())
    kernel._told(b"{" * 100_000)
    assert (kernel.cell, kernel.parent, shown) == (3, parent, [True])
    assert kernel.cells() == ({"/tmp/a.py": 3}, "/tmp/a.py", "x = 1")
    kernel._told(b'{"idle": true}')
    assert (kernel.cell, kernel.parent) == (0, {})


def test_names_of_cells_are_bounded() -> None:
    kernel = told()
    for number in range(2100):
        line = {"name": f"/tmp/{number}.py", "cell": number, "text": "", "parent": {}}
        kernel._told(json.dumps(line).encode())
    assert len(kernel.cells().numbers) == 2000
    assert kernel.cells().number("/tmp/2099.py") == 2099


def test_the_limit_is_the_one_asked_for_or_the_machines() -> None:
    assert limit_for(5 * MIB) == 5 * MIB
    assert limit_for(0) > 100 * MIB


def test_a_verdict_names_the_cell_of_a_frame(tmp_path: Path) -> None:
    script = tmp_path / "cell.py"
    script.write_text("import os\nos._exit(7)\n")
    program = Program((sys.executable,), "script", str(script), (), dict(os.environ), 200 * MIB, inherit=False)
    seen = watch(program)
    seen["talk"] = json.dumps({"cell": 5}) + "\n"
    record(
        seen,
        name="w",
        command=["python"],
        cells=Cells({str(script): 5}),
        parent={},
        memory=200 * MIB,
        folder=str(tmp_path / "state/kernels"),
    )
    (found,) = verdicts(tmp_path)
    assert (found["verdict"], found["exit_status"], found["cell"]) == ("native-exit", 7, 5)
    assert ["where", "while In [5] was running"] in found["rows"]
