"""NumPy's C API of distributions that are only described: what the shipped table makes of a set of pins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from envaudit.checks.registry import run_checks
from envaudit.model import Confidence, Finding, Gap, NumpyNeed, PredictedBuild, Severity, replace
from envaudit.rulebook import default_folder
from envaudit.rulebook.derived import load_derived, predict
from tests.support.checks import NO_RULES
from tests.support.facts import make_binary, make_dist, make_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envaudit.model import Distribution


def _judged(dists: Sequence[Distribution], numpy: str = "2.2.6", **fields: Any) -> tuple[list[Finding], list[Gap]]:
    """Describe a target of these distributions, with what the table says of them, and run all checks."""
    facts = make_facts(dists, numpy=numpy, kind="described")
    facts = replace(facts, predicted=predict(load_derived(default_folder()), facts.distributions, ()), **fields)
    judgement = run_checks(facts, NO_RULES)
    found = [finding for finding in judgement.findings if finding.code.startswith("ABI")]
    return found, [gap for gap in judgement.gaps if gap.code.startswith("ABI")]


def test_pandas_2_0_3_on_numpy_2_fails() -> None:
    (finding,), gaps = _judged([make_dist("pandas", "2.0.3", "numpy>=1.20.3")])
    assert (finding.code, finding.severity, finding.confidence) == ("ABI001", Severity.ERROR, Confidence.PREDICTED)
    assert (finding.distribution, finding.version) == ("pandas", "2.0.3")
    assert finding.message == "pandas 2.0.3 was built with NumPy 1.x headers, and NumPy would be 2.2.6"
    assert "its wheel was read" in finding.evidence[0].detail
    assert "2.2.2 is the first release" in finding.evidence[1].detail
    assert ("numpy<2",) in [fix.constraints for fix in finding.fix]
    assert ("pandas>=2.2.2",) in [fix.constraints for fix in finding.fix]
    assert gaps == []


@pytest.mark.parametrize(
    ("pandas", "numpy"), [("2.2.2", "2.2.6"), ("2.2.3", "2.0.2"), ("2.0.3", "1.26.4"), ("3.9", "2.4.6")]
)
def test_what_fits_is_silent(pandas: str, numpy: str) -> None:
    assert _judged([make_dist("pandas", pandas, "numpy")], numpy) == ([], [])


def test_an_old_pybind11_is_said_to_be_silently_wrong() -> None:
    (finding,), _ = _judged([make_dist("qdldl", "0.1.7.post0", "numpy")])
    assert (finding.code, finding.severity) == ("ABI002", Severity.ERROR)
    assert "SILENTLY WRONG" in finding.message
    assert _judged([make_dist("qdldl", "0.1.7.post1", "numpy")]) == ([], [])


def test_an_old_rust_numpy_is_a_warning() -> None:
    (finding,), _ = _judged([make_dist("tokenizers", "0.15.2", "numpy")])
    assert (finding.code, finding.severity) == ("ABI002", Severity.WARNING)


def test_what_is_known_of_a_package_that_survives_is_said_here_too() -> None:
    (finding,), _ = _judged([make_dist("torch", "2.2.2")])
    assert (finding.code, finding.severity) == ("ABI001", Severity.WARNING)
    assert "prints a warning" in finding.symptom


def test_what_is_unknown_is_a_gap_where_it_may_matter() -> None:
    tags = ("cp311-cp311-manylinux_2_17_x86_64",)
    unknown = make_dist("unheard-of", "1.0", "numpy>=1.20", wheel_tags=tags)
    pure = make_dist("pure", "1.0", "numpy", wheel_tags=("py3-none-any",))
    other = make_dist("without", "1.0", wheel_tags=tags)
    found, gaps = _judged([unknown, pure, other])
    assert found == []
    assert [gap.what for gap in gaps] == ["unheard-of 1.0"]
    assert _judged([unknown], "1.26.4") == ([], []), "on NumPy 1.x nothing of this kind fails"


def test_bytes_win() -> None:
    """A pandas 2.0.3 that was built here for NumPy 2 is installed: its files are read and the table is not asked."""
    pandas = make_dist("pandas", "2.0.3", "numpy")
    binary = make_binary(pandas, "pandas/_libs/lib.so", NumpyNeed("c-api", "2.x", feature=0x10))
    facts = make_facts([pandas], [binary], "2.2.6")
    assert predict(load_derived(default_folder()), facts.distributions, {pandas.info_path}) == ()
    assert [f for f in run_checks(facts, NO_RULES).findings if f.code.startswith("ABI")] == []
    unread = replace(facts, predicted=(PredictedBuild(pandas.key, "1.x", "measured", "2.2.2"),))
    assert [f.code for f in run_checks(unread, NO_RULES).findings if f.code.startswith("ABI")] == ["ABI001"]
