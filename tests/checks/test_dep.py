"""DEP001 to DEP004: each with cases that must be reported and cases that must not."""

from __future__ import annotations

import pytest

from envaudit.checks.dep import check_declared
from envaudit.model import Finding, Gap, MetadataProblem, Severity
from tests.support.facts import make_dist, make_facts


def _codes(*distributions: object, **target: object) -> list[tuple[str, str]]:
    facts = make_facts(distributions, **target)  # type: ignore[arg-type]
    return [(item.code, item.subject) for item in check_declared(facts) if isinstance(item, Finding)]


def test_a_missing_dependency_is_reported_with_the_command_that_installs_it() -> None:
    facts = make_facts([make_dist("flask", "3.0.0", "jinja2>=3.1.2")])
    (finding,) = check_declared(facts)
    assert isinstance(finding, Finding)
    assert (finding.code, finding.severity, finding.distribution) == ("DEP001", Severity.ERROR, "flask")
    assert finding.message == "flask 3.0.0 needs jinja2>=3.1.2, which is not installed"
    assert finding.fix[0].command == "uv pip install --python /env/bin/python 'jinja2>=3.1.2'"
    assert finding.fix[0].constraints == ("jinja2>=3.1.2",)


@pytest.mark.parametrize(
    "requirement",
    [
        "jinja2",
        "jinja2>=3.1",
        "JINJA2>=3.1",
        "jinja2<3 ; python_version < '3'",
        "jinja2<3 ; sys_platform == 'win32'",
        "absent ; python_full_version >= '3.12'",
        "absent ; extra == 'test'",
        "absent ; python_version > '3' and extra == 'test'",
        "absent ; (extra == 'test' or extra == 'docs')",
        "absent ; implementation_name == 'pypy'",
    ],
)
def test_what_is_met_or_does_not_apply_is_not_reported(requirement: str) -> None:
    assert _codes(make_dist("flask", "3.0.0", requirement), make_dist("Jinja2", "3.1.4")) == []


def test_markers_are_those_of_the_target() -> None:
    dist = make_dist("old", "1.0", "dataclasses; python_version < '3.7'")
    assert _codes(dist) == []
    assert _codes(dist, python="3.6.15") == [("DEP001", "requires:dataclasses")]


@pytest.mark.parametrize(
    ("installed", "specifier", "fits"),
    [
        ("2.0.0rc1", ">=1.22", True),
        ("2.2.0+cpu", "==2.2.0", True),
        ("2.2.0+cpu", "==2.2.0+cu121", False),
        ("1.5.post1", ">1.5", False),
        ("1.21.0", ">=1.22.4", False),
        ("3.0.0", "~=2.1", False),
    ],
)
def test_version_conflicts(installed: str, specifier: str, *, fits: bool) -> None:
    expected = [] if fits else [("DEP002", "requires:numpy")]
    assert _codes(make_dist("pandas", "2.2.3", f"numpy{specifier}"), make_dist("numpy", installed)) == expected


def test_a_conflict_names_both_sides() -> None:
    facts = make_facts([make_dist("pandas", "2.2.3", "numpy>=1.22.4"), make_dist("numpy", "1.21.0")])
    (finding,) = check_declared(facts)
    assert isinstance(finding, Finding)
    assert finding.message == "pandas 2.2.3 needs numpy>=1.22.4, but 1.21.0 is installed"
    assert [(other.name, other.version) for other in finding.involves] == [("numpy", "1.21.0")]


def test_an_extra_that_another_distribution_asks_for_is_followed() -> None:
    httpx = make_dist("httpx", "0.28.1", "h2<5,>=3; extra == 'http2'", "socksio; extra == 'socks'")
    assert _codes(httpx) == []
    assert _codes(httpx, make_dist("app", "1", "httpx[http2]")) == [("DEP003", "requires:h2:http2")]
    assert _codes(httpx, make_dist("app", "1", "httpx[http2]"), make_dist("h2", "4.1")) == []
    assert _codes(httpx, make_dist("app", "1", "httpx[http2]"), make_dist("h2", "5.0")) == [
        ("DEP003", "requires:h2:http2")
    ]


def test_extras_lead_to_extras_of_the_same_and_of_other_distributions() -> None:
    dask = make_dist(
        "dask", "1", "dask[array]; extra == 'complete'", "np; extra == 'array'", "other[x]; extra == 'complete'"
    )
    other = make_dist("other", "1", "deep; extra == 'x'")
    found = _codes(dask, other, make_dist("app", "1", "dask[complete]"))
    assert sorted(found) == [("DEP003", "requires:deep:x"), ("DEP003", "requires:np:array")]


def test_extras_that_ask_for_each_other_come_to_an_end() -> None:
    ring = make_dist("ring", "1", "ring[b]; extra == 'a'", "ring[a]; extra == 'b'")
    assert _codes(ring, make_dist("app", "1", "ring[a]")) == []


@pytest.mark.parametrize("spelling", ["Fast_Json", "fast-json", "fast.json"])
def test_names_of_extras_are_normalised(spelling: str) -> None:
    lib = make_dist("lib", "1", f"orjson; extra == '{spelling}'")
    assert _codes(lib, make_dist("app", "1", "lib[fast_json]")) == [("DEP003", "requires:orjson:fast_json")]


def test_one_bad_requirement_does_not_hide_the_next() -> None:
    dist = make_dist("odd", "1.0", "numpy>=1.x", "", "absent", "also bad ][")
    found = _codes(dist)
    assert [code for code, _ in found] == ["DEP004", "DEP004", "DEP001", "DEP004"]


def test_a_marker_that_compares_what_cannot_be_compared_is_a_bad_requirement() -> None:
    found = _codes(make_dist("odd", "1.0", "odd-one; os_name ~= 'x'", "absent"))
    assert found == [("DEP004", "requirement:odd-one; os_name ~= 'x'"), ("DEP001", "requires:absent")]


def test_a_bad_requirement_of_an_extra_is_reported_once_when_the_extra_is_asked_for() -> None:
    lib = make_dist("lib", "1", "!!bad; extra == 'x'")
    assert _codes(lib) == []
    assert _codes(lib, make_dist("app", "1", "lib[x]")) == [("DEP004", "requirement:!!bad; extra == 'x'")]


def test_a_version_that_is_none_makes_a_gap_of_what_depends_on_it() -> None:
    legacy = make_dist("pytz", "2004d-legacy!", problems=(MetadataProblem("bad-version", "/env/METADATA", "not one"),))
    items = list(check_declared(make_facts([make_dist("pandas", "1", "pytz>=2020.1"), legacy])))
    assert [(item.code, type(item)) for item in items] == [("DEP002", Gap), ("DEP004", Finding)]


@pytest.mark.parametrize(
    ("kind", "severity", "gap"),
    [
        ("missing", Severity.ERROR, True),
        ("unreadable", Severity.ERROR, True),
        ("bad-version", Severity.WARNING, False),
        ("bad-requires-python", Severity.WARNING, False),
    ],
)
def test_unusable_metadata(kind: str, severity: Severity, *, gap: bool) -> None:
    problem = MetadataProblem(kind, "/env/x.dist-info/METADATA", "what is wrong")
    items = list(check_declared(make_facts([make_dist("x", "1", problems=(problem,))])))
    findings = [item for item in items if isinstance(item, Finding)]
    assert [(item.code, item.severity) for item in findings] == [("DEP004", severity)]
    assert [item.what for item in items if isinstance(item, Gap)] == (["/env/x.dist-info/METADATA"] if gap else [])


def test_a_hidden_distribution_neither_needs_nor_offers_anything() -> None:
    old = make_dist("numpy", "1.0", "absent", hidden_by="/somewhere/else")
    assert _codes(old, make_dist("numpy", "2.0"), make_dist("app", "1", "numpy>=2")) == []


def test_a_requirement_by_address_is_met_by_presence() -> None:
    dist = make_dist("app", "1", "lib @ file:///src/lib")
    assert _codes(dist, make_dist("lib", "0.1")) == []
    assert _codes(dist) == [("DEP001", "requires:lib")]
