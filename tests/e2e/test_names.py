"""Packages that import names others have removed: named with distribution, name, file and line, by reading."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import check
from tests.support.environments import build_environment, python_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.network

# Python, what is asked for (versions of the others are pinned, so that the case stays what it is), the distribution to
# name, the missing name, the end of the file's path, and what heals it.
BROKEN = [
    (
        "3.11",
        ["flask==2.2.2", "werkzeug==3.0.6"],
        "Flask",
        "werkzeug.urls.url_quote",
        "flask/app.py",
        ["flask==2.2.2", "werkzeug==2.3.8"],
    ),
    (
        "3.9",
        ["flask==1.1.4", "markupsafe==2.1.5"],
        "Jinja2",
        "markupsafe.soft_unicode",
        "jinja2/filters.py",
        ["flask==1.1.4", "markupsafe==2.0.1"],
    ),
    (
        "3.10",
        ["gensim==4.3.1", "numpy==1.26.4", "scipy==1.15.3"],
        "gensim",
        "scipy.linalg.triu",
        "gensim/matutils.py",
        ["gensim==4.3.1", "numpy==1.26.4", "scipy==1.12.0"],
    ),
    (
        "3.11",
        ["statsmodels==0.14.0", "numpy==1.26.4", "scipy==1.16.3"],
        "statsmodels",
        "scipy._lib._util._lazywhere",
        "statsmodels/distributions/discrete.py",
        ["statsmodels==0.14.0", "numpy==1.26.4", "scipy==1.12.0", "pandas<2.2"],
    ),
    (
        "3.10",
        ["xarray==2023.6.0", "numpy==2.2.6", "pandas==2.3.3"],
        "xarray",
        "numpy.unicode_",
        "xarray/core/dtypes.py",
        ["xarray==2023.6.0", "numpy==1.26.4", "pandas==2.1.4"],
    ),
    (
        "3.9",
        ["nbconvert==5.6.1", "jinja2==3.1.6", "ipython_genutils"],
        "nbconvert",
        "jinja2.contextfilter",
        "nbconvert/exporters/html.py",
        ["nbconvert==5.6.1", "jinja2==3.0.3", "ipython_genutils", "mistune<2", "bleach<5"],
    ),
]


def _findings(folder: Path) -> list[dict[str, Any]]:
    ran = check(folder, "--no-smoke", "--ignore", "EA")
    return [each for each in ran.report()["findings"] if each["code"].startswith("API00")]


@pytest.mark.parametrize(
    ("version", "broken", "blamed", "name", "file", "fixed"), BROKEN, ids=[each[1][0] for each in BROKEN]
)
def test_a_name_that_was_removed_is_named_and_the_twin_is_not(
    tmp_path: Path, version: str, broken: list[str], blamed: str, name: str, file: str, fixed: list[str]
) -> None:
    found = [
        each for each in _findings(build_environment(tmp_path / "bad", version, broken)) if each["severity"] == "error"
    ]
    (finding,) = (each for each in found if each["distribution"] == blamed and name in each["message"])
    assert finding["code"] == "API001"
    assert any(each["path"].endswith(file) and each["line"] for each in finding["evidence"])
    good = _findings(build_environment(tmp_path / "good", version, fixed))
    assert [each["message"] for each in good if each["severity"] == "error"] == []


def test_a_part_of_a_package_that_fails_is_a_warning(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.10", ["astropy==5.3", "numpy==2.2.6"])
    (finding,) = (each for each in _findings(folder) if each["severity"] == "warning" and each["code"] == "API001")
    assert finding["distribution"] == "astropy"
    paths = [each["path"] for each in finding["evidence"] if "numpy.product" in each["detail"]]
    assert any(path.endswith("astropy/units/quantity_helper/function_helpers.py") for path in paths)


def test_an_undeclared_dependency_is_named(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.9", ["nbconvert==5.6.1", "jinja2==3.0.3", "mistune<2", "bleach<5"])
    (finding,) = (each for each in _findings(folder) if each["code"] == "API003")
    assert (finding["severity"], finding["distribution"]) == ("error", "nbconvert")
    assert "ipython_genutils" in finding["message"]


def test_a_call_of_what_an_object_has_lost_is_a_warning(tmp_path: Path) -> None:
    """The environment imports, and ``pandas.read_sql`` with an engine ends in an ``AttributeError``."""
    beside = ["pandas==1.5.3", "numpy==1.26.4"]
    folder = build_environment(tmp_path / "bad", "3.10", [*beside, "sqlalchemy==2.0.36"])
    (finding,) = (each for each in _findings(folder) if each["distribution"] == "pandas")
    assert (finding["code"], finding["severity"]) == ("API002", "warning")
    assert "Engine.execute" in finding["message"]
    assert finding["symptom"] == "AttributeError: 'OptionEngine' object has no attribute 'execute'"
    assert any(each["path"].endswith("pandas/io/sql.py") and each["line"] for each in finding["evidence"])
    program = "import pandas, sqlalchemy; pandas.read_sql('select 1', sqlalchemy.create_engine('sqlite://'))"
    done = subprocess.run([python_of(folder), "-c", program], capture_output=True, text=True, check=False)
    assert finding["symptom"] in done.stderr
    good = _findings(build_environment(tmp_path / "good", "3.10", [*beside, "sqlalchemy==1.4.54"]))
    assert [each["message"] for each in good] == []


def test_the_users_own_calls_of_what_objects_have_lost_are_named(tmp_path: Path) -> None:
    folder = build_environment(tmp_path / "env", "3.12", ["pandas==2.2.3", "numpy<2.3", "sqlalchemy==2.0.36"])
    script = tmp_path / "train.py"
    script.write_text(
        "import unittest\n\nimport pandas as pd\nfrom sqlalchemy import create_engine\n\n"
        "engine = create_engine('sqlite://')\nframe = pd.DataFrame({'a': [1]})\n"
        "for name in ['a.csv', 'b.csv']:\n    frame = frame.append(pd.read_csv(name))\n\n\n"
        "def load():\n    return engine.execute('select 1')\n\n\n"
        "class Tests(unittest.TestCase):\n    def test(self):\n        self.assertEquals(load(), 1)\n"
    )
    report = check(folder, "--no-smoke", "--ignore", "EA", "--code", str(script)).report()
    found = {(each["code"], each["location"]["line"]): each for each in report["findings"] if each["location"]}
    assert set(found) == {("API002", 9), ("API002", 13), ("API002", 18)}
    assert "pandas.DataFrame.append" in found["API002", 9]["message"]
    assert "use pandas.concat" in found["API002", 9]["message"]
    assert "sqlalchemy.engine.Engine.execute" in found["API002", 13]["message"]
    assert "unittest.TestCase.assertEquals" in found["API002", 18]["message"]


@pytest.mark.parametrize(
    ("version", "requirements"),
    [
        ("3.12", ["django", "celery", "boto3", "fastapi", "six", "python-dateutil"]),
        ("3.11", ["pytest", "pytest-cov", "pytest-xdist", "pytest-mock", "hypothesis", "attrs", "setuptools<81"]),
    ],
)
def test_what_works_has_no_error(tmp_path: Path, version: str, requirements: list[str]) -> None:
    found = _findings(build_environment(tmp_path / "env", version, requirements))
    assert [each["message"] for each in found if each["severity"] == "error"] == []
