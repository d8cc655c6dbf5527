from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.model import Evidence, Facts, Finding, Fix, Gap, Severity, Timings, replace
from envaudit.report import QUIET, VERBOSE, ReportOptions, render
from envaudit.report.words import causes
from tests.report.samples import (
    ABI,
    BROKEN,
    FACTS,
    GAPS,
    HEALTHY,
    IGNORED,
    MISSING,
    SEEN,
    TARGET,
    finding,
    report,
)

if TYPE_CHECKING:
    from envaudit.model import Report

ROOT = "/home/ada/project"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
SIZE_CHANGED = ABI.symptom


def text(value: Report, **options: Any) -> str:
    return render(value, ReportOptions(**{"root": ROOT, **options}))


def shown(*findings: Finding, **options: Any) -> str:
    """Return what is shown of findings, without the first and the last line."""
    return text(report(findings=findings), **options).split("\n\n", 1)[1].rsplit("\n\n", 1)[0]


def last_line(**more: Any) -> str:
    return text(report(**more)).splitlines()[-1]


def test_a_broken_environment() -> None:
    assert (
        text(BROKEN)
        == f"""\
envaudit 0.1.0  .venv: CPython 3.11.7, Linux x86_64, glibc 2.36, 2 distributions, 3 compiled files (argument)

error[ABI001] pandas 2.0.3 was built for NumPy 1.x, but NumPy 2.4.6 is installed
    because  site-packages: 45 of 45 compiled modules that use NumPy's C API
             site-packages/pandas/_libs/m00.so: built with NumPy 1.x headers, by Cython
             site-packages/pandas/_libs/m01.so: built with NumPy 1.x headers, by Cython
             and 12 more (-v shows all)
    you see  {SIZE_CHANGED}
    seen     smoke test pandas: the import raised an exception [RUN002]
    fix      uv pip install --python .venv/bin/python 'pandas>=2.2.2'
    or       uv pip install --python .venv/bin/python 'numpy<2'
    or       uv pip install --python .venv/bin/python 'numpy==1.26.4'

warning[DEP001] demo 1.0 needs attrs>=22, which is not installed
    in       requirements.txt:12
    you see  ModuleNotFoundError: No module named 'attr'

broken: 1 error, 1 warning, 0 notes; 1 finding ignored by settings; 3 things were not checked (-v lists them)
"""
    )


def test_a_healthy_environment() -> None:
    assert (
        text(HEALTHY)
        == """\
envaudit 0.1.0  .venv: CPython 3.11.7, Linux x86_64, glibc 2.36, 2 distributions, 3 compiled files (argument)

healthy: 2 distributions, 3 compiled files, 1 smoke test; 0 not checked
"""
    )


def test_quiet_says_errors_and_the_verdict() -> None:
    assert (
        text(BROKEN, verbosity=QUIET)
        == """\
error[ABI001] pandas 2.0.3 was built for NumPy 1.x, but NumPy 2.4.6 is installed
broken: 1 error, 1 warning, 0 notes; 1 finding ignored by settings; 3 things were not checked (-v lists them)
"""
    )


def test_verbose_says_all() -> None:
    out = text(BROKEN, verbosity=VERBOSE)
    assert out.count("built with NumPy 1.x headers") == 14
    assert "-v" not in out
    site = ".venv/lib/python3.11/site-packages"
    assert (
        out.split("    with     numpy 2.4.6\n")[1]
        == f"""\
    fix      uv pip install --python .venv/bin/python 'pandas>=2.2.2'
             keeps it so: pandas>=2.2.2
    or       uv pip install --python .venv/bin/python 'numpy<2'
             keeps it so: numpy<2
    or       uv pip install --python .venv/bin/python 'numpy==1.26.4'

warning[DEP001] demo 1.0 needs attrs>=22, which is not installed
    in       requirements.txt:12
    you see  ModuleNotFoundError: No module named 'attr'
    basis    predicted from metadata, a date or a rule; not seen happening

not checked
    ABI  the file ends before its last segment:
        {site}/odd/core.so
        {site}/odd/more.so
    RUN  smoke test torch: needs 6 GiB of memory, 4 GiB are allowed

ignored by settings
    error[DEP002] old 0.1 needs numpy<2, but 2.4.6 is installed (by ignore DEP002:old (--ignore))

took  reading and checking 0.12 s, smoke tests 4.2 s; 42 rules of version 2026.11.1

broken: 1 error, 1 warning, 0 notes; 1 finding ignored by settings; 3 things were not checked
"""
    )


def test_verbose_with_nothing_to_add() -> None:
    out = text(replace(HEALTHY, timings=Timings(0.5)), verbosity=VERBOSE)
    assert out.splitlines()[2:] == [
        "took  reading and checking 0.50 s, smoke tests not run; 42 rules of version 2026.11.1",
        "",
        "healthy: 2 distributions, 3 compiled files, 1 smoke test; 0 not checked",
    ]


class TestFirstLine:
    @pytest.mark.parametrize(
        ("change", "line"),
        [
            (
                {"prefix": ROOT},
                ".: CPython 3.11.7, Linux x86_64, glibc 2.36, 0 distributions, 0 compiled files (argument)",
            ),
            (
                {"prefix": "/opt/env", "libc": "", "platform": "macosx-arm64", "python": "3.12", "chosen_by": ""},
                "/opt/env: CPython 3.12, macOS arm64, 0 distributions, 0 compiled files",
            ),
            (
                {"prefix": "", "kind": "described", "libc": "", "platform": "", "implementation": ""},
                "described: Python 3.11.7, unknown platform, 0 distributions, 0 compiled files (argument)",
            ),
            (
                {"free_threaded": True, "platform": "win-amd64", "implementation": "PyPy", "chosen_by": "\x1b[2J"},
                (
                    ".venv: PyPy 3.11.7 free-threaded, Windows amd64, glibc 2.36, 0 distributions, 0 compiled files "
                    r"(\x1b[2J)"
                ),
            ),
        ],
    )
    def test_it_names_the_target(self, change: dict[str, Any], line: str) -> None:
        out = text(report(facts=Facts(replace(TARGET, **change))))
        assert out.splitlines()[0] == f"envaudit 0.1.0  {line}"


class TestVerdict:
    """The last line is what a tired reader takes home: it never sounds better than it is."""

    @pytest.mark.parametrize(
        ("more", "line"),
        [
            ({}, "healthy: 2 distributions, 3 compiled files, 2 smoke tests; 0 not checked"),
            (
                {"facts": Facts(TARGET)},
                "healthy: 0 distributions, 0 compiled files, no smoke test run; 0 not checked",
            ),
            (
                {"facts": replace(FACTS, smoke=tuple(replace(each, end="not-run") for each in FACTS.smoke))},
                "healthy: 2 distributions, 3 compiled files, no smoke test run; 0 not checked",
            ),
            (
                {"gaps": GAPS[:1]},
                (
                    "nothing wrong found: 2 distributions, 3 compiled files, 2 smoke tests; "
                    "1 thing was not checked (-v lists it)"
                ),
            ),
            (
                {"suppressed": (IGNORED, IGNORED)},
                (
                    "nothing wrong found: 2 distributions, 3 compiled files, 2 smoke tests; "
                    "2 findings ignored by settings; 0 not checked"
                ),
            ),
            (
                {"findings": (finding(severity=Severity.NOTE),)},
                "healthy: 2 distributions, 3 compiled files, 2 smoke tests; 1 note; 0 not checked",
            ),
            (
                {"findings": (MISSING,)},
                "usable with care: 0 errors, 1 warning, 0 notes; 0 not checked",
            ),
            (
                {"findings": (MISSING,), "verdict": "findings", "exit_code": 1},
                "not accepted: 0 errors, 1 warning, 0 notes; 0 not checked",
            ),
            (
                {"findings": (finding(),), "verdict": "findings"},
                "broken: 1 error, 0 warnings, 0 notes; 0 not checked",
            ),
            (
                {"findings": (finding(),), "verdict": "incomplete", "gaps": GAPS},
                (
                    "broken: 1 error, 0 warnings, 0 notes; not all checks could be completed; "
                    "3 things were not checked (-v lists them)"
                ),
            ),
            (
                {"verdict": "incomplete", "gaps": GAPS},
                (
                    "not fully checked: this is no all-clear; so far 0 errors, 0 warnings, 0 notes; "
                    "3 things were not checked (-v lists them)"
                ),
            ),
        ],
    )
    def test_words(self, more: dict[str, Any], line: str) -> None:
        assert last_line(**more) == line


class TestCauses:
    A, B, C = (finding("RUN001", subject=name) for name in "abc")

    def groups(self, *findings: Finding) -> list[str]:
        return [each.finding.subject + "".join(effect.subject for effect in each.effects) for each in causes(findings)]

    def explaining(self, what: Finding, *effects: Finding) -> Finding:
        return replace(what, explains=tuple(each.fingerprint for each in effects))

    def test_an_effect_is_shown_below_its_cause_only(self) -> None:
        assert self.groups(self.A, self.explaining(self.B, self.A)) == ["ba"]

    def test_an_effect_of_an_effect_belongs_to_the_first_cause(self) -> None:
        assert self.groups(self.explaining(self.A, self.B), self.explaining(self.B, self.C), self.C) == ["abc"]

    def test_two_causes_of_one_effect_both_show_it(self) -> None:
        assert self.groups(self.explaining(self.A, self.C), self.explaining(self.B, self.C), self.C) == ["ac", "bc"]

    def test_a_ring_of_causes_hides_nothing(self) -> None:
        assert self.groups(self.explaining(self.A, self.B), self.explaining(self.B, self.A)) == ["ab"]
        assert self.groups(self.explaining(self.A, self.A), self.B) == ["a", "b"]

    def test_an_absent_effect_is_no_harm(self) -> None:
        assert self.groups(replace(self.A, explains=("0" * 16,))) == ["a"]

    def test_the_symptom_of_an_effect_is_not_said_twice(self) -> None:
        out = shown(replace(ABI, evidence=(), fix=()), SEEN)
        assert out.count("numpy.dtype size changed") == 1
        out = shown(replace(ABI, evidence=(), fix=()), replace(SEEN, symptom="ImportError: x\n  y"))
        assert out.splitlines()[-3:] == [
            "    seen     smoke test pandas: the import raised an exception [RUN002]",
            "               ImportError: x",
            "                 y",
        ]

    def test_nor_is_it_repeated_in_a_message(self) -> None:
        effect = replace(SEEN, message=f"pandas 2.0.3 fails with {SIZE_CHANGED} (smoke test pandas.groupby)")
        out = shown(replace(ABI, evidence=(), fix=()), effect)
        assert "    seen     pandas 2.0.3 fails with exactly this (smoke test pandas.groupby) [RUN002]" in out
        out = shown(replace(ABI, evidence=(), fix=(), symptom=""), effect)
        assert "numpy.dtype size changed" in out

    def test_other_effects_are_no_sightings(self) -> None:
        out = shown(replace(ABI, evidence=(), fix=(), explains=(MISSING.fingerprint,)), MISSING)
        assert "    causes   demo 1.0 needs attrs>=22, which is not installed [DEP001]" in out


class TestFinding:
    @pytest.mark.parametrize(
        ("message", "distribution", "version", "line"),
        [
            ("needs more", "demo", "1.0", "error[DEP001] demo 1.0: needs more"),
            ("needs more", "demo", "", "error[DEP001] demo: needs more"),
            ("it is gone", "", "", "error[DEP001] it is gone"),
            ("Demo 1.0 needs more", "demo", "1.0", "error[DEP001] Demo 1.0 needs more"),
            ("demo is there twice", "demo", "1.0", "error[DEP001] demo is there twice"),
            ("demo_x is bad", "demo-x", "1", "error[DEP001] demo_x is bad"),
            ("demos are bad", "demo", "1", "error[DEP001] demo 1: demos are bad"),
        ],
    )
    def test_the_name_is_said_once(self, message: str, distribution: str, version: str, line: str) -> None:
        assert shown(finding(message=message, distribution=distribution, version=version)) == line

    @pytest.mark.parametrize(("count", "lines", "more"), [(3, 3, ""), (4, 4, ""), (5, 3, "and 2 more (-v shows all)")])
    def test_evidence_is_cut_when_that_saves_lines(self, count: int, lines: int, more: str) -> None:
        out = shown(finding(evidence=tuple(Evidence(f"/x/{n}", "seen here", n + 1) for n in range(count))))
        assert out.count("seen here") == lines
        assert out.splitlines()[1] == "    because  /x/0:1: seen here"
        assert ("more" in out.splitlines()[-1]) == bool(more)
        assert more in out

    def test_evidence_without_a_file_or_without_words(self) -> None:
        out = shown(finding(evidence=(Evidence("", "the date"), Evidence("/x/y", ""))))
        assert out.splitlines()[1:] == ["    because  the date", "             /x/y"]

    def test_a_long_symptom_is_cut(self) -> None:
        long = finding(symptom="\n".join(f"line {n}" for n in range(20)))
        assert shown(long).splitlines()[6:] == ["             line 5", "             and 14 more lines (-v shows all)"]
        assert "line 19" in shown(long, verbosity=VERBOSE)

    def test_commands_and_symptoms_are_never_broken(self) -> None:
        command, symptom = f"pip install {'package ' * 30}end", f"ValueError: {'word ' * 40}end"
        out = shown(finding(symptom=symptom, fix=(Fix(command),)), width=40).splitlines()
        assert f"    you see  {symptom}" in out
        assert f"    fix      {command}" in out

    @pytest.mark.parametrize("width", [1, 40, 60, 100])
    def test_texts_wrap_with_a_hanging_indent(self, width: int) -> None:
        item = finding(message="some words " * 30, evidence=(Evidence("/x/" + "y" * 70, "more words " * 20),))
        head, *rest = shown(item, width=width).splitlines()
        limit = max(width, 40)
        assert len(head) <= limit
        assert all(len(line) <= limit + 13 or "y" * 70 in line for line in rest)
        assert all(line.startswith("    ") and not line.endswith(" ") for line in rest)
        joined = " ".join(" ".join([head, *rest]).split())
        assert joined.count("some words") == 30
        assert joined.count("more words") == 20


class TestHostileTexts:
    def test_nothing_of_a_target_reaches_the_terminal_raw(self) -> None:
        bad = "a\x1b[2J\u202e\rb\nerror[ABI001] forged"
        item = Finding(
            code=bad,
            severity=Severity.ERROR,
            confidence=MISSING.confidence,
            message=bad,
            distribution=bad,
            version=bad,
            involves=tuple(replace(each, name=bad, version=bad) for each in ABI.involves),
            symptom=bad,
            evidence=(Evidence(bad, bad, 1),),
            fix=(Fix(bad, (bad,)),),
            location=replace(MISSING.location, path=bad) if MISSING.location else None,
        )
        effect = replace(item, code="RUN001", subject="x", symptom=bad + "more")
        cause = replace(item, explains=(effect.fingerprint,))
        hostile = report(
            findings=(cause, effect),
            gaps=(Gap(bad, bad, bad),),
            suppressed=(replace(IGNORED, finding=item, by=bad),),
            rules=replace(BROKEN.rules, version=bad),
            facts=Facts(
                replace(TARGET, prefix=bad, python=bad, implementation=bad, platform=bad, libc=bad, chosen_by=bad)
            ),
        )
        out = text(hostile, verbosity=VERBOSE)
        assert all(line.isprintable() for line in out.splitlines())
        # A symptom may have lines of its own, but they are indented: no line looks like a finding of ours.
        assert not re.search(r"^error\[ABI001\]", out, re.MULTILINE)
        colored = text(hostile, verbosity=VERBOSE, color=True)
        assert ESCAPE.sub("", colored) == out

    def test_markup_of_the_terminal_library_is_text(self) -> None:
        item = finding(message="[bold]x[/] :smile: [link=http://x]y")
        assert "[bold]x[/] :smile: [link=http://x]y" in ESCAPE.sub("", text(report(findings=(item,)), color=True))


class TestColor:
    @pytest.mark.parametrize("verbosity", [QUIET, 0, VERBOSE])
    @pytest.mark.parametrize("sample", [BROKEN, HEALTHY])
    def test_colours_change_nothing_but_colours(self, sample: Report, verbosity: int) -> None:
        colored = text(sample, verbosity=verbosity, color=True)
        assert ESCAPE.sub("", colored) == text(sample, verbosity=verbosity)
        assert "\x1b[" in colored

    def test_the_environment_of_the_process_does_not_decide(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("TERM", "dumb")
        assert "\x1b[1;31merror\x1b[0m" in text(BROKEN, color=True)
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert "\x1b" not in text(BROKEN)

    def test_each_verdict_has_its_colour(self) -> None:
        assert "\x1b[1;32mhealthy" in text(HEALTHY, color=True)
        assert "\x1b[1;31mbroken" in text(BROKEN, color=True)
        assert "\x1b[1;33mnot fully checked" in text(report(verdict="incomplete", exit_code=3), color=True)
        assert "\x1b[1;33musable" in text(report(findings=(MISSING,)), color=True)


def test_every_format_carries_the_same_codes() -> None:
    codes = {each.code for each in BROKEN.findings}
    for name in ("text", "json"):
        out = text(BROKEN, format=name)
        assert {code for code in codes if code in out} == codes
