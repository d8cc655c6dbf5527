"""INS001 and ENV001 to ENV004."""

from __future__ import annotations

import pytest

from envaudit.checks.env import check_environment
from envaudit.checks.ins import check_installed
from envaudit.model import Finding, Gap, MetadataProblem, Severity, TargetProblem, replace
from tests.support.facts import make_binary, make_dist, make_facts


def test_compiled_files_that_are_gone_are_one_finding_a_distribution() -> None:
    scipy, sound = make_dist("scipy", "1.13.1"), make_dist("sound")
    gone = [
        replace(make_binary(scipy, f"scipy/linalg/{name}.so"), facts=None, missing=True)
        for name in ("_fblas", "_flapack")
    ]
    there = [make_binary(scipy, "scipy/ok.so"), replace(make_binary(sound, "sound/x.so"), facts=None)]
    (finding,) = check_installed(make_facts([scipy, sound], [*gone, *there]))
    assert isinstance(finding, Finding)
    assert (finding.code, finding.severity) == ("INS001", Severity.ERROR)
    assert finding.message == "scipy 1.13.1 lacks 2 compiled files that it was installed with"
    assert [item.path.rpartition("/")[2] for item in finding.evidence] == ["_fblas.so", "_flapack.so"]
    assert finding.fix[0].command.endswith("--reinstall --no-deps scipy==1.13.1")


@pytest.mark.parametrize(
    ("path", "severity"),
    [
        ("scipy/integrate/_test_multivariate.cpython-311-x86_64-linux-gnu.so", Severity.NOTE),
        ("numpy/_core/_rational_tests.cpython-311-x86_64-linux-gnu.so", Severity.NOTE),
        ("pkg/tests/_helper.so", Severity.NOTE),
        ("pkg/_latest.so", Severity.ERROR),
        ("pkg/contest/_core.so", Severity.ERROR),
    ],
)
def test_modules_for_tests_are_removed_on_purpose(path: str, severity: Severity) -> None:
    dist = make_dist("pkg")
    (finding,) = check_installed(make_facts([dist], [replace(make_binary(dist, path), facts=None, missing=True)]))
    assert isinstance(finding, Finding)
    assert finding.severity is severity


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


def test_a_release_without_a_valid_version_is_installed_again_without_one() -> None:
    nameless = make_dist("odd", "", problems=())
    gone = replace(make_binary(nameless, "odd/_core.so"), facts=None, missing=True)
    (finding,) = check_installed(make_facts([nameless], [gone]))
    assert isinstance(finding, Finding)
    assert finding.fix[0].command.endswith("--reinstall --no-deps odd")
