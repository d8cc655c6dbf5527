"""The environment itself: its interpreter and its folders (``ENV``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.checks.fixes import make_again, remove_command
from envaudit.model import Confidence, Evidence, Finding, Fix, Gap, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Facts, TargetProblem


class _Kind(NamedTuple):
    code: str
    severity: Severity
    symptom: str


_KINDS = {
    "base-missing": _Kind(
        "ENV001", Severity.ERROR, "No such file or directory, as soon as the environment's python is started"
    ),
    "unreadable": _Kind("ENV002", Severity.WARNING, "what lies there cannot be imported by this user either"),
    "no-site-packages": _Kind("ENV003", Severity.WARNING, "ModuleNotFoundError for everything that should lie there"),
    "other-python": _Kind("ENV004", Severity.WARNING, "ModuleNotFoundError: packages of another Python are not seen"),
}


def check_environment(facts: Facts) -> Iterator[Finding | Gap]:
    """Turn each problem of the target into ``ENV001`` to ``ENV004``, or into a gap when it is only not known."""
    for problem in facts.target.problems:
        if problem.kind == "assumed-python":
            yield Gap("ENV", problem.path, problem.detail)
        elif problem.kind in _KINDS:  # what is left is ENV005
            yield _finding(facts, problem)
            if problem.kind == "unreadable":
                yield Gap("ENV002", problem.path, f"{problem.detail}: what is installed there was not checked")


def _finding(facts: Facts, problem: TargetProblem) -> Finding:
    kind = _KINDS[problem.kind]
    return Finding(
        code=kind.code,
        severity=kind.severity,
        confidence=Confidence.PROVEN,
        message=problem.detail,
        subject=problem.kind,
        symptom=kind.symptom,
        evidence=(Evidence(problem.path, problem.detail),),
        fix=tuple(_fix(facts, problem)),
    )


def _fix(facts: Facts, problem: TargetProblem) -> Iterator[Fix]:
    """Yield what heals: a new environment, or without the folder nobody sees. Rights are for their owner to give."""
    if problem.kind == "other-python":
        yield Fix(remove_command(facts, [problem.path]))
    elif problem.kind != "unreadable":
        yield Fix(make_again(facts))
