"""The list of checks: what runs for which codes, and what a part that fails leaves of the others."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import NoReturn

import pytest

from envaudit.checks.registry import CHECKS, Part, run_checks
from tests.support.checks import NO_RULES
from tests.support.facts import make_dist, make_facts

PARTS = [part for check in CHECKS for part in check.parts]


def _places(*codes: str) -> list[str]:
    return [part.place for check in CHECKS for part in check.only(codes.__contains__).parts]


def test_only_the_parts_run_that_can_report_what_is_wanted() -> None:
    assert _places("PLT003") == ["plt.check_suffixes"]
    assert _places("LNK001") == ["lnk.unknown_loader", "lnk_missing.check_missing", "lnk_elsewhere.check_elsewhere"]
    assert _places("EA") == ["known.check_known", "known_ranges.check_ranges"]
    assert _places() == []
    assert _places(*(code for check in CHECKS for code in check.codes)) == [part.place for part in PARTS]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.place)
def test_every_part_is_a_function_and_names_the_codes_of_its_module(part: Part) -> None:
    name, _, function = part.place.partition(".")
    module = import_module(f"envaudit.checks.{name}")
    takes = signature(getattr(module, function)).parameters
    assert list(takes) == (["facts", "rulebook"] if part.by_rules else ["facts"])
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    reported = set(re.findall(r'code="([A-Z]{3}[0-9]{3})"', text))
    assert reported <= {code for each in PARTS if each.place.startswith(f"{name}.") for code in each.codes}


def test_a_part_that_fails_is_a_gap_and_the_others_say_what_they_find() -> None:
    def fail(_: object) -> NoReturn:
        raise ZeroDivisionError("by nothing")

    (declared,) = (check for check in CHECKS if check.name == "declared dependencies")
    first, second = declared.parts
    broken = declared._replace(parts=(second._replace(when=fail), first))
    judged = run_checks(make_facts([make_dist("flask", "3.0.0", "jinja2")]), NO_RULES, (broken,))
    assert judged.crashed
    assert [finding.code for finding in judged.findings] == ["DEP001"]
    assert [(gap.code, gap.what, gap.why) for gap in judged.gaps] == [
        ("DEP002", "the check of declared dependencies", "it failed: ZeroDivisionError: by nothing")
    ]
