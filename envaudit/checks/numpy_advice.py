"""What to do about a NumPy that does not fit: which release to name, and whether NumPy 1.x could stand here at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.declared import admits, requirements_on
from envaudit.checks.fixes import install_command
from envaudit.checks.numpy2_releases import FIRST_NUMPY2_RELEASE
from envaudit.model import Fix
from envaudit.rulebook import parse_version

if TYPE_CHECKING:
    from envaudit.model import Distribution, Facts

# The last release of the 1.x line, the last Python it has wheels for, and the feature version it offers.
_LAST_NUMPY1 = "1.26.4"
_LAST_PYTHON_OF_NUMPY1 = (3, 12)
_LAST_NUMPY1_FEATURE = 17

# The NumPy release in which a C-API feature version appeared first (numpyconfig.h of NumPy 2.5).
_FIRST_RELEASE = {
    9: "1.8", 10: "1.10", 11: "1.13", 12: "1.14", 13: "1.16", 14: "1.20", 15: "1.22", 16: "1.23", 17: "1.25",
    18: "2.0", 19: "2.1", 20: "2.3", 21: "2.4", 22: "2.5",
}  # fmt: skip


def describe_feature(feature: int) -> str:
    """Name the first NumPy release that satisfies a C-API feature version."""
    return _FIRST_RELEASE.get(feature, f"with C-API version 0x{feature:x}")


def numpy_fixes(facts: Facts, dist: Distribution | None, code: str, feature: int) -> tuple[Fix, ...]:
    """Offer the ways out of one ``ABI`` finding, the surest first.

    ``numpy<2`` heals every distribution at once, so it stands first where nothing installed forbids it; then the
    first release of the distribution that was built for NumPy 2, if it is known; else its newest release.
    """
    if code in {"ABI003", "ABI004"}:
        wanted = [f"numpy>={_FIRST_RELEASE[feature]}"] if feature in _FIRST_RELEASE else ["--upgrade", "numpy"]
        return (Fix(install_command(facts, wanted), tuple(wanted) if feature in _FIRST_RELEASE else ()),)
    fixes = []
    if _numpy1_possible(facts):
        fixes.append(Fix(install_command(facts, ["numpy<2"]), ("numpy<2",)))
    if dist is not None:
        good = FIRST_NUMPY2_RELEASE.get(dist.key)
        if good is not None and _before(dist.version, good):
            fixes.append(Fix(install_command(facts, [f"{dist.name}>={good}"]), (f"{dist.name}>={good}",)))
        elif not fixes:
            fixes.append(Fix(install_command(facts, ["--upgrade", dist.name])))
    return tuple(fixes)


def _numpy1_possible(facts: Facts) -> bool:
    """Say whether the last NumPy 1.x could stand here: its wheels, every declared need, every compiled module."""
    if facts.target.version_info > _LAST_PYTHON_OF_NUMPY1:
        return False
    declared = requirements_on(facts, "numpy")
    if not all(admits(bound, _LAST_NUMPY1) for each in declared for bound in each.bounds):
        return False
    newer = {
        binary.owner
        for binary in facts.binaries
        if binary.facts and binary.facts.numpy and (binary.facts.numpy.feature or 0) > _LAST_NUMPY1_FEATURE
    }
    # NumPy's own modules leave with it.
    return not newer - {facts.numpy.info_path if facts.numpy else ""}


def _before(version: str, good: str) -> bool:
    """Compare two releases; what is no version comes before all of them."""
    parsed, bound = parse_version(version), parse_version(good)
    return bound is not None and (parsed is None or parsed < bound)
