"""Kernelspecs of watched kernels: written, never over those of others, and removed without a trace."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.cli import main
from envaudit.cli.kernel_spec import Wanted, install, is_ours, metadata_of, uninstall, user_folder
from envaudit.errors import EnvauditError, UsageError
from tests.kernels.test_kernels import GOOD, env, judged, kernels, spec
from tests.support.trees import Dist, write_tree

if TYPE_CHECKING:
    from pathlib import Path

WANTED = Wanted("w", "Watched", "/env/bin/python", "3.11.7", 2 * 1024**3)
linux = pytest.mark.skipif(sys.platform != "linux", reason="kernels are watched on Linux")


def read(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "kernel.json").read_text())
    return found


def test_only_the_named_interpreter_is_started(tmp_path: Path) -> None:
    install(str(tmp_path), WANTED, replace=False)
    argv = read(tmp_path / "w")["argv"]
    end = argv.index("--")
    assert argv[0] == argv[end + 1] == "/env/bin/python"
    assert argv[1:4] == ["-I", "-S", str(tmp_path / "w/launch.py")]
    assert argv[5:end] == ["--name", "w", "--memory-limit", str(2 * 1024**3), "--on-limit", "interrupt"]
    assert argv[end + 2 :] == ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    install(str(tmp_path), WANTED._replace(version="3.9.18", display="Again"), replace=False)
    assert read(tmp_path / "w")["argv"][0] == sys.executable  # the supervisor does not run on so old a Python
    assert read(tmp_path / "w")["display_name"] == "Again"


def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    logos = write_tree(tmp_path / "logos", {"logo-64x64.png": "picture", "other.png": "x"})
    install(str(tmp_path / "kernels"), WANTED._replace(logos=str(logos)), replace=False)
    place = tmp_path / "kernels/w"
    assert {path.name for path in place.iterdir()} == {"kernel.json", "launch.py", "logo-64x64.png"}
    assert uninstall(str(place)) == ""
    assert not place.exists()


def test_what_others_wrote_is_left_alone_or_put_aside(tmp_path: Path) -> None:
    logos = write_tree(tmp_path / "logos", {"logo-64x64.png": "ours", "logo-32x32.png": "ours"})
    place = write_tree(tmp_path / "k/w", {"kernel.json": spec("python"), "logo-64x64.png": "theirs"})
    before = read(place)
    with pytest.raises(EnvauditError, match="--replace"):
        install(str(tmp_path / "k"), WANTED, replace=False)
    with pytest.raises(EnvauditError, match="left alone"):
        uninstall(str(place))
    assert read(place) == before
    for _ in range(2):  # the second time it is ours
        install(str(tmp_path / "k"), WANTED._replace(logos=str(logos)), replace=True)
    assert is_ours(str(place))
    assert (place / "logo-64x64.png").read_text() == "theirs"
    assert uninstall(str(place)) == "what was there before is back"
    assert read(place) == before
    assert {path.name for path in place.iterdir()} == {"kernel.json", "logo-64x64.png"}


@pytest.mark.parametrize("text", ["[]", "{", '{"metadata": []}', '{"metadata": {"envaudit": 1}}', "{}"])
def test_what_is_no_kernelspec_of_ours(tmp_path: Path, text: str) -> None:
    write_tree(tmp_path / "w", {"kernel.json": text})
    assert not is_ours(str(tmp_path / "w"))


def test_a_forged_list_of_files_removes_nothing_else(tmp_path: Path) -> None:
    write_tree(tmp_path, {"precious": "x", "w/mine": "x"})
    files = ["../precious", "mine", "launch.py", 7]
    write_tree(tmp_path / "w", {"kernel.json": spec("python", metadata={"envaudit": {"files": files}})})
    assert uninstall(str(tmp_path / "w")) == "left in place: mine"
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "ä"])
def test_names_that_jupyter_does_not_accept(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--name"):
        install(str(tmp_path), WANTED._replace(name=name), replace=False)


def test_the_folder_of_the_user() -> None:
    assert user_folder({"HOME": "/h"}) == "/h/.local/share/jupyter"
    assert user_folder({"HOME": "/h", "XDG_DATA_HOME": "/x"}) == "/x/jupyter"
    assert user_folder({"JUPYTER_DATA_DIR": "/d"}) == "/d"
    with pytest.raises(UsageError):
        user_folder({})


def test_abilities_are_those_of_the_environments_own_kernel(tmp_path: Path) -> None:
    venv = env(tmp_path, python3=spec("python", metadata={"supported_encryption": ["curve"], "other": 1}))
    assert metadata_of(str(venv)) == {"supported_encryption": ["curve"]}
    assert metadata_of(str(tmp_path)) == {"debugger": True}


@linux
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "My project"
    project.mkdir()
    venv = env(project, *GOOD, name=".venv")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("XDG_DATA_HOME", "JUPYTER_DATA_DIR"):
        monkeypatch.delenv(variable, raising=False)
    assert main(["kernel", "install", "-p", str(venv), "--memory-limit", "2G"]) == 0
    place = tmp_path / "home/.local/share/jupyter/kernels/watched-my-project"
    assert capsys.readouterr().out == f"Jupyter now offers 'Python 3.11 (my-project, watched)': {place}\n"
    facts = kernels(venv, HOME=str(tmp_path / "home"))
    (kernel,) = facts.kernels
    assert (kernel.interpreter, kernel.prefix) == (f"{venv}/bin/python", str(venv))
    assert kernel.argv[0] == kernel.interpreter
    assert judged(facts) == []
    assert main(["kernel", "install", "-p", str(venv), "--sys-prefix", "--name", "inside"]) == 0
    assert is_ours(str(venv / "share/jupyter/kernels/inside"))
    assert main(["kernel", "install", "-p", str(venv), "--prefix", str(tmp_path / "p"), "--name", "there"]) == 0
    assert main(["kernel", "uninstall", "there", "--prefix", str(tmp_path / "p")]) == 0
    assert main(["kernel", "uninstall", "inside", "--sys-prefix", "-p", str(venv)]) == 0
    assert main(["kernel", "uninstall", "watched-my-project"]) == 0
    assert not list((tmp_path / "home").rglob("kernel.json"))


@linux
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["install", "--on-limit", "wait"], "choose interrupt or kill"),
        (["install", "--memory-limit", "-1"], "--memory-limit"),
        (["install", "--name", "a b"], "--name a b"),
        (["uninstall", "nobody"], "there is no kernel nobody"),
        (["last", "-n", "0"], "-n 0"),
        (["last", "-f", "xml"], "choose text or json"),
        (["install"], "has no ipykernel"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    venv = env(tmp_path, Dist("pip", "26.0"))
    target = ["-p", str(venv)] if words[0] == "install" else []
    assert main(["kernel", *words, *target]) == 2
    assert said in capsys.readouterr().err
