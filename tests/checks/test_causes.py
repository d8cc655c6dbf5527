"""Smoke failures stand under the defect that caused them, and only under that."""

from __future__ import annotations

import pytest

from envaudit.checks.causes import join_causes
from envaudit.model import Confidence, Finding, Involved, Severity
from envaudit.rulebook import default_folder, load_rules
from tests.support.checks import NO_RULES

NUMPY_ERROR = "ImportError: numpy.core.multiarray failed to import"
SIZE_ERROR = "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header"


def _finding(code: str, distribution: str, symptom: str = "", subject: str = "", *involves: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        confidence=Confidence.PROVEN,
        message=f"{distribution} is broken",
        subject=subject,
        distribution=distribution,
        symptom=symptom,
        involves=tuple(Involved(name, "1") for name in involves),
    )


@pytest.mark.parametrize(
    ("cause", "failure", "joined"),
    [
        (_finding("ABI001", "pandas"), _finding("RUN002", "pandas", SIZE_ERROR), True),
        (_finding("ABI001", "pandas"), _finding("RUN002", "pandas", NUMPY_ERROR), True),
        (_finding("ABI001", "scipy"), _finding("RUN002", "scikit-learn", NUMPY_ERROR, "", "scipy"), True),
        (_finding("ABI001", "pandas"), _finding("RUN002", "pandas", "KeyError: 'a'"), False),
        (_finding("ABI001", "h5py"), _finding("RUN002", "pandas", SIZE_ERROR), False),
        (_finding("ABI002", "qdldl"), _finding("RUN001", "qdldl", "got 1.6"), True),
        (_finding("ABI002", "qdldl"), _finding("RUN003", "qdldl", "Segmentation fault"), True),
        (_finding("ABI002", "qdldl"), _finding("RUN008", "qdldl"), False),
        (
            _finding("DEP001", "flask", subject="requires:jinja2"),
            _finding("RUN002", "flask", "ModuleNotFoundError: No module named 'jinja2'"),
            True,
        ),
        (
            _finding("DEP001", "flask", subject="requires:jinja2"),
            _finding("RUN002", "flask", "ModuleNotFoundError: No module named 'click'"),
            False,
        ),
        (
            _finding("DEP003", "a", subject="requires:charset-normalizer:x"),
            _finding("RUN002", "a", "No module named 'charset_normalizer.md'"),
            True,
        ),
        (
            _finding("PLT003", "numpy"),
            _finding("RUN002", "numpy", "No module named 'numpy._core._multiarray_umath'"),
            True,
        ),
        (_finding("PLT003", "numpy"), _finding("RUN003", "numpy", "Segmentation fault"), False),
        (_finding("LNK007", "scipy"), _finding("RUN003", "scipy", "Bus error"), True),
        (_finding("LNK007", "scipy"), _finding("RUN002", "scipy", "ImportError: x.so: file too short"), True),
        (_finding("LNK007", "scipy"), _finding("RUN002", "scipy", "KeyError"), False),
        (
            _finding("API010", "onnx"),
            _finding("RUN002", "onnx", "VersionError: Detected mismatched Protobuf Gencode/Runtime major versions"),
            True,
        ),
        (
            _finding("API010", "onnx"),
            _finding("RUN002", "onnx", "TypeError: Descriptors cannot be created directly."),
            True,
        ),
        (_finding("API010", "onnx"), _finding("RUN002", "onnx", "TypeError: bad operand type"), False),
        (_finding("INS006", "scipy"), _finding("RUN002", "scipy", "No module named 'scipy.linalg'"), False),
        (_finding("INS008", "scipy", "", "cwd:scipy"), _finding("RUN002", "scipy", "No module named 'scipy.x'"), False),
        (_finding("INS008", "scipy", "", "site:other"), _finding("RUN002", "scipy", "No module named 'scipy.x'"), True),
        (_finding("INS001", "scipy"), _finding("RUN002", "scipy", "cannot import name '_fblas' from 'scipy'"), True),
        (
            _finding("INS001", "scipy"),
            _finding("RUN002", "scipy", "ImportError: libx.so: cannot open shared object file: No such file"),
            True,
        ),
        (_finding("INS001", "scipy"), _finding("RUN003", "scipy", "Segmentation fault"), False),
        (_finding("DEP002", "scipy"), _finding("RUN003", "scipy", "Segmentation fault"), False),
    ],
)
def test_a_cause_must_agree_with_what_was_seen(cause: Finding, failure: Finding, *, joined: bool) -> None:
    first, second = join_causes([cause, failure], NO_RULES)
    assert first.explains == ((failure.fingerprint,) if joined else ())
    assert second == failure


def test_the_blamed_distribution_comes_before_the_others() -> None:
    failure = _finding("RUN002", "pandas", NUMPY_ERROR, "", "h5py")
    joined = join_causes([_finding("ABI001", "h5py"), _finding("ABI001", "pandas"), failure], NO_RULES)
    assert [bool(finding.explains) for finding in joined] == [False, True, False]


def test_one_cause_explains_several_failures() -> None:
    failures = [_finding("RUN002", "pandas", SIZE_ERROR, subject=str(number)) for number in range(3)]
    joined = join_causes([_finding("ABI001", "pandas"), *failures], NO_RULES)
    assert len(joined[0].explains) == 3


@pytest.mark.parametrize("seen", [True, False])
def test_a_rule_explains_what_its_signature_recognises(seen: bool) -> None:
    rulebook = load_rules([default_folder()])
    rule = next(rule for rule in rulebook.active() if rule.id == "EA-2026-0001")
    (signature, *_) = rule.signatures
    shown = f"{rule.symptom} {signature.context}" if seen else "KeyError: 'nothing of the kind'"
    failure = _finding("RUN002", rule.match.all[0].name, shown)
    cause = _finding(rule.id, rule.match.all[0].name)
    assert join_causes([cause, failure], rulebook)[0].explains == ((failure.fingerprint,) if seen else ())
