"""What the installed distributions declare about one of them: for advice, and for questions of kinship."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.plain_versions import holds, marker_holds, name_of, normalised, requirement_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from packaging.utils import NormalizedName

    from envaudit.model import Distribution, Facts


class Declared(NamedTuple):
    """One requirement that holds on the target without an extra: who declares it, and its bounds, such as ``>=1.2``."""

    by: Distribution
    bounds: tuple[str, ...]


class Required(NamedTuple):
    """A requirement that holds on a target: of what, by its normalised name, with which extras, and its bounds."""

    name: NormalizedName
    extras: tuple[str, ...]
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
            if name_of(text) != name:
                continue
            wanted = applying(text, facts.target.markers)
            if wanted is not None:
                yield Declared(dist, wanted.bounds)


def is_required(facts: Facts, name: str) -> bool:
    """Whether a visible distribution requires another one."""
    return next(requirements_on(facts, name), None) is not None


def applying(text: str, markers: Mapping[str, str], extra: str = "") -> Required | None:
    """Read a requirement; ``None`` when it does not hold on a target, with an extra or without any, or is none."""
    plain = requirement_of(text)
    needed = marker_holds(plain.marker, markers, extra) if plain is not None else None
    if plain is not None and needed is not None:
        return Required(normalised(plain.name), plain.extras, tuple(map(str, plain.bounds))) if needed else None
    from packaging.requirements import Requirement  # noqa: PLC0415  only where it is asked for

    try:
        parsed = Requirement(text)
        needed = parsed.marker is None or parsed.marker.evaluate({**markers, "extra": extra})
    except ValueError:  # also of a marker that compares what cannot be compared
        return None
    extras, bounds = tuple(sorted(parsed.extras)), tuple(map(str, parsed.specifier))
    return Required(normalised(parsed.name), extras, bounds) if needed else None


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
        for text in one.requires:
            if not extra and "extra" in text.partition(";")[2]:
                continue
            wanted = applying(text, facts.target.markers, extra)
            if wanted is None:
                continue
            found = visible.get(wanted.name)
            if found is None:
                lacking.setdefault(wanted.name, wanted.name + ",".join(wanted.bounds))
                continue
            asked = [(found, each) for each in ("", *wanted.extras) if (found.info_path, each) not in seen]
            seen.update((each.info_path, wanted) for each, wanted in asked)
            pending += asked
    return tuple(lacking[name] for name in sorted(lacking))


def admits(bound: str, version: str) -> bool:
    """Whether a version is within a bound."""
    plainly = holds(bound, version)
    if plainly is not None:
        return plainly
    from packaging.specifiers import Specifier  # noqa: PLC0415  20 ms that a run may save

    return Specifier(bound).contains(version, prereleases=True)
