"""The report as JSON: the contract that programs build on, described by ``report.schema.json`` beside this file.

Any change that breaks a reader raises ``SCHEMA_VERSION``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from envaudit import __version__

if TYPE_CHECKING:
    from envaudit.model import Facts, Finding, Gap, Report, Timings
    from envaudit.report.options import ReportOptions

SCHEMA_VERSION = 1


def render(report: Report, _options: ReportOptions) -> str:
    """Return the report as a JSON document in ASCII, so that no terminal or locale can spoil it."""
    return dump(document(report))


def dump(value: Any) -> str:
    """Return plain dicts and lists as a JSON document in ASCII."""
    return json.dumps(_sound(value), indent=2, allow_nan=False) + "\n"


def document(report: Report) -> dict[str, Any]:
    """Return the report as plain dicts and lists, in the order of the contract."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "envaudit", "version": __version__},
        "rules": {
            "version": report.rules.version,
            "count": report.rules.count,
            "digest": report.rules.digest,
        },
        "target": _target(report.facts),
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "findings": [_finding(finding) for finding in report.findings],
        "gaps": [_gap(gap) for gap in report.gaps],
        "suppressed": [{"by": each.by, "finding": _finding(each.finding)} for each in report.suppressed],
        "timings": _timings(report.timings),
        "remarks": list(report.remarks),
        "unchanged_since": report.unchanged_since or None,
    }


def _target(facts: Facts) -> dict[str, Any]:
    target = facts.target
    return {
        "kind": target.kind,
        "prefix": target.prefix,
        "root": target.root,
        "python": target.python,
        "implementation": target.implementation,
        "platform": target.platform,
        "libc": target.libc,
        "chosen_by": target.chosen_by,
        "distributions": len(facts.distributions),
        "binaries": len(facts.binaries),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    location = finding.location
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "distribution": finding.distribution,
        "version": finding.version,
        "involves": [{"name": other.name, "version": other.version} for other in finding.involves],
        "message": finding.message,
        "symptom": finding.symptom,
        "evidence": [{"path": each.path, "line": each.line, "detail": each.detail} for each in finding.evidence],
        "fix": [{"command": each.command, "constraints": list(each.constraints)} for each in finding.fix],
        "location": None if location is None else {"path": location.path, "line": location.line},
        "explains": list(finding.explains),
        "fingerprint": finding.fingerprint,
    }


def _gap(gap: Gap) -> dict[str, str]:
    return {"code": gap.code, "what": gap.what, "why": gap.why}


def _timings(timings: Timings) -> dict[str, float | None]:
    smoke = timings.smoke_seconds
    return {
        "static_seconds": round(timings.static_seconds, 6),
        "smoke_seconds": None if smoke is None else round(smoke, 6),
    }


def _sound(value: Any) -> Any:
    """Replace lone surrogates, which stand for bytes of a file name that is no UTF-8: JSON has no such characters."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _sound(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_sound(each) for each in value]
    return value
