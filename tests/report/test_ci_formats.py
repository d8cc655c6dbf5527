"""The formats of GitHub and GitLab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from envaudit.model import Severity
from envaudit.report import ReportOptions, render
from tests.report.samples import ABI, BROKEN, HEALTHY, HOSTILE, INCOMPLETE, MISSING, finding, report

if TYPE_CHECKING:
    from envaudit.model import Report

ROOT = "/home/ada/project"
SCHEMA = json.loads((Path(__file__).parent / "schemas/gitlab-code-quality.schema.json").read_text(encoding="utf-8"))


def github(value: Report) -> list[str]:
    return render(value, ReportOptions(format="github", root=ROOT)).splitlines()


def gitlab(value: Report, **options: Any) -> Any:
    return json.loads(render(value, ReportOptions(format="gitlab", root=ROOT, **options)))


def read_command(line: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command as the runner does."""
    assert line.startswith("::")
    head, text = line[2:].split("::", 1)
    name, _, given = head.partition(" ")
    properties = dict(each.split("=", 1) for each in given.split(","))

    def unescaped(value: str) -> str:
        for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            value = value.replace(code, char)
        return value

    return name, {key: unescaped(value) for key, value in properties.items()}, unescaped(text)


class TestGitHub:
    def test_a_command_for_each_cause_and_one_for_all_gaps(self) -> None:
        abi, missing, gaps, last = github(BROKEN)
        name, given, text = read_command(abi)
        assert (name, given) == ("error", {"title": "ABI001 pandas 2.0.3"})
        assert text.splitlines()[0] == "pandas 2.0.3 was built for NumPy 1.x, but NumPy 2.4.6 is installed"
        assert "fix: uv pip install --python .venv/bin/python 'pandas>=2.2.2'" in text.splitlines()
        name, given, text = read_command(missing)
        assert name == "warning"
        assert given == {"file": "requirements.txt", "line": "12", "title": "DEP001 demo 1.0"}
        name, given, text = read_command(gaps)
        assert (name, given) == ("warning", {"title": "envaudit: not checked"})
        assert "ABI site-packages/odd/core.so, site-packages/odd/more.so: the file ends before its last segment" in text
        assert last == "broken: 1 error, 1 warning, 0 notes; 1 finding ignored by settings; 3 things were not checked"

    def test_a_note(self) -> None:
        assert github(report(findings=(finding(severity=Severity.NOTE),)))[0].startswith(
            "::notice title=DEP001 demo 1.0::"
        )

    def test_without_findings_there_is_no_command(self) -> None:
        assert github(HEALTHY) == ["healthy: 2 distributions, 3 compiled files, 1 smoke test; 0 not checked"]
        assert [line[:9] for line in github(INCOMPLETE)] == ["::warning", "not fully"]

    def test_no_text_of_a_target_becomes_a_command_or_a_property(self) -> None:
        lines = github(HOSTILE)
        assert len(lines) == 3
        name, given, text = read_command(lines[0])
        assert name == "error"
        assert set(given) == {"file", "line", "title"}
        assert given["line"] == "7"
        assert given["file"].endswith("/r,e:q.txt")
        assert r"\r\n::error::forged%0A##[debug]x" in text
        assert [line for line in lines if "##[" in line and not line.startswith("::")] == []

    @pytest.mark.parametrize(
        ("message", "escaped"),
        [("100%", "100%25"), ("%0A", "%250A"), ("a:b,c", "a:b,c"), ("a\nb", r"a\nb")],
    )
    def test_escapes_of_the_text(self, message: str, escaped: str) -> None:
        line = github(report(findings=(finding(message=message, distribution="", version=""),)))[0]
        assert line == f"::error title=DEP001::{escaped}"

    def test_escapes_of_a_property(self) -> None:
        line = github(report(findings=(finding(distribution="a,b:c%", version=""),)))[0]
        assert line.startswith("::error title=DEP001 a%2Cb%3Ac%25::")


class TestGitLab:
    @pytest.mark.parametrize(
        "sample", [BROKEN, HEALTHY, HOSTILE, INCOMPLETE], ids=["broken", "healthy", "hostile", "incomplete"]
    )
    def test_every_report_has_the_form(self, sample: Report) -> None:
        jsonschema.Draft202012Validator(SCHEMA).validate(gitlab(sample))

    @pytest.mark.parametrize(
        "change",
        [{"severity": "error"}, {"description": ""}, {"location": {"path": "/x", "lines": {"begin": 1}}}, {"more": 1}],
    )
    def test_the_form_refuses_what_is_wrong(self, change: dict[str, Any]) -> None:
        out = gitlab(BROKEN)
        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid([{**out[0], **change}])

    def test_entries(self) -> None:
        out = gitlab(BROKEN, anchor="setup.cfg")
        assert [each["check_name"] for each in out] == ["ABI001", "DEP001", "ABI", "ABI", "RUN"]
        assert out[0] == {
            "description": "ABI001: pandas 2.0.3 was built for NumPy 1.x, but NumPy 2.4.6 is installed [seen: RUN002]; "
            "fix: uv pip install --python .venv/bin/python 'pandas>=2.2.2'",
            "check_name": "ABI001",
            "fingerprint": ABI.fingerprint,
            "severity": "critical",
            "location": {"path": "setup.cfg", "lines": {"begin": 1}},
        }
        assert out[1]["location"] == {"path": "requirements.txt", "lines": {"begin": 12}}
        assert [each["severity"] for each in out] == ["critical", "minor", "info", "info", "info"]
        assert out[2]["description"] == "not checked: site-packages/odd/core.so: the file ends before its last segment"

    def test_no_entry_is_dropped_as_the_double_of_another(self) -> None:
        prints = [each["fingerprint"] for each in gitlab(BROKEN)]
        assert len(set(prints)) == len(prints)

    @pytest.mark.parametrize(
        ("severity", "proven", "shown"),
        [("error", True, "critical"), ("error", False, "major"), ("warning", True, "minor"), ("note", True, "info")],
    )
    def test_the_scale(self, severity: str, proven: bool, shown: str) -> None:
        confidence = ABI.confidence if proven else MISSING.confidence
        one = finding(severity=Severity(severity), confidence=confidence)
        assert gitlab(report(findings=(one,)))[0]["severity"] == shown
