"""Real environments of the running interpreter: what we say of them against what Python says of itself."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.markers import default_environment

from envaudit.errors import TargetError
from envaudit.scan import scan_target
from envaudit.scan.names import normalised
from tests.locate.support import find, kinds
from tests.support.environments import build_environment, run_uv
from tests.support.trees import Dist, make_distribution, make_venv, site_packages, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Target
    from tests.support.trees import Tree

_ASK = """
import json, sys
import importlib.metadata as metadata
found = {}
for dist in metadata.distributions():
    found.setdefault(dist.metadata["Name"], dist.version)
print(json.dumps({"path": sys.path, "version": "%d.%d.%d" % sys.version_info[:3], "found": found}))
"""


def ask(target: Target) -> Any:
    """Let the interpreter of a target say what it sees."""
    env = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    done = subprocess.run([target.executable, "-c", _ASK], capture_output=True, text=True, check=True, env=env, cwd="/")
    return json.loads(done.stdout)


def installed(target: Target) -> dict[str, str]:
    """Return name and version of what the scan says the interpreter finds."""
    return {str(dist.key): dist.version for dist in scan_target(target).distributions if not dist.hidden_by}


def assert_same(target: Target) -> None:
    """Compare version, order of site folders and distributions with the interpreter's own view."""
    answer = ask(target)
    assert answer["version"] == target.python
    ours = [os.path.realpath(site.path) for site in target.site_dirs]
    theirs = [os.path.realpath(path) for path in answer["path"] if path]
    assert [path for path in theirs if path in ours] == ours
    assert [path for path in theirs if path.endswith(("site-packages", "dist-packages")) and path not in ours] == []
    assert installed(target) == {normalised(name): version for name, version in answer["found"].items()}


@pytest.mark.parametrize("option", [None, "--system-site-packages"])
def test_a_venv_as_the_standard_library_makes_it(tmp_path: Path, option: str | None) -> None:
    venv = tmp_path / "my env"
    options = [option] if option else []
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", *options, str(venv)], check=True)
    make_distribution(site_packages(venv), "Some.Thing", "1.0")
    environ = {"HOME": os.environ.get("HOME", "")}
    target = find(venv, environ=environ)
    assert (target.kind, target.prefix, target.problems) == ("venv", str(venv), ())
    assert target.base_prefix == os.path.realpath(sys.base_prefix)
    assert_same(target)
    assert ("system" in {site.origin for site in target.site_dirs}) == (option is not None)


def test_the_interpreter_that_runs_the_tests() -> None:
    target = find(sys.executable, environ={"HOME": os.environ.get("HOME", "")})
    assert_same(target)
    here = {name: value for name, value in default_environment().items() if name != "extra"}
    assert dict(target.markers) == here


def test_an_egg_info_of_the_standard_library_is_read_the_same(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "a-1.0-py3.11.egg-info": {
                "PKG-INFO": "Name: a\nVersion: 1.0\n\n",
                "requires.txt": "b>1\n[x]\nc\n[x:os_name=='nt']\nd\n",
            }
        },
    )
    (theirs,) = importlib.metadata.distributions(path=[str(tmp_path)])
    (ours,) = scan_target(find(tmp_path)).distributions
    assert list(ours.requires) == theirs.requires


@pytest.fixture
def readable_root() -> Iterator[Path]:
    """Yield a folder that a user without rights can enter (pytest's own belong to root alone when root runs it)."""
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o755)
    yield Path(folder)
    shutil.rmtree(folder)


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """Be an ordinary user for a moment; root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_folders_that_may_not_be_read(readable_root: Path) -> None:
    venv = make_venv(readable_root, distributions=[Dist("a", "1")])
    write_tree(readable_root, {"secret": {}})
    write_tree(site_packages(venv), {"x.pth": str(readable_root / "secret")})
    find(venv)  # what is imported late must be imported while everything may be read
    for folder, expected in ((readable_root / "secret", "unreadable"), (site_packages(venv), "")):
        folder.chmod(0)
        try:
            with without_rights():
                if expected:
                    target = find(venv)
                    assert (kinds(target), target.problems[0].path) == ([expected], str(folder))
                    assert len(target.site_dirs) == 1
                else:
                    with pytest.raises(TargetError, match="the folder cannot be listed: permission denied"):
                        find(venv)
                    with pytest.raises(TargetError, match="cannot be read: permission denied"):
                        find(folder)
        finally:
            folder.chmod(0o755)


PROJECT: Tree = {
    "pyproject.toml": """
[build-system]
requires = ["BACKEND"]
build-backend = "ENTRY"
[project]
name = "my-editable"
version = "0.5"
dependencies = ["iniconfig"]
""",
    "src/my_editable/__init__.py": "",
    "src/my_editable/_fast.abi3.so": b"\x7fELF",
}


@pytest.mark.network
@pytest.mark.parametrize(
    ("backend", "entry", "config"),
    [
        ("setuptools>=64", "setuptools.build_meta", ""),
        ("setuptools>=64", "setuptools.build_meta", "editable_mode=strict"),
        ("hatchling", "hatchling.build", ""),
    ],
)
def test_editable_installs_as_build_backends_make_them(tmp_path: Path, backend: str, entry: str, config: str) -> None:
    project = write_tree(tmp_path / "project", PROJECT)
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("BACKEND", backend).replace("ENTRY", entry))
    venv = build_environment(tmp_path / "venv", f"{sys.version_info[0]}.{sys.version_info[1]}", [])
    options = ["--config-setting", config] if config else []
    run_uv("pip", "install", "--quiet", "--python", str(venv / "bin/python"), *options, "-e", str(project))
    target = find(venv)
    assert_same(target)
    result = scan_target(target)
    (dist,) = (dist for dist in result.distributions if dist.key == "my-editable" and not dist.hidden_by)
    assert dist.editable_path == str(project)
    assert "my_editable" in dist.top_level
    found = any(file.entry.path == "my_editable/_fast.abi3.so" for file in result.loose_binaries)
    assert found == (not config)  # a strict install links only what the backend packages
    assert result.gaps == ()


@pytest.mark.network
@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_what_is_installed_is_what_the_interpreter_finds(tmp_path: Path, version: str) -> None:
    venv = build_environment(tmp_path / "venv", version, ["flask", "numpy"], seed=True)
    assert_same(find(venv))
