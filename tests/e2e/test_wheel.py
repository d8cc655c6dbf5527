"""What ships works: the built wheel in a clean environment, and the oldest dependencies that are promised."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support.command import ROOT
from tests.support.environments import build_environment, python_of
from tests.support.trees import Dist, make_venv

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.network

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel once, from the source distribution as an index would."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (built,) = folder.glob("pyenvaudit-*.whl")
    return built


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(folder / "bin" / "envaudit"), *arguments], capture_output=True, text=True, check=False, cwd=folder
    )


@pytest.mark.parametrize("options", [(), ("--resolution", "lowest-direct")], ids=["newest", "lowest"])
def test_the_installed_wheel_audits_with_its_own_rules(tmp_path: Path, wheel: Path, options: tuple[str, ...]) -> None:
    folder = build_environment(tmp_path / "env", VERSION, [str(wheel)], *options)
    version = _run(folder, "--version")
    assert version.stdout.startswith("envaudit ")
    own = _run(folder, "check", str(folder))
    assert own.returncode == 0, own.stdout + own.stderr
    assert "healthy" in own.stdout
    rules = _run(folder, "rules", "list")
    assert len(re.findall(r"EA-\d{4}-\d{4}", rules.stdout)) >= len(list((ROOT / "rules").glob("EA-*.toml")))
    assert "ABI001" in _run(folder, "explain", "ABI001").stdout
    broken = make_venv(
        tmp_path / "broken",
        distributions=[Dist("flask", "2.2.2", requires=["werkzeug>=2.2.2"]), Dist("werkzeug", "3.0.1")],
    )
    found = _run(folder, "check", str(broken), "--no-smoke")
    assert found.returncode == 1
    assert "EA-" in found.stdout
    color = subprocess.run(
        [python_of(folder), "-m", "envaudit", "check", str(broken), "--no-smoke", "--color", "always"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert color.returncode == 1
    assert "\x1b[" in color.stdout


def test_the_wheel_holds_rules_pages_and_schema_and_nothing_else_at_top_level(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "envaudit",
        next(n for n in names if "dist-info" in n).split("/")[0],
    }
    for wanted in ("envaudit/_rules/VERSION", "envaudit/pages/ABI001.md", "envaudit/report/report.schema.json"):
        assert wanted in names
    ours = {path.name for path in (ROOT / "rules").glob("EA-*.toml")}
    assert {name.rsplit("/", 1)[1] for name in names if name.startswith("envaudit/_rules/EA-")} == ours
