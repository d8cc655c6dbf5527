"""A report is shown again while nothing it was made of has changed, and never after."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import envaudit
import envaudit.audit
from envaudit.cache.database import FILE_NAME, Cache
from envaudit.checks.registry import CHECKS
from envaudit.cli import check, keep, main, replay
from envaudit.settings import Settings
from tests.binary.conftest import fixture
from tests.report.samples import HEALTHY
from tests.support.trees import Dist, Link, make_distribution, make_venv, site_packages, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
_TICK = 0.02  # seconds; the clock of a file system goes in steps of up to ten milliseconds


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reports be kept of files that were written a moment ago: the tests wait a tick before they change one."""
    monkeypatch.setenv("ENVAUDIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    monkeypatch.setattr(keep, "_STEP", -(10**18))


class Place(NamedTuple):
    """An environment with a compiled file that is broken, a ``.pth`` file and a folder of rules."""

    venv: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def site(self) -> Path:
        return site_packages(self.venv)

    def report(self, *arguments: str) -> dict[str, Any]:
        main(["check", str(self.venv), "--no-smoke", "--format", "json", *arguments])
        return dict(json.loads(self.capsys.readouterr().out))

    def again(self, *arguments: str) -> bool:
        """Run a check; return whether it was answered by the report that was kept, which must be the right one."""
        report, fresh = self.report(*arguments), self.report(*arguments, "--no-cache")
        for each in (report, fresh):
            del each["timings"]
        was_kept = report.pop("unchanged_since") is not None
        assert fresh.pop("unchanged_since") is None
        assert report == fresh
        return was_kept


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    compiled = {f"pkg/{name}": Path(fixture(name)).read_bytes() for name in ("linked.so", "api_1x_O2.so")}
    pkg = Dist("pkg", "1.0", files={**compiled, "pkg/__init__.py": "from . import linked, api_1x_O2"}, requires=["no"])
    venv = make_venv(tmp_path, distributions=[pkg, Dist("numpy", "2.2.6"), Dist("other", "1.0")])
    write_tree(tmp_path, {"home": {}, "libraries": {}, "elsewhere": {}, "project": {}})
    write_tree(site_packages(venv), {"later.pth": f"{tmp_path}/appears\n{tmp_path}/elsewhere\n"})
    os.chdir(tmp_path / "project")
    return Place(venv, capsys)


# --- it is shown again ----------------------------------------------------------------------------------------------


def test_the_second_run_shows_the_report_of_the_first(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    first = place.report()
    assert first["unchanged_since"] is None
    monkeypatch.setattr(envaudit.audit, "audit", None)  # nothing is audited any more
    second = place.report()
    since = second.pop("unchanged_since")
    assert time.time() - time.mktime(time.strptime(since[:19], "%Y-%m-%dT%H:%M:%S")) < 60
    assert second == {key: value for key, value in first.items() if key != "unchanged_since"}


@pytest.mark.parametrize("arguments", [[], ["-q"], ["-v"], ["--color", "always"]])
def test_text_says_so_in_its_last_line(place: Place, arguments: list[str]) -> None:
    command = ["check", str(place.venv), "--no-smoke", *arguments]
    codes = [main(command)]
    first = place.capsys.readouterr().out
    codes.append(main(command))
    second = place.capsys.readouterr().out
    assert codes == [1, 1]
    before, last = second.rstrip("\n").rsplit("; nothing changed since ", 1)
    assert before == first.rstrip("\n")
    time.strptime(last, "%Y-%m-%d %H:%M")


def test_a_file_is_written_again(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = ["check", str(place.venv), "--no-smoke", "-f", "json", "-o", str(out)]
    assert main(command) == 1
    said = place.capsys.readouterr().err
    out.unlink()
    assert main(command) == 1
    assert place.capsys.readouterr().err == said
    assert json.loads(out.read_text())["unchanged_since"]
    shutil.rmtree(tmp_path / "elsewhere")
    out.unlink()
    out.mkdir()
    assert main(command) == 2


def test_every_output_is_written_again(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    sarif, junit = tmp_path / "r.sarif", tmp_path / "r.xml"
    command = ["check", str(place.venv), "--no-smoke", "-f", "github", "--step-summary"]
    command += ["-o", f"sarif:{sarif}", "-o", f"junit:{junit}"]
    assert main(command) == 1
    first = capsys.readouterr(), sarif.read_text(), junit.read_text(), summary.read_text()
    sarif.unlink()
    junit.unlink()
    monkeypatch.setattr(envaudit.audit, "audit", None)  # nothing is audited any more
    assert main(command) == 1
    assert (capsys.readouterr(), sarif.read_text(), junit.read_text(), summary.read_text()) == (
        *first[:3],
        first[3] * 2,
    )
    monkeypatch.undo()


def test_the_summary_of_another_step_is_another_request(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one.md", "two.md"):
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / name))
        assert main(["check", str(place.venv), "--no-smoke", "--step-summary"]) == 1
        assert (tmp_path / name).read_text().startswith("## envaudit: broken")


def test_whatever_does_not_matter_may_change(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project/report.json").write_text("")
    assert not place.again()
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    time.sleep(_TICK)
    (tmp_path / "project/report.json").write_text("written anew")
    write_tree(tmp_path, {"new": {}})
    write_tree(place.site, {"other/__pycache__/x.pyc": ""})
    assert place.again()


# --- every kind of change is noticed --------------------------------------------------------------------------------


def _same_size_and_time(path: Path, old: bytes, new: bytes) -> None:
    status = path.stat()
    content = path.read_bytes()
    assert old in content
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _replaced(path: Path, content: bytes) -> None:
    """Put another file in the place of one, as installers do."""
    (path.parent / "beside").write_bytes(content)
    shutil.copymode(path, path.parent / "beside")
    os.replace(path.parent / "beside", path)


def _linked(folder: Path, elsewhere: Path) -> None:
    shutil.copytree(folder, elsewhere)
    shutil.rmtree(elsewhere / "other-1.0.dist-info")
    folder.rename(folder.parent / "before")
    folder.symlink_to(elsewhere)


def _linked_file(path: Path, to: object) -> None:
    path.unlink()
    path.symlink_to(str(to))


_METADATA = b"Metadata-Version: 2.1\nName: other\nVersion: 3.0\n"
_CHANGES: dict[str, Callable[[Place, Path], object]] = {
    "content, same size and time": lambda at, _: _same_size_and_time(
        at.site / "pkg-1.0.dist-info/METADATA", b"Requires-Dist: no", b"Requires-Dist: on"
    ),
    "a file replaced": lambda at, _: _replaced(at.site / "other-1.0.dist-info/METADATA", _METADATA),
    "a compiled file replaced": lambda at, _: _replaced(at.site / "pkg/linked.so", b"\x7fELF"),
    "a file deleted": lambda at, _: (at.site / "pkg/linked.so").unlink(),
    "a distribution deleted": lambda at, _: shutil.rmtree(at.site / "other-1.0.dist-info"),
    "a distribution added": lambda at, _: make_distribution(at.site, "new", "1.0", requires=["missing"]),
    "a compiled file added": lambda at, _: shutil.copy(fixture("linked.so"), at.site / "_top.so"),
    "a file added to an info folder": lambda at, _: (at.site / "pkg-1.0.dist-info/direct_url.json").write_text("{"),
    "a link to another file": lambda at, _: _linked_file(at.site / "pkg/linked.so", fixture("api_1x_O2.so")),
    "the path of a pth file appears": lambda _, tmp: make_distribution(tmp / "appears", "more", "1", requires=["no"]),
    "a pth file": lambda at, tmp: (at.site / "later.pth").write_text(""),
    "something in the folder of a pth file": lambda _, tmp: make_distribution(tmp / "elsewhere", "more", "1"),
    "the interpreter replaced": lambda _, tmp: _replaced(tmp / "base/bin/python3.11", b"\x7fELF"),
    "the interpreter gone": lambda _, tmp: (tmp / "base/bin/python3.11").unlink(),
    "another base": lambda at, _: (at.venv / "pyvenv.cfg").write_text("home = /nowhere\nversion = 3.11.7\n"),
    "a configuration file": lambda _, tmp: write_tree(tmp, {"project/envaudit.toml": 'ignore = ["DEP"]'}),
    "a configuration file above": lambda _, tmp: write_tree(tmp, {"pyproject.toml": "[tool.envaudit]\nstrict = true"}),
    "the environment gone": lambda at, _: (
        shutil.move(at.venv, f"{at.venv}2"),
        shutil.copytree(f"{at.venv}2", at.venv),
    ),
    "a link in place of a folder": lambda at, tmp: _linked(at.site, tmp / "moved"),
}


@pytest.mark.parametrize("change", _CHANGES)
def test_a_change_is_noticed(place: Place, tmp_path: Path, change: str) -> None:
    place.again()
    assert place.again()
    time.sleep(_TICK)
    _CHANGES[change](place, tmp_path)
    assert not place.again()
    assert place.again()


def test_a_module_that_was_asked_for_in_vain_appears(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asks = Dist("asks", "1.0", files={"asks/__init__.py": "import gives.more"})
    venv = make_venv(tmp_path, distributions=[asks, Dist("gives", "1.0", files={"gives/__init__.py": "x = 1"})])
    write_tree(tmp_path, {"project": {}})
    os.chdir(tmp_path / "project")
    place = Place(venv, capsys)
    assert "API001" in {each["code"] for each in place.report()["findings"]}
    assert place.again()
    time.sleep(_TICK)
    (place.site / "gives/more.py").write_text("y = 1")  # no RECORD lists it
    assert not place.again()
    assert "API001" not in {each["code"] for each in place.report()["findings"]}


def test_a_link_that_leads_elsewhere(place: Place, tmp_path: Path) -> None:
    """The link itself is swapped; both files it can lead to stay as they are."""
    write_tree(
        tmp_path, {"a/METADATA": "Name: x\nVersion: 1\n", "b/METADATA": "Name: x\nVersion: 2\n", "now": Link("a")}
    )
    write_tree(place.site, {"x-1.dist-info/METADATA": Link(f"{tmp_path}/now/METADATA")})
    assert not place.again()
    assert place.again()
    (tmp_path / "now").unlink()
    (tmp_path / "now").symlink_to("b")
    assert not place.again()


def test_a_changed_rule(place: Place, tmp_path: Path) -> None:
    rule = next(iter(sorted((ROOT / "rules").glob("EA-*.toml"))))
    text = rule.read_text().replace(rule.stem, "EA-0000-mine")
    write_tree(tmp_path, {"rules/EA-0000-mine.toml": text, "rules/VERSION": "2026.1.1\n"})
    place.again("--rules", str(tmp_path / "rules"))
    assert place.again("--rules", str(tmp_path / "rules"))
    time.sleep(_TICK)
    (tmp_path / "rules/EA-0000-mine.toml").write_text(text + "\n")
    assert not place.again("--rules", str(tmp_path / "rules"))


@pytest.mark.parametrize(
    "name",
    ["LD_LIBRARY_PATH", "ENVAUDIT_IGNORE", "ENVAUDIT_STRICT", "HOME", "COLUMNS"],
)
def test_a_changed_variable(place: Place, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place.again()
    assert place.again()
    value = {"ENVAUDIT_STRICT": "yes", "ENVAUDIT_IGNORE": "DEP", "COLUMNS": "70"}.get(name, f"{tmp_path}/libraries")
    monkeypatch.setenv(name, value)
    assert not place.again()
    assert place.again()


def test_a_changed_argument(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.again()
    assert not place.again("--strict")
    assert not place.again("--ignore", "DEP")
    assert place.again("--strict")
    assert place.again()


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        (replay, "__version__", "0.1.1"),
        (replay, "_started", lambda: "another start of the machine"),
        (replay, "_libc", lambda: "glibc 9.9"),
        (sys, "version", "3.99"),
        (sys, "executable", "/usr/bin/another"),
        (os, "geteuid", lambda: 12345),
    ],
)
def test_another_program_machine_or_user(
    place: Place, where: object, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.report()
    assert place.report()["unchanged_since"]
    monkeypatch.setattr(where, name, value)
    assert place.report()["unchanged_since"] is None


def test_what_the_calendar_changes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The age of the rules is spoken of: a report is not shown again when something else would be said of it."""
    place.report()
    assert place.report()["unchanged_since"]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61 * 86400)
    assert place.report()["unchanged_since"] is None


@pytest.mark.parametrize(("version", "days"), [("2020.1.1", 1), ("2999.1.1", 60), ("unknown", 60)])
def test_how_long_the_same_is_said_of_rules(version: str, days: int) -> None:
    of_old = HEALTHY._replace(rules=HEALTHY.rules._replace(version=version))
    assert 0 <= days * 86400 - (check._same_until(of_old, Settings()) - time.time()) <= 86400


def test_another_folder_to_start_from(place: Place, tmp_path: Path) -> None:
    place.again()
    os.chdir(tmp_path)
    assert not place.again()


def test_a_changed_file_of_the_program(tmp_path: Path) -> None:
    """As an upgrade does, or who works on the program."""
    copy = tmp_path / "program"
    for name in ("envaudit", "rules"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    venv = make_venv(tmp_path, distributions=[Dist("pkg", "1.0", requires=["no"])])
    time.sleep(2.1)

    def is_kept() -> bool:
        command = [sys.executable, "-m", "envaudit", "check", str(venv), "--no-smoke"]
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=copy, env=environ)
        assert "broken" in done.stdout, done.stderr
        return "nothing changed" in done.stdout

    assert [is_kept(), is_kept()] == [False, True]
    source = copy / "envaudit/checks/dep.py"
    source.write_text(source.read_text() + "\n")
    assert not is_kept()


def test_a_replay_imports_next_to_nothing(tmp_path: Path) -> None:
    """Half of what an audit takes at least is imports."""
    copy = tmp_path / "program"  # nobody changes it while this runs
    for name in ("envaudit", "rules"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    venv = make_venv(tmp_path, distributions=[Dist("pkg", "1.0", requires=["no"])])
    time.sleep(2.1)
    script = "import sys; from envaudit.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    for turn in range(2):
        done = subprocess.run(
            [sys.executable, "-S", "-c", script, "check", str(venv), "--no-smoke"],
            capture_output=True, text=True, check=False, cwd=copy,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert ("nothing changed" in done.stdout) == bool(turn), done.stderr
    loaded = set(done.stderr.split())
    assert {name for name in loaded if name.startswith("envaudit")} == {
        "envaudit", "envaudit.cli", "envaudit.cli.streams", "envaudit.cli.replay", "envaudit.errors",
        "envaudit.files_seen", "envaudit.files_host",
        "envaudit.cache", "envaudit.cache.place", "envaudit.cache.reports",
    }  # fmt: skip
    slow = {"argparse", "contextlib", "dataclasses", "enum", "hashlib", "json", "pathlib", "re", "typing", "packaging"}
    assert slow & loaded == set()


# --- what is never kept ---------------------------------------------------------------------------------------------


def _kept(tmp_path: Path) -> int:
    cache = Cache(str(tmp_path / "cache"))
    count = cache.info().reports
    cache.close()
    return count


def test_what_changed_just_before_is_not_kept(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "_STEP", 2 * 10**9)
    monkeypatch.setattr(envaudit, "LOADED", time.time_ns() + 10**15)
    place.report()
    assert _kept(tmp_path) == 0
    time.sleep(2.2)
    place.report()
    assert _kept(tmp_path) == 1
    assert place.report()["unchanged_since"]


def test_what_will_change_in_future_is_not_kept(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = place.site / "pkg-1.0.dist-info/METADATA"
    os.utime(metadata, (time.time() + 1000, time.time() + 1000))
    time.sleep(2.2)
    monkeypatch.setattr(keep, "_STEP", 2 * 10**9)
    monkeypatch.setattr(envaudit, "LOADED", time.time_ns() + 10**15)
    place.report()
    assert _kept(tmp_path) == 0
    os.utime(metadata, (1, 1))
    time.sleep(2.2)
    place.report()
    assert _kept(tmp_path) == 1


@pytest.mark.parametrize("arguments", [["--no-cache"], ["--smoke"], ["--root", "/"]])
def test_runs_that_keep_nothing(place: Place, tmp_path: Path, arguments: list[str]) -> None:
    main(["check", str(place.venv), *([] if "--smoke" in arguments else ["--no-smoke"]), *arguments])
    assert _kept(tmp_path) == (1 if "--root" in arguments else 0)  # the root of this machine is no image


def test_an_image_is_not_kept(place: Place, tmp_path: Path) -> None:
    main(["check", "venv", "--root", str(tmp_path)])
    main(["check", "/venv", "--root", str(tmp_path)])
    assert _kept(tmp_path) == 0


@pytest.mark.parametrize("where", ["variable", "file"])
def test_no_cache_by_setting(place: Place, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if where == "variable":
        monkeypatch.setenv("ENVAUDIT_NO_CACHE", "1")
    else:
        (tmp_path / "project/envaudit.toml").write_text("cache = false")
    assert not place.again()
    assert not place.again()
    assert _kept(tmp_path) == 0


def test_a_setting_turns_the_cache_off_later(place: Place, tmp_path: Path) -> None:
    place.report()
    assert place.report()["unchanged_since"]
    (tmp_path / "project/envaudit.toml").write_text("cache = false")
    assert place.report()["unchanged_since"] is None


def test_a_started_interpreter_keeps_nothing(place: Place, tmp_path: Path) -> None:
    """What a program answers can change without a file that was read."""
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    script.chmod(0o755)
    main(["check", str(script), "--no-smoke"])
    assert "error" not in place.capsys.readouterr().err
    assert _kept(tmp_path) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read everything")
def test_what_may_not_be_read_keeps_nothing(place: Place, tmp_path: Path) -> None:  # pragma: no cover
    (place.site / "pkg-1.0.dist-info/METADATA").chmod(0)
    place.report()
    assert _kept(tmp_path) == 0


def test_what_cannot_be_read_keeps_nothing(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails may work the next time, and nothing about the file has changed then."""
    read = os.read

    def fail(descriptor: int, length: int) -> bytes:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith("pkg-1.0.dist-info/METADATA"):
            raise OSError(5, "Input/output error")
        return read(descriptor, length)

    monkeypatch.setattr(os, "read", fail)
    assert place.report()["findings"]
    monkeypatch.undo()
    assert _kept(tmp_path) == 0


def test_a_crashed_check_keeps_nothing(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> NoReturn:
        raise ZeroDivisionError

    parts = tuple(part._replace(when=crash) for part in CHECKS[0].parts)
    checks = (*CHECKS, CHECKS[0]._replace(parts=parts))
    monkeypatch.setattr(envaudit.audit, "CHECKS", checks)
    assert "it failed: ZeroDivisionError" in str(place.report()["gaps"])
    assert _kept(tmp_path) == 0


# --- the cache ------------------------------------------------------------------------------------------------------


def test_a_damaged_entry_is_no_answer(place: Place, tmp_path: Path) -> None:
    """Whichever byte of it is another, the report is made again and is the right one."""
    place.report()
    path = tmp_path / "cache" / FILE_NAME
    with sqlite3.connect(path) as database:
        ((key, value),) = database.execute("SELECT key, value FROM reports")
    database.close()
    for position in (0, 5, 15, 16, 17, len(value) // 2, len(value) - 1):
        damaged = bytearray(value)
        damaged[position] ^= 4
        for change in (bytes(damaged), value[:position], str(position), None):
            with sqlite3.connect(path) as database:
                if change is None:
                    database.execute("DELETE FROM reports")
                else:
                    database.execute("UPDATE reports SET value = ? WHERE key = ?", (change, key))
            database.close()
            assert place.report()["unchanged_since"] is None
            assert place.report()["unchanged_since"]


def test_a_foreign_or_torn_database_is_no_answer(place: Place, tmp_path: Path) -> None:
    place.report()
    path = tmp_path / "cache" / FILE_NAME
    path.chmod(0o666)
    assert not place.again()
    path.chmod(0o600)
    assert place.again()
    os.truncate(path, path.stat().st_size // 2)
    assert not place.again()
    path.unlink()
    path.symlink_to(tmp_path / "other")
    assert not place.again()


def test_two_at_once(place: Place, tmp_path: Path) -> None:
    """Processes that audit the same while a file changes to and fro: each report is that of one of the two states."""
    folder = tmp_path / "project"  # nobody else writes into it, as tools do into the folder of this project
    command = [sys.executable, "-m", "envaudit", "check", str(place.venv), "--no-smoke", "-f", "json", "--no-config"]
    metadata = place.site / "other-1.0.dist-info/METADATA"
    states = [metadata.read_bytes(), metadata.read_bytes() + b"\n"]
    states[1] = states[0].replace(b"\n\n", b"\nRequires-Dist: absent\n\n")
    for turn in range(3):
        _replaced(metadata, states[turn % 2])
        time.sleep(2.1)
        running = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)
            for _ in range(4)
        ]
        for process in running:
            out, err = process.communicate()
            assert not err
            needs = [each["message"] for each in json.loads(out)["findings"] if "absent" in each["message"]]
            assert len(needs) == turn % 2
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert json.loads(done.stdout)["unchanged_since"]


# --- whatever is changed --------------------------------------------------------------------------------------------

_NAMES = st.sampled_from([
    "pkg-1.0.dist-info/METADATA", "other-1.0.dist-info/RECORD", "other-1.0.dist-info", "pkg", "pkg/linked.so",
    "numpy/__init__.py", "later.pth", "new-1.dist-info/METADATA", "_top.so",
])  # fmt: skip
_CONTENTS = st.sampled_from([
    b"Metadata-Version: 2.1\nName: new\nVersion: 1\nRequires-Dist: absent\n", b"other/__init__.py,,\n", b"",
    b"../../../../elsewhere\n", Path(fixture("linked.so")).read_bytes(), Path(fixture("api_1x_O2.so")).read_bytes(),
])  # fmt: skip
_EDITS = st.one_of(
    st.tuples(st.just("write"), _NAMES, _CONTENTS),
    st.tuples(st.just("replace"), _NAMES, _CONTENTS),
    st.tuples(st.just("overwrite"), _NAMES, st.integers(0, 255)),
    st.tuples(st.just("delete"), _NAMES, st.none()),
    st.tuples(st.just("rename"), _NAMES, _NAMES),
    st.tuples(st.just("link"), _NAMES, _NAMES),
    st.tuples(st.just("nothing"), st.none(), st.none()),
)


def _edit(site: Path, what: str, name: Any, value: Any) -> None:
    """Change one thing; what cannot be done, such as writing into a file that is a folder, is no change."""
    path = site / str(name)
    try:
        if what == "write":
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(value)
        elif what == "replace":
            _replaced(path, value)
        elif what == "overwrite":  # one byte, without a trace in size and time
            status, content = path.stat(), bytearray(path.read_bytes())
            content[value % len(content)] = value
            path.write_bytes(content)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        elif what == "delete":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        elif what == "rename":
            path.rename(site / value)
        elif what == "link" and value != name:  # what leads to itself cannot be read, and is read again by every run
            path.unlink(missing_ok=True)
            path.symlink_to(site / value)
    except (OSError, ZeroDivisionError):
        return


def _is_odd(site: Path) -> bool:
    """Whether a metadata file holds what is no text: paths with NUL cannot be asked for, and nothing is kept then."""
    files = (path for path in site.glob("*.dist-info/*") if path.is_file())
    return any(b"\0" in path.read_bytes() for path in files)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=st.lists(_EDITS, min_size=1, max_size=6))
def test_the_report_is_right_whatever_is_changed(
    place: Place, tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, Any, Any]]
) -> None:
    venv = tmp_path_factory.mktemp("edited") / "venv"
    shutil.copytree(place.venv, venv, symlinks=True)
    edited = Place(venv, place.capsys)
    site = edited.site
    assert not edited.again()
    for what, name, value in edits:
        assert edited.again() or _is_odd(site)
        time.sleep(_TICK)
        if name == "pkg/linked.so" and what == "overwrite":
            continue  # what RECORD says of a compiled file is trusted while its size and time are as they were
        _edit(site, what, name, value)
        if what == "nothing":
            assert edited.again() or _is_odd(site)
        else:
            edited.again()
