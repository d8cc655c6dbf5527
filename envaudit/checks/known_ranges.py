"""Known-bad combinations among requirements whose versions are not settled: certain, possible or unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.fixes import install_command, uninstall_command
from envaudit.model import Confidence, Evidence, Finding, Fix, Gap, Involved
from envaudit.rulebook import Certainty, match_rule, parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.specifiers import SpecifierSet
    from packaging.utils import NormalizedName
    from packaging.version import Version

    from envaudit.model import Admitted, Facts
    from envaudit.rulebook import Rule, Rulebook


def check_ranges(facts: Facts, rulebook: Rulebook) -> Iterator[Finding | Gap]:
    """Yield a finding for each rule that applies to every version admitted, and a gap for one that may apply.

    Rules on settled versions alone are not of concern here.
    """
    if facts.described is None or not facts.described.ranges:
        return
    ranges = {each.key: each for each in facts.described.ranges}
    settled = {key: dist.version for key, dist in facts.visible().items()}
    offers: dict[NormalizedName, Version | SpecifierSet | None] = {
        key: parse_version(version) for key, version in settled.items()
    }
    offers.update((key, _specifier(each.specifier)) for key, each in ranges.items())
    for rule in rulebook.candidates(dict.fromkeys([*settled, *ranges])):
        if not any(condition.name in ranges for condition in (*rule.match.all, *rule.match.none)):
            continue
        certainty = match_rule(rule, offers, facts.target.markers)
        named = [_spelled(condition.name, settled, ranges) for condition in rule.match.all]
        if certainty is Certainty.CERTAIN:
            yield _finding(facts, rule, named, settled)
        elif certainty is Certainty.POSSIBLE:
            yield Gap(rule.id, " with ".join(named), f"some of the versions admitted are known to break: {rule.title}")
        elif certainty is Certainty.UNKNOWN:
            yield Gap(rule.id, " with ".join(named), f"whether rule {rule.id} applies cannot be told: {rule.title}")


def _finding(facts: Facts, rule: Rule, named: list[str], settled: Mapping[NormalizedName, str]) -> Finding:
    assert facts.described is not None
    blamed, *others = rule.match.all
    joined = f"{named[0]} with {' and '.join(named[1:])}" if others else named[0]
    fixes = []
    for fix in rule.fixes:
        commands = [uninstall_command(facts, fix.remove)] if fix.remove else []
        commands += [install_command(facts, fix.constraints)] if fix.constraints else []
        if commands:
            fixes.append(Fix(" && ".join(commands), fix.constraints))
    return Finding(
        code=rule.id,
        severity=rule.severity,
        confidence=Confidence.PREDICTED,
        message=f"{joined}: {rule.title}",
        distribution=blamed.name,
        version=settled.get(blamed.name, ""),
        involves=tuple(Involved(other.name, settled.get(other.name, "")) for other in others),
        symptom=rule.symptom,
        evidence=(
            Evidence(facts.described.path, "every version that is admitted is meant by the rule"),
            *(Evidence(item.url, item.note or item.type) for item in rule.evidence),
        ),
        fix=tuple(fixes),
    )


def _spelled(
    key: NormalizedName, settled: Mapping[NormalizedName, str], ranges: Mapping[NormalizedName, Admitted]
) -> str:
    return f"{ranges[key].name}{ranges[key].specifier}" if key in ranges else f"{key} {settled.get(key, '')}".strip()


def _specifier(text: str) -> SpecifierSet | None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415

    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return None
