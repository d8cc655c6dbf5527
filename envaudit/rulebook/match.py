"""Does a rule apply? Three answers beside no: certainly, possibly, and "cannot be known".

A distribution is given by its installed version, or by the versions a requirement admits. With installed versions
the answer is certain or none; with ranges it is certain when every admitted version is meant by the rule, and
possible when some are.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

from envaudit.plain_versions import holds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.specifiers import SpecifierSet
    from packaging.utils import NormalizedName
    from packaging.version import Version

    from envaudit.rulebook.rule import Condition, Rule

    # None stands for a version that cannot be parsed.
    Offer = Version | SpecifierSet | None


class Certainty(enum.Enum):
    """How sure it is that a rule applies."""

    CERTAIN = "certain"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"


def match_rule(rule: Rule, versions: Mapping[NormalizedName, Offer], markers: Mapping[str, str]) -> Certainty | None:
    """Return how certainly ``rule`` applies to these distributions, or None when it does not.

    ``markers`` is the PEP 508 environment of the target. ``UNKNOWN`` means that a version, the marker or a fact the
    rule asks for could not be judged, and that nothing else rules it out.
    """
    parts: list[Certainty | None] = []
    for condition in rule.match.all:
        if condition.name not in versions:
            return None
        held = condition_holds(condition, versions[condition.name])
        if held is None:
            return None
        parts.append(held)
    parts += [_not(condition_holds(other, versions[other.name])) for other in rule.match.none if other.name in versions]
    if rule.match.env:
        parts.append(_marker(rule.match.env, markers))
    if rule.match.facts:
        parts.append(Certainty.UNKNOWN)
    return _and(parts)


def parse_version(text: str) -> Version | None:
    """Return the version, or None when PEP 440 does not know such a thing."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415  20 ms that a run may save

    try:
        return Version(text)
    except InvalidVersion:
        return None


def condition_holds(condition: Condition, offer: Offer) -> Certainty | None:
    """Say whether the versions offered are the versions meant; None when they certainly are not."""
    if not condition.specifier:
        return Certainty.CERTAIN
    if offer is None:
        return Certainty.UNKNOWN
    from packaging.version import Version  # noqa: PLC0415

    plainly = holds(condition.specifier, offer.public) if isinstance(offer, Version) else None
    if plainly is not None:
        return Certainty.CERTAIN if plainly else None
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415  20 ms that a run may save

    try:
        meant = SpecifierSet(condition.specifier)
    except InvalidSpecifier:
        return Certainty.UNKNOWN
    if isinstance(offer, Version):
        # A local version (2.2.0+cpu) is the public one, built differently.
        public = Version(offer.public) if offer.local else offer
        return Certainty.CERTAIN if meant.contains(public, prereleases=True) else None
    return _range_holds(meant, offer)


def _range_holds(meant: SpecifierSet, offer: SpecifierSet) -> Certainty | None:
    """Compare two sets of versions; packaging can since 26.3, before that only an exact pin is decided."""
    pin = _pinned(offer)
    if pin is not None:
        return Certainty.CERTAIN if meant.contains(pin, prereleases=True) else None
    if not hasattr(offer, "is_disjoint"):
        return Certainty.POSSIBLE
    both: Any = offer
    if both.is_disjoint(meant):
        return None
    return Certainty.CERTAIN if both.is_subset(meant) else Certainty.POSSIBLE


def _pinned(offer: SpecifierSet) -> Version | None:
    """Return the one version of ``==1.2.3``, or None."""
    specifiers = list(offer)
    if len(specifiers) != 1 or specifiers[0].operator not in {"==", "==="} or specifiers[0].version.endswith(".*"):
        return None
    return parse_version(specifiers[0].version)


def _marker(text: str, markers: Mapping[str, str]) -> Certainty | None:
    """Evaluate a marker for the target; a key the target does not have leaves it unknown."""
    from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName  # noqa: PLC0415

    try:
        marker = Marker(text)
        if not _variables(str(marker)) <= markers.keys():
            return Certainty.UNKNOWN
        return Certainty.CERTAIN if marker.evaluate(dict(markers)) else None
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName):
        return Certainty.UNKNOWN


def _variables(marker: str) -> set[str]:
    """Return the names a marker uses: what is left of it without its quoted values and operators."""
    unquoted = "".join(marker.split('"')[::2])
    words = unquoted.replace("(", " ").replace(")", " ").split()
    return {word for word in words if word.isidentifier() and word not in {"and", "or", "in", "not"}}


def _not(held: Certainty | None) -> Certainty | None:
    """Negate: certain becomes no match, no match becomes certain, doubt stays."""
    if held is None:
        return Certainty.CERTAIN
    return None if held is Certainty.CERTAIN else held


def _and(parts: Iterable[Certainty | None]) -> Certainty | None:
    """Join: one part that does not hold decides, then the least certain one."""
    worst = Certainty.CERTAIN
    for part in parts:
        if part is None:
            return None
        if part is Certainty.UNKNOWN or worst is Certainty.CERTAIN:
            worst = part if worst is not Certainty.UNKNOWN else worst
    return worst
