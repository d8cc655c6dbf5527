"""INS001 about bytecode: one note, whatever is missing."""

from __future__ import annotations

from envaudit.checks.ins import check_installed
from envaudit.checks.ins_bytecode import check_bytecode
from envaudit.model import ChangedFiles, Facts, Finding, Severity, replace
from tests.support.facts import SITE, make_dist, make_facts


def _facts(*lacking: tuple[str, int, int], stated: str = "") -> Facts:
    """Make distributions with a number of missing files of bytecode, of a number of listed ones."""
    distributions = [make_dist(name, "1.0") for name, _, _ in lacking]
    changed = tuple(
        ChangedFiles(
            dist.info_path,
            bytecode=tuple(f"{name}/__pycache__/m{each}.cpython-311.pyc" for each in range(missing)),
            bytecode_listed=listed,
            stated=stated,
        )
        for dist, (name, missing, listed) in zip(distributions, lacking, strict=True)
    )
    return replace(make_facts(distributions), changed=changed)


def _one(facts: Facts) -> Finding:
    (finding,) = check_bytecode(facts)
    return finding


def test_a_few_of_one_distribution() -> None:
    finding = _one(_facts(("six", 2, 5)))
    assert (finding.code, finding.severity, finding.subject) == ("INS001", Severity.NOTE, "bytecode")
    assert finding.message.startswith("six: 2 of 5 files of bytecode (.pyc) are not there;")
    assert [(item.path, item.detail) for item in finding.evidence] == [
        (f"{SITE}/six/__pycache__/m0.cpython-311.pyc", "RECORD lists it, and it is not there, and 1 more of six 1.0")
    ]
    assert finding.fix[0].command == f"/env/bin/python -m compileall -q {SITE}"


def test_a_whole_environment_is_one_note_and_not_one_a_distribution() -> None:
    finding = _one(_facts(*((f"d{number}", 3, 3) for number in range(300))))
    assert finding.message.startswith("300 distributions: none of the 900 files of bytecode (.pyc) is there;")
    assert len(finding.evidence) == 11
    assert finding.evidence[-1].detail == "so do 290 more distributions"


def test_no_module_is_said_to_be_missing() -> None:
    assert list(check_installed(_facts(("six", 2, 5)))) == []


def test_files_of_another_release_and_hidden_distributions_are_left_alone() -> None:
    assert list(check_bytecode(_facts(("six", 2, 5), stated="2.0"))) == []
    facts = _facts(("six", 2, 5))
    hidden = replace(facts, distributions=tuple(replace(dist, hidden_by="/x") for dist in facts.distributions))
    assert list(check_bytecode(hidden)) == []


def test_without_an_interpreter_nothing_is_compiled() -> None:
    facts = _facts(("six", 2, 5))
    assert _one(replace(facts, target=facts.target._replace(executable=""))).fix == ()
