"""Two versions of one distribution in one folder (``INS004``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.fixes import replace_twins
from envaudit.model import Confidence, Evidence, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Distribution, Facts, Twin


def check_twins(facts: Facts) -> Iterator[Finding]:
    """Yield ``INS004`` for each distribution with several metadata folders in one site folder.

    The same name in another folder of ``sys.path`` is how system packages and overlays work; in one folder it is the
    trace of an interrupted upgrade or of a copied layer.
    """
    by_path = {dist.info_path: dist for dist in facts.distributions}
    groups: dict[str, list[Distribution]] = {}
    for dist in facts.distributions:
        other = by_path.get(dist.hidden_by)
        if other is not None and other.site_dir == dist.site_dir:
            groups.setdefault(other.info_path, []).append(dist)
    twins = {twin.info_path: twin for twin in facts.layout.twins}
    for path, hidden in groups.items():
        yield _finding(facts, by_path[path], hidden, twins)


def _finding(facts: Facts, files: Distribution, others: list[Distribution], twins: dict[str, Twin]) -> Finding:
    """Say what of a distribution is there several times; ``files`` is the one that its files belong to."""
    versions = sorted({dist.version for dist in (files, *others)})
    # System packages sometimes carry one version's metadata in two forms: untidy, and harmless.
    same = len(versions) == 1
    seen = next((dist for dist in (files, *others) if (twin := twins.get(dist.info_path)) and twin.seen), None)
    if same:
        message = f"{files.name} is installed twice in one folder, with two sets of metadata of {files.version}"
    elif seen is not None and seen.version != files.version:
        message = f"{files.name} {files.version} is what the files are, but Python sees the metadata of {seen.version}"
    else:
        listed = ", ".join(dist.version for dist in others)
        message = f"{files.name} is installed as {files.version} and in the same folder as {listed}"
    return Finding(
        code="INS004",
        severity=Severity.NOTE if same else Severity.ERROR,
        confidence=Confidence.PROVEN,
        message=message,
        subject="duplicate",
        distribution=files.key,
        version=files.version,
        symptom="" if same else "one version's metadata over the other's modules: requirements look met that are not",
        evidence=tuple(
            Evidence(dist.info_path, _detail(dist, twins.get(dist.info_path), seen=dist is seen))
            for dist in (files, *others)
        ),
        fix=() if same else tuple(replace_twins(facts, dist, 1 + len(others)) for dist in (files, *others)),
    )


def _detail(dist: Distribution, twin: Twin | None, *, seen: bool) -> str:
    parts = [dist.version]
    if twin is not None and twin.listed:
        parts.append(f"{twin.fitting:,} of {twin.listed:,} files are as its RECORD says")
    if seen:
        parts.append("the folder lists it first, so importlib.metadata takes it")
    return ": ".join((parts[0], "; ".join(parts[1:]))) if parts[1:] else parts[0]
