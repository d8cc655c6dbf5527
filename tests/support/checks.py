"""Whole families of checks, as the registry puts them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.registry import CHECKS
from envaudit.model import Finding, RulesInfo
from envaudit.rulebook import Rulebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Facts, Gap

NO_RULES = Rulebook((), RulesInfo("2026.1.1", 0, ""))


def check(name: str, facts: Facts) -> Iterator[Finding | Gap]:
    """Yield what all parts of a family say, without any rule."""
    (family,) = (each for each in CHECKS if each.name == name)
    for part in family.parts:
        yield from part.run(facts, NO_RULES)


def check_links(facts: Facts) -> Iterator[Finding]:
    """Yield the findings ``LNK001`` to ``LNK007``."""
    return (item for item in check("shared libraries", facts) if isinstance(item, Finding))


def check_platform(facts: Facts) -> Iterator[Finding | Gap]:
    """Yield ``PLT001`` to ``PLT006``."""
    return check("Python and platform", facts)
