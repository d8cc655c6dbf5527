"""Nothing is said against environments that nobody has touched: 1,000 distributions, six Pythons, two installers."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e.untouched import ENVIRONMENTS, build
from tests.support.command import envaudit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.untouched import Untouched


def test_there_are_enough_of_them() -> None:
    assert len(ENVIRONMENTS) >= 12
    assert {one.python for one in ENVIRONMENTS} == {f"3.{minor}" for minor in range(8, 14)}
    assert sum(one.least for one in ENVIRONMENTS) >= 1000


@pytest.mark.network
@pytest.mark.parametrize("one", ENVIRONMENTS, ids=lambda one: f"{one.name}-{one.python}-{one.way}")
def test_no_false_alarm(tmp_path: Path, one: Untouched) -> None:
    try:
        target, variables = build(one, tmp_path)
        arguments = ("check", str(target), "-f", "json", "--no-smoke", "--select", "INS,ENV", "--no-cache")
        ran = envaudit(*arguments, timeout=300, **variables)
    finally:
        shutil.rmtree(tmp_path, ignore_errors=True)
    report = ran.report()
    said = [item for item in report["findings"] if item["severity"] != "note"]
    assert [(item["code"], item["message"], item["evidence"][:3]) for item in said] == []
    assert report["target"]["distributions"] >= one.least
