"""A few compiled modules are loaded with an old and a new NumPy, and do what was said of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.e2e.import_matrix import NUMPYS, WHEELS, WRONG, Loaded, Matrix, mixed, table

if TYPE_CHECKING:
    from pathlib import Path

SENTENCE = "ValueError: numpy.dtype size changed"


@pytest.mark.network
def test_modules_do_what_was_said(tmp_path: Path) -> None:
    matrix = Matrix(tmp_path)
    # By hand, by hand for NumPy 2, Cython that only compares sizes, Cython that asks NumPy first, pybind11.
    wheels = ("numexpr==2.8.4", "numexpr==2.10.1", "blis==0.7.11", "cftime==1.6.3", "contourpy==1.2.0")
    rows = [row for wheel in wheels for row in matrix.run("3.11", wheel, ("1.26.4", "2.0.2"))]
    assert not [row for row in rows if row.verdict in WRONG]
    seen = {(row.wheel, row.actual) for row in rows if row.numpy == "2.0.2" and row.verdict != "other"}
    assert seen >= {
        ("numexpr==2.8.4", "abi"),
        ("numexpr==2.10.1", "ok"),
        ("blis==0.7.11", "size"),
        ("cftime==1.6.3", "abi"),
        ("contourpy==1.2.0", "ok"),
    }
    assert {row.actual for row in rows if row.numpy == "1.26.4"} <= {"ok", "other"}


@pytest.mark.parametrize(
    ("predicted", "actual", "text", "verdict"),
    [
        ("ok", "ok", "", "ok"),
        ("ok", "abi", "", "MISSED"),
        ("ok", "other", "", "other"),
        ("abi", "ok", "", "WRONG ALARM"),
        ("abi", "other", "", "other"),
        ("abi", "abi", "", "fails"),
        ("size", "size", f"{SENTENCE}, and so on", "fails"),
        ("size", "size", "ValueError: numpy.ufunc size changed", "fails otherwise"),
        ("size", "abi", "", "fails otherwise"),
        ("unknown", "abi", "", "not claimed"),
    ],
)
def test_verdicts(predicted: str, actual: str, text: str, verdict: str) -> None:
    row = Loaded("3.11", "2.0.2", "a==1", "a/_b.so", predicted, actual, SENTENCE if predicted == "size" else "", text)
    assert row.verdict == verdict
    assert table([row]).splitlines()[-1].split()[1:].count("1") == 1


def test_a_part_of_the_wheels_is_a_sample_of_all() -> None:
    order = mixed(NUMPYS)
    assert sorted(order) == sorted((python, wheel) for python in NUMPYS for wheel in WHEELS[python].split())
    assert len(set(order)) == len(order)
    assert set(Counter(python for python, _ in order[:20])) == set(NUMPYS)
