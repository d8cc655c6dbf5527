"""The report as JUnit XML, which most CI services show as a list of tests.

Each cause is a test. It fails if its severity is one that ``--fail-on`` counts, else it passes and says what was
found. What was not checked is a test that was skipped, or an error if the run is incomplete by it. A run in which
there is nothing to tell is one test that passes, because some services take a list without tests for a failure.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from envaudit.model import Severity
from envaudit.report.plain import plain
from envaudit.report.rows import headline, rows, view_of
from envaudit.report.words import causes, standing, target_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Report
    from envaudit.report.options import ReportOptions

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;"})
_LINES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class _Case(NamedTuple):
    """A test: what it is called, how it ended (``passed``, or the name of an element) and what there is to say."""

    group: str
    name: str
    end: str = "passed"
    kind: str = ""
    message: str = ""
    text: str = ""


def render(report: Report, options: ReportOptions) -> str:
    """Return the report as a document of one suite, in ASCII."""
    cases = [*_findings(report, options), *_gaps(report, options)]
    word, rest, _ = standing(report, hint=False)
    if not cases:
        cases.append(_Case("envaudit", "environment", text=f"{word}: {rest}"))
    ends = Counter(case.end for case in cases)
    seconds = report.timings.static_seconds + (report.timings.smoke_seconds or 0.0)
    counts = f'tests="{len(cases)}" failures="{ends["failure"]}" errors="{ends["error"]}"'
    lines = (
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<testsuites name="envaudit" {counts} time="{seconds:.3f}">',
        f'<testsuite name="envaudit" {counts} skipped="{ends["skipped"]}" time="{seconds:.3f}">',
        "<properties>",
        *(_property(*each) for each in _properties(report, options)),
        "</properties>",
        *(line for case in cases for line in _test(case)),
        f"<system-out>{_content(f'{word}: {rest}')}</system-out>",
        "</testsuite>",
        "</testsuites>",
    )
    return "".join(f"{line}\n" for line in lines).encode("ascii", "xmlcharrefreplace").decode("ascii")


def _findings(report: Report, options: ReportOptions) -> Iterator[_Case]:
    view = view_of(report, options)
    for cause in causes(report.findings):
        finding = cause.finding
        about, rest = headline(finding)
        message = f"{about}{rest}".removeprefix(": ")
        is_failure = finding.severity.rank <= (options.fail_on or Severity.ERROR).rank
        yield _Case(
            group=f"envaudit.{plain(finding.code)}",
            name=message,
            end="failure" if is_failure else "passed",
            kind=finding.severity.value,
            message=message,
            text="\n".join((f"{finding.severity.value}: {message}", *_said(tuple(rows(cause, view))))),
        )


def _said(entries: tuple[tuple[str, str, str, bool, bool], ...]) -> Iterator[str]:
    for label, text, *_ in entries:
        yield f"{label}: {text}" if label else text


def _gaps(report: Report, options: ReportOptions) -> Iterator[_Case]:
    view = view_of(report, options)
    for gap in report.gaps:
        yield _Case(
            group=f"envaudit.{plain(gap.code) or 'gap'}",
            name=f"not checked: {view.place(gap.what)}",
            end="error" if report.verdict == "incomplete" else "skipped",
            kind="not checked",
            message=plain(gap.why),
        )


def _properties(report: Report, options: ReportOptions) -> Iterator[tuple[str, str]]:
    yield "verdict", report.verdict
    yield "exit_code", str(report.exit_code)
    yield "target", target_line(report, options.root)
    yield "rules", plain(report.rules.version)
    yield "not_checked", str(len(report.gaps))
    for each in report.suppressed:
        about, rest = headline(each.finding)
        yield "suppressed", f"{plain(each.finding.code)} {about}{rest} (by {plain(each.by)})"


def _test(case: _Case) -> Iterator[str]:
    head = f"<testcase classname={_quoted(case.group)} name={_quoted(case.name)}"
    if case.end == "passed":
        yield f"{head}><system-out>{_content(case.text)}</system-out></testcase>"
    else:
        kind = "" if case.end == "skipped" else f" type={_quoted(case.kind)}"
        yield f"{head}><{case.end}{kind} message={_quoted(case.message)}>{_content(case.text)}</{case.end}></testcase>"


def _property(name: str, value: str) -> str:
    return f"<property name={_quoted(name)} value={_quoted(value)}/>"


def _quoted(text: str) -> str:
    """Return a text that is safe to print as the value of an attribute."""
    return f'"{text.translate(_ENTITIES)}"'


def _content(text: str) -> str:
    return text.translate(_LINES)
