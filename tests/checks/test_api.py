"""API001, API002, API003: what a missing name means, and what is said about it."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement

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


def judge(*names: MissingName, flask: Any = FLASK, werkzeug: Any = WERKZEUG) -> list[Finding]:
    return list(check_names(replace(make_facts([flask, werkzeug]), names=names)))


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


def test_a_private_module_that_nothing_reaches_is_no_finding() -> None:
    assert judge(missing(start="", through=(), path="flask/_typing.py")) == []
    assert judge(missing(start="", through=(), path="flask/_inner/more.py")) == []
    assert len(judge(missing(start="", through=(), path="flask/__main__.py"))) == 1


def test_a_module_of_nobody_that_nothing_reaches_is_no_finding() -> None:
    assert judge(missing(provider="", absent="gone", start="", through=())) == []


@pytest.mark.parametrize(
    ("requires", "severity"),
    [
        ("Gone-Lib>=1", None),
        ('gone_lib; extra == "more"', Severity.NOTE),
        ('gone_lib; python_version >= "3"', None),
        ('gone_lib; python_version < "3"', Severity.ERROR),
        ("other", Severity.ERROR),
    ],
)
def test_what_metadata_asks_for_is_no_undeclared_dependency(requires: str, severity: Severity | None) -> None:
    flask = FLASK._replace(requires=(requires,))
    found = judge(missing(provider="", absent="gone_lib", module="gone_lib", name="", form="import"), flask=flask)
    assert [finding.severity for finding in found] == ([severity] if severity is not None else [])
    if severity is Severity.NOTE:
        assert found[0].message.endswith("has a module gone_lib, which comes with its extra more")
        assert found[0].fix[0].constraints == ("Flask[more]",)


@pytest.mark.parametrize(
    ("module", "wanted"),
    [("yaml", "pyyaml"), ("google.cloud.storage.blob", "google-cloud-storage"), ("pkg_resources", "setuptools<82")],
)
def test_the_distribution_of_a_module_is_offered_where_it_is_known(module: str, wanted: str) -> None:
    (finding,) = judge(missing(provider="", absent=module.partition(".")[0], module=module, name="", form="import"))
    assert finding.fix[0].constraints == (wanted,)
    assert "its metadata does not ask for it" in finding.message


def test_nothing_is_guessed_from_the_name_of_a_module() -> None:
    (finding,) = judge(missing(provider="", absent="google", module="google.nowhere", name="", form="import"))
    assert finding.fix == ()


def test_what_a_module_of_another_name_belongs_to_is_declared() -> None:
    flask = FLASK._replace(requires=("protobuf<7,>=6.32.1",))
    fields = {"provider": "", "absent": "google", "module": "google.protobuf.message", "name": "Message"}
    assert judge(missing(**fields), flask=flask) == []


@pytest.mark.parametrize(
    ("requires", "said"),
    [
        (("pydantic>=2",), "pydantic>=2"),
        (("a", "b", "c", "d", 'e; extra == "all"', "not a requirement!"), "a, b, c and 1 more"),
        (("Werkzeug[deep]",), "deeper"),
        (("odd; os_name ~= 'x'", "b"), "b"),
    ],
)
def test_what_is_required_and_not_installed_may_have_the_module(requires: tuple[str, ...], said: str) -> None:
    werkzeug = WERKZEUG._replace(requires=('deeper; extra == "deep"', 'elsewhere; extra == "other"'))
    flask = FLASK._replace(requires=requires)
    fields = {"provider": "", "absent": "pydantic_core", "module": "pydantic_core", "name": "", "form": "import"}
    (finding,) = judge(missing(**fields), flask=flask, werkzeug=werkzeug)
    assert finding.message.endswith(f"it may belong to what Flask requires and is not installed: {said}")
    assert "does not ask for it" not in finding.message
    assert finding.fix[0].constraints[0] == said.partition(",")[0]


def test_what_is_missing_beside_a_module_of_an_extra_may_come_with_it() -> None:
    flask = FLASK._replace(requires=('fastapi; extra == "instruments"',))
    fields = {"provider": "", "name": "", "form": "import"}
    one = missing(absent="fastapi", module="fastapi", **fields)
    other = missing(absent="starlette", module="starlette", **fields)
    found = judge(one, other, flask=flask)
    assert {finding.severity for finding in found} == {Severity.NOTE}
    assert all("which comes with its extra instruments" in finding.message for finding in found)
    (alone,) = judge(other, flask=flask)
    assert alone.severity is Severity.ERROR
    (called_so,) = judge(other._replace(start="plugins.fastapi"), flask=flask)
    assert called_so.severity is Severity.NOTE


def test_a_top_level_package_beside_the_main_one_is_a_warning() -> None:
    flask = FLASK._replace(top_level=("flask", "plugin"))
    (finding,) = judge(missing(provider="", absent="gone", start="plugin", through=()), flask=flask)
    assert (finding.code, finding.severity) == ("API003", Severity.WARNING)


@pytest.mark.parametrize(
    ("fields", "symptom"),
    [
        ({"form": "attribute", "module": "numpy", "name": "product"}, "module 'numpy' has no attribute 'product'"),
        ({"form": "import", "absent": "a.b", "module": "a.b.c", "name": ""}, "No module named 'a.b'"),
        ({"absent": "a.b", "module": "a", "name": "b"}, "cannot import name 'b' from 'a' (unknown location)"),
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


def test_the_table_of_modules_is_in_order() -> None:
    text = resources.files("envaudit.checks").joinpath("module_names.txt").read_text(encoding="utf-8")
    lines = [line.split(" ") for line in text.splitlines()]
    modules = [line[0] for line in lines]
    assert modules == sorted(set(modules))
    assert len(modules) > 900
    assert all(all(part.isidentifier() for part in module.split(".")) for module in modules)
    assert all(Requirement(line[-1]).name == line[-1].partition("<")[0] for line in lines)
