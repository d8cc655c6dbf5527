"""Every way in which a test can end is told apart, through the public entrance, in real processes."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from envaudit.watch.brake import can_look
from tests.smoke.fake import MIB, survivors

if TYPE_CHECKING:
    from tests.smoke.fake import FakeEnvironment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sends signals and counts processes as Linux does")

EVERY_DESCRIPTOR = """
for number in range(3, 64):
    try:
        os.write(number, {})
    except OSError:
        pass
"""
CHILDREN = """
for _ in range(8):
    if os.fork() == 0:
        keep = bytearray(b'x' * 50000000)
        time.sleep(60)
time.sleep(60)
"""
RECURSION = "sys.setrecursionlimit(10**9)\nkeep = lambda: [bytearray(4096), keep()]\nkeep()"


def test_right_answer(fake: FakeEnvironment) -> None:
    result = fake.solve("return right_answer(matrix)")
    assert (result.end, result.exit_status, result.leftovers, result.error) == ("ok", 0, 0, "")
    assert result.distribution == "scipy"
    assert result.peak_memory is not None
    assert result.peak_memory > MIB


@pytest.mark.parametrize(
    ("body", "end", "signal"),
    [
        ("ctypes.string_at(0)", "crash", "SIGSEGV"),
        ("signal.raise_signal(signal.SIGBUS)", "crash", "SIGBUS"),
        ("signal.raise_signal(signal.SIGFPE)", "crash", "SIGFPE"),
        ("os.abort()", "abort", "SIGABRT"),
        ("signal.raise_signal(signal.SIGILL)", "illegal-instruction", "SIGILL"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed", "SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "killed", "SIGTERM"),
        ("import atexit; atexit.register(ctypes.string_at, 0); return right_answer(matrix)", "crash", "SIGSEGV"),
    ],
)
def test_signals(fake: FakeEnvironment, body: str, end: str, signal: str) -> None:
    result = fake.solve(body)
    assert (result.end, result.signal, result.exit_status) == (end, signal, None)


@pytest.mark.skipif(bool(can_look()), reason="the library of a crash cannot be read here")
def test_a_crash_is_repeated_to_name_the_library(fake: FakeEnvironment) -> None:
    place = fake.solve("ctypes.string_at(0)").place
    assert place is not None
    assert "_ctypes" in place.library
    assert place.access == "a read at address 0x0 (a null pointer)"
    assert not place.is_python
    gone = "import pathlib; f = pathlib.Path(__file__ + '.once'); f.exists() or (f.touch(), ctypes.string_at(0))"
    assert fake.solve(f"{gone}; return right_answer(matrix)").place is None


@pytest.mark.parametrize("body", ["ctypes.string_at(0)", "os.abort()", "signal.raise_signal(signal.SIGILL)"])
def test_the_python_line_of_a_crash_is_known(fake: FakeEnvironment, body: str) -> None:
    frames = fake.solve(body).frames
    assert (str(fake.module), 3, "solve") in frames
    assert not any("child.py" in path for path, _, _ in frames)


@pytest.mark.parametrize(
    "body",
    [
        "os._exit(0)",
        "sys.exit(3)",
        "sys.exit('no')",
        "os.closerange(0, 256)",
        EVERY_DESCRIPTOR.format('b\'{"end": "ok"\'') + "return [0]",
        EVERY_DESCRIPTOR.format("b'x' * 2000000") + "os._exit(0)",
        EVERY_DESCRIPTOR.format("b'[' * 200000") + "os._exit(0)",
        "import atexit; atexit.register(os._exit, 7); return right_answer(matrix)",
    ],
)
def test_no_result(fake: FakeEnvironment, body: str) -> None:
    result = fake.solve(body)
    assert (result.end, result.leftovers) == ("no-result", 0)
    assert result.error


def test_wrong_numbers(fake: FakeEnvironment) -> None:
    result = fake.solve("return [6.0, 15.0, -22.0]")
    assert (result.end, result.exception) == ("wrong-result", "AssertionError")
    assert "[6.0, 15.0, -22.0], expected [6.0, 15.0, -23.0]" in result.error


def test_not_a_number_is_wrong_too(fake: FakeEnvironment) -> None:
    assert fake.solve("return [float('nan')] * len(matrix)").end == "wrong-result"


def test_an_assert_inside_the_library_is_an_exception(fake: FakeEnvironment) -> None:
    result = fake.solve("assert len(matrix) == 0, 'inside'")
    assert (result.end, result.exception, result.error) == ("exception", "AssertionError", "inside")


def test_exception_with_its_frames(fake: FakeEnvironment) -> None:
    result = fake.solve("raise ValueError('numpy.dtype size changed')")
    assert (result.end, result.exception, result.error) == ("exception", "ValueError", "numpy.dtype size changed")
    assert result.frames[-1] == (str(fake.module), 3, "solve")
    assert len(result.frames) == 2


@pytest.mark.parametrize(
    "body",
    [
        "class Odd(Exception):\n    def __str__(self): raise RuntimeError\nraise Odd",
        "raise ValueError('\\ud800 \\x00' * 100000)",
        "raise KeyboardInterrupt",
        "def deep(): deep()\ndeep()",
    ],
)
def test_odd_exceptions(fake: FakeEnvironment, body: str) -> None:
    result = fake.solve(body)
    assert result.end == "exception"
    assert len(result.error) <= 4000
    assert len(result.frames) <= 60


@pytest.mark.parametrize("body", ["while True: pass", "time.sleep(600)", "threading.Event().wait()"])
def test_timeout_says_where(fake: FakeEnvironment, body: str) -> None:
    result = fake.solve(body, timeout=1.0)
    assert (result.end, result.limit) == ("timeout", "1 seconds")
    assert result.seconds < 4
    assert (str(fake.module), 3, "solve") in result.frames


def test_timeout_of_a_test_that_ignores_signals(fake: FakeEnvironment) -> None:
    result = fake.solve(
        "for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
        "    signal.signal(number, signal.SIG_IGN)\n"
        "while True: time.sleep(1)",
        timeout=1.0,
    )
    assert result.end == "timeout"


@pytest.mark.parametrize(
    "body",
    [
        "keep = []\nwhile True: keep.append(bytearray(b'x' * 4000000))",
        "keep = []\nwhile True: keep.append(bytes(range(250)) * 4000); time.sleep(0.002)",
        "bytearray(10**12)",
        RECURSION,
        CHILDREN,
    ],
)
def test_memory(fake: FakeEnvironment, body: str) -> None:
    result = fake.solve(body, memory=128 * MIB)
    assert (result.end, result.limit) == ("memory-limit", "128 MiB of memory")
    assert result.seconds < 15


def test_a_fork_that_shares_its_memory_is_not_counted_twice(fake: FakeEnvironment) -> None:
    body = """
    keep = b"x" * 90_000_000
    children = [os.fork() for _ in range(1)]
    if children == [0]:
        time.sleep(0.5)
        os._exit(0)
    os.waitpid(children[0], 0)
    return right_answer(matrix)
    """
    assert fake.solve(body, memory=160 * MIB).end == "ok"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_flood(fake: FakeEnvironment, stream: str) -> None:
    result = fake.solve(f"while True: sys.{stream}.write('x' * 10000)")
    assert (result.end, result.limit) == ("output-limit", "1 MiB of output")
    assert len(result.stderr) <= 4000


def test_much_output_below_the_limit_does_not_block(fake: FakeEnvironment) -> None:
    body = "sys.stderr.write('e' * 450000); sys.stdout.write('o' * 450000); return right_answer(matrix)"
    assert fake.solve(body).end == "ok"


def test_output_that_is_no_text(fake: FakeEnvironment) -> None:
    result = fake.solve("os.write(2, bytes(range(256))); raise OSError")
    assert result.end == "exception"
    assert "\\xff" in result.stderr


def test_the_child_sees_a_clean_environment(fake: FakeEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "SOME_TOKEN"):
        monkeypatch.setenv(name, "/nowhere")
    result = fake.solve(
        "import json; raise ValueError(json.dumps([dict(os.environ), os.getcwd(), sys.flags.isolated]))"
    )
    import json

    environment, folder, isolated = json.loads(result.error)
    assert isolated
    assert not {"PYTHONPATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "SOME_TOKEN", "KMP_DUPLICATE_LIB_OK"} & set(environment)
    assert environment["HOME"] == environment["TMPDIR"] == folder
    assert environment["MPLBACKEND"] == "Agg"
    assert not Path(folder).exists()


def test_limits_are_set_before_the_interpreter_starts(fake: FakeEnvironment) -> None:
    result = fake.solve(
        "import resource as r\n"
        "raise ValueError([r.getrlimit(kind) for kind in (r.RLIMIT_CORE, r.RLIMIT_DATA, r.RLIMIT_FSIZE)])"
    )
    assert result.error == str([(0, 0), (512 * MIB, 512 * MIB), (256 * MIB, 256 * MIB)])


def test_a_file_cannot_grow_without_end(fake: FakeEnvironment) -> None:
    result = fake.solve("f = open('big', 'wb'); f.truncate(2**40)")
    assert (result.end, result.exception) == ("exception", "OSError")


def test_folders_are_removed_even_without_rights(fake: FakeEnvironment) -> None:
    before = set(Path(tempfile.gettempdir()).glob("envaudit-smoke-*"))
    body = "os.makedirs('a/b'); open('a/b/c', 'w').close(); os.chmod('a/b', 0); os.chmod('a', 0); os._exit(0)"
    assert fake.solve(body).end == "no-result"
    assert set(Path(tempfile.gettempdir()).glob("envaudit-smoke-*")) <= before


def test_nothing_is_written_into_the_target(fake: FakeEnvironment) -> None:
    fake.solve("return right_answer(matrix)")
    assert not list(fake.site.rglob("__pycache__"))


def test_the_supervisor_is_killed_by_its_child(fake: FakeEnvironment) -> None:
    marker = f"smoke-{os.getpid()}-patricide"
    result = fake.solve(
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', '{marker}'], start_new_session=True)\n"
        "os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)"
    )
    assert result.end == "not-run"
    assert "supervisor" in result.error
    assert survivors(marker) == []
