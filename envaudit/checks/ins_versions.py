"""Metadata of one version over the files of another (``INS005``), and modules that another build has left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.declared import admits, requirements_on
from envaudit.checks.fixes import install_anew, remove_command
from envaudit.model import Confidence, Evidence, Finding, Fix, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import ChangedFiles, Distribution, Facts

_EXAMPLES = 10


def check_versions(facts: Facts) -> Iterator[Finding]:
    """Yield ``INS005`` for each distribution with files of another release, or of another build beside its own."""
    owners = {dist.info_path: dist for dist in facts.distributions}
    for found in facts.changed:
        dist = owners.get(found.owner)
        if dist is None:
            continue
        if found.stated:
            yield _overlaid(facts, dist, found)
        elif found.stray:
            yield _stray(facts, dist, found)


def _overlaid(facts: Facts, dist: Distribution, found: ChangedFiles) -> Finding:
    """Say that the files are those of another release; what was judged of them went by the files."""
    differing = len(found.changed) + len(found.missing)
    return Finding(
        code="INS005",
        severity=Severity.ERROR,
        confidence=Confidence.PROVEN,
        message=f"the metadata of {dist.name} say {dist.metadata_version}, but its files are those of {found.stated}: "
        "all other checks go by the files",
        subject="overlaid",
        distribution=dist.key,
        version=dist.version,
        symptom="requirements look met that are not; modules of two releases fail to import each other",
        evidence=(
            Evidence(f"{dist.site_dir}/{found.stated_in}", f"states version {found.stated}"),
            Evidence(dist.metadata_path or dist.info_path, f"states version {dist.metadata_version}"),
            Evidence(
                f"{dist.info_path}/RECORD",
                f"{differing:,} of the {found.listed:,} files that it lists are missing or changed",
            ),
        ),
        fix=_reinstalls(facts, dist),
    )


def _reinstalls(facts: Facts, dist: Distribution) -> tuple[Fix, ...]:
    """Offer both releases, first the one that all requirements allow; what lies there of either goes first."""
    bounds = [bound for declared in requirements_on(facts, dist.key) for bound in declared.bounds]
    paths = _own_folders(facts, dist)
    versions = sorted(
        (dist.metadata_version, dist.version), key=lambda version: sum(not admits(bound, version) for bound in bounds)
    )
    return tuple(install_anew(facts, dist, paths, version) for version in versions)


def _own_folders(facts: Facts, dist: Distribution) -> list[str]:
    """Return the folders in which nothing of another distribution lies."""
    others = {name for other in facts.distributions if other.key != dist.key for name in other.top_level}
    bundled = {entry.path.partition("/")[0] for entry in dist.binaries if ".libs/" in entry.path}
    files = {entry.path.partition("/")[0] for entry in dist.binaries if "/" not in entry.path}
    names = {name for name in dist.top_level if name not in others and not any(f.startswith(f"{name}.") for f in files)}
    return [f"{dist.site_dir}/{name}" for name in sorted(names | bundled)]


def _stray(facts: Facts, dist: Distribution, found: ChangedFiles) -> Finding:
    """Say which modules another build has left, and whether Python takes them."""
    wins = [stray for stray in found.stray if stray.wins]
    some = wins or list(found.stray)
    number = "a compiled module" if len(some) == 1 else f"{len(some):,} compiled modules"
    what = "that Python loads instead of its own" if wins else "of another build, which Python passes over"
    return Finding(
        code="INS005",
        severity=Severity.WARNING if wins else Severity.NOTE,
        confidence=Confidence.PROVEN,
        message=f"beside the modules of {dist.name} {dist.version} lies {number} {what}"
        if len(some) == 1
        else f"beside the modules of {dist.name} {dist.version} lie {number} {what}",
        subject="stray",
        distribution=dist.key,
        version=dist.version,
        symptom="code of another release, or of a local build, runs" if wins else "",
        evidence=tuple(
            Evidence(f"{dist.site_dir}/{stray.path}", f"RECORD does not list it, but {stray.instead_of}")
            for stray in some[:_EXAMPLES]
        ),
        fix=(Fix(remove_command(facts, [f"{dist.site_dir}/{stray.path}" for stray in some])),),
    )
