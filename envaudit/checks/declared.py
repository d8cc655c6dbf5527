"""What the installed distributions declare about one of them: for advice, and for questions of kinship."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.plain_versions import holds, marker_holds, normalised, requirement_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from packaging.utils import NormalizedName

    from envaudit.model import Distribution, Facts

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


class Declared(NamedTuple):
    """One requirement that holds on the target without an extra: who declares it, and its bounds, such as ``>=1.2``."""

    by: Distribution
    bounds: tuple[str, ...]


def requirements_on(facts: Facts, name: str, among: Container[str] | None = None) -> Iterator[Declared]:
    """Yield what visible distributions require of ``name``; a line that cannot be understood is left to ``DEP004``.

    ``among`` limits it to distributions of these ``info_path``.
    """
    first = name[:1]
    for dist in facts.visible().values():
        for text in dist.requires if among is None or dist.info_path in among else ():
            # Most lines speak of others: parsing a line costs fifty times as much as looking at its name, and looking
            # at its name twenty times as much as looking at its first letter.
            if text[:1].lower() != first and not text[:1].isspace():
                continue
            match = _NAME.match(text)
            if match is None or normalised(match[1]) != name:
                continue
            bounds = _bounds(text, facts.target.markers)
            if bounds is not None:
                yield Declared(dist, bounds)


def is_required(facts: Facts, name: str) -> bool:
    """Whether a visible distribution requires another one."""
    return next(requirements_on(facts, name), None) is not None


def applies(text: str, markers: Mapping[str, str]) -> bool:
    """Whether a requirement holds on a target without an extra."""
    return _bounds(text, markers) is not None


def lacking_of(facts: Facts, dist: Distribution) -> tuple[str, ...]:
    """Return what a distribution, or what that requires in turn, asks for and is not installed: ``protobuf>=6.32``.

    Extras that it asks for count, those of its own do not. What is not installed could have brought any module.
    """
    visible = facts.visible()
    lacking: dict[str, str] = {}
    pending: list[tuple[Distribution, str]] = [(dist, "")]
    seen: set[tuple[str, str]] = {(dist.info_path, "")}
    while pending:
        one, extra = pending.pop()
        for name, extras, bounds in _required(one, extra, facts.target.markers):
            found = visible.get(name)
            if found is None:
                lacking.setdefault(name, name + ",".join(bounds))
                continue
            asked = [(found, each) for each in ("", *extras) if (found.info_path, each) not in seen]
            seen.update((each.info_path, wanted) for each, wanted in asked)
            pending += asked
    return tuple(lacking[name] for name in sorted(lacking))


def _required(
    dist: Distribution, extra: str, markers: Mapping[str, str]
) -> Iterator[tuple[NormalizedName, tuple[str, ...], tuple[str, ...]]]:
    """Yield name, extras and bounds of the requirements that apply; what cannot be read is left to ``DEP004``."""
    from packaging.requirements import Requirement  # noqa: PLC0415  only where something is missing

    for text in dist.requires:
        if not extra and "extra" in text.partition(";")[2]:
            continue
        try:
            wanted = Requirement(text)
            needed = wanted.marker is None or wanted.marker.evaluate({**markers, "extra": extra})
        except ValueError:  # also of a marker that compares what cannot be compared
            continue
        if needed:
            yield normalised(wanted.name), tuple(sorted(wanted.extras)), tuple(map(str, wanted.specifier))


def admits(bound: str, version: str) -> bool:
    """Whether a version is within a bound."""
    plainly = holds(bound, version)
    if plainly is not None:
        return plainly
    from packaging.specifiers import Specifier  # noqa: PLC0415  20 ms that a run may save

    return Specifier(bound).contains(version, prereleases=True)


def _bounds(text: str, markers: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the bounds of a requirement, ``None`` when it does not apply or is none."""
    plain = requirement_of(text)
    applies = marker_holds(plain.marker, markers) if plain and plain.marker else True
    if plain is not None and applies is not None:
        return tuple(map(str, plain.bounds)) if applies else None
    from packaging.requirements import Requirement  # noqa: PLC0415  only where it is asked for

    try:
        requirement = Requirement(text)
        needed = requirement.marker is None or requirement.marker.evaluate({**markers, "extra": ""})
    except ValueError:  # also of a marker that compares what cannot be compared
        return None
    return tuple(map(str, requirement.specifier)) if needed else None
