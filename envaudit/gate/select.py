"""What of a file applies to one target: markers are evaluated, and lock files without markers are walked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.model_stated import NotRead

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packaging.requirements import Requirement

    from envaudit.model import Target
    from envaudit.model_stated import Stated, StatedFile

_MOST_STEPS = 200_000


def applying(file: StatedFile, target: Target) -> tuple[tuple[Stated, ...], tuple[NotRead, ...]]:
    """Return the requirements of a file that hold on a target, and what could not be decided."""
    found, unknown = [], []
    for each in file.stated:
        held = _holds(each.marker, target.markers)
        if held is None:
            unknown.append(NotRead(each.path, each.line, each.name, f"its marker cannot be evaluated: {each.marker}"))
        elif held and _python_fits(each, target):
            found.append(each)
    if file.roots:
        found = _reached(file.roots, found, target.markers)
    return tuple(found), tuple(unknown)


def python_admitted(file: StatedFile, target: Target) -> bool:
    """Say whether the file is for the Python of the target at all."""
    return _within(file.requires_python, target)


def _python_fits(each: Stated, target: Target) -> bool:
    """Of several locked versions the one for this Python counts; a version that stands alone is judged (``PLT001``)."""
    return not each.marker or not each.requires_python or _within(each.requires_python, target)


def _within(specifier: str, target: Target) -> bool:
    if not specifier:
        return True
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415

    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return True
    python = target.python if target.python.count(".") > 1 else f"{target.python}.99"
    return wanted.contains(python, prereleases=True) or wanted.contains(target.python, prereleases=True)


def _holds(marker: str, markers: Mapping[str, str], extras: Sequence[str] = ("",)) -> bool | None:
    """Say whether a marker holds, with one of the extras; ``None`` when it cannot be evaluated."""
    if not marker:
        return True
    from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName  # noqa: PLC0415

    try:
        parsed = Marker(marker)
        # Those of pylock.toml: without extras and groups, as an installer takes it that is told of none.
        lists = {"extras": frozenset[str](), "dependency_groups": frozenset[str]()}
        if "extras" in marker or "dependency_groups" in marker:
            return parsed.evaluate({**markers, **lists}, context="lock_file")
        return any(parsed.evaluate({**markers, "extra": extra}) for extra in extras)
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, TypeError, RecursionError):
        return None


def _reached(roots: Sequence[str], packages: Sequence[Stated], markers: Mapping[str, str]) -> list[Stated]:
    """Walk from the roots over what each package needs, and return what is reached, in the order of the file."""
    by_key: dict[str, list[Stated]] = {}
    for each in packages:
        by_key.setdefault(each.key, []).append(each)
    pending: list[tuple[str, tuple[str, ...]]] = [(text, ("",)) for text in roots]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    reached: set[str] = set()
    for _ in range(_MOST_STEPS):
        if not pending:
            break
        text, extras = pending.pop()
        wanted = _requirement(text)
        if wanted is None or _holds(str(wanted.marker or ""), markers, extras) is not True:
            continue
        key = _normalised(wanted.name)
        step = (key, tuple(sorted(wanted.extras)))
        if step in seen:
            continue
        seen.add(step)
        reached.add(key)
        for package in by_key.get(key, ()):
            pending += [(need, ("", *step[1])) for need in package.requires]
    return [each for each in packages if each.key in reached]


def _requirement(text: str) -> Requirement | None:
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415

    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _normalised(name: str) -> str:
    from packaging.utils import canonicalize_name  # noqa: PLC0415

    return canonicalize_name(name)
