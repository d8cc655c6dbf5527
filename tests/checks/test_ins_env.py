"""INS004 and ENV001 to ENV004."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envaudit.checks.env import check_environment
from envaudit.checks.ins import check_installed
from envaudit.model import Finding, Gap, MetadataProblem, Severity, TargetProblem
from tests.support.facts import make_dist, make_facts


def test_two_versions_in_one_folder() -> None:
    new = make_dist("numpy", "2.0.2")
    old = make_dist("numpy", "1.26.4", hidden_by=new.info_path)
    (finding,) = check_installed(make_facts([new, old]))
    assert isinstance(finding, Finding)
    assert (finding.code, finding.severity, finding.distribution) == ("INS004", Severity.ERROR, "numpy")
    assert "2.0.2" in finding.message
    assert "1.26.4" in finding.message
    assert "'numpy==2.0.2'" in finding.fix[0].command or "numpy==2.0.2" in finding.fix[0].command


def test_one_version_with_two_sets_of_metadata_is_only_a_note() -> None:
    wheel = make_dist("cryptography", "38.0.4")
    egg = make_dist("cryptography", "38.0.4", info_path="/x/cryptography.egg-info", hidden_by=wheel.info_path)
    (finding,) = check_installed(make_facts([wheel, egg]))
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.symptom) == (Severity.NOTE, "")


def test_the_same_distribution_in_two_folders_is_normal() -> None:
    venv = make_dist("numpy", "2.0.2")
    system = make_dist("numpy", "1.24.2", site_dir="/usr/lib/python3/dist-packages", hidden_by=venv.info_path)
    assert list(check_installed(make_facts([venv, system]))) == []


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
