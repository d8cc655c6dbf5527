"""Choosing tests, the order of results, and what happens when nothing can be run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from envaudit.model import replace
from envaudit.smoke import SMOKE_TESTS, SmokeOptions, choose, options, run_smoke, runner, supervised
from tests.smoke.fake import SOLVE, installed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.smoke.fake import FakeEnvironment


def test_only_tests_with_all_their_distributions_are_chosen() -> None:
    assert choose({}) == ()
    assert [test.name for test, _ in choose(installed("pandas"))] == []
    names = {test.name for test, _ in choose(installed("numpy", "scipy"))}
    assert SOLVE in names
    assert "numpy.matmul" in names
    assert "sklearn.KMeans" not in names


@pytest.mark.parametrize("name", ["opencv-python", "opencv-contrib-python-headless"])
def test_one_of_several_distributions_is_enough(name: str) -> None:
    assert [about for test, about in choose(installed("numpy", name)) if test.name == "cv2.resize"] == [name]
    assert not choose(installed(name))


def test_results_come_in_the_order_of_the_list(environment: FakeEnvironment) -> None:
    environment.write("return right_answer(matrix)")
    seen: list[tuple[int, int, str]] = []
    outcome = run_smoke(
        environment.target,
        installed("scipy", "numpy", "jinja2"),
        SmokeOptions(jobs=3),
        lambda *step: seen.append(step),
    )
    names = [result.test for result in outcome.results]
    assert names == [test.name for test in SMOKE_TESTS if test.name in names]
    assert sorted(name for _, _, name in seen) == sorted(names)
    assert [(done, total) for done, total, _ in seen] == [(n, len(names)) for n in range(1, len(names) + 1)]
    ends = {result.test: result.end for result in outcome.results}
    assert ends.pop(SOLVE) == "ok"
    assert set(ends.values()) == {"exception"}  # there is nothing else in this environment
    missing = next(result for result in outcome.results if result.test == "jinja2.render")
    assert (missing.exception, missing.error) == ("ModuleNotFoundError", "No module named 'jinja2'")


def test_a_target_without_an_interpreter_is_one_gap(environment: FakeEnvironment) -> None:
    target = replace(environment.target, executable="")
    results, gaps = run_smoke(target, installed("numpy"), SmokeOptions())
    assert results == ()
    assert [(gap.code, gap.what) for gap in gaps] == [("RUN", "smoke tests")]
    assert run_smoke(target, installed("nothing"), SmokeOptions()) == ((), ())


@pytest.mark.parametrize("kind", ["missing", "text", "folder"])
def test_an_interpreter_that_cannot_be_started(fake: FakeEnvironment, tmp_path: Path, kind: str) -> None:
    executable = tmp_path / "python"
    if kind == "text":
        executable.write_text("no program\n")
    elif kind == "folder":
        executable.mkdir()
    target = replace(fake.target, executable=str(executable))
    (result,) = run_smoke(target, installed("numpy", "scipy"), SmokeOptions()).results
    assert result.end == "not-run"
    assert str(executable) in result.error


def test_an_interpreter_that_is_broken(fake: FakeEnvironment, tmp_path: Path) -> None:
    executable = tmp_path / "python"
    executable.write_text("#!/bin/sh\necho 'libpython3.so: cannot open shared object file' >&2\nexit 127\n")
    executable.chmod(0o755)
    target = replace(fake.target, executable=str(executable))
    (result,) = run_smoke(target, installed("numpy", "scipy"), SmokeOptions()).results
    assert (result.end, result.exit_status) == ("no-result", 127)
    assert "cannot open shared object" in result.stderr


def test_an_audit_without_psutil_says_so(fake: FakeEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "psutil_folder", lambda: "")
    results, gaps = run_smoke(fake.target, installed("numpy", "scipy"), SmokeOptions())
    assert results == ()
    assert "psutil" in gaps[0].why


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("print('no json')", "no answer that can be read"),
        ("print('[1, 2]')", "no answer that can be read"),
        ("print('{\"started\": true}')", "no answer that can be read"),
        ("", "ended with status 0"),
        ("raise SystemExit('out of luck')", "out of luck"),
        ("import time\ntime.sleep(99)", "did not answer in time"),
    ],
)
def test_a_supervisor_that_fails(
    fake: FakeEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    supervisor = tmp_path / "supervisor.py"
    supervisor.write_text(program)
    monkeypatch.setattr(supervised, "_SUPERVISOR", supervisor)
    monkeypatch.setattr(supervised, "_SUPERVISOR_SECONDS", 0.5)
    (result,) = run_smoke(fake.target, installed("numpy", "scipy"), SmokeOptions(timeout=0.5)).results
    assert result.end == "not-run"
    assert words in result.error


def test_a_failing_progress_stops_everything(fake: FakeEnvironment) -> None:
    fake.write("return right_answer(matrix)")

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_smoke(fake.target, installed("numpy", "scipy"), SmokeOptions(), fail)


def test_compiled_environments_are_read_and_others_share_a_folder(fake: FakeEnvironment, tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    target = replace(fake.target, site_dirs=(replace(fake.target.site_dirs[0], path=str(site)),))
    assert runner._bytecode_options(target, "/run") == ("-X", "pycache_prefix=/run/bytecode")
    assert runner._bytecode_options(replace(target, version_info=(3, 7)), "/run") == ("-B",)
    cache = site / "numpy" / "__pycache__"
    cache.mkdir(parents=True)
    (cache / "__init__.cpython-{}{}.pyc".format(*sys.version_info[:2])).touch()
    assert runner._bytecode_options(target, "/run") == ("-B",)


def test_processors_a_container_grants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    v2, quota, period = (tmp_path / name for name in ("cpu.max", "quota", "period"))
    monkeypatch.setattr(options, "_QUOTA_V2", str(v2))
    monkeypatch.setattr(options, "_QUOTA_V1", (str(quota), str(period)))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert options.effective_cpus() == 8
    quota.write_text("-1\n")
    period.write_text("100000\n")
    assert options.effective_cpus() == 8
    quota.write_text("150000\n")
    assert options.effective_cpus() == 2
    v2.write_text("max 100000\n")
    assert options.effective_cpus() == 8
    v2.write_text("50000 100000\n")
    assert options.effective_cpus() == 1
    v2.write_text("50000 0\n")
    assert options.effective_cpus() == 8
