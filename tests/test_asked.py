"""Codes are translated into what has to be read."""

from __future__ import annotations

import pytest

from envaudit.asked import Asked, asked_by
from envaudit.codes import CODES

NOTHING = Asked(numpy=False, pybind11=False, versions=False, symbols=False)


def _asked(*selected: str) -> Asked:
    return asked_by(lambda code: any(code.startswith(each) or each.startswith(code) for each in selected), tried=False)


@pytest.mark.parametrize(
    ("selected", "asked"),
    [
        (("LNK001",), NOTHING),
        (("PLT003", "DEP"), NOTHING),
        (("ABI",), NOTHING._replace(numpy=True)),
        (("ABI003",), NOTHING._replace(numpy=True)),
        (("LNK002",), NOTHING._replace(versions=True, symbols=True)),
        (("LNK003",), NOTHING._replace(symbols=True)),
        (("PLT005",), NOTHING._replace(versions=True)),
        (("LNK008",), NOTHING._replace(pybind11=True)),
        (("API002",), NOTHING._replace(names=True)),
        (tuple(CODES), Asked(names=True)),
    ],
)
def test_only_what_the_codes_need_is_read(selected: tuple[str, ...], asked: Asked) -> None:
    assert _asked(*selected) == asked


def test_a_failing_smoke_test_may_have_any_cause() -> None:
    assert asked_by(lambda code: code == "RUN001", tried=True) == Asked()
    assert asked_by(lambda code: code == "API001", tried=True) == Asked(names=True)


def test_what_is_kept_serves_runs_with_other_codes() -> None:
    assert _asked("LNK001").for_keeping() == Asked(symbols=False)
    assert _asked("API001", "LNK003").for_keeping() == Asked(names=True)
