from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from envaudit.checks.known import check_known
from envaudit.model import (
    Confidence,
    Distribution,
    Facts,
    Finding,
    Gap,
    Involved,
    RulesInfo,
    Severity,
    SiteDir,
    Target,
    replace,
)
from envaudit.rulebook import Rulebook, default_folder, load_rules
from envaudit.rulebook.lint import environment, pinned
from tests.rulebook.examples import parsed

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from envaudit.rulebook import Rule

INFO = RulesInfo("2026.11.1", 1, "sha256:0")


def facts(*versions: tuple[str, str], python: str = "3.11") -> Facts:
    target = Target(
        kind="venv",
        prefix="/env",
        base_prefix="/usr",
        executable="/env/bin/python",
        python=f"{python}.0",
        version_info=(3, int(python.partition(".")[2])),
        implementation="cpython",
        free_threaded=False,
        platform="linux-x86_64",
        machine="x86_64",
        libc="glibc 2.36",
        site_dirs=(SiteDir("/env/lib"),),
        markers=environment(python, "linux-x86_64"),
        chosen_by="test",
    )
    return Facts(target, tuple(distribution(name, version) for name, version in versions))


def distribution(name: str, version: str) -> Distribution:
    info = f"/env/lib/{name}-{version}.dist-info"
    key = cast("NormalizedName", name.lower())
    return Distribution(name, key, version, info, "/env/lib", metadata_path=f"{info}/METADATA")


def judge(given: Facts, rule: Rule) -> list[Finding | Gap]:
    return list(check_known(given, Rulebook((rule,), INFO)))


def test_a_bad_combination_is_a_finding_with_both_names_and_ways_out() -> None:
    (finding,) = judge(facts(("Alpha", "1.9"), ("beta", "3.1"), ("gamma", "1")), parsed())
    assert isinstance(finding, Finding)
    assert (finding.code, finding.severity, finding.confidence) == (
        "EA-2026-0001",
        Severity.ERROR,
        Confidence.PREDICTED,
    )
    assert finding.message == "Alpha 1.9 with beta 3.1: alpha before 2.0 imports a name that beta 3 removed"
    assert (finding.distribution, finding.version) == ("alpha", "1.9")
    assert finding.involves == (Involved("beta", "3.1"),)
    assert finding.symptom.startswith("ImportError")
    assert [fix.constraints for fix in finding.fix] == [("alpha>=2.0",), ("beta<3",)]
    assert "alpha>=2.0" in finding.fix[0].command
    assert "install" in finding.fix[0].command
    assert finding.evidence[0].path == "/env/lib/Alpha-1.9.dist-info/METADATA"
    assert finding.evidence[-1].path == "https://example.org/beta/3.0"


def test_good_sets_and_absent_partners_are_silent() -> None:
    assert judge(facts(("alpha", "2.0"), ("beta", "3.1")), parsed()) == []
    assert judge(facts(("alpha", "1.9"), ("beta", "2.8")), parsed()) == []
    assert judge(facts(("alpha", "1.9")), parsed()) == []


def test_a_hidden_distribution_does_not_count() -> None:
    given = facts(("alpha", "1.9"), ("beta", "3.1"))
    hidden = replace(given.distributions[1], hidden_by="/elsewhere/beta.dist-info")
    assert judge(replace(given, distributions=(given.distributions[0], hidden)), parsed()) == []


def test_drafts_do_not_judge() -> None:
    assert judge(facts(("alpha", "1.9"), ("beta", "3.1")), parsed(('"active"', '"draft"'))) == []


def test_a_version_that_cannot_be_compared_is_a_gap() -> None:
    (gap,) = judge(facts(("alpha", "unknown!"), ("beta", "3.1")), parsed())
    assert isinstance(gap, Gap)
    assert gap.code == "EA-2026-0001"
    assert "alpha 'unknown!'" in gap.why


def test_other_unknowns_are_gaps_with_their_reason() -> None:
    asks = ("[match]\n", '[match]\nsubject = "*"\nfacts = ["numpy_capi == \'1\'"]\n')
    (gap,) = judge(facts(("alpha", "1.9"), ("beta", "3.1")), parsed(asks))
    assert isinstance(gap, Gap)
    assert "compiled files" in gap.why
    (gap,) = judge(
        facts(("alpha", "1.9"), ("beta", "3.1")), parsed(("[match]\n", "[match]\nenv = \"colour == 'a'\"\n"))
    )
    assert isinstance(gap, Gap)
    assert "marker" in gap.why


def test_a_rule_about_python_names_python() -> None:
    rule = parsed(('all = ["alpha<2.0", "Beta>=3.0a0"]', 'all = ["alpha<2.0"]\nenv = "python_version >= \'3.11\'"'))
    (finding,) = judge(facts(("alpha", "1.9")), rule)
    assert isinstance(finding, Finding)
    assert finding.message.startswith("alpha 1.9 with Python 3.11.0: ")
    assert judge(facts(("alpha", "1.9"), python="3.10"), rule) == []


def test_removing_one_of_two_that_share_files_installs_the_other_again() -> None:
    rule = parsed(
        ('category = "api-removal"', 'category = "file-conflict"'),
        ('constraints = ["beta<3"]', 'remove = ["beta"]'),
    )
    (finding,) = judge(facts(("alpha", "1.9"), ("beta", "3.1")), rule)
    assert isinstance(finding, Finding)
    uninstall, install = finding.fix[1].command.split(" && ")
    assert "uninstall" in uninstall
    assert "beta" in uninstall
    assert "alpha==1.9" in install


def test_an_unparsable_version_of_a_distribution_no_rule_speaks_of_is_no_gap() -> None:
    assert judge(facts(("gamma", "???")), parsed()) == []


def test_every_rule_that_ships_finds_its_own_bad_set_and_not_its_good_ones() -> None:
    book = load_rules([default_folder()])
    for rule in book.active():
        again = rule.reproducer
        if again is None:
            continue
        bad = facts(*((name, str(version)) for name, version in pinned(again.bad).items()), python=again.python)
        codes = [item.code for item in check_known(bad, book) if isinstance(item, Finding)]
        assert rule.id in codes
        for pins in again.good:
            python = again.good_python or again.python
            good = facts(*((name, str(version)) for name, version in pinned(pins).items()), python=python)
            assert [item.code for item in check_known(good, book)] == [], (rule.id, pins)


def test_hundreds_of_distributions_take_milliseconds() -> None:
    book = load_rules([default_folder()])
    bad = facts(*((f"package-{number}", "1.0") for number in range(300)), ("numpy", "2.4.6"), ("scipy", "1.16.0"))
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        assert list(check_known(bad, book)) == []
        best = min(best, time.perf_counter() - start)
    assert best < 0.02
