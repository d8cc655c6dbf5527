"""Environments that nobody has touched since an installer made them, in the ways in which installers make them.

Each is resolved on the day it is built. What is said of them by ``INS`` and ``ENV`` above a note is a false alarm.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from tests.support.environments import BuildError, build_environment, find_python, python_of, run_uv
from tests.support.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

_PIP_SECONDS = 900
_WHEELS = ("--only-binary", ":all:")
_JUPYTER = "jupyterlab ipywidgets notebook"
_TELEMETRY = (
    "opentelemetry-distro opentelemetry-exporter-otlp opentelemetry-instrumentation-requests "
    "opentelemetry-instrumentation-flask opentelemetry-instrumentation-sqlalchemy opentelemetry-instrumentation-redis"
)
_GOOGLE = (
    "google-cloud-storage google-cloud-bigquery google-cloud-pubsub google-cloud-logging google-cloud-secret-manager "
    "google-cloud-firestore"
)
_NVIDIA = "nvidia-nvtx-cu12 nvidia-cuda-cupti-cu12 nvidia-cuda-runtime-cu12"


class Untouched(NamedTuple):
    """One environment: how it is made, with which Python, what is asked for, and how many distributions that is.

    ``way`` is ``uv`` (files are hard links to a cache), ``copy`` (uv, copies), ``pip``, ``no-compile`` (pip, without
    byte-code), ``user`` (pip, into the user's own folder), ``target`` (pip, a bare folder), ``editable`` (pip, with
    projects of four build systems installed as links to their sources), ``relocatable`` (uv, and then moved).
    """

    name: str
    way: str
    python: str
    requirements: str
    least: int


ENVIRONMENTS = (
    Untouched("jupyter", "copy", "3.8", f"{_JUPYTER} pandas scikit-learn matplotlib", 110),
    Untouched("science", "pip", "3.8", "pandas requests", 9),
    Untouched("telemetry", "uv", "3.9", f"{_TELEMETRY} {_GOOGLE} {_JUPYTER} boto3", 130),
    Untouched("web", "no-compile", "3.9", "django flask sqlalchemy celery requests", 33),
    Untouched("jupyter", "uv", "3.10", f"{_JUPYTER} PySide6-Essentials {_NVIDIA} pandas bokeh", 100),
    Untouched("cloud", "pip", "3.10", "google-cloud-storage google-cloud-pubsub", 25),
    Untouched("jupyter", "uv", "3.11", f"{_JUPYTER} {_GOOGLE} {_TELEMETRY} dask[complete] altair", 150),
    Untouched("sources", "editable", "3.11", "numpy pytest", 8),
    Untouched("own", "user", "3.11", "pandas flask rich", 12),
    Untouched("folder", "target", "3.12", "pandas flask rich", 12),
    Untouched("jupyter", "copy", "3.12", f"{_JUPYTER} {_NVIDIA} zope.interface zope.event ruamel.yaml xarray", 95),
    Untouched("moved", "relocatable", "3.12", "pytest black sphinx mkdocs-material poetry pre-commit tox", 85),
    Untouched("jupyter", "uv", "3.13", f"{_JUPYTER} PySide6-Essentials {_TELEMETRY} {_GOOGLE} spacy polars", 155),
    Untouched("tools", "copy", "3.13", "pytest mypy ruff poetry tox sphinx twine ansible-core mkdocs-material", 95),
    Untouched("science", "pip", "3.13", "pandas setuptools wheel", 7),
)

# What an editable install leaves in site-packages differs between build systems, and with the layout of the project.
_PROJECTS = {
    "finder": {
        "pyproject.toml": '[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "with-finder"\nversion = "1.0"\n[tool.setuptools]\npackages = ["with_finder"]\n'
        'package-dir = {with_finder = "code/inner"}\n',
        "code/inner/__init__.py": "",
    },
    "src": {
        "pyproject.toml": '[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "with-src"\nversion = "1.0"\n',
        "src/with_src/__init__.py": "",
        "tests/__init__.py": "",
    },
    "hatch": {
        "pyproject.toml": '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "with-hatch"\nversion = "1.0"\n[project.scripts]\nwith-hatch = "with_hatch:main"\n',
        "with_hatch/__init__.py": "def main(): ...\n",
    },
    "flit": {
        "pyproject.toml": '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
        '[project]\nname = "with_flit"\nversion = "1.0"\ndescription = "x"\n',
        "with_flit/__init__.py": "",
    },
}


def build(one: Untouched, scratch: Path) -> tuple[Path, dict[str, str]]:
    """Make an environment; return what to audit and the variables to audit it with. Raises ``BuildError``."""
    folder, wanted = scratch / "env", one.requirements.split()
    if one.way in {"uv", "copy"}:
        mode = "hardlink" if one.way == "uv" else "copy"
        return build_environment(folder, one.python, wanted, *_WHEELS, "--link-mode", mode), {}
    if one.way == "relocatable":
        before = scratch / "before"
        run_uv("venv", "--quiet", "--relocatable", "--python", find_python(one.python), str(before))
        run_uv("pip", "install", "--quiet", "--python", python_of(before), *_WHEELS, *wanted)
        before.rename(folder)
        return folder, {}
    if one.way == "target":
        site = scratch / "packages"
        build_environment(folder, one.python, [], seed=True)
        _pip(folder, "install", "--target", str(site), *_WHEELS, *wanted)
        return site, {}
    _venv(one.python, folder, system=one.way == "user")
    if one.way == "user":
        variables = {"PYTHONUSERBASE": str(scratch / "own")}
        _pip(folder, "install", "--user", *_WHEELS, *wanted, **variables)
        return folder, variables
    _pip(folder, "install", *(["--no-compile"] if one.way == "no-compile" else []), *_WHEELS, *wanted)
    if one.way == "editable":
        for name, tree in _PROJECTS.items():
            _pip(folder, "install", "--editable", str(write_tree(scratch / "sources" / name, tree)))
    return folder, {}


def _venv(version: str, folder: Path, *, system: bool) -> None:
    """Make an environment with Python's own venv and the pip it carries."""
    options = ["--system-site-packages"] if system else []
    _run([find_python(version), "-I", "-m", "venv", *options, str(folder)])


def _pip(folder: Path, *arguments: str, **variables: str) -> None:
    command = [python_of(folder), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    _run([*command, *arguments], **variables)


def _run(command: list[str], **variables: str) -> None:
    left_out = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONNOUSERSITE", "PIP_USER", "PIP_TARGET"}
    env = {name: value for name, value in os.environ.items() if name not in left_out}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False, env={**env, **variables}
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{command[:5]} did not end in {_PIP_SECONDS} s") from error
    if done.returncode != 0:
        raise BuildError((done.stderr or done.stdout).strip()[-2000:])
