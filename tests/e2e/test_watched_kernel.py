"""Watched kernels with a real Jupyter client: they die, say why, are interrupted, restarted and shut down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import ROOT
from tests.support.environments import build_environment, python_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Steps = Callable[..., dict[str, Any]]

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(sys.platform != "linux", reason="kernels are watched on Linux"),
]
GROW = "kept = []\nimport time\nwhile True:\n    kept.append(bytearray(10_000_000)); time.sleep(0.01)"
GROW_INSIDE = (
    "def grow():\n    kept = []\n    while True:\n        kept.append(bytearray(10_000_000)); time.sleep(0.01)\ngrow()"
)
CRASH = "import ctypes\ndef read(address):\n    return ctypes.string_at(address)\nread(0)"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment with a kernel, in which envaudit is not installed, though what the magic needs is."""
    return build_environment(tmp_path_factory.mktemp("lab") / "env", "3.11", ["ipykernel>=6.29", "importlib-metadata"])


def command(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "envaudit", "kernel", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**_environ(home), "PYTHONPATH": str(ROOT)},
        cwd=home,
    )


def _environ(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "JPY_", "XDG_"))}
    return {**kept, "HOME": str(home), "IPYTHONDIR": str(home / "ipython")}


@pytest.fixture
def steps(lab: Path, tmp_path: Path) -> Steps:
    """Return a function that installs a watched kernel and does things with it."""

    def do(*wanted: dict[str, object], on_limit: str = "interrupt", **environ: str) -> dict[str, Any]:
        made = command(
            tmp_path, "install", "-p", str(lab), "--name", "w", "--memory-limit", "400M", "--on-limit", on_limit
        )
        assert made.returncode == 0, made.stderr
        client = subprocess.run(
            [python_of(lab), str(Path(__file__).with_name("kernel_client.py")), "w"],
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**_environ(tmp_path), **environ},
            cwd=tmp_path,
        )
        assert client.returncode == 0, client.stderr
        answer: dict[str, Any] = json.loads(client.stdout)
        return answer

    return do


def verdicts(home: Path) -> list[dict[str, Any]]:
    told = command(home, "last", "-n", "9", "-f", "json")
    found: list[dict[str, Any]] = json.loads(told.stdout)
    return found


def left(word: str) -> list[str]:
    """Return the processes whose command line has a word in it."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and word.encode() in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found


def daemons(word: str) -> str:
    """Return a cell that starts two processes, one in a session of its own, and shows how many there are."""
    return (
        "import subprocess, sys, glob, time\n"
        f"words = [sys.executable, '-c', 'import time; time.sleep(300)', {word!r}]\n"
        "subprocess.Popen(words, start_new_session=True)\nsubprocess.Popen(words)\n"
        f"count = lambda: len([1 for p in glob.glob('/proc/[0-9]*/cmdline') if {word!r} in open(p).read()])\n"
        "until = time.time() + 30\nwhile count() < 2 and time.time() < until:\n    time.sleep(0.02)\ncount()"
    )


def test_a_crash_is_told_in_its_cell_in_a_file_and_at_the_next_start(steps: Steps, tmp_path: Path) -> None:
    done = steps({"run": "x = 1"}, {"run": CRASH}, {"restart": False}, {"run": "2 + 3"}, {"run": "4 + 5"})["steps"]
    crashed, after, later = done[1], done[3], done[4]
    assert not crashed["alive"]
    ((kind, text, html),) = crashed["shown"]
    assert kind == "display_data"
    assert text.startswith("Why this notebook's kernel died: segfault: it died of a segmentation fault (SIGSEGV)")
    assert "where    In [2], line 3, in read: return ctypes.string_at(address)" in text
    assert "<b>Why this notebook&#x27;s kernel died</b>" in html
    assert [each[:2] for each in after["shown"]] == [["display_data", text], ["execute_result", "5"]]
    assert [each[:2] for each in later["shown"]] == [["execute_result", "9"]]
    (kept,) = verdicts(tmp_path)
    assert (kept["verdict"], kept["signal"], kept["cell"], kept["shown"]) == ("segfault", "SIGSEGV", 2, True)
    assert [(each["cell"], each["line"]) for each in kept["frames"] if each["cell"]] == [(2, 4), (2, 3)]
    assert "segfault: it died" in command(tmp_path, "last").stdout


def test_a_cell_that_needs_too_much_is_stopped_and_the_variables_survive(steps: Steps, tmp_path: Path) -> None:
    done = steps(
        {"run": "kept_before = 7"},
        {"run": GROW},
        {"run": "print(kept_before, len(kept) > 10); del kept"},
        {"run": "bytearray(3 * 1024**3)"},
        {"run": "kept_before"},
        {"run": GROW_INSIDE},
        {"run": "[line.split()[1] for line in open('/proc/self/status') if 'VmRSS' in line][0]"},
    )["steps"]
    ((kind, text, _),) = done[1]["shown"]
    assert kind == "error"
    assert text.startswith("MemoryError: this kernel may use 400 MiB and envaudit has stopped the cell")
    assert done[2]["shown"][0][1] == "7 True\n"
    assert {each[0] for each in done[3]["shown"]} == {"error", "stream"}
    assert "this kernel may use 400 MiB" in next(each[1] for each in done[3]["shown"] if each[0] == "stream")
    assert done[4]["shown"][0][1] == "7"
    assert "envaudit has stopped the cell" in done[5]["shown"][0][1]
    assert int(done[6]["shown"][0][1].strip("'")) < 300_000  # KiB: what the function held is free again
    assert verdicts(tmp_path) == []


def test_a_kernel_may_be_killed_at_the_limit_with_its_line(steps: Steps, tmp_path: Path) -> None:
    done = steps({"run": GROW}, on_limit="kill")["steps"]
    assert "out-of-memory: it used more than its limit of 400 MiB" in done[0]["shown"][0][1]
    (kept,) = verdicts(tmp_path)
    assert (kept["verdict"], kept["cell"], kept["frames"][-1]["line"]) == ("out-of-memory", 1, 4)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os._exit(3)", "native-exit: compiled code or os._exit ended Python with status 3"),
        ("import os; os.abort()", "abort: it died of an abort (SIGABRT)"),
        ("import os; os.kill(os.getpid(), 9)", "killed: another process killed it"),
    ],
)
def test_other_deaths(steps: Steps, code: str, words: str) -> None:
    (done,) = steps({"run": code})["steps"]
    assert words in done["shown"][0][1]
    assert "In [1]" in done["shown"][0][1]


def test_interrupt_restart_and_shutdown_are_no_deaths_and_leave_nothing(steps: Steps, tmp_path: Path) -> None:
    word = f"left-{os.getpid()}-{time.monotonic_ns()}"
    daemon = daemons(word)
    done = steps(
        {"run": "import time\nz = 5\ntime.sleep(60)", "interrupt": 1.0},
        {"run": "z"},
        {"run": "!sleep 60", "interrupt": 1.0},
        {"run": daemon},
        {"restart": False},
        {"run": "z"},
        {"run": daemon},
        {"restart": True},
        {"run": daemon},
        {"run": "exit()"},
    )
    shown = [[text for _, text, _ in step.get("shown", ())] for step in done["steps"]]
    assert shown[0] == ["KeyboardInterrupt: "]
    assert shown[1] == ["5"]
    assert int(shown[3][-1]) >= 2
    assert shown[5][0].startswith("NameError")
    assert verdicts(tmp_path) == []
    assert left(word) == []


def test_when_the_process_that_jupyter_knows_is_killed_nothing_is_left(steps: Steps, tmp_path: Path) -> None:
    word = f"left-{os.getpid()}-{time.monotonic_ns()}"
    done = steps({"run": daemons(word)}, {"kill": True})["steps"]
    assert int(done[0]["shown"][0][1]) >= 2
    deadline = time.monotonic() + 60
    while left(word) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left(word) == []
    assert verdicts(tmp_path) == []


def test_a_kernel_without_its_envaudit_starts_all_the_same(steps: Steps, lab: Path, tmp_path: Path) -> None:
    assert steps()["steps"] == []
    launch = tmp_path / ".local/share/jupyter/kernels/w/launch.py"
    ran = subprocess.run(
        [python_of(lab), "-I", "-S", str(launch), str(tmp_path / "gone"), "--", "/bin/echo", "started", "unwatched"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "started unwatched\n"
    assert "the kernel starts without its watch" in ran.stderr


def test_what_is_watched_is_checked_like_others_and_removed(steps: Steps, lab: Path, tmp_path: Path) -> None:
    assert steps()["ready"] < 60
    listed = command(tmp_path, "list", str(lab)).stdout
    assert any(line.startswith("w ") and str(lab) in line and "ipykernel" in line for line in listed.splitlines())
    checked = command(tmp_path, "check", str(lab), "--strict")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert command(tmp_path, "uninstall", "w").returncode == 0
    assert not (tmp_path / ".local/share/jupyter/kernels/w").exists()


def test_the_magic_in_a_real_kernel(steps: Steps) -> None:
    done = steps(
        {"run": "%load_ext envaudit"},
        {"run": "data = bytearray(30_000_000)"},
        {"run": "%envaudit memory"},
        {"run": "%envaudit check"},
        PYTHONPATH=str(ROOT),
    )["steps"]
    assert done[0]["shown"] == []
    ((kind, memory, html),) = done[2]["shown"]
    assert kind == "display_data"
    assert "of 400 MiB (limit of this watched kernel)" in memory
    assert "data  bytearray of 30,000,000" in memory
    assert "<table" in html
    ((_, checked, drawn),) = done[3]["shown"]
    assert checked.startswith("envaudit ")
    assert "ulimit -d" not in checked  # which is the limit that the kernel was given
    assert "<summary>" in drawn
