"""Starting an interpreter: only when no file says what it is, and never for longer than it takes."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from envaudit.errors import ReadError, TargetError
from envaudit.locate import probe
from tests.locate.support import find
from tests.support.trees import elf_program, make_python, make_venv, write_tree

if TYPE_CHECKING:
    from pathlib import Path

PATH = {"PATH": os.defpath}


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_the_running_interpreter_says_what_it_is(tmp_path: Path) -> None:
    answer = probe.ask(sys.executable, {}, str(tmp_path))
    assert answer.version.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}")
    assert answer.implementation == sys.implementation.name
    assert answer.base_prefix == sys.base_prefix


def test_nothing_is_started_when_files_answer(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    venv = make_venv(tmp_path, program=f"#!/bin/sh\ntouch {ran}\n".encode())
    (tmp_path / "base/bin/python3.11").chmod(0o755)
    assert find(venv).python == "3.11.7"
    assert not ran.exists()


def test_a_stand_in_is_followed_to_its_interpreter(tmp_path: Path) -> None:
    shim = script(tmp_path / "shims/python3", f'exec "{os.path.realpath(sys.executable)}" "$@"\n')
    target = find(shim, environ=PATH)
    assert target.executable == os.path.realpath(sys.executable)
    assert target.python == ".".join(map(str, sys.version_info[:3]))
    assert target.kind == "interpreter"


def test_an_interpreter_whose_files_say_nothing_is_asked(tmp_path: Path) -> None:
    program = make_python(tmp_path / "base")
    (tmp_path / "base/include/python3.11/patchlevel.h").unlink()
    fields = '"implementation": "cpython", "implementation_version": "3.11.9", "executable": "", "prefix": "/p"'
    text = f'echo \'{{"version": "3.11.9", {fields}, "base_prefix": "/p", "free_threaded": false}}\'\n'
    script(program, text.replace("#!/bin/sh\n", ""))
    # A script would be a stand-in; the same behind a link named like an interpreter in a venv is asked directly.
    venv = make_venv(tmp_path, base=tmp_path / "base", cfg=f"home = {tmp_path}/base/bin\n")
    assert find(venv, environ=PATH).python == "3.11.9"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exit 3", "it gave no answer"),
        ("echo '[]'", "it gave no answer"),
        ("echo '{\"version\": 3}'", "it gave no answer"),
        ("kill -SEGV $$", "it gave no answer"),
        ("yes", "it gave no answer"),
        ("yes >&2", "did not answer within 1 seconds"),
        ("sleep 60", "did not answer within 1 seconds"),
        ("sleep 60 &", "did not answer within 1 seconds"),
    ],
)
def test_an_interpreter_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setattr(probe, "PROBE_SECONDS", 1.0)
    started = time.monotonic()
    with pytest.raises(ReadError, match=message):
        probe.ask(str(script(tmp_path / "python3", text + "\n")), PATH, str(tmp_path))
    assert time.monotonic() - started < 20
    with pytest.raises(TargetError, match="a script that stands in for Python"):
        find(tmp_path / "python3", environ=PATH)


def test_texts_that_are_none_are_refused(tmp_path: Path) -> None:
    names = ("version", "implementation", "implementation_version", "executable", "prefix", "base_prefix")
    fields = ", ".join(f'"{name}": 1' for name in names)
    program = script(tmp_path / "python3", f"echo '{{{fields}, \"free_threaded\": 1}}'\n")
    with pytest.raises(ReadError, match="an answer that is not understood"):
        probe.ask(str(program), PATH, str(tmp_path))


def test_a_version_that_is_none_is_refused(tmp_path: Path) -> None:
    names = ("version", "implementation", "implementation_version", "executable", "prefix", "base_prefix")
    fields = ", ".join(f'"{name}": "x"' for name in names)
    program = script(tmp_path / "python3", f"echo '{{{fields}, \"free_threaded\": 1}}'\n")
    with pytest.raises(ReadError, match="a version that is none"):
        probe.ask(str(program), PATH, str(tmp_path))


def test_a_stand_in_for_another_stand_in_is_refused(tmp_path: Path) -> None:
    names = ("implementation", "implementation_version", "prefix", "base_prefix")
    fields = ", ".join(f'"{name}": "x"' for name in names)
    program = tmp_path / "python3"
    text = f'"version": "3.11.7", "executable": "{program}", "free_threaded": false, {fields}'
    script(program, f"echo '{{{text}}}'\n")
    with pytest.raises(TargetError, match="does not say where it is"):
        find(program, environ=PATH)


def test_an_interpreter_without_library_that_does_not_run(tmp_path: Path) -> None:
    write_tree(tmp_path, {"bin/python3.99": elf_program()})
    (tmp_path / "bin/python3.99").chmod(0o755)
    with pytest.raises(TargetError, match="no file says which Python this is, and it"):
        find(tmp_path / "bin/python3.99")


def test_a_venv_whose_interpreter_does_not_run_has_the_minor_version_of_its_library(tmp_path: Path) -> None:
    venv = make_venv(tmp_path, cfg=f"home = {tmp_path}/base/bin\n")
    write_tree(tmp_path, {"base/include/python3.11/patchlevel.h": "nothing\n"})
    assert find(venv).python == "3.11"


def test_a_site_folder_in_an_environment_that_says_nothing_has_the_version_of_its_path(tmp_path: Path) -> None:
    write_tree(tmp_path, {"bin/python3": elf_program(), "lib/python3.9/site-packages": {}})
    (tmp_path / "bin/python3").chmod(0o755)
    assert find(tmp_path / "lib/python3.9/site-packages").python == "3.9"


def test_a_copied_interpreter_takes_its_library_from_home(tmp_path: Path) -> None:
    venv = make_venv(tmp_path, version="3.10.4")
    (venv / "bin/python").unlink()
    write_tree(venv, {"bin/python": elf_program()})
    target = find(venv)
    assert (target.python, target.base_prefix, target.problems) == ("3.10.4", str(tmp_path / "base"), ())


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="it cannot be started"):
        probe.ask(str(tmp_path / "none"), {}, str(tmp_path))


def test_variables_of_python_do_not_reach_it(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit")
    environ = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/no/such", **PATH}
    assert probe.ask(sys.executable, environ, str(tmp_path)).base_prefix == sys.base_prefix
