"""``envaudit run`` as its user sees it: what passes through, the verdict, the exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from envaudit.cli.parser import parse
from envaudit.cli.running import plain_options
from envaudit.cli.running_text import own_line
from tests.support.command import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are watched on Linux")


def run(folder: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "envaudit", "run", "-p", sys.executable, "--memory-limit", "512M", *words]
    return subprocess.run(
        command,
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )


def notebook(path: Path, *cells: str) -> None:
    made = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made}))


def test_a_program_runs_as_it_would_without(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("word = 'imported'\n")
    (tmp_path / "p.py").write_text(
        "import sys, pickle, beside\nclass Thing: pass\npickle.dumps(Thing())\n"
        "print(sys.argv, __name__, __file__, beside.word, input(), sorted(set(globals()) & {'hold', 'Talk'}))\n"
    )
    done = run(tmp_path, "p.py", "--", "--epochs", "3", stdin="typed\n")
    assert done.stdout == "['p.py', '--epochs', '3'] __main__ p.py imported typed []\n"
    assert done.returncode == 0
    assert "envaudit: ok: it ended well" in done.stderr


def test_a_traceback_shows_nothing_of_ours(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("def f():\n    raise ValueError('no')\nf()\n")
    done = run(tmp_path, "p.py")
    assert "boot.py" not in done.stderr
    assert done.stderr.startswith('Traceback (most recent call last):\n  File "p.py", line 3, in <module>')
    assert "envaudit: exception: ValueError: no" in done.stderr
    assert "this machine" not in done.stderr
    assert done.returncode == 1


def test_a_module_is_run_with_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("import sys\nprint(__name__, sys.argv[1:], __spec__.name)\nsys.exit(3)\n")
    done = run(tmp_path, "-m", "mod", "--", "-x")
    assert done.stdout == "__main__ ['-x'] mod\n"
    assert "exit: it ended itself with status 3" in done.stderr
    assert done.returncode == 1


def test_a_notebook_names_cell_and_line(tmp_path: Path) -> None:
    notebook(
        tmp_path / "n.ipynb",
        "%matplotlib inline\nx = 20",
        "x + 1",
        "import ctypes\ndef f():\n    ctypes.string_at(0)\nf()",
    )
    done = run(tmp_path, "n.ipynb")
    assert done.stdout == "21\n"
    assert "segmentation fault (SIGSEGV)" in done.stderr
    assert "cell 3, line 3, in f" in done.stderr
    assert "lines for IPython" in done.stderr


def test_the_verdict_as_json_is_all_of_standard_output(tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", "print('spoken')", "y = [1]\ny[4]")
    done = run(tmp_path, "--json", "n.ipynb")
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["verdict"], told["exit_code"], told["cell"]) == ("exception", 1, 2)
    assert told["frames"] == [{"path": "<cell 2>", "line": 2, "function": "<module>", "cell": 2}]
    assert told["memory"]["limit"] == 512 * 1024**2
    assert "spoken" in done.stderr


def test_an_allocation_that_cannot_be_is_out_of_memory(tmp_path: Path) -> None:
    notebook(tmp_path / "n.ipynb", "size = 10000 * 10000 * 100 * 8", "data = bytearray(size)")
    done = run(tmp_path, "n.ipynb")
    assert "out-of-memory: an allocation was refused" in done.stderr
    assert "cell 2, line 1" in done.stderr
    assert "work on less at a time" in done.stderr
    assert "this machine\n    memory      " in done.stderr


def test_a_program_that_runs_too_long_is_stopped_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("import time\ntime.sleep(50)\n")
    done = run(tmp_path, "--timeout", "1", "-o", "verdict.txt", "p.py")
    assert done.returncode == 1
    assert done.stderr == ""
    assert "p.py, line 2" in (tmp_path / "verdict.txt").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "what is to be run"),
        (("missing.py",), "there is no file missing.py"),
        (("--timeout", "soon", "p.py"), "--timeout soon"),
        (("--memory-limit", "0", "p.py"), "--memory-limit"),
        (("-f", "xml", "p.py"), "choose text or json"),
    ],
)
def test_what_cannot_be_run_is_said(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "p.py").write_text("")
    done = run(tmp_path, *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_line_shown_first_is_the_users_own() -> None:
    frames = (("p.py", 3, "f"), ("/env/lib/python3.11/site-packages/numpy/a.py", 9, "g"))
    assert own_line(frames) == frames[0]
    assert own_line(frames[1:]) == frames[1]
    assert own_line((frames[0], ("numpy/random/_common.pyx", 309, "fill"))) == frames[0]
    assert own_line(()) is None


@pytest.mark.parametrize(
    "line",
    [
        "p.py",
        "p.py -- --epochs 3",
        "p.py --json -o x",
        "-p .venv --memory-limit 2G analysis.ipynb",
        "-f json -o verdict.json train.py -- a b",
        "--json --timeout 5 -m package -- -x",
        "-m package",
        "--python x -m package word --json",
    ],
)
def test_a_plain_command_line_is_read_as_the_parser_reads_it(line: str) -> None:
    arguments = ["run", *line.split()]
    plain, parsed = plain_options(arguments), vars(parse(arguments))
    assert plain is not None
    assert vars(plain) == {name: parsed[name] for name in vars(plain)}


@pytest.mark.parametrize(
    "line", ["", "--help", "-pX p.py", "--format=json p.py", "--timeout", "-o -x p.py", "--new p.py"]
)
def test_any_other_command_line_is_left_to_the_parser(line: str) -> None:
    assert plain_options(["run", *line.split()]) is None


def test_little_is_loaded_for_a_program_that_ends_well(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("")
    command = [sys.executable, "-X", "importtime", "-m", "envaudit", "run", "-p", sys.executable, "p.py"]
    environ = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60, env=environ)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "envaudit.watch.judge" in loaded
    late = {"argparse", "subprocess", "dataclasses", "psutil", "rich", "ctypes", "tempfile", "envaudit.model"}
    assert not loaded & (late | {"envaudit.watch.brake", "envaudit.watch.unwind", "envaudit.locate.describe"})


def test_closed_streams_are_no_concern_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(
        "import os, sys\nopen('seen', 'w').write(str([sys.stdin, sys.stdout, sys.stderr]))\n"
    )
    words = f"{sys.executable} -m envaudit run -p {sys.executable} --memory-limit 512M p.py <&- >&- 2>&-"
    environ = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["/bin/sh", "-c", words], cwd=tmp_path, check=False, timeout=60, env=environ)
    assert done.returncode == 0
    assert (tmp_path / "seen").read_text() == "[None, None, None]"


@pytest.mark.parametrize("whom", ["alone", "group"])
def test_an_interruption_reaches_the_program_once(whom: str, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(
        "import time\ntry:\n    print('begun', flush=True)\n    time.sleep(60)\nexcept KeyboardInterrupt:\n"
        "    time.sleep(1)\n    print('tidied', flush=True)\n    raise\n"
    )
    program = subprocess.Popen(
        [sys.executable, "-m", "envaudit", "run", "-p", sys.executable, "--memory-limit", "512M", "p.py"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        start_new_session=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "begun\n"
    (os.kill if whom == "alone" else os.killpg)(program.pid, signal.SIGINT)
    said, complained = program.communicate(timeout=60)
    assert (program.returncode, said) == (130, "tidied\n")
    assert "envaudit: interrupted: it was interrupted" in complained


SCHEMA = json.loads((ROOT / "envaudit" / "report" / "run.schema.json").read_text(encoding="utf-8"))
ENDS = {
    "ok": "print(1)",
    "exit": "raise SystemExit(3)",
    "exception": "open('none')",
    "out-of-memory": "bytearray(3 * 1024**3)",
    "segfault": "import ctypes\nctypes.string_at(0)",
    "killed": "import os\nos.kill(os.getpid(), 9)",
    "native-exit": "import os\nos._exit(4)",
    "timeout": "import time\ntime.sleep(60)",
}


@pytest.mark.parametrize("kind", ENDS)
def test_the_json_follows_its_schema(kind: str, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(ENDS[kind])
    told = json.loads(run(tmp_path, "--json", "--timeout", "2" if kind == "timeout" else "50", "p.py").stdout)
    jsonschema.validate(told, SCHEMA)
    assert told["verdict"] == kind
    assert set(told) == set(SCHEMA["properties"])


def test_memory_and_processors_are_drawn_over_time(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(
        "import time\nkept = []\nend = time.monotonic() + 1.2\nwhile time.monotonic() < end:\n"
        "    kept.append(bytearray(10**6)) if len(kept) < 50 else sum(range(1000))\nraise SystemExit(2)\n"
    )
    drawn = run(tmp_path, "p.py").stderr.splitlines()
    assert sum("MiB |" in line for line in drawn) == 2
    assert sum("CPU |" in line for line in drawn) == 2
    assert sum("+----" in line for line in drawn) == 2
