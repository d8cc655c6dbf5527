"""The measured tables against removals that are well known from release notes, and the search in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.version import Version

import envaudit.source
from envaudit.source.removed import PROJECTS, STANDARD_LIBRARY, removed

# Project, a release that has the name, a release without it, the name, what its maintainers say to use (or "").
KNOWN = [
    ("numpy", "1.23.5", "1.24.4", "numpy.float", "float"),
    ("numpy", "1.23.5", "1.24.0", "numpy.int", "int"),
    ("numpy", "1.23.5", "2.4.1", "numpy.object", "object"),
    ("numpy", "1.23.5", "1.26.4", "numpy.typeDict", ""),
    ("numpy", "1.26.4", "2.0.0", "numpy.product", "numpy.prod"),
    ("numpy", "1.26.4", "2.1.3", "numpy.unicode_", "numpy.str_"),
    ("numpy", "1.26.4", "2.0.2", "numpy.float_", "numpy.float64"),
    ("numpy", "1.26.4", "2.0.2", "numpy.alltrue", "numpy.all"),
    ("numpy", "1.26.4", "2.2.6", "numpy.NaN", "numpy.nan"),
    ("numpy", "2.3.0", "2.4.1", "numpy.in1d", "numpy.isin"),
    ("numpy", "1.22.0", "1.23.0", "numpy.asscalar", ""),
    ("numpy", "1.17.3", "1.18.0", "numpy.testing.nosetester", ""),
    ("scipy", "1.13.1", "1.14.1", "scipy.integrate.trapz", "scipy.integrate.trapezoid"),
    ("scipy", "1.13.1", "1.14.0", "scipy.integrate.simps", "scipy.integrate.simpson"),
    ("scipy", "1.13.1", "1.14.0", "scipy.integrate.cumtrapz", "scipy.integrate.cumulative_trapezoid"),
    ("scipy", "1.12.0", "1.13.0", "scipy.linalg.triu", ""),
    ("scipy", "1.12.0", "1.13.1", "scipy.signal.hann", ""),
    ("scipy", "1.2.0", "1.3.2", "scipy.misc.imread", ""),
    ("scipy", "1.2.0", "1.5.0", "scipy.misc.comb", ""),
    ("pandas", "1.5.3", "2.0.0", "pandas.DataFrame.append", "pandas.concat"),
    ("pandas", "1.5.3", "2.0.0", "pandas.DataFrame.iteritems", ""),
    ("pandas", "1.5.3", "2.2.3", "pandas.Series.append", "pandas.concat"),
    ("pandas", "1.5.3", "2.0.3", "pandas.Int64Index", "pandas.Index"),
    ("pandas", "1.1.0", "1.2.0", "pandas.Panel", ""),
    ("pandas", "1.5.0", "2.0.0", "pandas.core.index", ""),
    ("jinja2", "3.0.3", "3.1.0", "jinja2.contextfilter", "jinja2.pass_context"),
    ("jinja2", "3.0.3", "3.1.2", "jinja2.Markup", "markupsafe.Markup"),
    ("jinja2", "3.0.3", "3.1.6", "jinja2.escape", "markupsafe.escape"),
    ("werkzeug", "2.3.8", "3.0.0", "werkzeug.urls.url_quote", ""),
    ("werkzeug", "2.0.3", "2.1.0", "werkzeug.security.safe_str_cmp", ""),
    ("flask", "2.3.3", "3.0.0", "flask._app_ctx_stack", ""),
    ("flask", "2.3.3", "3.0.3", "flask.Markup", "markupsafe.Markup"),
    ("flask", "2.3.3", "3.0.3", "flask.escape", "markupsafe.escape"),
    ("markupsafe", "2.0.1", "2.1.0", "markupsafe.soft_unicode", ""),
    ("itsdangerous", "2.0.1", "2.1.0", "itsdangerous.JSONWebSignatureSerializer", ""),
    ("setuptools", "81.0.0", "82.0.0", "pkg_resources", ""),
    ("matplotlib", "3.8.4", "3.9.0", "matplotlib.cm.get_cmap", ""),
    ("matplotlib", "3.10.0", "3.11.0", "matplotlib.cm.get_cmap", ""),
    ("matplotlib", "3.5.0", "3.6.0", "matplotlib.cbook.deprecation", ""),
    ("scikit-learn", "0.19.2", "0.22.2", "sklearn.cross_validation", ""),
    ("scikit-learn", "0.22.2", "0.24.0", "sklearn.externals.six", ""),
    ("scikit-learn", "0.22", "0.23.0", "sklearn.externals.joblib", ""),
    ("scikit-learn", "1.1.3", "1.2.0", "sklearn.datasets.load_boston", ""),
    ("sqlalchemy", "1.3.24", "1.4.54", "sqlalchemy.ext.declarative.comparable_using", ""),
    ("click", "8.0.4", "8.1.0", "click.get_os_args", ""),
    ("networkx", "2.8.8", "3.0", "networkx.to_numpy_matrix", ""),
    ("pydantic", "1.10.26", "2.0", "pydantic.BaseSettings", "pydantic.v1.BaseSettings"),
    (STANDARD_LIBRARY, "3.9.18", "3.10.13", "collections.Mapping", "collections.abc.Mapping"),
    (STANDARD_LIBRARY, "3.8.18", "3.9.0", "fractions.gcd", "math.gcd"),
    (STANDARD_LIBRARY, "3.10.13", "3.11.7", "inspect.getargspec", ""),
    (STANDARD_LIBRARY, "3.10.13", "3.11.7", "asyncio.coroutine", ""),
    (STANDARD_LIBRARY, "3.11.7", "3.12.1", "imp", ""),
    (STANDARD_LIBRARY, "3.11.7", "3.12.1", "distutils.core.setup", ""),
    (STANDARD_LIBRARY, "3.11.7", "3.13.0", "asynchat", ""),
    (STANDARD_LIBRARY, "3.12.1", "3.13.0", "cgi.FieldStorage", ""),
    (STANDARD_LIBRARY, "3.11.7", "3.12.1", "unittest.TestCase.assertEquals", ""),
]


@pytest.mark.parametrize(("project", "has", "lacks", "name", "instead"), KNOWN, ids=str)
def test_well_known_removals_are_known(project: str, has: str, lacks: str, name: str, instead: str) -> None:
    assert removed(project, has, name) is None
    found = removed(project, lacks, name)
    assert found is not None
    assert name == found.name or name.startswith(f"{found.name}.")
    assert Version(found.last_with) < Version(found.first_without) <= Version(lacks)
    assert found.sure
    if instead:
        assert found.instead == instead


# There in the newest releases, some after they had been gone for a while.
@pytest.mark.parametrize(
    ("project", "version", "name"),
    [
        ("numpy", "2.1.0", "numpy.long"),
        ("numpy", "2.1.0", "numpy.bool"),
        ("numpy", "2.1.0", "numpy.float64"),
        ("numpy", "2.1.0", "numpy.ndarray.tolist"),
        ("numpy", "2.1.0", "numpy.nothing_like_this"),
        ("scipy", "1.14.1", "scipy.integrate.trapezoid"),
        ("scipy", "1.14.1", "scipy.signal.windows.hann"),
        ("pandas", "2.2.3", "pandas.DataFrame.map"),
        ("pandas", "2.2.3", "pandas.concat"),
        (STANDARD_LIBRARY, "3.13.0", "collections.abc.Mapping"),
        (STANDARD_LIBRARY, "3.11.7", "imp"),
    ],
)
def test_what_is_there_is_not_removed(project: str, version: str, name: str) -> None:
    assert removed(project, version, name) is None


def test_a_name_that_came_back_was_gone_in_between() -> None:
    assert [removed("numpy", version, "numpy.long") is None for version in ("1.23.0", "1.26.4", "2.0.0")] == [
        True,
        False,
        True,
    ]


def test_a_name_that_one_release_forgot_is_gone_in_that_release_alone() -> None:
    assert [removed("flask", version, "flask.Markup") is None for version in ("2.2.5", "2.3.0", "2.3.3")] == [
        True,
        False,
        True,
    ]


def test_a_name_that_came_back_soon_is_not_missed_in_releases_in_between() -> None:
    versions = ("3.9.0", "3.9.1", "3.9.4", "3.10.8", "3.11.1")
    gone = [removed("matplotlib", version, "matplotlib.cm.get_cmap") is not None for version in versions]
    assert gone == [True, False, False, False, True]


def test_of_releases_nobody_measured_it_is_less_sure() -> None:
    found = removed("numpy", "99.0", "numpy.float")
    assert found is not None
    assert not found.sure


def test_what_lies_below_a_removed_name_is_gone_with_it() -> None:
    found = removed(STANDARD_LIBRARY, "3.12.1", "asyncore.dispatcher.send")
    assert found is not None
    assert found.name == "asyncore"


@pytest.mark.parametrize("version", ["", "not a version", "1.24.0.post1.dev3+local"])
def test_any_version_is_borne(version: str) -> None:
    assert (removed("numpy", version, "numpy.float") is not None) is version.startswith("1.24")


@pytest.mark.parametrize("project", ["", "nobody", "../../etc", "numpy/../numpy"])
def test_an_unknown_project_has_no_table(project: str) -> None:
    assert removed(project, "1.0", "numpy.float") is None


FOLDER = Path(envaudit.source.__file__).parent / "removed_names"


def test_every_table_belongs_to_a_project() -> None:
    assert {file.stem for file in FOLDER.iterdir()} <= {STANDARD_LIBRARY, *PROJECTS.values()}


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.stem)
def test_every_table_is_sound(file: Path) -> None:
    """Each line has a name, two releases in order, and a way out that is a name."""
    text = file.read_text(encoding="utf-8")
    releases = re.findall(r"^# releases: (.*)$", text, re.MULTILINE)[0].split()
    assert releases == sorted(releases, key=Version)
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    assert rows
    for name, last_with, first_without, *rest in rows:
        back_in, instead, origin = (*rest, "", "", "")[:3]
        assert re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*(\(\)\.\w+)?", name)
        assert releases.index(last_with) < releases.index(first_without)
        assert not back_in or releases.index(first_without) < releases.index(back_in)
        assert not instead or re.fullmatch(r"[A-Za-z_][\w.]*\w", instead)
        assert origin in {"", "same object", "message"}
