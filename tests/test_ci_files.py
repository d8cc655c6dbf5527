"""The files that CI services and pre-commit read: they have the form those ask for, and do what they say."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from envaudit.requirements import kind_of
from envaudit.settings import load_settings
from tests.support.command import ROOT
from tests.support.environments import UV
from tests.support.trees import Dist, make_venv

if TYPE_CHECKING:
    from pathlib import Path

GUIDE = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
# Without PYTHONPATH, of which the report would speak.
_RUN = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from envaudit.cli import run; run()"
PROGRAM = f'#!/bin/sh\nexec "{sys.executable}" -c "{_RUN}" "$@"\n'


def parsed(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(io.StringIO(text))


def published(name: str) -> jsonschema.Draft7Validator:
    folder = resources.files("check_jsonschema").joinpath("builtin_schemas").joinpath("vendor")
    return jsonschema.Draft7Validator(json.loads(folder.joinpath(f"{name}.json").read_text(encoding="utf-8")))


ACTION = parsed((ROOT / "action.yml").read_text(encoding="utf-8"))
HOOKS = {hook["id"]: hook for hook in parsed((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}


def example(name: str) -> str:
    """Return the YAML that the guide shows under a name."""
    blocks: list[str] = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    return next(block for block in blocks if block.startswith(f"# {name}"))


# --- pre-commit -----------------------------------------------------------------------------------------------------


def test_the_hooks_have_the_form() -> None:
    assert set(HOOKS) == {"envaudit", "envaudit-requirements"}
    for hook in HOOKS.values():
        assert hook["language"] == "python"
        assert hook["entry"].split()[0] == "envaudit"
        assert set(hook) <= {
            "id", "name", "description", "entry", "args", "language", "pass_filenames", "always_run", "require_serial",
            "stages", "files",
        }  # fmt: skip
    assert HOOKS["envaudit-requirements"]["pass_filenames"] is True
    assert HOOKS["envaudit-requirements"]["require_serial"] is True
    assert HOOKS["envaudit"]["pass_filenames"] is False


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("requirements.txt", True),
        ("requirements-dev.in", True),
        ("services/api/requirements.txt", True),
        ("constraints-3.11.txt", True),
        ("pyproject.toml", True),
        ("pylock.toml", True),
        ("pylock.dev.toml", True),
        ("uv.lock", True),
        ("poetry.lock", True),
        ("pdm.lock", True),
        ("Pipfile.lock", True),
        ("environment.yaml", True),
        ("conda-lock.yml", True),
        ("README.md", False),
        ("my-uv.lock", False),
        ("requirements.txt.bak", False),
        ("docs/requirements.md", False),
    ],
)
def test_which_files_the_hook_is_given(path: str, wanted: bool) -> None:
    assert (re.search(HOOKS["envaudit-requirements"]["files"], path) is not None) is wanted
    if wanted:
        assert kind_of(path) is not None


@pytest.mark.parametrize("hook", HOOKS)
def test_the_command_of_a_hook_is_understood(hook: str) -> None:
    _, command, *fixed = HOOKS[hook]["entry"].split()
    from envaudit.cli.parser import parse

    options = parse([command, *fixed, *HOOKS[hook]["args"], *(["uv.lock"] if HOOKS[hook]["pass_filenames"] else [])])
    if command == "gate":
        assert (options.files, options.base, options.offline) == (["uv.lock"], "HEAD", True)
    else:
        assert (options.target, options.smoke) == (".venv", "none")


def _git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], check=True, cwd=folder, capture_output=True)


def _clone(folder: Path) -> Path:
    """Make a repository of the files as they are here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-c", "-o", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    for name in listed.stdout.split("\0"):
        if name.startswith(("envaudit/", "rules/", "pyproject", "LICENSE", "README", ".pre-commit-hooks")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_file():
                shutil.copy(ROOT / name, folder / name)
    _git(folder, "init", "-q", ".")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "all")
    return folder


@pytest.mark.network
def test_pre_commit_runs_the_hooks(tmp_path: Path) -> None:
    hooks, project = tmp_path / "hooks", tmp_path / "project"
    hooks.mkdir()
    project.mkdir()
    _clone(hooks)
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("ENVAUDIT_", "GIT_", "VIRTUAL_"))
    }
    environ["PRE_COMMIT_HOME"] = str(tmp_path / "home")

    def pre_commit(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*UV, "tool", "run", "--quiet", "pre-commit", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=project, env=environ, timeout=300
        )

    def tried(hook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return pre_commit("try-repo", str(hooks), hook, "--verbose", *arguments)

    _git(project, "init", "-q", ".")
    manifest = pre_commit("validate-manifest", str(hooks / ".pre-commit-hooks.yaml"))
    assert manifest.returncode == 0, manifest.stdout + manifest.stderr
    (project / "requirements.txt").write_text("# of the project\nrequests==2.32.3\npandas==2.2.3\n", encoding="utf-8")
    _git(project, "add", "-A")
    _git(project, "commit", "-q", "-m", "one")
    (project / "requirements.txt").write_text("# of the project\nrequests==2.32.3\npandas==2.0.3\n", encoding="utf-8")
    _git(project, "add", "-A")
    done = tried("envaudit-requirements")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "error[ABI001] pandas 2.0.3" in done.stdout
    assert "requirements.txt:3" in done.stdout
    _git(project, "commit", "-q", "-m", "two")
    (project / "requirements.txt").write_text("requests==2.32.3\npandas==2.0.3\nsix==1.17.0\n", encoding="utf-8")
    _git(project, "add", "-A")
    assert tried("envaudit-requirements").returncode == 0  # what was wrong before does not fail
    make_venv(project, name=".venv", distributions=[Dist("old", "1.0", requires=["absent"])])
    done = tried("envaudit", "--hook-stage", "pre-push")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "error[DEP001] old 1.0" in done.stdout


# --- GitHub and GitLab ----------------------------------------------------------------------------------------------


def test_the_action_has_the_form() -> None:
    published("github-actions").validate(ACTION)
    broken = {**ACTION, "runs": {"using": "composite", "steps": [{"run": "x"}]}}
    assert not published("github-actions").is_valid(broken)


def test_no_input_becomes_part_of_a_script() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
        for name, value in step["env"].items():
            assert re.fullmatch(r"\$\{\{ inputs\.[a-z]+ \}\}", value), name
            assert not name.startswith("ENVAUDIT_")  # these would be settings
    used = set(re.findall(r"inputs\.([a-z]+)", (ROOT / "action.yml").read_text(encoding="utf-8")))
    assert used == set(ACTION["inputs"])


class Runner:
    """Runs the shell steps of the action as GitHub does, with inputs in the environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temp = folder / "temp"
        self.work = folder / "work"
        for each in (self.temp / "envaudit/bin", self.work):
            each.mkdir(parents=True)

    def put(self, name: str, script: str) -> Path:
        path = self.temp / "envaudit/bin" / name
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)
        return path

    def step(self, number: int, **inputs: str) -> subprocess.CompletedProcess[str]:
        step = ACTION["runs"]["steps"][number]
        names = {value.split(".")[1].split()[0]: name for name, value in step["env"].items()}
        values = {key: given.get("default", "") for key, given in ACTION["inputs"].items()} | inputs
        environ = {name: values[key] for key, name in names.items()}
        environ |= {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "RUNNER_TEMP": str(self.temp),
            "GITHUB_OUTPUT": str(self.folder / "output"), "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_ACTION_PATH": str(ROOT), "ENVAUDIT_CACHE_DIR": str(self.folder / "cache"),
        }  # fmt: skip
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.work, env=environ)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


ECHO = "#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 3\n"


def test_every_input_arrives_as_one_argument(runner: Runner) -> None:
    runner.put("envaudit", ECHO)
    done = runner.step(
        1, command="gate", target="a b.txt\n$(touch hacked)\n\n", base="main; touch hacked", sarif="x y.sarif",
        args='--fail-on=note\n`touch hacked`\n--ignore="DEP"',
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "gate", "--format", "github", "--step-summary", "--output=sarif:x y.sarif", "--base=main; touch hacked",
        "--fail-on=note", "`touch hacked`", '--ignore="DEP"', "--", "a b.txt", "$(touch hacked)",
    ]  # fmt: skip
    assert done.returncode == 3
    assert (runner.folder / "output").read_text() == "exit-code=3\n"
    assert list(runner.work.iterdir()) == []


def test_without_inputs(runner: Runner) -> None:
    runner.put("envaudit", ECHO.replace("exit 3", "exit 0"))
    done = runner.step(1, summary="false")
    assert (done.returncode, done.stdout.splitlines()) == (0, ["check", "--format", "github", "--"])
    assert (runner.folder / "output").read_text() == "exit-code=0\n"


@pytest.mark.parametrize("command", ["cache", "", "check gate", "$(exit 0)"])
def test_no_other_command_is_run(runner: Runner, command: str) -> None:
    runner.put("envaudit", ECHO)
    done = runner.step(1, command=command)
    assert done.returncode == 2
    assert done.stdout == "::error title=envaudit::the input command must be check or gate\n"


def test_the_step_judges_an_environment(runner: Runner) -> None:
    runner.put("envaudit", PROGRAM)
    make_venv(runner.work, name=".venv", distributions=[Dist("old", "1.0", requires=["absent"])])
    done = runner.step(1, target=".venv", sarif="out.sarif", args="--no-smoke")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error title=DEP001 old 1.0::old 1.0 needs absent")
    assert (runner.folder / "summary.md").read_text(encoding="utf-8").startswith("## envaudit: broken\n")
    results = json.loads((runner.work / "out.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert [each["ruleId"] for each in results] == ["DEP001"]
    assert (runner.folder / "output").read_text() == "exit-code=1\n"


def test_the_step_judges_files(runner: Runner) -> None:
    runner.put("envaudit", PROGRAM)
    (runner.work / "requirements.txt").write_text("pandas==2.0.3\n", encoding="utf-8")
    done = runner.step(1, command="gate", target="requirements.txt\n", args="--offline\n--python-version=3.11\n")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=requirements.txt,line=1,title=ABI001 pandas 2.0.3::")


def test_the_program_is_installed_apart_from_the_folder(runner: Runner) -> None:
    python = runner.folder / "fake python"
    python.write_text('#!/bin/sh\nprintf \'%s\\n\' "$0" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    shutil.copy(python, runner.temp / "envaudit/bin/python")
    done = runner.step(0, python=str(python))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        str(python), "-I", "-m", "venv", f"{runner.temp}/envaudit",
        f"{runner.temp}/envaudit/bin/python", "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        str(ROOT),
    ]  # fmt: skip


def test_the_examples_of_the_guide_have_the_form() -> None:
    published("github-workflows").validate(parsed(example(".github/workflows/envaudit.yml")))
    pipeline = parsed(example(".gitlab-ci.yml"))
    published("gitlab-ci").validate(pipeline)
    assert set(pipeline["envaudit"]["artifacts"]["reports"]) == {"codequality", "junit"}
    steps = [
        step for job in parsed(example(".github/workflows/envaudit.yml"))["jobs"].values() for step in job["steps"]
    ]
    for step in steps:
        if "envaudit@" in step.get("uses", ""):
            assert set(step["with"]) <= set(ACTION["inputs"])
    hooks = [hook for block in parsed(example(".pre-commit-config.yaml"))["repos"] for hook in block["hooks"]]
    assert {hook["id"] for hook in hooks} == set(HOOKS)


def test_the_example_of_ignores_is_understood(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "envaudit.toml").write_text(block, encoding="utf-8")
    settings = load_settings({}, {}, str(tmp_path))
    assert settings.ignore[0] == "DEP002:old-plugin"
    assert [(each.entry, each.until) for each in settings.ignores] == [("ABI001:pandas", "2026-12-31")]
