"""What a change of the rules changes: the rules themselves, and the verdict on known environments."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.rulebook.lint import environment, pinned
from envaudit.rulebook.match import Certainty, match_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envaudit.rulebook.rule import Rule, Rulebook


class KnownSet(NamedTuple):
    """A set of pins that somebody has built: where it comes from, its Python and platform, and the pins."""

    origin: str
    python: str
    platform: str
    pins: tuple[str, ...]


class Change(NamedTuple):
    """One rule that is new, gone or different; ``what`` lists the keys that differ."""

    id: str
    kind: str
    what: tuple[str, ...] = ()


class Turned(NamedTuple):
    """One known set that is judged differently: the rules that match it no longer, and those that do now."""

    known: KnownSet
    no_longer: tuple[str, ...]
    now: tuple[str, ...]


def changes(old: Rulebook, new: Rulebook) -> Iterator[Change]:
    """Yield what became of each rule, sorted by id; where a rule's file lies is no difference."""
    before = {rule.id: rule._replace(file="") for rule in old.rules}
    after = {rule.id: rule._replace(file="") for rule in new.rules}
    for rule_id in sorted({*before, *after}):
        if rule_id not in after:
            yield Change(rule_id, "gone")
        elif rule_id not in before:
            yield Change(rule_id, "new")
        elif before[rule_id] != after[rule_id]:
            one, other = before[rule_id]._asdict(), after[rule_id]._asdict()
            yield Change(rule_id, "changed", tuple(key for key in one if one[key] != other[key]))


def known_sets(books: Iterable[Rulebook]) -> tuple[KnownSet, ...]:
    """Return the sets of all reproducers, bad and good, each once."""
    found: dict[tuple[str, tuple[str, ...]], KnownSet] = {}
    for book in books:
        for rule in book.rules:
            again = rule.reproducer
            if again is None:
                continue
            rows = [("bad", again.python, again.bad)]
            rows += [("good", again.good_python or again.python, pins) for pins in again.good]
            for kind, python, pins in rows:
                known = KnownSet(f"{kind} set of {rule.id}", python, again.platform, pins)
                found.setdefault((python, tuple(sorted(pins))), known)
    return tuple(found.values())


def turned(old: Rulebook, new: Rulebook, sets: Sequence[KnownSet]) -> Iterator[Turned]:
    """Yield the known sets on which the two databases do not agree."""
    for known in sets:
        before, after = _matching(old.active(), known), _matching(new.active(), known)
        if before != after:
            yield Turned(known, tuple(sorted(before - after)), tuple(sorted(after - before)))


def _matching(rules: Iterable[Rule], known: KnownSet) -> set[str]:
    """Return the ids of the rules that certainly match a set."""
    versions = pinned(known.pins)
    markers = environment(known.python, known.platform)
    return {rule.id for rule in rules if match_rule(rule, versions, markers) is Certainty.CERTAIN}
