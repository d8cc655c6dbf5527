"""Damage around the distributions, made in environments of real wheels; each printed fix is carried out and heals."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import ROOT, Ran
from tests.support.environments import build_environment, find_python, installing, python_of, run_uv
from tests.support.trees import write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.network

NUMPY, OLDER = "numpy==2.0.2", "numpy==1.26.4"
# There NumPy has no distutils, parts of which ask for more than the distutils of a new setuptools has.
PYTHON = "3.12"


def check(target: Path, cwd: Path | None = None, **variables: str) -> Ran:
    """Audit from a folder that holds nothing, unless the folder matters."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ENVAUDIT_")}
    command = [sys.executable, "-m", "envaudit", "check", str(target), "-f", "json", "--no-smoke", "--no-cache"]
    env |= {"ENVAUDIT_NO_CONFIG": "1", "PYTHONPATH": str(ROOT), **variables}
    if "PYTHONPATH" in variables:
        env["PYTHONPATH"] = f"{variables['PYTHONPATH']}{os.pathsep}{ROOT}"
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd or target.parent, env=env)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout.startswith("{"), done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def found(ran: Ran, code: str) -> dict[str, Any]:
    """Return the only finding of a code."""
    (finding,) = [item for item in ran.report()["findings"] if item["code"] == code]
    return dict(finding)


def heal(finding: Mapping[str, Any], which: int = 0) -> None:
    """Carry out a fix as it is printed, in a shell."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = finding["fix"][which]["command"]
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        text=True,
        check=False,
        env={**installing(), "PATH": path},
        input="y\n",
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"


def clean(ran: Ran) -> bool:
    """Whether nothing is said above a note."""
    return ran.status == 0 and all(item["severity"] == "note" for item in ran.report()["findings"])


def whole(ran: Ran) -> bool:
    """Whether there is no error of any kind, and nothing is said of files, metadata and the environment."""
    return ran.status == 0 and not [item for item in ran.report()["findings"] if item["code"][:3] in {"INS", "ENV"}]


def site_of(folder: Path) -> Path:
    (site,) = (folder / "lib").glob("python3*/site-packages")
    return site


@pytest.mark.parametrize("seed", [False, True], ids=["uv", "pip"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_second_numpy(tmp_path: Path, seed: bool, which: int) -> None:
    folder = build_environment(tmp_path / "env", PYTHON, [NUMPY], seed=seed)
    older = build_environment(tmp_path / "older", PYTHON, [OLDER])
    shutil.copytree(site_of(older) / "numpy-1.26.4.dist-info", site_of(folder) / "numpy-1.26.4.dist-info")
    ran = check(folder)
    finding = found(ran, "INS004")
    assert (finding["severity"], finding["distribution"], finding["version"]) == ("error", "numpy", "2.0.2")
    code = "import importlib.metadata as m; print(m.version('numpy'))"
    seen = subprocess.run([python_of(folder), "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    (first,) = [item for item in finding["evidence"] if "lists it first" in item["detail"]]
    assert first["path"].endswith(f"numpy-{seen}.dist-info")
    assert "but Python sees the metadata of 1.26.4" in finding["message"] or seen == "2.0.2"
    heal(finding, which)
    assert clean(check(folder))
    assert [path.name for path in site_of(folder).glob("numpy-*")] == [f"numpy-{('2.0.2', '1.26.4')[which]}.dist-info"]


def test_what_an_interrupted_removal_leaves(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", PYTHON, [NUMPY], seed=True)
    site = site_of(folder)
    older = build_environment(tmp_path / "older", PYTHON, [OLDER])
    for name in ("numpy", "numpy.libs", "numpy-1.26.4.dist-info"):
        shutil.copytree(site_of(older) / name, site / f"~{name[1:]}")
    finding = found(check(folder), "INS006")
    assert (finding["severity"], finding["distribution"], len(finding["evidence"])) == ("warning", "numpy", 3)
    command = [python_of(folder), "-m", "pip", "list"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert "WARNING: Ignoring" in said
    assert "~umpy" in said
    assert "Ignoring invalid distribution ~umpy" in finding["symptom"]
    heal(finding)
    assert clean(check(folder))


def test_a_folder_that_was_emptied(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.11", ["six"])
    write_tree(site_of(folder), {"tensorflow/python/__pycache__/x.cpython-311.pyc": b""})
    finding = found(check(folder), "INS006")
    assert (finding["severity"], "tensorflow" in finding["message"]) == ("note", True)
    heal(finding)
    assert whole(check(folder))


def test_setuptools_without_its_hook(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.11", ["setuptools==75.8.0"], seed=True)
    shutil.rmtree(site_of(folder) / "_distutils_hack")
    finding = found(check(folder), "INS007")
    assert (finding["severity"], finding["distribution"]) == ("warning", "setuptools")
    started = subprocess.run([python_of(folder), "-c", ""], capture_output=True, text=True, check=True).stderr
    assert all(line in started for line in finding["symptom"].splitlines())
    heal(finding)
    assert clean(check(folder))
    assert subprocess.run([python_of(folder), "-c", ""], capture_output=True, text=True, check=True).stderr == ""


@pytest.mark.parametrize(
    ("content", "severity", "starts"),
    [
        (b"import no_such_module\n", "warning", True),
        (b"import os\nimport no_such_module\n", "warning", True),
        (b"/no/such/folder\n", "note", True),
        (b"caf\xe9\n", "error", False),
    ],
)
def test_a_broken_pth_file(tmp_path: Path, content: bytes, severity: str, starts: bool) -> None:
    folder = build_environment(tmp_path / "env", "3.11", ["six"])
    (site_of(folder) / "mine.pth").write_bytes(content)
    done = subprocess.run([python_of(folder), "-X", "utf8", "-c", ""], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is starts
    finding = found(check(folder), "INS007")
    assert (finding["severity"], finding["distribution"]) == (severity, "")
    heal(finding)
    assert whole(check(folder))


def test_an_editable_project_that_was_moved(tmp_path: Path) -> None:
    source = write_tree(
        tmp_path / "source",
        {
            "pyproject.toml": '[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n'
            '[project]\nname = "proj"\nversion = "1.0"\n',
            "src/proj/__init__.py": "",
        },
    )
    folder = build_environment(tmp_path / "env", "3.11", ["six"])
    run_uv("pip", "install", "--quiet", "--python", python_of(folder), "--editable", str(source))
    assert clean(check(folder))
    source.rename(tmp_path / "elsewhere")
    finding = found(check(folder), "INS007")
    assert (finding["severity"], finding["distribution"]) == ("error", "proj")
    heal(finding)
    assert clean(check(folder))


def test_a_file_in_the_working_folder(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.11", [NUMPY])
    work = write_tree(tmp_path / "work", {"numpy.py": "x = 1\n", "data.csv": ""})
    code = [python_of(folder), "-c", "import numpy; numpy.array"]
    assert subprocess.run(code, capture_output=True, check=False, cwd=work).returncode == 1
    finding = found(check(folder, work), "INS008")
    assert (finding["severity"], finding["distribution"]) == ("warning", "numpy")
    heal(finding)
    assert clean(check(folder, work))
    assert subprocess.run(code, capture_output=True, check=False, cwd=work).returncode == 0


def test_pythonpath_over_the_environment(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.11", [NUMPY])
    other = tmp_path / "other"
    run_uv("pip", "install", "--quiet", "--python", python_of(folder), "--target", str(other), OLDER)
    finding = found(check(folder, PYTHONPATH=str(other)), "INS008")
    assert (finding["severity"], [item["name"] for item in finding["involves"]]) == ("warning", ["numpy"])
    assert clean(check(folder))


def test_a_copied_environment(tmp_path: Path) -> None:
    before = build_environment(tmp_path / "before", "3.11", ["flask", "ruff"], seed=True)
    assert clean(check(before))
    folder = tmp_path / "after"
    shutil.copytree(before, folder, symlinks=True)
    finding = found(check(folder), "ENV006")
    assert finding["severity"] == "error"
    heal(finding)
    assert clean(check(folder))
    shutil.rmtree(before)
    for program in ("flask", "ruff", "pip"):
        subprocess.run([str(folder / "bin" / program), "--version"], check=True, capture_output=True)


def test_a_base_that_has_become_another_python(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.10", ["six"])
    (folder / "bin/python").unlink()
    (folder / "bin/python").symlink_to(find_python("3.12"))
    code = [python_of(folder), "-c", "import six"]
    assert subprocess.run(code, capture_output=True, check=False).returncode == 1
    ran = check(folder)
    finding = found(ran, "ENV005")
    assert (ran.status, finding["severity"]) == (1, "error")
    assert "python3.10" in finding["message"]
    assert "python3.12" in finding["message"]
    heal(finding)
    assert clean(check(folder))


def test_an_old_pip(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.12", ["pip==22.3.1"])
    finding = found(check(folder), "ENV009")
    assert finding["severity"] == "error"
    assert subprocess.run([python_of(folder), "-m", "pip", "list"], capture_output=True, check=False).returncode != 0
    heal(finding)
    assert clean(check(folder))


def test_pip_over_conda(tmp_path: Path) -> None:
    """A prefix laid out as conda does, with the files and the metadata of real wheels."""
    folder = build_environment(tmp_path / "env", "3.11", [OLDER, "six"])
    (folder / "pyvenv.cfg").unlink()
    site = site_of(folder)
    for info in site.glob("*.dist-info"):
        (info / "INSTALLER").write_text("conda\n")
        name, version = info.name.removesuffix(".dist-info").split("-")
        files = [str(path.relative_to(folder)) for path in site.rglob("*") if path.is_file()]
        record = {"name": name, "version": version, "build": "py311_0", "files": files}
        write_tree(folder, {f"conda-meta/{name}-{version}-py311_0.json": json.dumps(record)})
    assert not [item for item in check(folder).report()["findings"] if item["code"] == "ENV007"]
    shutil.rmtree(site / "numpy-1.26.4.dist-info")
    shutil.rmtree(site / "numpy")
    shutil.rmtree(site / "numpy.libs")
    run_uv("pip", "install", "--quiet", "--python", sys.executable, "--target", str(tmp_path / "pip"), NUMPY)
    for path in (tmp_path / "pip").glob("numpy*"):
        shutil.copytree(path, site / path.name)
    (site / "numpy-2.0.2.dist-info/INSTALLER").write_text("pip\n")
    finding = found(check(folder), "ENV007")
    assert (finding["severity"], finding["distribution"], finding["version"]) == ("warning", "numpy", "2.0.2")
    assert "conda's numpy 1.26.4" in finding["message"]


def test_packages_of_the_system(tmp_path: Path) -> None:
    build_environment(tmp_path / "base", "3.11", ["six"])
    folder = build_environment(tmp_path / "env", "3.11", ["rich"])
    shutil.copytree(site_of(tmp_path / "base"), tmp_path / "own/lib/python3.11/site-packages")
    config = folder / "pyvenv.cfg"
    config.write_text(config.read_text().replace("site-packages = false", "site-packages = true"))
    ran = check(folder, PYTHONUSERBASE=str(tmp_path / "own"))
    said = [item for item in ran.report()["findings"] if item["code"] == "ENV008"]
    assert any("your own folder of packages: six" in item["message"] for item in said)


def test_everybody_may_write(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.11", ["six"])
    site_of(folder).chmod(0o777)
    finding = found(check(folder), "ENV010")
    heal(finding)
    assert clean(check(folder))


def test_the_interpreter_is_gone(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", PYTHON, ["six"])
    for link in (folder / "bin").glob("python*"):
        link.unlink()
        link.symlink_to("/nowhere/python3.12")
    ran = check(folder)
    assert (ran.status, found(ran, "ENV001")["severity"]) == (1, "error")
    heal(found(ran, "ENV001"))
    assert clean(check(folder))


def test_site_packages_are_gone(tmp_path: Path) -> None:
    """Of an environment that sees the packages of its base as well; of another one nothing is left to be audited."""
    folder = tmp_path / "env"
    run_uv("venv", "--quiet", "--system-site-packages", "--python", find_python(PYTHON), str(folder))
    run_uv("pip", "install", "--quiet", "--python", python_of(folder), "six")
    shutil.rmtree(site_of(folder))
    ran = check(folder)
    assert found(ran, "ENV003")["severity"] == "warning"
    heal(found(ran, "ENV003"))
    assert clean(check(folder))


def test_packages_of_another_python(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", PYTHON, ["six"])
    shutil.copytree(folder / "lib" / f"python{PYTHON}", folder / "lib" / "python3.9")
    ran = check(folder)
    assert "python3.9" in found(ran, "ENV004")["message"]
    heal(found(ran, "ENV004"))
    assert clean(check(folder))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the administrator may read everything")
def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", PYTHON, ["six"])
    site_of(folder).chmod(0)
    try:
        ran = check(folder)
        assert found(ran, "ENV002")["severity"] == "warning"
    finally:
        site_of(folder).chmod(0o755)
    assert clean(check(folder))
