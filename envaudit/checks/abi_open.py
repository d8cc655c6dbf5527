"""NumPy's C API where the version of NumPy is still open: what an installer would choose (``ABI``).

A requirement file that pins a package built for NumPy 1.x and leaves NumPy to the resolver gets the newest NumPy that
everything admits. Most such releases do not forbid NumPy 2, because there was none when they were made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.abi_predicted import finding_for
from envaudit.checks.declared import requirements_on
from envaudit.model import Gap
from envaudit.rulebook import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Described, Distribution, Facts, Finding, PredictedBuild

_OLD = frozenset({"1.x", "pybind11", "rust", "by-name"})
_FIRST_PYTHON = (3, 9)  # of NumPy 2.0
_ANY_NUMPY2 = ("2.0.0", "2.2.6", "2.3.5", "2.4.6", "2.99")


def predict_open_numpy(facts: Facts) -> Iterator[Finding | Gap]:
    """Yield ``ABI001`` and ``ABI002`` for what would meet NumPy 2, as far as can be told without a resolver."""
    yield from _unknown(facts)
    described = facts.described
    if described is None or "numpy" in facts.visible() or facts.target.version_info < _FIRST_PYTHON:
        return
    if described.complete and not any(each.key == "numpy" for each in described.ranges):
        return  # there will be no NumPy
    visible = facts.visible()
    old = [(visible[build.key], build) for build in facts.predicted if build.key in visible]
    old = [(dist, build) for dist, build in old if build.numpy_class in _OLD]
    if not old or _kept_old(facts, described):
        return
    for dist, build in old:
        allowed = _allows(dist, build)
        if allowed is None:
            why = "built for NumPy 1.x, and nothing keeps NumPy below 2; whether it does so itself is not known"
            yield Gap("ABI", f"{dist.name} {dist.version}", why)
        elif allowed:
            what = f"and nothing in {described.path} keeps NumPy below 2"
            yield finding_for(facts, dist, build, "2 or newer", what)


def _unknown(facts: Facts) -> Iterator[Gap]:
    """Name what could hold modules built for NumPy 1.x for all that is known, in one gap."""
    described, numpy = facts.described, facts.visible().get("numpy")  # type: ignore[call-overload]
    version = parse_version(numpy.version) if numpy is not None else None
    absent = numpy is None and (described is None or described.complete)
    if described is None or absent or (version is not None and version.major < 2):
        return
    known = {build.key for build in facts.predicted} | {"numpy"}
    names = [dist.name for dist in facts.visible().values() if dist.key not in known and dist.wheel_tags is None]
    if names:
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield Gap(
            "ABI", f"{described.path}: {shown}", "whether they are built for NumPy 1.x cannot be told from this file"
        )


def _kept_old(facts: Facts, described: Described) -> bool:
    """Say whether something that is stated, or the metadata of something else, forbids every NumPy 2."""
    for each in described.stated:
        if each.key == "numpy" and not each.group and each.specifier and not _lets_numpy2_in(each.specifier):
            return True
    if any(build.admits_numpy2 is False for build in facts.predicted):
        return True
    declared = requirements_on(facts, "numpy")
    return any(not _lets_numpy2_in(",".join(each.bounds)) for each in declared)


def _lets_numpy2_in(specifier: str) -> bool:
    """Say whether a specifier admits one of the releases that stand for all of NumPy 2."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415

    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return True
    return any(wanted.contains(version, prereleases=True) for version in _ANY_NUMPY2)


def _allows(dist: Distribution, build: PredictedBuild) -> bool | None:
    """Say whether a release lets NumPy 2 in, by its metadata where they are known; ``None`` when nobody knows."""
    if dist.requires:
        return True  # else it would have kept NumPy old
    return build.admits_numpy2
