"""Tests in forks of what has only imported: who passes there is not run again, and nobody else is believed."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.smoke import SMOKE_TESTS, SmokeOptions, SmokeTest, forked, run_smoke, runner
from envaudit.smoke.forked import _read
from envaudit.smoke.plan import Planned, modules_of, shared_out, tree_of
from envaudit.smoke.runner import _Run
from tests.smoke.fake import MIB, installed, survivors

if TYPE_CHECKING:
    from collections.abc import Callable

    from packaging.utils import NormalizedName

    from envaudit.model import SmokeResult
    from tests.smoke.fake import FakeEnvironment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux brings orphans back to their zygote")

ROOT = Path(__file__).parents[2]
GOOD = "return [6.0, 15.0, -23.0]"
# Three tests of one module, so that they share a process that has imported it.
KINDS = ("one", "two", "three")


class Shared:
    """Runs tests ``one``, ``two`` and ``three`` of a module ``shared``, and tells which of them ran alone as well."""

    def __init__(self, fake: FakeEnvironment, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.fake = fake
        self.alone: list[str] = []
        self.folder = folder
        self.module = fake.site / "shared.py"
        real = _Run._one
        self.tests = tuple(self._test(name) for name in KINDS)
        monkeypatch.setattr(runner, "SMOKE_TESTS", self.tests)

        def noted(run: _Run, test: SmokeTest, distribution: NormalizedName) -> SmokeResult:
            self.alone.append(test.name)
            return real(run, test, distribution)

        monkeypatch.setattr(_Run, "_one", noted)

    def _test(self, name: str) -> SmokeTest:
        path = self.folder / f"{name}.py"
        path.write_text(f'"""One."""\ndef run():\n    import shared\n    shared.{name}()\n')
        return SmokeTest(name, str(path), "One.", tuple(installed("shared")))

    def run(self, timeout: float = 60.0, memory: int = 512 * MIB, start: str = "", **bodies: str) -> dict[str, str]:
        """Write the module, with ``start`` done at its import, and return how each test ended."""
        lines = ["import ctypes, os, signal, subprocess, sys, threading, time", textwrap.dedent(start)]
        for name in KINDS:
            lines += [f"def {name}():", textwrap.indent(textwrap.dedent(bodies.get(name, "pass")).strip("\n"), "    ")]
        self.module.write_text("\n".join(lines) + "\n")
        options = SmokeOptions(timeout, memory, jobs=1)
        outcome = run_smoke(self.fake.target, installed("shared"), options)
        assert outcome.gaps == ()
        return {result.test: result.end for result in outcome.results}


@pytest.fixture
def shared(environment: FakeEnvironment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shared:
    return Shared(environment, monkeypatch, tmp_path)


def test_what_passes_in_a_fork_is_not_run_again(shared: Shared) -> None:
    assert shared.run() == dict.fromkeys(KINDS, "ok")
    assert shared.alone == []


@pytest.mark.parametrize(
    ("body", "end"),
    [
        ("ctypes.string_at(0)", "crash"),
        ("os.abort()", "abort"),
        ("raise ValueError", "exception"),
        ("os._exit(0)", "no-result"),
        ("import atexit; atexit.register(ctypes.string_at, 0)", "crash"),
        ("for _ in range(300): sys.stdout.write('x' * 10000)", "output-limit"),
        ("os.kill(os.getppid(), signal.SIGKILL); time.sleep(99)", "not-run"),
        ("bytearray(10**12)", "memory-limit"),
    ],
)
def test_what_fails_in_a_fork_is_judged_by_a_process_of_its_own(shared: Shared, body: str, end: str) -> None:
    assert shared.run(two=body) == {"one": "ok", "two": end, "three": "ok"}
    assert "two" in shared.alone
    assert "one" not in shared.alone


def test_what_only_a_fork_cannot_do_passes(shared: Shared) -> None:
    ends = shared.run(start="MAIN = os.getpid()", two="assert os.getpid() == MAIN")
    assert ends == dict.fromkeys(KINDS, "ok")
    assert shared.alone == ["two"]


def test_a_fork_that_hangs_is_tried_alone(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "_SECONDS", 1.0)
    start = "MAIN = os.getpid()\nlock = threading.Lock()\nlock.acquire()"
    ends = shared.run(start=start, two="os.getpid() == MAIN or lock.acquire()")
    assert ends == dict.fromkeys(KINDS, "ok")
    assert shared.alone == ["two", "three"]  # what has locked once would lock again


@pytest.mark.parametrize("start", ["ctypes.string_at(0)", "raise OSError", "os._exit(0)", "sys.exit(0)"])
def test_a_module_that_cannot_be_imported(shared: Shared, start: str) -> None:
    assert "ok" not in shared.run(start=start).values()
    assert sorted(shared.alone) == sorted(KINDS)


def test_a_runaway_in_a_fork_takes_nothing_else_with_it(shared: Shared) -> None:
    body = "keep = []\nwhile True: keep.append(bytes(range(250)) * 4000); time.sleep(0.001)"
    assert shared.run(two=body, memory=160 * MIB) == {"one": "ok", "two": "memory-limit", "three": "ok"}


def test_a_fork_bomb_is_stopped(shared: Shared) -> None:
    marker = f"forked-{os.getpid()}-bomb"
    code = "import subprocess, sys, time; [subprocess.Popen([sys.executable, '-S', '-c', 'import time; "
    code += f"time.sleep(60)', '{marker}']) for _ in range(400)]; time.sleep(60)"
    body = f"subprocess.Popen([sys.executable, '-S', '-c', {code!r}, {marker!r}])\ntime.sleep(60)"
    ends = shared.run(two=body)
    assert ends["two"] == "process-limit"
    assert survivors(marker) == []


@pytest.mark.parametrize("options", ["", ", start_new_session=True"])
def test_leavers_are_found_and_killed(shared: Shared, options: str) -> None:
    marker = f"forked-{os.getpid()}-{len(options)}"
    body = f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)', {marker!r}]{options})"
    assert shared.run(two=body) == dict.fromkeys(KINDS, "ok")
    assert shared.alone == ["two"]  # it is counted there
    assert survivors(marker) == []


def test_a_fork_that_kills_its_supervisor_takes_everything_with_it(shared: Shared) -> None:
    marker = f"forked-{os.getpid()}-patricide"
    body = f"""
    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)', {marker!r}], start_new_session=True)
    pid = os.getpid()
    while 'supervisor.py' not in open('/proc/%d/cmdline' % pid).read():
        pid = int(open('/proc/%d/stat' % pid).read().rpartition(')')[2].split()[1])
    os.kill(pid, signal.SIGKILL)
    time.sleep(99)
    """
    assert shared.run(two=body)["two"] == "not-run"
    _wait_for(lambda: not survivors(marker))
    _wait_for(lambda: not survivors(str(shared.fake.target.executable)))


def test_each_fork_has_a_folder_of_its_own(shared: Shared) -> None:
    body = "assert os.listdir('.') == [] and os.environ['HOME'] == os.getcwd(); open('x', 'w').close()"
    assert shared.run(one=body, two=body, three=body) == dict.fromkeys(KINDS, "ok")
    assert shared.alone == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_killed_audit(shared: Shared, number: signal.Signals, tmp_path: Path) -> None:
    marker = f"forked-{os.getpid()}-audit-{number.name}"
    started = tmp_path / "started"
    child = (
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)', {marker!r}], start_new_session=True)"
    )
    shared.module.write_text(
        "import subprocess, sys, time\ndef one(): pass\ndef three(): pass\n"
        f"def two():\n    {child}\n    open({str(started)!r}, 'w').close()\n    time.sleep(99)\n"
    )
    place = tmp_path / "tmp"
    place.mkdir()
    tests = [(test.name, test.file) for test in shared.tests]
    program = f"""
    import sys
    sys.path.insert(0, {str(ROOT)!r})
    from pathlib import Path
    from envaudit.smoke import SmokeOptions, SmokeTest, run_smoke, runner
    from tests.smoke.fake import FakeEnvironment, installed
    needs = tuple(installed("shared"))
    runner.SMOKE_TESTS = tuple(SmokeTest(name, file, "One.", needs) for name, file in {tests!r})
    target = FakeEnvironment.__new__(FakeEnvironment)
    target.describe(Path({shared.fake.target.prefix!r}))
    run_smoke(target.target, installed("shared"), SmokeOptions(timeout=90, jobs=1))
    """
    environment = {**os.environ, "TMPDIR": str(place)}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], env=environment, stderr=subprocess.PIPE
    ) as audit:
        _wait_for(started.exists)
        _wait_for(lambda: survivors(marker))
        assert survivors("zygote.py")
        audit.send_signal(number)
        audit.communicate(timeout=60)
    _wait_for(lambda: not survivors(marker))
    _wait_for(lambda: not survivors(str(shared.fake.target.executable)))
    _wait_for(lambda: not list(place.iterdir()))


def _wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 60 seconds"
        time.sleep(0.02)


# --- the plan -------------------------------------------------------------------------------------------------------


def test_modules_are_those_that_are_imported_in_any_case(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(
        "def run():\n    import io, numpy as np\n    from scipy.linalg import solve\n    try:\n        import odd\n"
        "    except ImportError:\n        pass\n    if np:\n        import other\n"
    )
    assert modules_of(path) == ("numpy", "scipy.linalg")
    assert all(modules_of(test.path) for test in SMOKE_TESTS if test.name != "ipykernel.import")


def test_what_most_tests_import_is_imported_first() -> None:
    tests = [
        Planned("a", "a.py", ("scipy.linalg", "numpy")),
        Planned("b", "b.py", ("numpy",)),
        Planned("c", "c.py", ("scipy.fft", "numpy")),
        Planned("d", "d.py", ("lxml",)),
    ]
    root = tree_of(tests)
    numpy, lxml = root["nodes"]
    assert (root["imports"], root["tests"]) == ([], [])
    assert numpy["imports"] == ["numpy"]
    assert [test[0] for test in numpy["tests"]] == ["b"]
    (scipy,) = numpy["nodes"]
    assert scipy["imports"] == ["scipy.linalg", "scipy.fft"]
    assert lxml["imports"] == ["lxml"]
    for parts in (1, 2, 3, 9):
        shares = shared_out(tests, parts)
        assert len(shares) <= parts
        assert sorted(test.name for share in shares for test in share) == ["a", "b", "c", "d"]


def test_the_whole_catalogue_is_in_its_tree_once() -> None:
    tests = [Planned(test.name, str(test.path), modules_of(test.path)) for test in SMOKE_TESTS]
    found: list[str] = []

    def visit(node: dict[str, Any], above: set[str]) -> None:
        here = above | set(node["imports"])
        for name, _, modules in node["tests"]:
            assert set(modules) <= here, name
            found.append(name)
        for below in node["nodes"]:
            visit(below, here)

    visit(tree_of(tests), set())
    assert sorted(found) == sorted(test.name for test in SMOKE_TESTS)


@pytest.mark.parametrize(
    "answer",
    ["", "[]", "1", "null", '{"started": true}', '{"started": true, "result": 1}', '{"result": "{}"}',
     '{"started": true, "result": "{\\"test\\": 1}", "cause": ""}', "[" * 100000],
)  # fmt: skip
def test_an_answer_of_any_other_form_proves_nothing(answer: str) -> None:
    assert _read(answer) == []


def test_the_zygote_is_written_for_old_pythons() -> None:
    ast.parse(forked.ZYGOTE.read_text(), feature_version=(3, 6))
