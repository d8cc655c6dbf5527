"""Ways to die: each gets the right verdict, and the library that is to blame."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.command import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.watch.conftest import Runs


class Death(NamedTuple):
    """A function of the library, and what must be said of it."""

    function: str
    kind: str
    symbol: str
    said: str = ""
    access: str = ""


DEATHS = [
    Death("write_null()", "segfault", "deep_two", "a write at address 0x10 (a null pointer)", "write"),
    Death("copy_null()", "segfault", "copy_null", "a read at address 0x18 (a null pointer)", "read"),
    Death("wild()", "segfault", "wild", "an access to an address that cannot exist", "address"),
    Death("jump()", "segfault", "jump", "a call to address 0x7, where there is no code", "execute"),
    Death("crash_in_threads()", "segfault", "deep_two", "a write at address 0x0", "write"),
    Death("give_up()", "abort", "give_up"),
    Death("free_twice()", "abort", "free_twice"),
    Death("overflow()", "stack-overflow", "recurse", "", "write"),
    Death("trap()", "illegal-instruction", "trap", "on purpose (ud2)", "instruction"),
    Death("divide()", "arithmetic-error", "divide", "division by zero", "divide"),
    Death("cut_short(b'cut.bin')", "bus-error", "cut_short", "has become shorter", "write"),
]


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: death.function)
def test_a_crash_names_cause_function_and_distribution(death: Death, bad_library: Path, runs: Runs) -> None:
    verdict = runs(
        f"import ctypes\nbad = ctypes.CDLL({str(bad_library)!r})\ndef work():\n    bad.{death.function}\nwork()"
    )
    assert verdict.kind == death.kind
    assert verdict.sure
    assert verdict.blame is not None
    assert verdict.blame.frame.path == str(bad_library)
    assert verdict.blame.frame.symbol == death.symbol
    assert str(verdict.blame.owner) == "badlib 1.5"
    assert death.said in "\n".join(verdict.evidence)
    assert verdict.crash is not None
    assert verdict.crash.fault.kind == death.access
    assert [line for path, line, _ in verdict.frames if path.endswith("program.py")] == [5, 4]


@pytest.mark.usefixtures("bad_library")
def test_a_null_pointer_through_ctypes_is_not_blamed_on_libc(runs: Runs) -> None:
    verdict = runs("import ctypes\nctypes.string_at(0)")
    assert verdict.kind == "segfault"
    assert verdict.crash is not None
    assert verdict.blame is not None
    assert "libc.so" in verdict.crash.native[0].path
    assert "libc.so" not in verdict.blame.frame.path


def test_the_overflow_of_another_threads_stack_is_not_blamed_on_anybody(bad_library: Path, runs: Runs) -> None:
    verdict = runs(f"import ctypes\nctypes.CDLL({str(bad_library)!r}).overflow_in_thread()")
    assert (verdict.kind, verdict.sure, verdict.blame) == ("segfault", False, None)
    assert verdict.seen_by == "exit-status"
    assert "the stack of a thread other than the first" in "\n".join(verdict.evidence)


def test_a_program_that_enables_faulthandler_itself_is_seen_all_the_same(bad_library: Path, runs: Runs) -> None:
    text = "import faulthandler, ctypes\nfaulthandler.enable()\n"
    verdict = runs(text + f"ctypes.CDLL({str(bad_library)!r}).write_null()")
    assert verdict.blame is not None
    assert verdict.blame.frame.symbol == "deep_two"


def test_a_library_that_is_cut_short_is_to_blame_itself(bad_library: Path, runs: Runs) -> None:
    whole = bad_library.read_bytes()
    short = bad_library.with_name("_short.so")
    short.write_bytes(whole[:4096])
    record = bad_library.parent.parent / "badlib-1.5.dist-info" / "RECORD"
    record.write_text(record.read_text() + "badlib/_short.so,,\n")
    verdict = runs(f"import ctypes\nctypes.CDLL({str(short)!r})")
    assert verdict.kind == "bus-error"
    assert verdict.blame is not None
    assert (verdict.blame.frame.path, str(verdict.blame.owner)) == (str(short), "badlib 1.5")
    assert verdict.headline.endswith("a library is cut short in _short.so (badlib 1.5)")
    assert verdict.change == ("install again what _short.so belongs to",)


@pytest.mark.parametrize("variable", ["PYTHONFAULTHANDLER", "PYTHONDEVMODE"])
def test_a_faulthandler_of_the_environment_does_not_hide_a_crash(variable: str, bad_library: Path, runs: Runs) -> None:
    verdict = runs(f"import ctypes\nctypes.CDLL({str(bad_library)!r}).write_null()", **{variable: "1"})
    assert verdict.blame is not None
    assert verdict.blame.frame.symbol == "deep_two"


@pytest.mark.usefixtures("bad_library")
def test_shared_memory_that_is_full_is_told_from_a_short_file(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"'
    inside = ["unshare", "--mount", "sh", "-c", script, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*inside, "true"], check=False, stderr=-3).returncode:
        pytest.skip("no small /dev/shm can be made here")
    (tmp_path / "p.py").write_text(
        "from multiprocessing.shared_memory import SharedMemory\nshared = SharedMemory(create=True, size=10_000_000)\n"
        "shared.buf[:] = bytes(10_000_000)\n"
    )
    run = ["-m", "envaudit", "run", "-p", sys.executable, "--memory-limit", "512M", "--json", "-o", "v.json", "p.py"]
    subprocess.run(
        [*inside, sys.executable, *run], cwd=tmp_path, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    told = json.loads((tmp_path / "v.json").read_text())
    assert told["verdict"] == "bus-error"
    assert any("no room left in /dev/shm" in words for words in told["evidence"])
    assert "make /dev/shm larger" in told["change"][0]
    assert told["frames"][-1]["line"] == 3


def test_more_threads_than_processors_are_noted(bad_library: Path, runs: Runs) -> None:
    verdict = runs(f"import ctypes\nctypes.CDLL({str(bad_library)!r}).spin(16, ctypes.c_long(1 << 60))", timeout=3.0)
    assert verdict.kind == "timeout"
    assert any("too many threads" in note for note in verdict.notes)


def test_a_crash_in_a_worker_is_named_and_the_program_goes_on(bad_library: Path, runs: Runs) -> None:
    text = f"import os, ctypes\nif os.fork() == 0:\n    ctypes.CDLL({str(bad_library)!r}).write_null()\nos.wait()\n"
    verdict = runs(text)
    assert verdict.kind == "ok"
    assert any("deep_two of _bad.so (badlib 1.5)" in note for note in verdict.notes)


def test_nobody_takes_the_handler_away_from_python(bad_library: Path, runs: Runs) -> None:
    text = "import signal, ctypes\nsignal.signal(signal.SIGSEGV, signal.SIG_DFL)\n"
    verdict = runs(text + f"ctypes.CDLL({str(bad_library)!r}).write_null()")
    assert verdict.blame is not None
    assert verdict.blame.frame.symbol == "deep_two"
