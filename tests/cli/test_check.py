from __future__ import annotations

import io
import json
import os
import stat
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.cli import main, streams
from envaudit.cli.progress import shown_progress
from envaudit.model import Severity, replace
from envaudit.settings import Settings
from tests.report.samples import BROKEN, HEALTHY, report

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import FakeAudit

pytestmark = pytest.mark.usefixtures("fake_audit")


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class TestExitCode:
    @pytest.mark.parametrize("code", [0, 1, 3])
    def test_it_is_that_of_the_report(self, code: int, fake_audit: FakeAudit) -> None:
        fake_audit.report = replace(BROKEN, exit_code=code)
        assert main(["check"]) == code


class TestSettings:
    def test_without_flags(self, fake_audit: FakeAudit) -> None:
        main(["check"])
        assert fake_audit.settings == [Settings()]

    def test_every_flag_arrives(self, fake_audit: FakeAudit, tmp_path: Path) -> None:
        main([
            "check", "env", "-p", "python3.12", "--select", "ABI,DEP", "--select", "RUN", "--ignore", "DEP002:pandas",
            "--fail-on", "note", "--strict", "--exit-zero", "--no-smoke", "--timeout", "5", "--memory-limit", "1G",
            "--jobs", "3", "--code", "a.py", "--code", "src", "--rules", "mine",
            "-f", "json", "-o", "out.json", "--color", "never", "-v",
        ])  # fmt: skip
        (settings,) = fake_audit.settings
        assert settings == Settings(
            target="env",
            python="python3.12",
            select=("ABI", "DEP", "RUN"),
            ignore=("DEP002:pandas",),
            fail_on=Severity.NOTE,
            strict=True,
            exit_zero=True,
            smoke="",
            smoke_timeout=5.0,
            smoke_memory=1024**3,
            jobs=3,
            code=(str(tmp_path / "a.py"), str(tmp_path / "src")),
            rules=(str(tmp_path / "mine"),),
            format="json",
            output="out.json",
            color="never",
            verbose=True,
            sources=settings.sources,
        )

    def test_flags_beat_variables_beat_files(
        self, fake_audit: FakeAudit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "envaudit.toml").write_text("jobs = 1\nsmoke = false\nstrict = true\n", encoding="utf-8")
        monkeypatch.setenv("ENVAUDIT_JOBS", "2")
        main(["check", "--smoke"])
        main(["check", "--jobs", "3", "-q"])
        main(["check", "--no-config"])
        assert [(each.jobs, each.smoke, each.strict) for each in fake_audit.settings] == [
            (2, "auto", True),
            (3, "", True),
            (2, "auto", False),
        ]


class TestOutput:
    def test_results_go_to_standard_output_only(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check"]) == 1
        out, err = capsys.readouterr()
        assert out.startswith("envaudit 0.1.0  /home/ada/project/.venv: CPython 3.11.7")
        assert err == ""

    @pytest.mark.parametrize(("flag", "lines"), [("-q", 2), ("--quiet", 2)])
    def test_quiet(self, flag: str, lines: int, capsys: pytest.CaptureFixture[str]) -> None:
        main(["check", flag])
        assert len(capsys.readouterr().out.splitlines()) == lines

    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        main(["check", "--format", "json", "--color", "always"])
        assert json.loads(capsys.readouterr().out)["exit_code"] == 1

    def test_a_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check", "-f", "json", "-o", "r.json"]) == 1
        assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["exit_code"] == 1
        assert capsys.readouterr() == ("", "envaudit: findings, exit code 1; the report is in r.json\n")
        assert [each.name for each in tmp_path.iterdir()] == ["r.json"]

    def test_a_file_in_silence(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        main(["check", "-q", "-o", "r.txt"])
        assert capsys.readouterr() == ("", "")
        assert (tmp_path / "r.txt").read_text(encoding="utf-8").startswith("error[ABI001]")

    @pytest.mark.parametrize(
        ("output", "sentence"),
        [
            ("gone/r.json", "--output gone/r.json: there is no folder gone"),
            (".", "--output .: this is a folder, not a file"),
        ],
    )
    def test_a_place_that_cannot_be_is_refused_before_any_work(
        self, output: str, sentence: str, fake_audit: FakeAudit, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["check", "-o", output]) == 2
        assert capsys.readouterr().err == f"envaudit: error: {sentence}\n"
        assert fake_audit.settings == []


class TestOutputs:
    def test_a_format_of_its_own_goes_beside_standard_output(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["check", "-f", "github", "-o", "sarif:r.sarif", "--output", "junit:r.xml"]) == 1
        out, err = capsys.readouterr()
        assert out.startswith("::error title=ABI001")
        assert err == "envaudit: the report is also in r.sarif and r.xml\n"
        assert json.loads((tmp_path / "r.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
        assert (tmp_path / "r.xml").read_text(encoding="utf-8").startswith("<?xml")

    def test_a_file_takes_the_place_of_standard_output(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["check", "-f", "json", "-o", "r.json", "-o", "gitlab:g.json", "-o", "markdown:r.md"]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err == "envaudit: findings, exit code 1; the report is in r.json, g.json and r.md\n"
        assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["exit_code"] == 1
        assert isinstance(json.loads((tmp_path / "g.json").read_text(encoding="utf-8")), list)

    def test_a_variable_may_name_several(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ENVAUDIT_OUTPUT", "sarif:a b.sarif\njunit:r.xml\n")
        main(["check"])
        assert sorted(each.name for each in tmp_path.iterdir()) == ["a b.sarif", "r.xml"]

    def test_a_file_whose_name_looks_like_a_format(self, tmp_path: Path) -> None:
        main(["check", "-o", "./json:x"])
        assert (tmp_path / "json:x").read_text(encoding="utf-8").startswith("envaudit ")

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["-o", "sarf:x"], "--output: 'sarf:x': there is no format sarf; did you mean sarif? (./sarf:x is a file)"),
            (["-o", "a", "-o", "b"], "--output: of several files each needs its format, such as sarif:report.sarif"),
            (["-o", "sarif:a", "-o", "./a"], "--output sarif: two"),
            (["-o", "json:gone/a"], "--output gone/a: there is no folder gone"),
            (["--step-summary"], "--step-summary: GITHUB_STEP_SUMMARY, which names the file, is not set"),
        ],
    )
    def test_what_cannot_be_is_refused_before_any_work(
        self, arguments: list[str], sentence: str, fake_audit: FakeAudit, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
        assert main(["check", *arguments]) == 2
        expected = sentence.replace("--output sarif: two", "--output a: two reports cannot go to one file")
        assert expected in capsys.readouterr().err
        assert fake_audit.settings == []

    def test_the_summary_of_a_step_is_added_to(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        summary = tmp_path / "summary.md"
        summary.write_text("before\n", encoding="utf-8")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
        assert main(["check", "-f", "github", "--step-summary"]) == 1
        assert summary.read_text(encoding="utf-8").startswith("before\n## envaudit: broken\n")
        assert capsys.readouterr().err == ""
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "gone" / "summary.md"))
        assert main(["check", "--step-summary"]) == 2
        assert "--step-summary" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("there", "anchor"),
        [((), "pyproject.toml"), (("requirements.txt", "setup.py"), "requirements.txt"), (("setup.py",), "setup.py")],
    )
    def test_what_belongs_to_no_file_is_put_on_one_that_exists(
        self, there: tuple[str, ...], anchor: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name in there:
            (tmp_path / name).write_text("", encoding="utf-8")
        main(["check", "-f", "gitlab"])
        assert json.loads(capsys.readouterr().out)[0]["location"]["path"] == anchor

    def test_the_threshold_decides_what_fails(self, capsys: pytest.CaptureFixture[str]) -> None:
        main(["check", "-f", "junit", "--fail-on", "warning"])
        assert 'failures="2"' in capsys.readouterr().out


class TestWriteFile:
    def test_a_new_file_has_usual_permissions(self, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            streams.write_file(str(tmp_path / "a"), "x")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640

    def test_an_old_file_keeps_its_permissions(self, tmp_path: Path) -> None:
        file = tmp_path / "a"
        file.write_text("old", encoding="utf-8")
        file.chmod(0o604)
        streams.write_file(str(file), "new")
        assert file.read_text(encoding="utf-8") == "new"
        assert stat.S_IMODE(file.stat().st_mode) == 0o604

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").write_text("old", encoding="utf-8")
        (tmp_path / "link").symlink_to("real")
        streams.write_file(str(tmp_path / "link"), "new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_text(encoding="utf-8") == "new"

    def test_a_link_to_nothing_makes_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("real")
        streams.write_file(str(tmp_path / "link"), "new")
        assert (tmp_path / "real").read_text(encoding="utf-8") == "new"

    def test_a_pipe_is_written_to_and_not_replaced(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        seen: list[str] = []
        reader = threading.Thread(target=lambda: seen.append(pipe.read_text(encoding="utf-8")))
        reader.start()
        streams.write_file(str(pipe), "new")
        reader.join(10)
        assert seen == ["new"]
        assert pipe.is_fifo()

    def test_a_failure_leaves_the_old_file_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "a"
        file.write_text("old", encoding="utf-8")

        def fail(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.replace", fail)
        assert main(["check", "-o", str(file)]) == 2
        assert capsys.readouterr().err == f"envaudit: error: cannot write {file}: no space left on device\n"
        assert file.read_text(encoding="utf-8") == "old"
        assert list(tmp_path.iterdir()) == [file]

    def test_a_loop_of_links(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "loop").symlink_to("loop")
        assert main(["check", "-o", "loop"]) == 2
        assert "cannot write loop: " in capsys.readouterr().err


class TestColor:
    @pytest.mark.parametrize(
        ("choice", "terminal", "environ", "expected"),
        [
            ("auto", True, {}, True),
            ("auto", False, {}, False),
            ("auto", True, {"TERM": "dumb"}, False),
            ("auto", True, {"NO_COLOR": "1"}, False),
            ("auto", True, {"NO_COLOR": ""}, True),
            ("auto", False, {"FORCE_COLOR": "1"}, True),
            ("auto", False, {"FORCE_COLOR": "0"}, False),
            ("auto", False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
            ("always", False, {"NO_COLOR": "1"}, True),
            ("never", True, {"FORCE_COLOR": "1"}, False),
        ],
    )
    def test_who_decides(self, choice: str, terminal: bool, environ: dict[str, str], expected: bool) -> None:
        stream = Terminal() if terminal else io.StringIO()
        assert streams.use_color(choice, stream, environ) is expected

    def test_a_closed_stream_has_no_colours(self) -> None:
        stream = io.StringIO()
        stream.close()
        assert not streams.use_color("auto", stream, {})

    @pytest.mark.parametrize("color", ["auto", "always"])
    def test_a_file_never_gets_escape_sequences(
        self, color: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdout", Terminal())
        monkeypatch.setenv("FORCE_COLOR", "1")
        main(["check", "--color", color, "-o", "r.txt"])
        assert "\x1b" not in (tmp_path / "r.txt").read_text(encoding="utf-8")

    def test_a_terminal_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdout", terminal := Terminal())
        main(["check"])
        assert "\x1b[1;31merror" in terminal.getvalue()

    def test_the_width_is_that_of_the_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "57")
        assert streams.width_of(Terminal()) == 57
        assert streams.width_of(io.StringIO()) == 100
        monkeypatch.setenv("COLUMNS", "500")
        assert streams.width_of(Terminal()) == 120


class TestProgress:
    def test_only_a_terminal_gets_it(self, fake_audit: FakeAudit, monkeypatch: pytest.MonkeyPatch) -> None:
        main(["check"])
        assert fake_audit.progress is None
        monkeypatch.setattr(sys, "stderr", Terminal())
        main(["check"])
        assert fake_audit.progress is not None

    @pytest.mark.parametrize(("argv", "term"), [(["-q"], "xterm"), ([], "dumb")])
    def test_not_in_silence_and_not_on_a_dumb_terminal(
        self, argv: list[str], term: str, fake_audit: FakeAudit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stderr", Terminal())
        monkeypatch.setenv("TERM", term)
        main(["check", *argv])
        assert fake_audit.progress is None

    def test_it_shows_the_count_and_the_test_and_then_goes(self) -> None:
        from rich.console import Console

        stream = Terminal()
        with shown_progress(Console(file=stream, force_terminal=True, width=80)) as progress:
            progress(1, 3, "numpy.fft")
            progress(2, 3, "[red]torch\x1b[2J")
        out = stream.getvalue()
        assert "2/3" in out
        assert r"[red]torch\x1b[2J" in out
        assert out.endswith("\x1b[2K")  # the line is wiped

    def test_it_loads_nothing_if_nothing_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
            monkeypatch.delitem(sys.modules, name)
        with shown_progress():
            pass
        assert "rich" not in sys.modules

    def test_it_ends_when_the_audit_fails(self, fake_audit: FakeAudit, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())

        def fail() -> None:
            assert fake_audit.progress is not None
            fake_audit.progress(1, 2, "numpy.fft")
            raise KeyboardInterrupt

        fake_audit.act = fail
        before = set(threading.enumerate())
        assert main(["check"]) == 130
        for thread in set(threading.enumerate()) - before:
            thread.join(10)
            assert not thread.is_alive()
        assert terminal.getvalue().endswith("envaudit: interrupted\n")


def test_list_names_checks_and_smoke_tests(fake_audit: FakeAudit, capsys: pytest.CaptureFixture[str]) -> None:
    from envaudit.checks.registry import CHECKS
    from envaudit.smoke import SMOKE_TESTS

    assert main(["check", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(f"    {code}  " in out for check in CHECKS for code in check.codes)
    assert all(f"    {test.name} " in out for test in SMOKE_TESTS)
    assert fake_audit.settings == []


def test_texts_of_a_target_reach_no_terminal_raw(fake_audit: FakeAudit, capsys: pytest.CaptureFixture[str]) -> None:
    bad: Any = replace(HEALTHY.facts.target, prefix="/x\x1b[2J")
    fake_audit.report = report(facts=replace(HEALTHY.facts, target=bad))
    main(["check"])
    assert r"/x\x1b[2J" in capsys.readouterr().out
