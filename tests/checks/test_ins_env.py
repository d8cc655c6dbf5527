"""INS001 and ENV001 to ENV004."""

from __future__ import annotations

import pytest

from envaudit.checks.env import check_environment
from envaudit.checks.ins import check_installed
from envaudit.model import Gap, MetadataProblem, TargetProblem, replace
from tests.support.facts import make_dist, make_facts


@pytest.mark.parametrize("kind", ["bad-record", "bad-wheel", "bad-direct-url", "bad-entry-points"])
def test_files_that_say_nothing_usable_are_gaps_that_name_them(kind: str) -> None:
    dist = make_dist("x", problems=(MetadataProblem(kind, "/env/x.dist-info/FILE", "not UTF-8"),))
    (gap,) = check_installed(make_facts([dist]))
    assert isinstance(gap, Gap)
    assert (gap.what, gap.why.startswith("not UTF-8")) == ("/env/x.dist-info/FILE", True)


def test_problems_of_metadata_are_left_to_the_dependency_check() -> None:
    dist = make_dist("x", problems=(MetadataProblem("missing", "/env/x.dist-info/METADATA", "no METADATA"),))
    assert list(check_installed(make_facts([dist]))) == []


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("base-missing", ["ENV001"]),
        ("unreadable", ["ENV002", "ENV002 gap"]),
        ("no-site-packages", ["ENV003"]),
        ("other-python", ["ENV004"]),
        ("assumed-python", ["ENV gap"]),
    ],
)
def test_problems_of_the_target(kind: str, expected: list[str]) -> None:
    facts = make_facts()
    problem = TargetProblem(kind, "/env/bin/python", "what is wrong")  # type: ignore[arg-type]
    items = list(check_environment(replace(facts, target=replace(facts.target, problems=(problem,)))))
    assert [item.code + (" gap" if isinstance(item, Gap) else "") for item in items] == expected


def test_a_sound_environment_has_no_finding() -> None:
    assert list(check_environment(make_facts())) == []
