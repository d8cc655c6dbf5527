"""Declared dependencies: what Requires-Dist asks for against what is installed (``DEP``).

Markers and extras are evaluated for the target, never for the interpreter that runs envaudit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.checks.fixes import install_command, reinstall
from envaudit.model import Confidence, Evidence, Finding, Fix, Gap, Involved, Severity
from envaudit.plain_versions import all_hold, marker_holds, normalised, release_of, requirement_of
from envaudit.rulebook import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Literal

    from packaging.requirements import Requirement
    from packaging.utils import NormalizedName

    from envaudit.model import Distribution, Facts

# Most lines of METADATA belong to extras nobody asked for (`pytest; extra == "test"`). A marker whose last term,
# joined by nothing but `and`, is `extra == "x"` cannot hold without that extra, so such a line need not be parsed.
_EXTRA_ONLY = re.compile(r""";(?:(?!\bor\b|['"]).|'[^']*'|"[^"]*")*?\bextra\s*==\s*(?:"([^"]+)"|'([^']+)')\s*$""")

# Kinds of a MetadataProblem that make the declared dependencies unknown or wrong.
_UNREADABLE = ("missing", "unreadable")
_DAMAGED = ("bad-name", "bad-version", "bad-requires-python")


class _Line(NamedTuple):
    """A requirement that applies to the target, and the extra that brought it in (empty: none)."""

    requirement: Requirement
    extra: str


class _Bad(NamedTuple):
    """A Requires-Dist value that is not a requirement."""

    text: str
    reason: str


class _Met(NamedTuple):
    """A requirement that is met, and the extras that it asks for in turn."""

    key: NormalizedName | Literal[""]
    extras: tuple[str, ...]


_NOTHING = _Met("", ())


class _World(NamedTuple):
    """What requirements are held against: the distributions the interpreter finds."""

    facts: Facts
    visible: Mapping[NormalizedName, Distribution]

    def plainly_met(self, text: str, extra: str) -> _Met | None:
        """Return a requirement that does not apply or is met, ``None`` when a look at it is not enough to say so.

        What applies without the extra as well was judged without it.
        """
        plain = requirement_of(text)
        if plain is None:
            return None
        markers = self.facts.target.markers
        applies = marker_holds(plain.marker, markers, extra)
        if applies is None or not applies or (extra and marker_holds(plain.marker, markers)):
            return None if applies is None else _NOTHING
        found = self.visible.get(normalised(plain.name))
        release = release_of(found.version) if found else None
        met = release is not None and all_hold(plain.bounds, release)
        return _Met(normalised(plain.name), plain.extras) if met else None


def check_declared(facts: Facts) -> Iterator[Finding | Gap]:
    """Yield ``DEP001`` to ``DEP004`` for every distribution the interpreter would find."""
    visible = facts.visible()
    world = _World(facts, visible)
    lines = {key: list(_applicable(world, dist, "")) for key, dist in visible.items()}
    for key, dist in visible.items():
        yield from _metadata_findings(facts, dist)
        for line in lines[key]:
            if isinstance(line, _Bad):
                yield _bad_requirement(facts, dist, line)
            elif isinstance(line, _Line):
                yield from _judge(world, dist, line)
    yield from _requested_extras(world, lines)


def check_solvable(facts: Facts) -> Iterator[Finding]:
    """Yield ``DEP002`` for requirements of a file of which the resolver says that they contradict each other."""
    described = facts.described
    if described is None or not described.unsolvable:
        return
    yield Finding(
        code="DEP002",
        severity=Severity.ERROR,
        confidence=Confidence.PROVEN,
        message=f"the requirements of {described.path} contradict each other",
        subject="unsolvable",
        symptom=described.unsolvable,
        evidence=(Evidence(described.path, "the resolver of uv found no solution"),),
    )


def _requested_extras(
    world: _World, lines: Mapping[NormalizedName, list[_Line | _Met | _Bad]]
) -> Iterator[Finding | Gap]:
    """Follow ``foo[bar]`` through extras that name further extras, and judge what each of them brings in."""
    pending = [
        (key, extra, dist_key) for dist_key, found in lines.items() for line in found for key, extra in _asks(line)
    ]
    seen = set()
    while pending:
        key, extra, asked_by = pending.pop()
        dist = world.visible.get(key)
        if dist is None or (key, normalised(extra)) in seen:
            continue
        seen.add((key, normalised(extra)))
        for line in _applicable(world, dist, extra):
            if isinstance(line, _Bad):
                yield _bad_requirement(world.facts, dist, line)
                continue
            pending += [(other, more, key) for other, more in _asks(line)]
            if isinstance(line, _Line):
                yield from _judge(world, dist, line, asked_by=world.visible[asked_by])


def _asks(line: _Line | _Met | _Bad) -> list[tuple[NormalizedName, str]]:
    """Return the extras that a requirement asks for, each with the distribution it belongs to."""
    if isinstance(line, _Met):
        return [(line.key, extra) for extra in sorted(line.extras) if line.key]
    if isinstance(line, _Bad):
        return []
    return [(normalised(line.requirement.name), extra) for extra in sorted(line.requirement.extras)]


def _applicable(world: _World, dist: Distribution, extra: str) -> Iterator[_Line | _Met | _Bad]:
    """Yield the requirements of ``dist`` that hold on the target: without an extra, or only because of ``extra``."""
    wanted = normalised(extra) if extra else ""
    for text in dist.requires:
        only = _EXTRA_ONLY.search(text)
        if only is not None and normalised(only[1] or only[2]) != wanted:
            continue
        if wanted and "extra" not in text:
            continue
        met = world.plainly_met(text, extra)
        if met is not None:
            if met.extras:
                yield met
            continue
        try:
            parsed = _parse(text)
            holds = _applies(parsed, world.facts.target.markers, extra)
        except ValueError as error:
            if not wanted or only is not None:  # else it was reported when the plain requirements were read
                yield _Bad(text, str(error).splitlines()[0])
            continue
        if holds:
            yield _Line(parsed, extra)


def _applies(requirement: Requirement, markers: Mapping[str, str], extra: str) -> bool:
    """Say whether a requirement holds without an extra, or only because of it.

    Raises ``ValueError`` for a marker that compares what cannot be compared (``os_name ~= "x"``).
    """
    marker = requirement.marker
    without = marker is None or marker.evaluate({**markers, "extra": ""})
    if not extra or without or marker is None:
        return without and not extra
    # Either spelling: old metadata does not normalise the names of extras.
    return any(marker.evaluate({**markers, "extra": name}) for name in {extra, normalised(extra)})


def _parse(text: str) -> Requirement:
    """Parse one requirement; raises a ``ValueError``."""
    from packaging.requirements import Requirement  # noqa: PLC0415  46 ms that a run without requirements saves

    return Requirement(text)


def _judge(
    world: _World, dist: Distribution, line: _Line, asked_by: Distribution | None = None
) -> Iterator[Finding | Gap]:
    """Hold one requirement against what is installed."""
    wanted = line.requirement
    key = normalised(wanted.name)
    found = world.visible.get(key)
    spelled = f"{wanted.name}{wanted.specifier}"
    if found is None:
        yield _unmet(world.facts, dist, line, asked_by, found)
        return
    if not wanted.specifier:
        return
    version = parse_version(found.version)
    if version is None:
        yield Gap("DEP002", f"{dist.name} {dist.version} needs {spelled}", f"{found.name} has no valid version")
    elif not wanted.specifier.contains(version, prereleases=True):
        yield _unmet(world.facts, dist, line, asked_by, found)


def _unmet(
    facts: Facts,
    dist: Distribution,
    line: _Line,
    asked_by: Distribution | None,
    found: Distribution | None,
) -> Finding:
    """Build the finding for one requirement that nothing installed meets."""
    wanted = line.requirement
    key = normalised(wanted.name)
    involves = [] if found is None else [Involved(found.key, found.version)]
    code = "DEP001" if found is None else "DEP002"
    requirement = f"{wanted.name}{wanted.specifier}"
    if facts.described is not None:
        absent, other = f"which {facts.described.path} does not list", "would be installed"
    else:
        absent, other = "which is not installed", "is installed"
    complaint = f"needs {requirement}, " + (absent if found is None else f"but {found.version} {other}")
    message = f"{dist.name} {dist.version} {complaint}"
    if line.extra:
        assert asked_by is not None
        code = "DEP003"
        message = f"{asked_by.name} {asked_by.version} asks for {dist.name}[{line.extra}], whose extra {complaint}"
        involves.append(Involved(asked_by.key, asked_by.version))
    return Finding(
        code=code,
        severity=Severity.ERROR,
        confidence=Confidence.PROVEN,
        message=message,
        subject=f"requires:{key}" + (f":{line.extra}" if line.extra else ""),
        distribution=dist.key,
        version=dist.version,
        involves=tuple(involves),
        symptom=_symptom(dist, wanted, found),
        evidence=(Evidence(dist.metadata_path or dist.info_path, f"Requires-Dist: {wanted}"),),
        fix=(Fix(install_command(facts, [requirement]), (requirement,)),),
    )


def _symptom(dist: Distribution, wanted: Requirement, found: Distribution | None) -> str:
    if found is None:
        return f"ModuleNotFoundError as soon as {dist.name} imports {wanted.name}"
    return f"{dist.name} was not made for {found.name} {found.version}: an ImportError, an AttributeError, or nothing"


def _bad_requirement(facts: Facts, dist: Distribution, line: _Bad) -> Finding:
    return Finding(
        code="DEP004",
        severity=Severity.WARNING,
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} declares a requirement that cannot be understood: {line.text!r}",
        subject=f"requirement:{line.text}",
        distribution=dist.key,
        version=dist.version,
        symptom="installers refuse the metadata, or leave this requirement out",
        evidence=(Evidence(dist.metadata_path or dist.info_path, line.reason),),
        fix=(Fix(install_command(facts, [dist.name], reinstall=True)),),
    )


def _metadata_findings(facts: Facts, dist: Distribution) -> Iterator[Finding | Gap]:
    """Report metadata that is missing, unreadable or damaged, and say what was therefore not checked."""
    for problem in dist.problems:
        unreadable = problem.kind in _UNREADABLE
        if not unreadable and problem.kind not in _DAMAGED:
            continue
        yield Finding(
            code="DEP004",
            severity=Severity.ERROR if unreadable else Severity.WARNING,
            confidence=Confidence.PROVEN,
            message=f"{dist.name} {dist.version}".strip() + f" has metadata that cannot be used: {problem.detail}",
            subject=problem.kind,
            distribution=dist.key,
            version=dist.version,
            symptom=f"importlib.metadata.version({dist.name!r}) fails, and installers do not see what it needs",
            evidence=(Evidence(problem.path, problem.detail, problem.line),),
            fix=(reinstall(facts, dist),),
        )
        if unreadable:
            yield Gap("DEP", problem.path, f"{problem.detail}: the dependencies of {dist.name} were not checked")
