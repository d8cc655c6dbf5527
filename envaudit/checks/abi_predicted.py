"""NumPy's C API without compiled files at hand: what releases are known to have been built for (``ABI``).

For distributions that are only described, by a requirement or a lock file. What bytes say is judged in ``abi``; here
the word comes from the table that ships, so the confidence is ``predicted`` throughout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.abi import known_effect
from envaudit.checks.numpy_advice import numpy_fixes
from envaudit.model import Confidence, Evidence, Finding, Gap, Involved, Severity
from envaudit.rulebook import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Distribution, Facts, PredictedBuild

_BASIS = {
    "measured": "its wheel was read when the rules were made: {0}",
    "inferred": "the wheels of the releases around it were read when the rules were made: {0}",
    "date": "it was uploaded before any project built for NumPy 2: {0}",
}
_WHAT = {
    "1.x": "built with NumPy 1.x headers",
    "pybind11": "built with pybind11 older than 2.12",
    "rust": "built with a rust-numpy that knows only NumPy 1.x",
    "by-name": "built with a layer that knows only NumPy 1.x",
}
_IMPORT_FAILS = "ImportError: numpy.core.multiarray failed to import, or ValueError: numpy.dtype size changed"
_SILENT = "no message: wrong numbers, or a crash"


def predict_numpy_abi(facts: Facts) -> Iterator[Finding | Gap]:
    """Yield ``ABI001`` and ``ABI002`` for what is predicted, and a gap for each described distribution that is unknown.

    Unknown is what declares a need of NumPy, has a wheel for one platform only, and is not in the table.
    """
    visible = facts.visible()
    numpy = next((dist for dist in visible.values() if dist.key == "numpy"), None)
    version = parse_version(numpy.version) if numpy is not None else None
    if numpy is None or version is None or version.major < 2:
        return
    for build in facts.predicted:
        dist = visible.get(build.key)
        if dist is not None and build.numpy_class in _WHAT:
            yield finding_for(facts, dist, build, numpy.version)
    if facts.target.kind == "described":
        whole = facts.described.whole if facts.described is not None else frozenset()
        known = {build.key for build in facts.predicted} | {"numpy", *whole}
        for key, dist in visible.items():
            if key not in known and _may_use_numpy(dist):
                what = f"{dist.name} {dist.version}"
                yield Gap("ABI", what, "whether it was built for NumPy 2 is not known, and it is not installed")


def finding_for(facts: Facts, dist: Distribution, build: PredictedBuild, numpy: str, because: str = "") -> Finding:
    """Return the finding for one release and one NumPy; ``because`` is why it would be that NumPy."""
    code = "ABI001" if build.numpy_class == "1.x" else "ABI002"
    severity, symptom = Severity.ERROR, _IMPORT_FAILS if code == "ABI001" else _SILENT
    known = known_effect(dist) if code == "ABI001" else None
    if known is not None:
        severity, symptom = known
    elif build.numpy_class == "rust":
        severity = Severity.WARNING
    what = _WHAT[build.numpy_class]
    silent = "" if code == "ABI001" or build.numpy_class == "rust" else ": RESULTS CAN BE SILENTLY WRONG"
    path = dist.metadata_path or dist.info_path
    evidence = [Evidence(path, _BASIS[build.basis].format(what))]
    if build.first_good:
        evidence.append(
            Evidence(path, f"{dist.name} {build.first_good} is the first release known to be built for NumPy 2")
        )
    return Finding(
        code=code,
        severity=severity,
        confidence=Confidence.PREDICTED,
        message=f"{dist.name} {dist.version} was {what}, {because or f'and NumPy would be {numpy}'}{silent}",
        subject="numpy",
        distribution=dist.key,
        version=dist.version,
        involves=(Involved("numpy", numpy),),
        symptom=symptom,
        evidence=tuple(evidence),
        fix=numpy_fixes(facts, dist, code, 0),
    )


def _may_use_numpy(dist: Distribution) -> bool:
    """Say whether a wheel may hold modules that use NumPy: it is for one platform, and asks for NumPy."""
    if not dist.wheel_tags or all(tag.endswith("-any") for tag in dist.wheel_tags):
        return False
    return any(text.replace("(", " ").split(";")[0].strip().lower().startswith("numpy") for text in dist.requires)
