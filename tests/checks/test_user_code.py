"""Findings about the user's own files: code, severity, words, place and way out."""

from __future__ import annotations

import pytest

from envaudit.checks.user_code import check_user_code
from envaudit.model import CodeNeed, CodePlace, Confidence, Involved, Location, Removal, Severity, replace
from tests.support.facts import make_dist, make_facts

FLOAT = CodeNeed(
    "/home/me/train.py",
    "train.py",
    "name",
    "numpy.float",
    "attribute",
    True,
    (CodePlace(12), CodePlace(30)),
    "numpy",
    removal=Removal("1.23.0", "1.24.0", "float", True),
)
FACTS = replace(make_facts([make_dist("numpy", "2.1.0")]), code=(FLOAT,))


def test_a_removed_name_is_an_error_with_everything_that_is_known() -> None:
    (finding,) = check_user_code(FACTS)
    assert (finding.code, finding.severity, finding.confidence) == ("API001", Severity.ERROR, Confidence.PROVEN)
    assert finding.message == ("train.py, line 12: numpy.float is not in numpy 2.1.0; numpy 1.24 removed it; use float")
    assert finding.symptom == "AttributeError: module 'numpy' has no attribute 'float'"
    assert finding.location == Location("/home/me/train.py", 12)
    assert [(each.path, each.line) for each in finding.evidence] == [(FLOAT.path, 12), (FLOAT.path, 30)]
    assert finding.involves == (Involved("numpy", "2.1.0"),)
    (fix,) = finding.fix
    assert fix.constraints == ("numpy<1.24",)
    assert "'numpy<1.24'" in fix.command


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({}, "API001", Severity.ERROR),
        ({"at_import": False}, "API002", Severity.WARNING),
        ({"beside": True}, "API001", Severity.NOTE),
        ({"kind": "module"}, "API001", Severity.ERROR),
        ({"kind": "top", "provider": "", "removal": None}, "API003", Severity.ERROR),
        ({"kind": "top", "provider": "", "removal": None, "at_import": False}, "API003", Severity.WARNING),
        ({"kind": "top", "provider": "python"}, "API001", Severity.ERROR),
    ],
)
def test_code_and_severity(changes: dict[str, object], code: str, severity: Severity) -> None:
    (finding,) = check_user_code(replace(FACTS, code=(replace(FLOAT, **changes),)))
    assert (finding.code, finding.severity) == (code, severity)


@pytest.mark.parametrize(
    ("changes", "message", "symptom"),
    [
        (
            {"form": "from", "removal": None},
            "train.py, line 12: numpy.float is not in numpy 2.1.0",
            "ImportError: cannot import name 'float' from 'numpy'",
        ),
        (
            {"name": "pandas.DataFrame.append", "provider": "", "removal": None, "member": True},
            "train.py, line 12: there is no pandas.DataFrame.append",
            "AttributeError: type object 'DataFrame' has no attribute 'append'",
        ),
        (
            {"kind": "module", "name": "numpy.rec", "removal": Removal("1.0", "2.0.0", "", True)},
            "train.py, line 12: numpy.rec is not in numpy 2.1.0; numpy 2.0 removed it",
            "ModuleNotFoundError: No module named 'numpy.rec'",
        ),
        (
            {"kind": "top", "name": "imp", "provider": "python", "removal": Removal("3.10", "3.11", "", True)},
            "train.py, line 12: imp is not in Python 3.11.7; Python 3.11 removed it",
            "ModuleNotFoundError: No module named 'imp'",
        ),
        (
            {"kind": "top", "name": "foo", "provider": "", "removal": None},
            "train.py, line 12: no installed distribution has a module foo",
            "ModuleNotFoundError: No module named 'foo'",
        ),
        (
            {"path": "/home/me/n.ipynb", "places": (CodePlace(88, "code cell 3, In [7], line 2"),), "removal": None},
            "n.ipynb, code cell 3, In [7], line 2: numpy.float is not in numpy 2.1.0",
            "AttributeError: module 'numpy' has no attribute 'float'",
        ),
    ],
)
def test_words(changes: dict[str, object], message: str, symptom: str) -> None:
    (finding,) = check_user_code(replace(FACTS, code=(replace(FLOAT, **changes),)))
    assert (finding.message, finding.symptom) == (message, symptom)


def test_a_module_that_nobody_has_is_said_once_for_all_files() -> None:
    lost = replace(FLOAT, kind="top", name="foo", form="import", provider="", removal=None, places=(CodePlace(1),))
    needs = [
        replace(lost, path="/p/tests/test_a.py", inside="tests/test_a.py", beside=True),
        replace(lost, path="/p/late.py", inside="late.py", at_import=False),
        replace(lost, path="/p/main.py", inside="main.py"),
    ]
    (finding,) = check_user_code(replace(FACTS, code=tuple(needs)))
    assert finding.message == "main.py, line 1 (and 2 more files): no installed distribution has a module foo"
    assert [each.path for each in finding.evidence] == ["/p/main.py", "/p/late.py", "/p/tests/test_a.py"]
    assert (finding.severity, finding.location) == (Severity.ERROR, Location("/p/main.py", 1))


def test_what_nobody_has_measured_is_only_predicted() -> None:
    need = replace(FLOAT, removal=Removal("1.23.0", "1.24.0", "float", False))
    (finding,) = check_user_code(replace(FACTS, code=(need,)))
    assert finding.confidence is Confidence.PREDICTED


def test_fingerprints_hold_when_lines_versions_and_folders_change() -> None:
    (before,) = check_user_code(FACTS)
    moved = replace(FLOAT, path="/elsewhere/train.py", places=(CodePlace(13),))
    (after,) = check_user_code(replace(make_facts([make_dist("numpy", "2.4.0")]), code=(moved,)))
    (other,) = check_user_code(replace(FACTS, code=(replace(FLOAT, inside="b/train.py"),)))
    assert before.fingerprint == after.fingerprint != other.fingerprint


def test_without_code_there_is_nothing() -> None:
    assert not list(check_user_code(make_facts([make_dist("numpy", "2.1.0")])))
