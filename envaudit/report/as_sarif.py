"""The report as SARIF 2.1.0, which code scanning services and editors read.

One run with one result for each cause; what it explains is told in its text. What was not checked stands among the
notifications of the invocation. Findings that settings leave out are no results, because services that know nothing of
suppressions would raise an alarm for them; they are listed in the properties of the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envaudit import __version__
from envaudit.codes import CODES, page
from envaudit.model import Severity
from envaudit.report.as_json import dump
from envaudit.report.plain import plain
from envaudit.report.rows import headline, rows, view_of
from envaudit.report.where import as_uri, place_of
from envaudit.report.words import causes, standing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.model import Finding, Gap, Report, Suppressed
    from envaudit.report.options import ReportOptions
    from envaudit.report.rows import View
    from envaudit.report.words import Cause

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def render(report: Report, options: ReportOptions) -> str:
    """Return the report as a SARIF log of one run."""
    found = causes(report.findings)
    codes = sorted({cause.finding.code for cause in found} | {each.code for each in report.gaps if each.code in CODES})
    view = view_of(report, options)
    word, rest, _ = standing(report, hint=False)
    run = {
        "tool": {"driver": {"name": "envaudit", "version": __version__, "rules": [_rule(code) for code in codes]}},
        "automationDetails": {"id": _run_id(report, options)},
        "invocations": [_invocation(report, view)],
        "results": [_result(cause, codes, view, options) for cause in found],
        "properties": {
            "verdict": report.verdict,
            "standing": f"{word}: {rest}",
            "rules": {"version": report.rules.version, "digest": report.rules.digest},
            "suppressed": [_suppressed(each) for each in report.suppressed],
        },
    }
    return dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _run_id(report: Report, options: ReportOptions) -> str:
    """Name the kind of run: a service replaces the results of an earlier run of the same name by these."""
    target = report.facts.target
    place = target.prefix.removeprefix(f"{options.root}/") if options.root else target.prefix
    version = "python{}.{}".format(*target.version_info)
    return f"envaudit/{plain(place) or target.kind}/{version}-{plain(target.platform) or 'unknown'}/"


def _rule(code: str) -> dict[str, Any]:
    explain = f"envaudit explain {code} says what this means and how to fix it."
    if code not in CODES:  # a rule of the database; its page is not part of the program
        return {"id": code, "shortDescription": {"text": "known-bad combination"}, "help": {"text": explain}}
    return {
        "id": code,
        "shortDescription": {"text": CODES[code]},
        "help": {"text": explain, "markdown": page(code)},
        "properties": {"tags": [code.rstrip("0123456789")]},
    }


def _result(cause: Cause, codes: list[str], view: View, options: ReportOptions) -> dict[str, Any]:
    finding = cause.finding
    place = place_of(finding, options)
    region = {"region": {"startLine": place.line}}
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": as_uri(place.path), "uriBaseId": "%SRCROOT%"}, **region}
    }
    if finding.distribution:
        name = f"{finding.distribution} {finding.version}".strip()
        location["logicalLocations"] = [{"name": finding.distribution, "fullyQualifiedName": name, "kind": "package"}]
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(_text(cause, view))},
        "locations": [location],
        "partialFingerprints": {"envaudit/v1": finding.fingerprint},
        "properties": {
            "confidence": finding.confidence.value,
            "involves": [f"{other.name} {other.version}".strip() for other in finding.involves],
            "explains": [effect.code for effect in cause.effects],
            "fix": [fix.command for fix in finding.fix],
        },
    }


def _text(cause: Cause, view: View) -> str:
    about, rest = headline(cause.finding)
    return "\n".join((f"{about}{rest}".removeprefix(": "), *(f"{row.label}: {row.text}" for row in rows(cause, view))))


def _message(text: str) -> str:
    """Write brackets so that ``[text](address)`` in a name or an error text does not become a link (3.11.6)."""
    return text.replace("[", "\\[").replace("]", "\\]") if "](" in text else text


def _invocation(report: Report, view: View) -> dict[str, Any]:
    return {
        "executionSuccessful": report.verdict != "incomplete",
        "exitCode": report.exit_code,
        "toolExecutionNotifications": list(_notifications(report.gaps, view)),
    }


def _notifications(gaps: Iterable[Gap], view: View) -> Iterable[dict[str, Any]]:
    for gap in gaps:
        message = {"text": _message(f"not checked: {view.place(gap.what)}: {plain(gap.why)}")}
        yield {"level": "warning", "message": message, **({"descriptor": {"id": gap.code}} if gap.code else {})}


def _suppressed(each: Suppressed) -> dict[str, str]:
    finding: Finding = each.finding
    about, rest = headline(finding)
    return {
        "code": finding.code,
        "message": f"{about}{rest}".removeprefix(": "),
        "fingerprint": finding.fingerprint,
        "by": plain(each.by),
    }
