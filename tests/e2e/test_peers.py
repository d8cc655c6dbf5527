"""Everything that ``pip check`` and ``uv pip check`` report is reported here too."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from packaging.utils import canonicalize_name

from tests.support.command import Ran, check
from tests.support.environments import UV, build_environment, python_of
from tests.support.trees import Dist, make_distribution

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment with pip, pandas and what they need, which all three find in order."""
    requirements = ["pandas==2.2.3", "numpy==2.2.6", "requests==2.32.3"]
    return build_environment(tmp_path_factory.mktemp("peers") / "env", "3.11", requirements, seed=True)


@pytest.fixture
def env(base: Path, tmp_path: Path) -> Path:
    """Return a copy of the environment that a test may damage."""
    copy = tmp_path / "env"
    shutil.copytree(base, copy, symlinks=True)
    return copy


def _site(env: Path) -> Path:
    (site,) = (env / "lib").glob("python3*/site-packages")
    return site


def _pip(env: Path) -> tuple[int, set[str]]:
    command = [python_of(env), "-m", "pip", "--disable-pip-version-check", "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, {canonicalize_name(line.split()[0]) for line in done.stdout.splitlines() if done.returncode}


def _uv(env: Path) -> tuple[int, set[str]]:
    command = [*UV, "pip", "check", "--python", python_of(env)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    names = re.findall(r"(?:The package `|distributions with the name: )([A-Za-z0-9._-]+)", done.stderr)
    names += re.findall(r"multiple installed distributions.*?\(([A-Za-z0-9._-]+)", done.stderr)
    return done.returncode, {canonicalize_name(name) for name in names}


def _ours(ran: Ran) -> set[str]:
    return {finding["distribution"] for finding in ran.report()["findings"]}


def _damage_nothing(_: Path) -> None:
    pass


def _remove_pytz(env: Path) -> None:
    for path in _site(env).glob("pytz*"):
        shutil.rmtree(path)


def _old_dateutil(env: Path) -> None:
    build = [*UV, "pip", "install", "-q", "--python", python_of(env), "--no-deps", "python-dateutil==2.7.0"]
    subprocess.run(build, check=True, capture_output=True)


def _needs_newer_python(env: Path) -> None:
    make_distribution(_site(env), Dist("future", "1.0", requires_python=">=3.13"))


def _windows_wheel(env: Path) -> None:
    make_distribution(_site(env), Dist("winonly", "1.0", tags=["cp310-cp310-win_amd64"]))


def _second_numpy(env: Path) -> None:
    site = _site(env)
    copy = site / "numpy-1.26.4.dist-info"
    shutil.copytree(site / "numpy-2.2.6.dist-info", copy)
    metadata = copy / "METADATA"
    metadata.write_text(metadata.read_text(encoding="utf-8").replace("Version: 2.2.6", "Version: 1.26.4"), "utf-8")


def _no_metadata(env: Path) -> None:
    (_site(env) / "idna-3.10.dist-info" / "METADATA").unlink(missing_ok=True)
    for path in _site(env).glob("idna-*.dist-info/METADATA"):
        path.unlink()


@pytest.mark.parametrize(
    "damage",
    [
        _damage_nothing,
        _remove_pytz,
        _old_dateutil,
        _needs_newer_python,
        _windows_wheel,
        _second_numpy,
        _no_metadata,
    ],
    ids=lambda damage: damage.__name__.strip("_"),
)
def test_what_the_others_report_is_reported(env: Path, damage: object) -> None:
    assert callable(damage)
    damage(env)
    pip_status, by_pip = _pip(env)
    uv_status, by_uv = _uv(env)
    # The scripts of a copy run the Python of the original, and neither peer looks at scripts.
    ran = check(env, "--no-smoke", "--ignore", "ENV006")
    assert by_pip | by_uv <= _ours(ran)
    assert ran.status == max(pip_status, uv_status)
    # The comparison is worth something only while the others do see these cases.
    if damage is not _damage_nothing:
        assert by_pip | by_uv
