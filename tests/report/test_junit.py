from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import xmlschema

from envaudit.model import Severity
from envaudit.report import ReportOptions, render
from tests.report.samples import BROKEN, GAPS, HEALTHY, HOSTILE, INCOMPLETE, MISSING, finding, report

if TYPE_CHECKING:
    from envaudit.model import Report

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parent / "schemas/junit-10.xsd"))
ROOT = "/home/ada/project"


def written(value: Report, **options: Any) -> str:
    return render(value, ReportOptions(format="junit", root=ROOT, **options))


def cases(value: Report, **options: Any) -> list[tuple[str | None, str]]:
    """Return the class of each test and how it ended."""
    suite = ET.fromstring(written(value, **options))[0]
    return [(case.get("classname"), case[0].tag) for case in suite.iter("testcase")]


@pytest.mark.parametrize(
    "sample", [BROKEN, HEALTHY, HOSTILE, INCOMPLETE], ids=["broken", "healthy", "hostile", "incomplete"]
)
def test_every_report_fits_the_schema(sample: Report) -> None:
    SCHEMA.validate(written(sample))
    assert written(sample).isascii()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<testcase ", '<testcase file="x" '),
        ("<testsuites ", '<testsuites skipped="1" '),
        ("<failure ", "<failed "),
        ('<testsuite name="envaudit"', "<testsuite"),
    ],
)
def test_the_schema_refuses_what_is_wrong(old: str, new: str) -> None:
    changed = written(BROKEN).replace(old, new).replace("</failure>", "</failed>" if "failed" in new else "</failure>")
    assert changed != written(BROKEN)
    assert not SCHEMA.is_valid(changed)


def test_how_each_thing_ends() -> None:
    assert cases(BROKEN) == [
        ("envaudit.ABI001", "failure"),
        ("envaudit.DEP001", "system-out"),
        ("envaudit.ABI", "skipped"),
        ("envaudit.ABI", "skipped"),
        ("envaudit.RUN", "skipped"),
    ]
    assert cases(BROKEN, fail_on=Severity.WARNING)[1] == ("envaudit.DEP001", "failure")
    assert {end for _, end in cases(INCOMPLETE)} == {"error"}
    assert cases(HEALTHY) == [("envaudit", "system-out")]


def test_the_counts_are_those_of_the_tests() -> None:
    top = ET.fromstring(written(BROKEN))
    suite = top[0]
    for each in (top, suite):
        assert (each.get("tests"), each.get("failures"), each.get("errors")) == ("5", "1", "0")
    assert (suite.get("skipped"), suite.get("time")) == ("3", "4.373")
    assert ET.fromstring(written(INCOMPLETE)).get("errors") == "3"


def test_what_a_failure_says() -> None:
    suite = ET.fromstring(written(BROKEN))[0]
    case = next(suite.iter("testcase"))
    assert case.get("name") == "pandas 2.0.3 was built for NumPy 1.x, but NumPy 2.4.6 is installed"
    text = case[0].text or ""
    assert case[0].get("type") == "error"
    assert "fix: uv pip install --python .venv/bin/python 'pandas>=2.2.2'" in text
    assert "[RUN002]" in text
    skipped = list(suite.iter("skipped"))
    assert [each.get("message") for each in skipped] == [gap.why for gap in GAPS]
    properties = [(each.get("name"), each.get("value")) for each in suite.iter("property")]
    assert ("verdict", "findings") in properties
    assert ("not_checked", "3") in properties
    assert any(name == "suppressed" and "DEP002" in str(value) for name, value in properties)


def test_hostile_texts_come_back_as_texts() -> None:
    suite = ET.fromstring(written(HOSTILE))[0]
    name = next(suite.iter("testcase")).get("name") or ""
    assert '<b onload=x> & "q"' in name
    assert r"\x1b[2J\x00\u202e\udcff" in name
    assert "]]>" in name


def test_a_finding_below_the_threshold_is_still_told() -> None:
    text = written(report(findings=(MISSING, finding(severity=Severity.NOTE))))
    assert "warning: demo 1.0 needs attrs&gt;=22" in text
    assert 'failures="0"' in text
