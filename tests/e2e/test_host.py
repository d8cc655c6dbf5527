"""What the machine grants, with a real environment, a real notebook and real limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.source.test_notebook import code, notebook
from tests.support.command import ROOT, check
from tests.support.environments import build_environment
from tests.support.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(sys.platform != "linux", reason="the limits are read on Linux only"),
]
CELLS = notebook(
    code("import numpy as np"), code("x = np.random.rand(10000, 10000, 100)"), code("np.zeros(300_000_000)")
)


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_environment(tmp_path_factory.mktemp("host") / "env", "3.11", ["numpy==2.3.1"])


def limited(limit: str, *arguments: str, **variables: str) -> list[dict[str, Any]]:
    """Return the findings of this family, of a shell with a limit."""
    command = ["sh", "-c", f'{limit}; exec "$@"', "sh", sys.executable, "-m", "envaudit", "check", *arguments]
    command += ["--no-smoke", "--no-config", "-f", "json"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, **variables}
    )
    return [each for each in json.loads(done.stdout)["findings"] if each["code"].startswith("HST")]


def test_a_plain_machine_is_not_accused(env: Path) -> None:
    findings = check(env, "--no-smoke").report()["findings"]
    assert [each for each in findings if each["code"].startswith("HST") and each["severity"] != "note"] == []


def test_limits_of_the_shell_are_told_and_no_kept_report_hides_them(env: Path, tmp_path: Path) -> None:
    cache = {"ENVAUDIT_CACHE_DIR": str(tmp_path)}
    said = [
        [(each["code"], each["severity"]) for each in limited(limit, str(env), **cache)]
        for limit in ("true", "true", "ulimit -v 3000000; ulimit -n 48", "true")
    ]
    assert said == [said[0], said[0], [("HST002", "warning"), ("HST007", "warning")], said[0]]


def test_the_cell_that_cannot_get_its_memory(env: Path, tmp_path: Path) -> None:
    path = write_tree(tmp_path, {"look.ipynb": CELLS}) / "look.ipynb"
    findings = limited("ulimit -v 2000000", str(env), "--code", str(path), "--select", "HST011")
    assert [(each["severity"], each["message"].partition(": ")[2]) for each in findings] == [
        ("error", "numpy.random.rand(10000, 10000, 100) needs 74.5 GiB; 1.9 GiB can be had (ulimit -v)"),
        ("error", "numpy.zeros(300000000) needs 2.2 GiB; 1.9 GiB can be had (ulimit -v)"),
    ]
    assert findings[0]["message"].startswith("look.ipynb, code cell 2, line 1: ")
    script = write_tree(tmp_path, {"fit.py": "import numpy as np\nx = np.ones((1000, 1000))\n"}) / "fit.py"
    assert limited("ulimit -v 2000000", str(env), "--code", str(script), "--select", "HST011") == []
