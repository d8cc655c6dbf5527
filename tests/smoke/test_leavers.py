"""Nothing that a test starts outlives it, whatever it does to escape; and nothing outlives the audit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.smoke.fake import survivors

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.smoke.fake import FakeEnvironment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux brings orphans back to the supervisor")

ROOT = Path(__file__).parents[2]
SLEEPER = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)', 'MARKER']{options})\n"
DAEMON = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 64)
        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(99)', 'MARKER'])
    os._exit(0)
os.wait()
"""
HOLDER = """
if os.fork() == 0:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(99)', 'MARKER'])
"""
LEAVERS = {
    "child": SLEEPER.format(options=""),
    "session": SLEEPER.format(options=", start_new_session=True"),
    "daemon": DAEMON,
    "holds-the-pipes": HOLDER,
    "many": "for _ in range(12):\n    " + SLEEPER.format(options=", close_fds=False"),
}


@pytest.mark.parametrize("kind", LEAVERS)
def test_leavers_are_counted_and_killed(fake: FakeEnvironment, kind: str) -> None:
    marker = f"smoke-{os.getpid()}-{kind}"
    result = fake.solve(LEAVERS[kind].replace("MARKER", marker) + "\nreturn right_answer(matrix)")
    # The test solves twice.
    assert (result.end, result.leftovers) == ("ok", 24 if kind == "many" else 2)
    assert survivors(marker) == []


@pytest.mark.parametrize("kind", ["session", "daemon", "holds-the-pipes"])
def test_twenty_times_in_a_row(fake: FakeEnvironment, kind: str) -> None:
    marker = f"smoke-{os.getpid()}-again-{kind}"
    body = LEAVERS[kind].replace("MARKER", marker) + "os._exit(0)"
    for _ in range(20):
        result = fake.solve(body)
        assert (result.end, result.leftovers, result.seconds < 5) == ("no-result", 1, True)
    assert survivors(marker) == []


def test_a_timeout_kills_the_whole_tree(fake: FakeEnvironment) -> None:
    marker = f"smoke-{os.getpid()}-timeout"
    result = fake.solve(DAEMON.replace("MARKER", marker) + "time.sleep(99)", timeout=1.0)
    assert (result.end, result.leftovers) == ("timeout", 0)
    assert survivors(marker) == []


def test_a_stopped_child_is_killed(fake: FakeEnvironment) -> None:
    assert fake.solve("os.kill(os.getpid(), signal.SIGSTOP)", timeout=1.0).end == "timeout"


def test_a_helper_that_ends_by_itself_is_no_leftover(fake: FakeEnvironment) -> None:
    result = fake.solve("subprocess.Popen(['sleep', '0.1'])\nreturn right_answer(matrix)")
    assert (result.end, result.leftovers) == ("ok", 0)


def test_a_breeder_is_stopped(fake: FakeEnvironment) -> None:
    """Each process starts the next one and ends: a kill by process id always comes too late for one of them."""
    marker = f"smoke-{os.getpid()}-breeder"
    body = f"""
    code = "import os, sys, time; os.fork() and os._exit(0); os.setsid(); time.sleep(0.01); "
    code += "os.execv(sys.executable, [sys.executable, '-S', '-c', sys.argv[1], sys.argv[1], '{marker}'])"
    subprocess.Popen([sys.executable, "-S", "-c", code, code, "{marker}"])
    time.sleep(0.3)
    os._exit(0)
    """
    assert fake.solve(body).end == "no-result"
    time.sleep(0.3)
    assert survivors(marker) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_a_killed_audit(fake: FakeEnvironment, number: signal.Signals, tmp_path: Path) -> None:
    marker = f"smoke-{os.getpid()}-audit-{number.name}"
    started = tmp_path / "started"
    fake.write(DAEMON.replace("MARKER", marker) + f"open({str(started)!r}, 'w').close()\ntime.sleep(99)")
    program = f"""
    import sys
    sys.path.insert(0, {str(ROOT)!r})
    from pathlib import Path
    from envaudit.smoke import SMOKE_TESTS, SmokeOptions, run_smoke, runner
    from tests.smoke.fake import FakeEnvironment, SOLVE, installed
    runner.SMOKE_TESTS = tuple(test for test in SMOKE_TESTS if test.name == SOLVE)
    target = FakeEnvironment.__new__(FakeEnvironment)
    target.describe(Path({fake.target.prefix!r}))
    run_smoke(target.target, installed("scipy", "numpy"), SmokeOptions(timeout=90))
    """
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], env=environment, stderr=subprocess.PIPE
    ) as audit:
        _wait_for(started.exists)
        _wait_for(lambda: survivors(marker))
        audit.send_signal(number)
        audit.communicate(timeout=20)
    _wait_for(lambda: not survivors(marker))
    _wait_for(lambda: not survivors(str(fake.target.executable)))
    _wait_for(lambda: not survivors(str(tmp_path)))
    _wait_for(lambda: [path.name for path in tmp_path.iterdir()] == ["started"])


def _wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 15 seconds"
        time.sleep(0.02)
