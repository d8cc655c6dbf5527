"""A small project and a notebook, on a new stack that lacks what they use, and on an old one where they run."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.source.test_notebook import code, notebook
from tests.support.command import check, envaudit
from tests.support.environments import build_environment, python_of
from tests.support.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.network

NEW = ["numpy==2.1.3", "scipy==1.14.1", "pandas==2.2.3"]
OLD = ["numpy==1.21.6", "scipy==1.7.3", "pandas==1.3.5"]
SCRIPT = """\
import numpy as np
import pandas as pd
from helpers import area

try:
    from scipy.signal import hann
except ImportError:
    from scipy.signal.windows import hann

window = hann(4) if len(np.zeros(3, dtype=np.float)) else None


def late():
    return np.product([1, 2]), pd.Int64Index


if __name__ == "__main__":
    print(area([1, 2]), late(), pd.DataFrame.append)
"""
HELPERS = """\
from scipy.integrate import trapz


def area(values):
    return trapz(values)
"""
CELLS = [
    code("%config InlineBackend.rc = {}", "import numpy as np", execution_count=1),
    {"cell_type": "markdown", "metadata": {}, "source": ["# Text"]},
    code("x = np.arange(3)", "if hasattr(np, 'unicode_'):", "    x.astype(np.unicode_)", execution_count=5),
    code("!ls", "y = np.alltrue(x)"),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "project", {"train.py": SCRIPT, "helpers.py": HELPERS, "look.ipynb": notebook(*CELLS)})


def test_what_new_releases_have_removed_is_named(tmp_path: Path, project: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.11", NEW)
    ran = check(folder, "--no-smoke", "--code", str(project), "--select", "API")
    assert ran.status == 1
    found = {
        (finding["code"], finding["location"]["path"].rpartition("/")[2], finding["message"].split(": ", 1)[1])
        for finding in ran.report()["findings"]
        if finding["location"]
    }
    scipy, numpy, pandas = "scipy 1.14.1", "numpy 2.1.3", "pandas 2.2.3"
    assert found == {
        (
            "API001",
            "helpers.py",
            f"scipy.integrate.trapz is not in {scipy}; scipy 1.14 removed it; use scipy.integrate.trapezoid",
        ),
        ("API001", "train.py", f"numpy.float is not in {numpy}; numpy 1.24 removed it; use float"),
        ("API001", "train.py", f"pandas.DataFrame.append is not in {pandas}; pandas 2.0 removed it; use pandas.concat"),
        ("API002", "train.py", f"numpy.product is not in {numpy}; numpy 2.0 removed it; use numpy.prod"),
        ("API002", "train.py", f"pandas.Int64Index is not in {pandas}; pandas 2.0 removed it; use pandas.Index"),
        ("API001", "look.ipynb", f"numpy.alltrue is not in {numpy}; numpy 2.0 removed it; use numpy.all"),
    }
    for finding in ran.report()["findings"]:
        assert finding["location"]["line"] is not None
    # What is said to fail does.
    for name in ("train.py", "helpers.py"):
        done = subprocess.run([python_of(folder), name], cwd=project, capture_output=True, text=True, check=False)
        assert "ImportError: cannot import name 'trapz'" in done.stderr


def test_on_the_stack_it_was_written_for_nothing_is_said(tmp_path: Path, project: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.9", OLD)
    done = subprocess.run(
        [python_of(folder), "-W", "ignore", "train.py"], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    ran = check(folder, "--no-smoke", "--code", str(project))
    assert (ran.status, ran.errors()) == (0, [])
    assert not [finding for finding in ran.report()["findings"] if finding["code"].startswith("API0")]


def test_the_cell_of_a_notebook_is_shown(tmp_path: Path, project: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.11", NEW[:1])
    ran = envaudit("check", str(folder), "--no-smoke", "--code", str(project / "look.ipynb"))
    assert ran.status == 1
    assert "look.ipynb, code cell 3 (cell 4), line 2: numpy.alltrue" in ran.stdout.replace("\n    ", " ")
