"""Every way the program can end: its exit code, and that nobody gets a traceback who did not ask for one."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import envaudit.report
from envaudit import __version__, errors
from envaudit.cli import main, run, streams
from envaudit.errors import (
    ConfigError,
    EnvauditError,
    ReadError,
    RequirementError,
    RuleError,
    TargetError,
    UsageError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import FakeAudit

ERRORS = (
    EnvauditError("a plain one"),
    UsageError("these do not fit"),
    ConfigError("envaudit.toml", "fail-on", "bad"),
    TargetError("no such environment"),
    RuleError("r.toml", "match", "bad"),
    RequirementError("requirements.txt", 3, "bad"),
    ReadError("too long"),
)
STAGES = ("envaudit.settings.load_settings", "audit", "envaudit.report.render", "envaudit.cli.streams.write_out")


def subclasses(kind: type[EnvauditError]) -> set[type[EnvauditError]]:
    return {kind}.union(*(subclasses(each) for each in kind.__subclasses__()))


def raise_at(stage: str, error: BaseException, fake: FakeAudit, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    if stage == "audit":
        fake.act = fail
    else:
        monkeypatch.setattr(stage, fail)


class TestErrors:
    def test_every_class_is_tried(self) -> None:
        own = {kind for kind in subclasses(EnvauditError) if kind.__module__ == errors.__name__}
        assert {type(error) for error in ERRORS} == own

    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
    @pytest.mark.parametrize("stage", STAGES)
    def test_each_from_each_stage_is_one_sentence(
        self,
        stage: str,
        error: EnvauditError,
        fake_audit: FakeAudit,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        raise_at(stage, error, fake_audit, monkeypatch)
        assert main(["check"]) == error.exit_code == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err == f"envaudit: error: {error}\n"

    @pytest.mark.parametrize("stage", STAGES)
    def test_a_bug_is_admitted(
        self,
        stage: str,
        fake_audit: FakeAudit,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        raise_at(stage, ZeroDivisionError("oh\x1b[2J\nno"), fake_audit, monkeypatch)
        assert main(["check"]) == 3
        out, err = capsys.readouterr()
        assert out == ""
        assert err == (
            "envaudit: error: envaudit itself failed, and this says nothing about the environment: "
            r"ZeroDivisionError: oh\x1b[2J\nno (-v shows where); please report it"
            "\n"
        )

    @pytest.mark.parametrize(("argv", "debug"), [(["-v"], ""), (["--verbose"], "0"), (["-vv"], ""), ([], "1")])
    def test_who_asks_for_details_gets_the_traceback(
        self,
        argv: list[str],
        debug: str,
        fake_audit: FakeAudit,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("ENVAUDIT_DEBUG", debug)
        raise_at("audit", KeyError("x"), fake_audit, monkeypatch)
        assert main(["check", *argv]) == 3
        err = capsys.readouterr().err
        assert "Traceback (most recent call last)" in err
        assert err.endswith("KeyError: 'x'; please report it\n")

    @pytest.mark.parametrize("error", [MemoryError(), RecursionError("deep")])
    def test_exhaustion_is_no_verdict(
        self,
        error: Exception,
        fake_audit: FakeAudit,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        raise_at("audit", error, fake_audit, monkeypatch)
        assert main(["check"]) == 3
        assert f"environment: {type(error).__name__}" in capsys.readouterr().err

    @pytest.mark.parametrize("stage", STAGES)
    def test_an_interrupt(
        self,
        stage: str,
        fake_audit: FakeAudit,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        raise_at(stage, KeyboardInterrupt(), fake_audit, monkeypatch)
        assert main(["check"]) == 130
        assert capsys.readouterr() == ("", "envaudit: interrupted\n")


class TestArguments:
    @pytest.mark.parametrize(
        ("argv", "sentence"),
        [
            ([], "the following arguments are required: COMMAND (see envaudit --help)"),
            ([".venv"], "there is no command '.venv'; did you mean: envaudit check .venv"),
            (["chekc"], "there is no command 'chekc'; did you mean: envaudit check"),
            (["check", "--stric"], "unrecognized arguments: --stric (see envaudit --help)"),
            (["check", "-q", "-v"], "argument -v/--verbose: not allowed with argument -q/--quiet"),
            (["check", "--config", "a", "--no-config"], "argument --no-config: not allowed with argument --config"),
            (["check", "--fail-on", "bad"], "--fail-on: must be error, warning or note, not 'bad'"),
            (["check", "--jobs", "many"], "--jobs: must be a number, not 'many'"),
            (["check", "--ignore", "ABI9"], "--ignore: there is no code 'ABI9'; did you mean ABI"),
            (["rules"], "the following arguments are required: ACTION (see envaudit rules --help)"),
        ],
    )
    def test_what_cannot_be_understood(
        self, argv: list[str], sentence: str, fake_audit: FakeAudit, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(argv) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"envaudit: error: {sentence}")
        assert err.count("\n") == 1
        assert fake_audit.settings == []

    @pytest.mark.parametrize("argv", [["-V"], ["--version"]])
    def test_the_version(self, argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert main(argv) == 0
        assert capsys.readouterr() == (f"envaudit {__version__}\n", "")

    @pytest.mark.parametrize(
        "argv",
        [
            ["-h"],
            ["check", "--help"],
            ["explain", "-h"],
            ["rules", "-h"],
            ["rules", "list", "-h"],
            ["rules", "lint", "-h"],
        ],
    )
    def test_help_is_short_and_goes_to_standard_output(
        self, argv: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(argv) == 0
        out, err = capsys.readouterr()
        assert out.startswith("usage: envaudit")
        assert err == ""
        assert len(out.splitlines()) < 80

    def test_run_ends_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", ["envaudit", "-V"])
        with pytest.raises(SystemExit) as stop:
            run()
        assert stop.value.code == 0


# --- the real process -----------------------------------------------------------------------------------------------


def start(*argv: str, **more: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "envaudit", *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ(), **more
    )


def environ() -> dict[str, str]:
    keep = ("PATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "LANG")
    package = os.path.dirname(os.path.dirname(envaudit.__file__))
    return {**{name: os.environ[name] for name in keep if name in os.environ}, "PYTHONPATH": package}


class TestProcess:
    def test_the_module_runs(self) -> None:
        process = start("--version")
        assert process.communicate() == (f"envaudit {__version__}\n".encode(), b"")
        assert process.returncode == 0

    @pytest.mark.parametrize(
        ("argv", "code"), [(("--help",), 0), (("check", "--list"), 0), (("explain",), 0), (("rules", "list"), 0)]
    )
    def test_a_reader_that_goes_away_is_no_error(self, argv: tuple[str, ...], code: int) -> None:
        process = start(*argv, bufsize=0)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait() == code

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
    def test_a_full_disk_is_an_error(self) -> None:
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "envaudit", "explain"],
                stdout=full,
                stderr=subprocess.PIPE,
                env=environ(),
                check=False,
            )
        assert done.stderr == b"envaudit: error: cannot write to standard output: no space left on device\n"
        assert done.returncode == 2

    def test_closed_streams(self) -> None:
        command = '"$0" -m envaudit explain'
        for closing, code in ((">&-", 2), ("2>&-", 0), (">&- 2>&-", 2)):
            done = subprocess.run(
                ["sh", "-c", f"{command} {closing}", sys.executable], capture_output=True, env=environ(), check=False
            )
            assert done.returncode == code
            assert b"Traceback" not in done.stderr

    def test_an_encoding_that_cannot_say_it(self, tmp_path: Path) -> None:
        folder = tmp_path / "naïve"
        done = subprocess.run(
            [sys.executable, "-m", "envaudit", "check", str(folder)],
            capture_output=True,
            env={**environ(), "PYTHONIOENCODING": "ascii"},
            check=False,
        )
        assert done.returncode == 2
        assert rb"na\xefve" in done.stderr

    @pytest.mark.skipif(os.name != "posix", reason="signals")
    def test_ctrl_c(self) -> None:
        code = (
            "import os, signal, envaudit.cli as c, envaudit.audit as a\n"
            "a.audit = lambda *_: os.kill(os.getpid(), signal.SIGINT) or __import__('time').sleep(9)\n"
            "raise SystemExit(c.main(['check', '--no-cache']))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environ(), check=False, timeout=60)
        assert (done.returncode, done.stderr) == (130, b"envaudit: interrupted\n")

    @pytest.mark.parametrize(
        ("argv", "unwanted"),
        [
            (
                ["--version"],
                {"rich", "packaging", "psutil", "tomllib", "subprocess", "json", "inspect", "envaudit.model"},
            ),
            (["check", "--help"], {"rich", "packaging", "psutil", "importlib_metadata", "tomllib", "subprocess"}),
            (["check", "--fail-on", "x"], {"rich", "packaging", "psutil", "importlib_metadata", "tomllib"}),
            (["explain", "ABI001"], {"rich", "packaging", "psutil", "importlib_metadata", "tomllib", "subprocess"}),
        ],
    )
    def test_a_command_loads_only_what_it_needs(self, argv: list[str], unwanted: set[str]) -> None:
        code = (
            "import sys; before = set(sys.modules)\n"
            f"import envaudit.cli as c; c.main({argv!r})\n"
            "print(sorted(set(sys.modules) - before), file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environ(), check=True, text=True)
        loaded = set(ast.literal_eval(done.stderr.splitlines()[-1]))
        assert "envaudit.cli" in loaded
        assert loaded & unwanted == set()


def test_streams_that_are_missing(monkeypatch: pytest.MonkeyPatch, fake_audit: FakeAudit) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["check"]) == 2
    assert streams.width_of(None) == 100
