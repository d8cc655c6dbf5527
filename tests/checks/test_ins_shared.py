"""INS003 and INS005: files with two owners, and files of another release."""

from __future__ import annotations

import pytest

from envaudit.checks.ins_shared import check_shared
from envaudit.checks.ins_versions import check_versions
from envaudit.checks.registry import run_checks
from envaudit.model import (
    ChangedFile,
    ChangedFiles,
    Claim,
    Facts,
    Finding,
    Severity,
    SharedFile,
    StrayModule,
    replace,
)
from envaudit.rulebook import default_folder, load_rules
from tests.support.checks import NO_RULES
from tests.support.facts import SITE, make_dist, make_facts

PYJWT = make_dist("PyJWT", "2.8.0", top_level=("jwt",))
JWT = make_dist("jwt", "1.3.1", top_level=("jwt",))


def _shared(path: str, winner: str = JWT.info_path) -> SharedFile:
    claims = (Claim(PYJWT.info_path, "sha256=a", 1), Claim(JWT.info_path, "sha256=b", 2))
    return SharedFile(path, SITE, claims, winner)


def _one(facts: Facts) -> Finding:
    (finding,) = check_shared(facts, NO_RULES)
    return finding


def test_winner_and_loser_are_named_with_both_ways_out() -> None:
    facts = replace(make_facts([PYJWT, JWT]), shared=(_shared("jwt/__init__.py"), _shared("jwt/utils.py")))
    finding = _one(facts)
    assert (finding.code, finding.severity, finding.distribution) == ("INS003", Severity.ERROR, "pyjwt")
    assert finding.message == (
        "PyJWT 2.8.0 and jwt 1.3.1 have both installed 2 files, with different content: on disk are those of jwt, "
        "which was installed last"
    )
    assert [other.name for other in finding.involves] == ["jwt"]
    keep_winner, keep_loser = (fix.command for fix in finding.fix)
    assert "uninstall --python /env/bin/python PyJWT && " in keep_winner
    assert keep_winner.endswith("--reinstall --no-deps jwt==1.3.1")
    assert "uninstall --python /env/bin/python jwt && " in keep_loser
    assert keep_loser.endswith("--reinstall --no-deps PyJWT==2.8.0")


def test_what_something_needs_stays() -> None:
    facts = make_facts([PYJWT, JWT, make_dist("auth", "1.0", "PyJWT>=2")])
    finding = _one(replace(facts, shared=(_shared("jwt/__init__.py"),)))
    assert finding.fix[0].command.endswith("PyJWT==2.8.0")


@pytest.mark.parametrize("more", [(), ("auth", "1.0", "jwt")], ids=["nobody asks", "jwt is required"])
def test_a_rule_and_what_is_on_disk_give_the_same_advice(more: tuple[str, ...]) -> None:
    """jwt has won, and hardly anybody means it; the rule is told under the finding, with the same ways in one order."""
    rulebook = load_rules([default_folder()])
    facts = replace(make_facts([PYJWT, JWT, *([make_dist(*more)] if more else [])]), shared=(_shared("jwt/a.py"),))
    found = run_checks(facts, rulebook).findings
    (conflict,) = [finding for finding in found if finding.code == "INS003"]
    (rule,) = [finding for finding in found if finding.code == "EA-2026-0071"]
    kept = "jwt==1.3.1" if more else "PyJWT==2.8.0"
    assert conflict.fix[0].command.endswith(kept)
    assert [fix.command for fix in conflict.fix] == [fix.command for fix in rule.fix]
    assert conflict.explains == (rule.fingerprint,)


def test_a_rule_stands_alone_when_files_that_nobody_needs_differ() -> None:
    facts = replace(make_facts([PYJWT, JWT]), shared=(_shared("tests/__init__.py"),))
    found = run_checks(facts, load_rules([default_folder()])).findings
    assert all(finding.explains == () for finding in found)


def test_a_mixture_is_counted() -> None:
    files = (_shared("jwt/a.py"), _shared("jwt/b.py"), _shared("jwt/c.py", PYJWT.info_path), _shared("jwt/d.py", ""))
    finding = _one(replace(make_facts([PYJWT, JWT]), shared=files))
    assert finding.message.endswith("on disk are 2 of jwt and 1 of PyJWT and 1 of neither")


@pytest.mark.parametrize(
    ("path", "severity"),
    [("jwt/api.py", Severity.ERROR), ("jwt/x.json", Severity.WARNING), ("tests/__init__.py", Severity.NOTE),
     ("../../../bin/jwt", Severity.NOTE)],
)  # fmt: skip
def test_it_is_as_bad_as_the_worst_file(path: str, severity: Severity) -> None:
    finding = _one(replace(make_facts([PYJWT, JWT]), shared=(_shared(path),)))
    assert finding.severity is severity
    assert bool(finding.fix) is (severity is not Severity.NOTE)


def test_hidden_distributions_own_nothing() -> None:
    hidden = replace(JWT, hidden_by=PYJWT.info_path)
    assert list(check_shared(replace(make_facts([PYJWT, hidden]), shared=(_shared("jwt/a.py"),)), NO_RULES)) == []


# --- INS005 ---------------------------------------------------------------------------------------------------------


NUMPY = make_dist("numpy", "2.0.2", metadata_version="1.26.4", top_level=("numpy",))
OVERLAID = ChangedFiles(
    NUMPY.info_path,
    600,
    changed=(ChangedFile("numpy/version.py", "size", 216, 300),),
    stated="2.0.2",
    stated_in="numpy/version.py",
)


def test_files_of_another_release_are_named_with_both_versions() -> None:
    (finding,) = check_versions(replace(make_facts([NUMPY]), changed=(OVERLAID,)))
    assert (finding.code, finding.severity, finding.version) == ("INS005", Severity.ERROR, "2.0.2")
    assert "the metadata of numpy say 1.26.4, but its files are those of 2.0.2" in finding.message
    first, second = (fix.command for fix in finding.fix)
    assert first == f"rm -r {SITE}/numpy && uv pip install --python /env/bin/python --reinstall --no-deps numpy==1.26.4"
    assert second.endswith("numpy==2.0.2")


def test_the_release_that_is_required_is_offered_first() -> None:
    facts = make_facts([NUMPY, make_dist("scipy", "1.0", "numpy>=2")])
    (finding,) = check_versions(replace(facts, changed=(OVERLAID,)))
    assert finding.fix[0].command.endswith("numpy==2.0.2")


def test_a_folder_that_others_use_is_not_deleted() -> None:
    facts = make_facts([NUMPY, make_dist("numpy-more", "1.0", top_level=("numpy",))])
    (finding,) = check_versions(replace(facts, changed=(OVERLAID,)))
    assert finding.fix[0].command.startswith("uv pip install ")


@pytest.mark.parametrize(("wins", "severity"), [(True, Severity.WARNING), (False, Severity.NOTE)])
def test_a_module_of_another_build_is_deleted(wins: bool, severity: Severity) -> None:
    dist = make_dist("pkg")
    stray = StrayModule("pkg/_x.cpython-311-x86_64-linux-gnu.so", "pkg/_x.abi3.so", wins)
    facts = replace(make_facts([dist]), changed=(ChangedFiles(dist.info_path, 3, stray=(stray,)),))
    (finding,) = check_versions(facts)
    assert (finding.code, finding.severity) == ("INS005", severity)
    assert finding.fix[0].command == f"rm -r {SITE}/{stray.path}"


def test_other_differences_are_left_to_other_findings() -> None:
    dist = make_dist("pkg")
    assert (
        list(check_versions(replace(make_facts([dist]), changed=(ChangedFiles(dist.info_path, 3, ("x.py",)),)))) == []
    )
