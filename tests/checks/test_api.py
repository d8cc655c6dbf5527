"""API001, API002, API003: what a missing name means, and what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from envaudit.checks.api import check_names
from envaudit.model import MissingName, Severity, replace
from tests.support.facts import SITE, make_dist, make_facts

if TYPE_CHECKING:
    from envaudit.model import Finding

FLASK = make_dist("Flask", "2.2.2", top_level=("flask",))
WERKZEUG = make_dist("Werkzeug", "3.1.0", top_level=("werkzeug",))


def missing(**fields: Any) -> MissingName:
    first: dict[str, Any] = {
        "owner": FLASK.info_path,
        "site_dir": SITE,
        "path": "flask/app.py",
        "line": 30,
        "module": "werkzeug.urls",
        "name": "url_quote",
        "form": "from",
        "at_import": True,
        "start": "flask",
        "through": ("flask.app",),
        "provider": "werkzeug",
    }
    return MissingName(**{**first, **fields})


def judge(*names: MissingName, flask: Any = FLASK) -> list[Finding]:
    return list(check_names(replace(make_facts([flask, WERKZEUG]), names=names)))


def test_an_import_that_fails_names_the_distribution_the_name_the_file_and_the_line() -> None:
    (finding,) = judge(missing())
    assert (finding.code, finding.severity) == ("API001", Severity.ERROR)
    assert finding.distribution == "Flask"
    assert finding.message == (
        "Flask 2.2.2 fails when flask is imported: Werkzeug 3.1.0 has no werkzeug.urls.url_quote"
    )
    assert finding.symptom == "ImportError: cannot import name 'url_quote' from 'werkzeug.urls'"
    (evidence,) = finding.evidence
    assert (evidence.path, evidence.line) == (f"{SITE}/flask/app.py", 30)
    assert "by way of flask, flask.app" in evidence.detail
    assert [other.name for other in finding.involves] == ["Werkzeug"]
    assert [fix.constraints for fix in finding.fix] == [("Flask>2.2.2",)]


def test_a_release_that_is_known_is_the_first_way_out() -> None:
    (finding,) = judge(missing(removed_in="3.0.0", instead="urllib.parse.quote"))
    assert "(Werkzeug 3.0 removed it)" in finding.message
    assert finding.fix[0].constraints == ("Werkzeug<3.0",)
    assert "'Werkzeug<3.0'" in finding.fix[0].command
    assert finding.evidence[0].detail.endswith("use urllib.parse.quote")


@pytest.mark.parametrize(
    ("fields", "code", "severity"),
    [
        ({"start": "", "through": ()}, "API001", Severity.NOTE),
        ({"start": "flask.json", "of_part": True}, "API001", Severity.WARNING),
        ({"at_import": False, "start": ""}, "API002", Severity.WARNING),
        ({"provider": "", "absent": "gone", "module": "gone", "form": "import", "name": ""}, "API003", Severity.ERROR),
        (
            {"provider": "python", "absent": "imp", "module": "imp", "form": "import", "name": ""},
            "API001",
            Severity.ERROR,
        ),
    ],
)
def test_where_it_stands_decides_what_it_means(fields: dict[str, Any], code: str, severity: Severity) -> None:
    (finding,) = judge(missing(**fields))
    assert (finding.code, finding.severity) == (code, severity)


def test_a_module_of_nobody_that_nothing_reaches_is_no_finding() -> None:
    assert judge(missing(provider="", absent="gone", start="", through=())) == []


@pytest.mark.parametrize(
    ("requires", "severity"),
    [("Gone-Lib>=1", None), ('gone_lib; extra == "more"', Severity.NOTE), ("other", Severity.ERROR)],
)
def test_what_metadata_asks_for_is_no_undeclared_dependency(requires: str, severity: Severity | None) -> None:
    flask = FLASK._replace(requires=(requires,))
    found = judge(missing(provider="", absent="gone_lib", module="gone_lib", name="", form="import"), flask=flask)
    assert [finding.severity for finding in found] == ([severity] if severity is not None else [])


def test_a_top_level_package_beside_the_main_one_is_a_warning() -> None:
    flask = FLASK._replace(top_level=("flask", "plugin"))
    (finding,) = judge(missing(provider="", absent="gone", start="plugin", through=()), flask=flask)
    assert (finding.code, finding.severity) == ("API003", Severity.WARNING)


@pytest.mark.parametrize(
    ("fields", "symptom"),
    [
        ({"form": "attribute", "module": "numpy", "name": "product"}, "module 'numpy' has no attribute 'product'"),
        ({"form": "import", "absent": "a.b", "module": "a.b.c", "name": ""}, "No module named 'a.b'"),
    ],
)
def test_the_symptom_is_what_python_says(fields: dict[str, Any], symptom: str) -> None:
    (finding,) = judge(missing(**fields))
    assert finding.symptom.endswith(symptom)


def test_one_finding_for_all_names_of_one_other_distribution() -> None:
    names = [missing(name=f"name{number}", line=number) for number in range(30)]
    (finding,) = judge(*names, missing(name="name0", line=0))
    assert "name2 and 27 more" in finding.message
    assert len(finding.evidence) == 20


def test_the_module_that_python_removed_has_a_replacement_by_name() -> None:
    fields = {"provider": "python", "absent": "distutils", "module": "distutils", "name": "", "removed_in": "3.12"}
    (finding,) = judge(missing(**fields))
    assert finding.fix[0].constraints == ("setuptools",)
    assert "(Python 3.12 removed it)" in finding.message


def test_names_of_a_distribution_that_is_gone_say_nothing() -> None:
    assert judge(missing(owner="/elsewhere")) == []
