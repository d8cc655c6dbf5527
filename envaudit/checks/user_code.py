"""API001, API002 and API003 in the user's own scripts, packages and notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.fixes import install_command
from envaudit.checks.module_names import fix_for
from envaudit.model import Confidence, Evidence, Finding, Fix, Involved, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.model import Distribution, Facts
    from envaudit.model_code import CodeNeed, CodePlace

_PYTHON = "python"
_EVIDENCE_LIMIT = 50


def check_user_code(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each name that one of the files asks for in vain, and one for each module nobody has."""
    visible = {str(key): dist for key, dist in facts.visible().items()}
    unknown: dict[str, list[CodeNeed]] = {}
    for need in facts.code:
        if need.kind == "top" and need.removal is None:
            unknown.setdefault(need.name, []).append(need)
        else:
            yield _finding(facts, need, visible.get(need.provider))
    for needs in unknown.values():
        yield _undeclared(needs)


def _undeclared(needs: Sequence[CodeNeed]) -> Finding:
    """Say once, for all files, that there is no such module."""
    ordered = sorted(needs, key=lambda need: _severity(need).rank)
    first = ordered[0]
    places = [(need.path, place) for need in ordered for place in need.places]
    more = f" (and {len(needs) - 1} more {'file' if len(needs) == 2 else 'files'})" if len(needs) > 1 else ""
    return Finding(
        "API003",
        _severity(first),
        Confidence.PROVEN,
        f"{_where(first)}{more}: no installed distribution has a module {first.name}",
        subject=f"code:{first.name}",
        symptom=_symptom(first),
        evidence=tuple(Evidence(path, _detail(first, place), place.line) for path, place in places[:_EVIDENCE_LIMIT]),
        location=Location(first.path, first.places[0].line),
    )


def _severity(need: CodeNeed) -> Severity:
    if need.beside:
        return Severity.NOTE
    return Severity.ERROR if need.at_import else Severity.WARNING


def _finding(facts: Facts, need: CodeNeed, dist: Distribution | None) -> Finding:
    removal = need.removal
    places = need.places[:_EVIDENCE_LIMIT]
    return Finding(
        "API001" if need.at_import else "API002",
        _severity(need),
        Confidence.PREDICTED if removal is not None and not removal.sure else Confidence.PROVEN,
        f"{_where(need)}: {_what(facts, need, dist)}{_advice(need)}",
        subject=f"code:{need.inside}:{need.name}",
        involves=(Involved(dist.name, dist.version),) if dist is not None else (),
        symptom=_symptom(need),
        evidence=tuple(Evidence(need.path, _detail(need, place), place.line) for place in places),
        fix=_fix(facts, need, dist),
        location=Location(need.path, places[0].line),
    )


def _where(need: CodeNeed) -> str:
    """Name the first place as people look for it."""
    name = need.path.rpartition("/")[2]
    place = need.places[0]
    if place.cell:
        return f"{name}, {place.cell}"
    return f"{name}, line {place.line}" if place.line is not None else name


def _what(facts: Facts, need: CodeNeed, dist: Distribution | None) -> str:
    owner = (
        f"Python {facts.target.python}" if need.provider == _PYTHON else f"{dist.name} {dist.version}" if dist else ""
    )
    says = f"{need.name} is not in {owner}" if owner else f"there is no {need.name}"
    if need.removal is None:
        return says
    project = "Python" if need.provider == _PYTHON else dist.name if dist is not None else ""
    return f"{says}; {project} {_series(need.removal.first_without)} removed it"


def _advice(need: CodeNeed) -> str:
    instead = need.removal.instead if need.removal is not None else ""
    return f"; use {instead}" if instead else ""


def _series(version: str) -> str:
    """Return the release that a name disappeared with: the first of its series, by its short name."""
    while version.endswith(".0") and version.count(".") > 1:
        version = version[:-2]
    return version


def _detail(need: CodeNeed, place: CodePlace) -> str:
    module, _, last = need.name.rpartition(".")
    if need.form in {"attribute", "member"}:
        text = need.name
    else:
        text = f"from {module} import {last}" if need.form == "from" and need.kind == "name" else f"import {need.name}"
    return f"{place.cell}: {text}" if place.cell else text


def _symptom(need: CodeNeed) -> str:
    module, _, last = need.name.rpartition(".")
    if need.kind != "name":
        return f"ModuleNotFoundError: No module named '{need.name}'"
    if need.form == "from":
        return f"ImportError: cannot import name '{last}' from '{module}'"
    if need.form == "member":
        return f"AttributeError: '{module.rpartition('.')[2]}' object has no attribute '{last}'"
    if need.member:
        return f"AttributeError: type object '{module.rpartition('.')[2]}' has no attribute '{last}'"
    return f"AttributeError: module '{module}' has no attribute '{last}'"


def _fix(facts: Facts, need: CodeNeed, dist: Distribution | None) -> tuple[Fix, ...]:
    """Offer the last releases that had the name, for those who cannot change their code today."""
    if need.kind == "top" and not need.provider:
        return fix_for(facts, need.name)
    if need.removal is None or dist is None:
        return ()
    constraint = f"{dist.name}<{_series(need.removal.first_without)}"
    return (Fix(install_command(facts, [constraint]), (constraint,)),)
