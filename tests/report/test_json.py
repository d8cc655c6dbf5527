from __future__ import annotations

import copy
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from envaudit import __version__
from envaudit.model import Evidence, Location, Timings
from envaudit.report import ReportOptions, render
from envaudit.report.as_json import SCHEMA_VERSION
from tests.report.samples import ABI, BROKEN, HEALTHY, MISSING, finding, report

if TYPE_CHECKING:
    from collections.abc import Callable

    from envaudit.model import Report

SCHEMA = json.loads(resources.files("envaudit.report").joinpath("report.schema.json").read_text(encoding="utf-8"))


def document(value: Report) -> Any:
    return json.loads(render(value, ReportOptions(format="json")))


def valid(value: object) -> bool:
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(value))


def test_the_schema_is_a_schema_of_this_version() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["schema_version"]["const"] == SCHEMA_VERSION


@pytest.mark.parametrize(
    "sample",
    [
        BROKEN,
        HEALTHY,
        report(verdict="incomplete", exit_code=3, timings=Timings(0.5)),
        report(findings=(finding("EA-2026-0001", location=Location("x")), finding("EA-0000-my-own")), exit_code=1),
    ],
)
def test_every_report_fits_the_schema(sample: Report) -> None:
    jsonschema.validate(document(sample), SCHEMA)


def test_the_contract() -> None:
    out = document(BROKEN)
    keys = "schema_version tool rules target verdict exit_code findings gaps suppressed timings remarks unchanged_since"
    assert list(out) == keys.split()
    assert out["schema_version"] == 1
    assert out["tool"] == {"name": "envaudit", "version": __version__}
    assert out["rules"] == {"version": "2026.11.1", "count": 42, "digest": "sha256:" + "0" * 64}
    assert out["target"] == {
        "kind": "venv",
        "prefix": "/home/ada/project/.venv",
        "root": "",
        "python": "3.11.7",
        "implementation": "cpython",
        "platform": "linux-x86_64",
        "libc": "glibc 2.36",
        "chosen_by": "argument",
        "distributions": 2,
        "binaries": 3,
    }
    assert (out["verdict"], out["exit_code"]) == ("findings", 1)
    assert [each["code"] for each in out["findings"]] == ["ABI001", "RUN002", "DEP001"]
    assert out["findings"][0]["explains"] == [out["findings"][1]["fingerprint"]]
    assert out["gaps"][0] == {
        "code": "ABI",
        "what": "/home/ada/project/.venv/lib/python3.11/site-packages/odd/core.so",
        "why": "the file ends before its last segment",
    }
    assert out["suppressed"][0]["by"] == "ignore DEP002:old (--ignore)"
    assert out["suppressed"][0]["finding"]["code"] == "DEP002"
    assert out["timings"] == {"static_seconds": 0.1234, "smoke_seconds": 4.25}


def test_a_finding() -> None:
    assert document(report(findings=(MISSING,)))["findings"] == [
        {
            "code": "DEP001",
            "severity": "warning",
            "confidence": "predicted",
            "distribution": "demo",
            "version": "1.0",
            "involves": [],
            "message": "demo 1.0 needs attrs>=22, which is not installed",
            "symptom": "ModuleNotFoundError: No module named 'attr'",
            "evidence": [],
            "fix": [],
            "location": {"path": "/home/ada/project/requirements.txt", "line": 12},
            "explains": [],
            "fingerprint": MISSING.fingerprint,
        }
    ]
    out = document(report(findings=(ABI,)))["findings"][0]
    assert out["involves"] == [{"name": "numpy", "version": "2.4.6"}]
    assert out["evidence"][0]["line"] is None
    assert out["location"] is None
    assert out["fix"][1] == {
        "command": "uv pip install --python .venv/bin/python 'numpy<2'",
        "constraints": ["numpy<2"],
    }


def test_any_name_of_a_file_makes_a_document_that_every_reader_takes() -> None:
    odd = finding(message="a\x1b\u202e\n", evidence=(Evidence("/x/\udcff.so", "ends"),))
    text = render(report(findings=(odd,)), ReportOptions(format="json", color=True))
    assert text.isascii()
    assert "\x1b" not in text
    assert text.endswith("}\n")
    out = json.loads(text)["findings"][0]
    assert out["message"] == "a\x1b\u202e\n"
    assert out["evidence"][0]["path"] == r"/x/\udcff.so"


def _set(path: str, value: object) -> Callable[[Any], None]:
    def change(out: Any) -> None:
        *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
        for step in way:
            out = out[step]
        out[last] = value

    return change


def _drop(path: str) -> Callable[[Any], None]:
    def change(out: Any) -> None:
        *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
        for step in way:
            out = out[step]
        del out[last]

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("schema_version", 2),
        _set("more", 1),
        _set("tool/more", 1),
        _set("target/more", 1),
        _set("target/kind", "house"),
        _set("target/binaries", -1),
        _set("verdict", "fine"),
        _set("exit_code", 2),
        _set("findings/0/more", 1),
        _set("findings/0/code", "abi1"),
        _set("findings/0/severity", "fatal"),
        _set("findings/0/confidence", "sure"),
        _set("findings/0/message", ""),
        _set("findings/0/evidence/0/line", 0),
        _set("findings/0/evidence/0/more", 1),
        _set("findings/0/fix/0/constraints", "numpy<2"),
        _set("findings/0/involves/0/more", 1),
        _set("findings/0/explains", ["x"]),
        _set("findings/0/fingerprint", "x"),
        _set("findings/2/location/more", 1),
        _set("gaps/0/more", 1),
        _set("remarks", [""]),
        _drop("remarks"),
        _set("suppressed/0/by", ""),
        _set("suppressed/0/more", 1),
        _set("timings/smoke_seconds", "1"),
        _set("timings/more", 1),
        *(_drop(key) for key in ("tool", "rules", "target", "verdict", "exit_code", "findings", "gaps", "suppressed")),
        *(_drop(f"findings/0/{key}") for key in ("code", "location", "explains", "fingerprint", "symptom", "fix")),
        *(_drop(f"target/{key}") for key in ("kind", "prefix", "root", "python", "chosen_by")),
        _drop("timings/static_seconds"),
        _drop("gaps/0/why"),
        _drop("suppressed/0/finding"),
    ],
)
def test_the_schema_refuses_what_is_wrong(change: Callable[[Any], None]) -> None:
    out = copy.deepcopy(document(BROKEN))
    assert valid(out)
    change(out)
    assert not valid(out)
