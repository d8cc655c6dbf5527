from __future__ import annotations

import datetime as dt

import pytest

from envaudit.rulebook.age import age_note

DAY = dt.date(2027, 3, 1)


def test_old_rules_are_mentioned() -> None:
    note = "the rules are of November 2026, 91 days old: a newer pyenvaudit or pyenvaudit-rules knows more"
    assert age_note("2026.11.1", DAY) == note


@pytest.mark.parametrize(
    "version", ["2026.12.1", "2027.3.1", "2027.12.9", "unknown", "", "2026.13.1", "2026.11", "0.1.1"]
)
def test_others_are_not(version: str) -> None:
    assert age_note(version, DAY) == ""


def test_a_day_before_they_are_old() -> None:
    assert age_note("2026.11.1", dt.date(2027, 2, 28)) == ""
