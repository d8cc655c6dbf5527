"""What the installed distributions declare about one of them: for advice, and for questions of kinship."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.requirements import Requirement

    from envaudit.model import Distribution, Facts

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


class Declared(NamedTuple):
    """One requirement that holds on the target without an extra, and who declares it."""

    by: Distribution
    requirement: Requirement


def requirements_on(facts: Facts, name: str) -> Iterator[Declared]:
    """Yield what visible distributions require of ``name``; a line that cannot be understood is left to ``DEP004``."""
    first = name[:1]
    for dist in facts.visible().values():
        for text in dist.requires:
            # Most lines speak of others: parsing a line costs fifty times as much as looking at its name, and looking
            # at its name twenty times as much as looking at its first letter.
            if text[:1].lower() != first and not text[:1].isspace():
                continue
            match = _NAME.match(text)
            if match is None or canonicalize_name(match[1]) != name:
                continue
            requirement = _parsed(text)
            if requirement is None:
                continue
            marker = requirement.marker
            if marker is None or marker.evaluate({**facts.target.markers, "extra": ""}):
                yield Declared(dist, requirement)


def _parsed(text: str) -> Requirement | None:
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415  only where it is asked for

    try:
        return Requirement(text)
    except InvalidRequirement:
        return None
