"""Documents tell the truth: commands in them exist, links lead somewhere, examples print what they show."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envaudit.cli import main
from envaudit.codes import CODES
from tests.locate.image import SITE, make_image
from tests.source.test_objects import used
from tests.support.command import ROOT
from tests.support.environments import build_environment, python_of
from tests.support.trees import Dist, elf_program, make_distribution, make_venv, write_tree

DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)


def _commands() -> list[str]:
    """Return every ``envaudit`` command line that a document shows, without its comment."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        shown = re.findall(r"^\$ (?:\S*/)?(envaudit .*)$", text, re.MULTILINE)
        found += [line.split("  #")[0].strip() for line in shown]
        found += re.findall(r"`(envaudit [a-z]+[^`]*)`", text)
    return sorted(set(found))


@pytest.mark.parametrize("command", _commands())
def test_commands_in_documents_are_understood(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    subcommand, *words = shlex.split(command)[1:]
    if subcommand == "explain" and words and words[0] in CODES:
        assert main([subcommand, words[0]]) == 0
        return
    action = words[0].split("|")[:1] if words and subcommand in {"rules", "cache", "baseline", "kernel"} else []
    assert main([subcommand, *action, "--help"]) == 0
    shown = capsys.readouterr().out
    for flag in (word for word in words if word.startswith("-")):
        assert re.search(rf"(^|[ ,]){re.escape(flag)}\b", shown, re.MULTILINE), f"{flag} of {command!r}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (document.parent / target).exists(), target
    # Paths in backquotes that begin with a folder of the project.
    for target in re.findall(r"`((?:envaudit|rules|tests|docs|fixtures|benchmarks)/[\w./-]*)`", text):
        assert "YYYY" in target or (ROOT / target).exists(), target


def test_the_two_commands_stand_at_the_top_of_the_readme() -> None:
    top = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:8]
    assert any(line.startswith("$ make check") for line in top)
    assert any(line.startswith("$ make test") for line in top)


def test_no_document_tells_to_install_the_name_that_belongs_to_others() -> None:
    wrong = re.compile(r"(pip|uv|pipx)[^\n`]* (install|add|run) [^\n`]*\benvaudit\b(?!/|\.)")
    for document in DOCUMENTS:
        assert not wrong.search(document.read_text(encoding="utf-8")), document.name


@pytest.mark.network
def test_the_example_of_the_readme_prints_what_it_shows(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = [part for part in re.findall(r"```console\n(.*?)```", text, re.DOTALL) if "$ pip check" in part]
    install, pip_says, shown = re.split(r"^\$ (?:pip check|envaudit check .venv)\n", block, flags=re.MULTILINE)
    companions = ["python-dateutil==2.9.0.post0", "pytz==2025.2", "tzdata==2025.2", "six==1.17.0"]
    folder = build_environment(tmp_path / ".venv", "3.11", [*shlex.split(install)[3:], *companions], seed=True)
    check = [python_of(folder), "-m", "pip", "--disable-pip-version-check", "check"]
    assert subprocess.run(check, capture_output=True, text=True, check=False).stdout == pip_says
    # Without PYTHONPATH, of which the report would speak.
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from envaudit.cli import run; run()"
    command = [sys.executable, "-c", program, "check", ".venv"]
    env = {"PATH": str(Path(shutil.which("env") or "/usr/bin/env").parent)}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=env)
    assert ran.returncode == 1
    printed = ran.stdout.replace(f"{tmp_path}/", "")
    # The interpreter and the C library are those of this machine; pip brings other companions on other days.
    beginning, end = _machine_left_out(shown).split("[...]\n")  # the names of pandas that NumPy 2 lacks, and notes
    assert _machine_left_out(printed).startswith(beginning)
    assert _machine_left_out(printed).endswith(end)


def test_the_example_of_an_image_prints_what_it_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs" / "foreign-targets.md").read_text(encoding="utf-8")
    (block,) = [part for part in re.findall(r"```console\n(.*?)```", text, re.DOTALL) if "error[DEP001]" in part]
    command, shown = block.split("\n", 1)
    image = make_image(tmp_path / "img", program=elf_program("aarch64", "/lib/ld-linux-aarch64.so.1"))
    make_distribution(image / SITE, "requests", "2.32.3", requires=["certifi>=2017.4.17"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    assert main([*shlex.split(command)[2:], "--no-config"]) == 1
    assert capsys.readouterr().out == shown


def test_the_example_of_own_code_prints_what_it_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs" / "your-own-code.md").read_text(encoding="utf-8")
    train, helpers, _ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (block,) = [part for part in re.findall(r"```console\n(.*?)```", text, re.DOTALL) if "error[API001]" in part]
    command, shown = block.split("\n", 1)
    numpy = Dist("numpy", "2.1.3", files={"numpy/__init__.py": "def __getattr__(name): ...\n"})
    make_venv(tmp_path, name=".venv", distributions=[numpy])
    write_tree(tmp_path, {"train.py": train, "helpers.py": helpers})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    assert main([*shlex.split(command)[2:], "--no-config"]) == 1
    printed = capsys.readouterr().out.replace(f"{tmp_path}/", "")
    assert _libc_left_out(printed) == _libc_left_out(shown)


def test_the_example_of_lost_methods_has_what_the_text_says(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "your-own-code.md").read_text(encoding="utf-8")
    *_, example = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    said = re.findall(r"line (\d+) \(`([\w.]+)`", text)
    assert used(tmp_path, example) == [(name, int(line)) for line, name in said]


def _libc_left_out(text: str) -> str:
    return re.sub(r", (?:glibc|musl) [\d.]+", "", text)


def _machine_left_out(text: str) -> str:
    text = re.sub(r"CPython [\d.]+, Linux \S+, \w+ [\d.]+, \d+ distributions", "PYTHON", text)
    return text.replace("aarch64", "x86_64")
