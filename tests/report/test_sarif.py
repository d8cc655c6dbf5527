from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from envaudit import __version__
from envaudit.model import Location
from envaudit.report import ReportOptions, render
from tests.report.samples import ABI, BROKEN, GAPS, HEALTHY, HOSTILE, INCOMPLETE, MISSING, finding, report

if TYPE_CHECKING:
    from envaudit.model import Report

SCHEMA = json.loads((Path(__file__).parent / "schemas/sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def document(value: Report, **options: Any) -> Any:
    return json.loads(render(value, ReportOptions(format="sarif", **{"root": "/home/ada/project", **options})))


def run(value: Report, **options: Any) -> Any:
    (only,) = document(value, **options)["runs"]
    return only


@pytest.mark.parametrize(
    "sample",
    [BROKEN, HEALTHY, HOSTILE, INCOMPLETE, report(findings=(finding("EA-2026-0001"), finding("EA-0000-own")))],
    ids=["broken", "healthy", "hostile", "incomplete", "rules"],
)
def test_every_report_fits_the_schema(sample: Report) -> None:
    VALIDATOR.validate(document(sample))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", "2.0.0"),
        ("runs/0/results/0/level", "fatal"),
        ("runs/0/results/0/message", {}),
        ("runs/0/results/0/ruleIndex", "0"),
        ("runs/0/results/0/locations/0/physicalLocation/region/startLine", 0),
        ("runs/0/tool/driver/name", 1),
        ("runs/0/invocations/0/executionSuccessful", None),
        ("runs/0/more", 1),
    ],
)
def test_the_schema_refuses_what_is_wrong(path: str, value: object) -> None:
    out = copy.deepcopy(document(BROKEN))
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    place = out
    for step in way:
        place = place[step]
    place[last] = value
    assert not VALIDATOR.is_valid(out)


def test_a_result() -> None:
    out = run(BROKEN)
    assert (out["tool"]["driver"]["name"], out["tool"]["driver"]["version"]) == ("envaudit", __version__)
    abi, missing = out["results"]
    assert abi["ruleId"] == "ABI001"
    assert out["tool"]["driver"]["rules"][abi["ruleIndex"]]["id"] == "ABI001"
    assert abi["level"] == "error"
    assert abi["message"]["text"].startswith(
        "pandas 2.0.3 was built for NumPy 1.x, but NumPy 2.4.6 is installed\nbecause"
    )
    assert "seen: smoke test pandas: the import raised an exception [RUN002]" in abi["message"]["text"]
    assert abi["partialFingerprints"] == {"envaudit/v1": ABI.fingerprint}
    (location,) = abi["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "pyproject.toml"
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "pandas 2.0.3"
    assert abi["properties"]["explains"] == ["RUN002"]
    assert missing["level"] == "warning"
    (location,) = missing["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "requirements.txt", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 12},
    }


def test_a_rule_explains_itself_with_its_page() -> None:
    rules = {rule["id"]: rule for rule in run(BROKEN)["tool"]["driver"]["rules"]}
    assert rules["ABI001"]["help"]["markdown"].startswith("# ABI001: ")
    assert rules["ABI001"]["properties"]["tags"] == ["ABI"]
    (rule,) = run(report(findings=(finding("EA-2026-0001"),)))["tool"]["driver"]["rules"]
    assert rule["help"]["text"].startswith("envaudit explain EA-2026-0001 ")


def test_the_fingerprint_survives_versions_and_lines() -> None:
    one = run(report(findings=(MISSING,)))["results"][0]
    moved = MISSING._replace(
        version="2.0", message="demo 2.0 needs attrs>=23", location=Location("requirements.txt", 99)
    )
    two = run(report(findings=(moved,)))["results"][0]
    assert one["partialFingerprints"] == two["partialFingerprints"]
    assert one["locations"] != two["locations"]


def test_what_was_not_checked_stands_among_the_notifications() -> None:
    (invocation,) = run(BROKEN)["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (True, 1)
    assert [each["descriptor"]["id"] for each in invocation["toolExecutionNotifications"]] == ["ABI", "ABI", "RUN"]
    assert (
        invocation["toolExecutionNotifications"][2]["message"]["text"] == f"not checked: {GAPS[2].what}: {GAPS[2].why}"
    )
    assert run(INCOMPLETE)["invocations"][0]["executionSuccessful"] is False


def test_what_settings_leave_out_raises_no_alarm() -> None:
    out = run(BROKEN)
    assert "DEP002" not in {each["ruleId"] for each in out["results"]}
    (left_out,) = out["properties"]["suppressed"]
    assert (left_out["code"], left_out["by"]) == ("DEP002", "ignore DEP002:old (--ignore)")


def test_the_run_is_told_apart_by_environment_and_python() -> None:
    assert run(HEALTHY)["automationDetails"]["id"] == "envaudit/.venv/python3.11-linux-x86_64/"
    other = HEALTHY._replace(facts=HEALTHY.facts._replace(target=HEALTHY.facts.target._replace(version_info=(3, 12))))
    assert run(other)["automationDetails"]["id"] == "envaudit/.venv/python3.12-linux-x86_64/"


def test_a_name_makes_no_link() -> None:
    text = run(HOSTILE)["results"][0]["message"]["text"]
    assert "](" not in text.replace("\\](", "")
    assert run(report(findings=(finding(message="needs numpy[x]"),)))["results"][0]["message"]["text"].endswith(
        "numpy[x]"
    )
