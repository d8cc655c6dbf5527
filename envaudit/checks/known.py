"""Combinations that are known to break: what is installed, held against the rules database (``EA-...``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.declared import is_required
from envaudit.checks.fixes import install_command, keep_one, uninstall_command
from envaudit.model import Confidence, Evidence, Finding, Fix, Gap, Involved
from envaudit.plain_versions import normalised
from envaudit.rulebook import Certainty, match_rule, parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.utils import NormalizedName
    from packaging.version import Version

    from envaudit.model import Distribution, Facts
    from envaudit.rulebook import Rule, Rulebook, RuleFix


def check_known(facts: Facts, rulebook: Rulebook) -> Iterator[Finding | Gap]:
    """Yield a finding for each rule that certainly applies, and a gap for each that could not be judged.

    Only the distributions that the interpreter would find count. No version is parsed unless all distributions of
    a rule are there, so that hundreds of rules cost nothing where they do not apply.
    """
    installed = facts.visible()
    parsed: dict[NormalizedName, Version | None] = {}
    for rule in rulebook.candidates(installed):
        for condition in (*rule.match.all, *rule.match.none):
            if condition.name in installed and condition.name not in parsed:
                parsed[condition.name] = parse_version(installed[condition.name].version)
        certainty = match_rule(rule, parsed, facts.target.markers)
        if certainty is Certainty.UNKNOWN:
            yield _gap(rule, parsed, installed)
        elif certainty is not None:
            yield _finding(facts, rule, installed)


def _finding(facts: Facts, rule: Rule, installed: Mapping[NormalizedName, Distribution]) -> Finding:
    blamed, *others = (installed[condition.name] for condition in rule.match.all)
    return Finding(
        code=rule.id,
        severity=rule.severity,
        confidence=Confidence.PREDICTED,
        message=_message(facts, rule, blamed, others),
        distribution=blamed.key,
        version=blamed.version,
        involves=tuple(Involved(other.key, other.version) for other in others),
        symptom=rule.symptom,
        evidence=_evidence(rule, blamed, others),
        fix=tuple(_fix(facts, rule, fix, installed) for fix in _ordered(facts, rule)),
    )


def _ordered(facts: Facts, rule: Rule) -> list[RuleFix]:
    """Return the ways out, last those that take away what another distribution requires."""
    usable = [fix for fix in rule.fixes if fix.constraints or fix.remove]
    return sorted(usable, key=lambda fix: any(is_required(facts, name) for name in fix.remove))


def _message(facts: Facts, rule: Rule, blamed: Distribution, others: list[Distribution]) -> str:
    """Name what is installed, then say what is known of it."""
    partners = [f"{other.name} {other.version}" for other in others]
    if "python" in rule.match.env:
        partners.append(f"Python {facts.target.python}")
    joined = " and ".join(partners)
    what = f"{blamed.name} {blamed.version} with {joined}" if joined else f"{blamed.name} {blamed.version}"
    return f"{what}: {rule.title}"


def _evidence(rule: Rule, blamed: Distribution, others: list[Distribution]) -> tuple[Evidence, ...]:
    """Give the metadata that states the versions, then what the rule is believed for."""
    installed = [
        Evidence(dist.metadata_path or dist.info_path, f"{dist.name} {dist.version}") for dist in (blamed, *others)
    ]
    believed = [Evidence(item.url, item.note or item.type) for item in rule.evidence]
    return (*installed, *believed)


def _fix(facts: Facts, rule: Rule, fix: RuleFix, installed: Mapping[NormalizedName, Distribution]) -> Fix:
    """Build the command; who loses the files shared with a removed distribution is installed again."""
    commands = []
    if fix.remove:
        stay = [installed[condition.name] for condition in rule.match.all if condition.name not in fix.remove]
        if rule.category == "file-conflict" and len(stay) == len(fix.remove) == 1:
            commands.append(keep_one(facts, stay[0], installed[normalised(fix.remove[0])]).command)
        else:
            commands.append(uninstall_command(facts, fix.remove))
    if fix.constraints:
        commands.append(install_command(facts, fix.constraints))
    return Fix(" && ".join(commands), fix.constraints)


def _gap(
    rule: Rule, parsed: Mapping[NormalizedName, Version | None], installed: Mapping[NormalizedName, Distribution]
) -> Gap:
    """Say which rule could not be judged, and why."""
    named = [condition.name for condition in (*rule.match.all, *rule.match.none)]
    odd = [
        f"{installed[name].name} {installed[name].version!r}"
        for name in named
        if name in installed and parsed.get(name) is None
    ]
    if odd:
        why = f"not a version that can be compared: {', '.join(odd)}"
    elif rule.match.facts:
        why = "it asks for facts of compiled files, by which this version of envaudit does not match"
    else:
        why = "its marker or one of its version ranges cannot be evaluated for this target"
    return Gap(rule.id, f"rule {rule.id}: {rule.title}", why)
