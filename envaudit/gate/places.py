"""Where a finding belongs in the files, and whether a change brought it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.model import Evidence, Location, Severity
from envaudit.plain_versions import normalised

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from envaudit.model import Facts, Finding
    from envaudit.model_stated import Stated, StatedFile

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# What is read of wheels, where they are read at all.
_FROM_WHEELS = ("ABI", "API", "PLT003", "PLT004")


def changed_lines(head: StatedFile, base: StatedFile | None) -> frozenset[tuple[str, int | None]]:
    """Return where requirements stand that were not stated like this before."""
    before = {_substance(each) for each in base.stated} if base else set()
    return frozenset((each.path, each.line) for each in head.stated if _substance(each) not in before)


def same_content(head: StatedFile, base: StatedFile) -> bool:
    """Say whether two versions of a file ask for the same, wherever it stands."""
    parts = (head.options, head.requires_python, head.complete, head.roots)
    if parts != (base.options, base.requires_python, base.complete, base.roots):
        return False
    return sorted(map(_substance, head.stated)) == sorted(map(_substance, base.stated))


def _substance(each: Stated) -> tuple[str, ...]:
    """Return what a requirement says, without where it stands."""
    return (
        each.key, each.specifier, each.version, each.marker, ",".join(each.extras), each.url, each.group,
        str(each.constraint), *sorted(each.hashes),
    )  # fmt: skip


def located(finding: Finding, facts: Facts, changed: Collection[tuple[str, int | None]]) -> Finding:
    """Point a finding at the line that completes the combination: a changed one, else that of what is blamed."""
    assert facts.described is not None
    involved = [normalised(name) for name in (finding.distribution, *(other.name for other in finding.involves))]
    named = [each for key in involved for each in facts.described.stated if each.key == key]
    named += _asking(involved, facts)
    named.sort(key=lambda each: each.constraint)
    place = next((each for each in named if (each.path, each.line) in changed), named[0] if named else None)
    location = Location(place.path, place.line) if place else Location(facts.described.path)
    others = [
        Evidence(each.path, f"{each.text()} stands here", each.line)
        for each in dict.fromkeys(named)
        if place is not None and each.key in involved and (each.path, each.line) != (place.path, place.line)
    ]
    if finding.code.startswith(_FROM_WHEELS):
        wheels = dict(facts.described.wheels)
        others += [Evidence(wheels[key], "read from the wheel") for key in dict.fromkeys(involved) if key in wheels]
    return finding._replace(location=location, evidence=(*finding.evidence, *others))


def _asking(involved: Sequence[str], facts: Facts) -> list[Stated]:
    """Return the requirements that brought in what is involved, where a resolver says who did."""
    assert facts.described is not None
    by_need: dict[str, list[str]] = {}
    for dist in facts.distributions:
        for text in dist.requires:
            name = _NAME.match(text.strip())
            if name is not None and "extra" not in text.partition(";")[2]:
                by_need.setdefault(normalised(name[0]), []).append(dist.key)
    reached, ahead = set(involved), list(involved)
    while ahead:
        for parent in by_need.get(ahead.pop(), ()):
            if parent not in reached:
                reached.add(parent)
                ahead.append(parent)
    return [each for each in facts.described.stated if each.key in reached and each.key not in involved]


def as_before(finding: Finding) -> Finding:
    """Turn a finding that was there before the change into a note."""
    if finding.severity is Severity.NOTE:
        return finding
    message = f"{finding.message} (not by this change: it was this {finding.severity.value} before)"
    return finding._replace(severity=Severity.NOTE, message=message)
