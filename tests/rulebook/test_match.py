from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envaudit.rulebook import Certainty, match_rule, parse_version
from envaudit.rulebook.lint import environment
from tests.rulebook.examples import parsed

if TYPE_CHECKING:
    from typing import Any

MARKERS = environment("3.11", "linux-x86_64")
NEWER_PACKAGING = hasattr(SpecifierSet("<1"), "is_disjoint")


def answer(offers: dict[str, Any], *changes: tuple[str, str], markers: dict[str, str] = MARKERS) -> Certainty | None:
    return match_rule(parsed(*changes), offers, markers)  # type: ignore[arg-type]


def installed(**versions: str) -> dict[str, Any]:
    return {name: parse_version(version) for name, version in versions.items()}


@pytest.mark.parametrize(
    ("alpha", "beta", "expected"),
    [
        ("1.9", "3.0", Certainty.CERTAIN),
        ("2.0", "3.0", None),
        ("1.9", "2.9", None),
        ("1.9", "3.0rc1", Certainty.CERTAIN),  # a pre-release of what broke it
        ("2.0rc1", "3.0", None),  # < 2.0 does not mean its own pre-releases
        ("1.9.post1", "3.0", Certainty.CERTAIN),
        ("1.9+cpu", "3.0", Certainty.CERTAIN),
        ("1.9", "3.0+cu121", Certainty.CERTAIN),
        ("2.0+cpu", "3.0", None),
        ("not a version", "3.0", Certainty.UNKNOWN),
        ("not a version", "2.0", None),  # the other one rules it out
    ],
)
def test_installed_versions(alpha: str, beta: str, expected: Certainty | None) -> None:
    assert answer(installed(alpha=alpha, beta=beta)) is expected


def test_a_missing_distribution_is_no_match() -> None:
    assert answer(installed(alpha="1.9")) is None
    assert answer({}) is None


def test_post_release_edges() -> None:
    edge = ('"alpha<2.0"', '"alpha<0.6.7.post0"')
    pins = ('bad = ["alpha==1.9"', 'bad = ["alpha==0.6.7"')
    assert answer(installed(alpha="0.6.7", beta="3"), edge, pins) is Certainty.CERTAIN
    assert answer(installed(alpha="0.6.7.post0", beta="3"), edge, pins) is None


@pytest.mark.parametrize(
    ("alpha", "beta", "expected"),
    [
        ("<1.5", ">=3", Certainty.CERTAIN),
        ("", ">=3", Certainty.POSSIBLE),
        ("<1.5", "", Certainty.POSSIBLE),
        (">=2", ">=3", None),
        ("==1.9", "==3.1", Certainty.CERTAIN),
        ("==2.1", "==3.1", None),
        ("==1.*", "==3.1", Certainty.CERTAIN),
    ],
)
def test_ranges(alpha: str, beta: str, expected: Certainty | None) -> None:
    offers = {"alpha": SpecifierSet(alpha), "beta": SpecifierSet(beta)}
    undecided = not NEWER_PACKAGING and not re.fullmatch(r"==[\d.]+", alpha)  # then only pins are decided
    assert answer(offers) is (Certainty.POSSIBLE if undecided else expected)


def test_ranges_without_set_operations_are_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    if NEWER_PACKAGING:
        monkeypatch.delattr(SpecifierSet, "is_disjoint")
    assert answer({"alpha": SpecifierSet(">=2"), "beta": Version("3")}) is Certainty.POSSIBLE
    assert answer({"alpha": SpecifierSet("==2.1"), "beta": Version("3")}) is None


def test_markers_are_those_of_the_target() -> None:
    env = ("[match]\n", "[match]\nenv = \"python_version >= '3.10' and sys_platform == 'linux'\"\n")
    offers = installed(alpha="1.9", beta="3.0")
    assert answer(offers, env, markers=environment("3.11", "linux-x86_64")) is Certainty.CERTAIN
    assert answer(offers, env, markers=environment("3.9", "linux-x86_64")) is None
    assert answer(offers, env, markers=environment("3.11", "macosx-arm64")) is None


@pytest.mark.parametrize("markers", [{}, {"python_version": "3.11"}])
def test_a_marker_the_target_has_no_value_for_is_unknown(markers: dict[str, str]) -> None:
    env = ("[match]\n", "[match]\nenv = \"python_version >= '3.10' and sys_platform == 'linux'\"\n")
    assert answer(installed(alpha="1.9", beta="3.0"), env, markers=markers) is Certainty.UNKNOWN
    assert answer(installed(alpha="2.1", beta="3.0"), env, markers=markers) is None


def test_a_marker_or_specifier_that_is_none_is_unknown() -> None:
    offers = installed(alpha="1.9", beta="3.0")
    assert answer(offers, ("[match]\n", "[match]\nenv = \"colour == 'red'\"\n")) is Certainty.UNKNOWN
    assert answer(offers, ('"alpha<2.0"', '"alpha<two"')) is Certainty.UNKNOWN


def test_none_forbids() -> None:
    helper = ("[match]\n", '[match]\nnone = ["helper>=1"]\n')
    assert answer(installed(alpha="1.9", beta="3.0"), helper) is Certainty.CERTAIN
    assert answer(installed(alpha="1.9", beta="3.0", helper="1.2"), helper) is None
    assert answer(installed(alpha="1.9", beta="3.0", helper="0.9"), helper) is Certainty.CERTAIN
    assert answer(installed(alpha="1.9", beta="3.0", helper="?"), helper) is Certainty.UNKNOWN


def test_a_bare_name_means_any_version_even_one_that_cannot_be_parsed() -> None:
    assert answer(installed(alpha="???", beta="3.0"), ('"alpha<2.0"', '"alpha"')) is Certainty.CERTAIN


def test_facts_that_are_not_matched_by_are_unknown() -> None:
    facts = ("[match]\n", '[match]\nsubject = "*"\nfacts = ["numpy_capi == \'1\'"]\n')
    assert answer(installed(alpha="1.9", beta="3.0"), facts) is Certainty.UNKNOWN
    assert answer(installed(alpha="1.9", beta="2.0"), facts) is None


def test_signature_needs_pattern_exception_and_context() -> None:
    rule = parsed()
    text = "File \"/env/alpha/__init__.py\", line 1\nImportError: cannot import name 'old' from 'beta.util'"
    assert rule.recognises(text)
    assert not rule.recognises(text.replace("alpha/", "gamma/"))
    assert not rule.recognises(text.replace("ImportError", "KeyError"))
    assert not rule.recognises(text.replace("'old'", "'new'"))
