"""The package index: whether what is installed or asked for is there, was withdrawn, and has a wheel (``IDX``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.fixes import install_command
from envaudit.checks.tags import Fit, fits, supported_summary
from envaudit.model import Confidence, Evidence, Finding, Fix, Gap, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.model import Advisory, Facts, OnIndex

_SOURCES = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")


def check_index(facts: Facts) -> Iterator[Finding | Gap]:
    """Yield ``IDX001`` to ``IDX006`` for every release that was asked about."""
    installed = facts.described is None
    for release in facts.indexed:
        if not release.known:
            yield _unknown(facts, release, installed=installed)
            continue
        if release.yanked is not None:
            yield _yanked(facts, release)
        if release.files and not installed:
            yield from _wheels(facts, release)
        if release.missing:
            yield _hashes(facts, release)
        if release.status in {"archived", "quarantined", "deprecated"}:
            yield _status(facts, release)
        for advisory in release.advisories:
            yield _vulnerable(facts, release, advisory)


def _finding(code: str, severity: Severity, release: OnIndex, message: str, symptom: str, *fixes: Fix) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        confidence=Confidence.PROVEN,
        message=f"{release.name} {release.version} {message}",
        subject="index",
        distribution=release.key,
        version=release.version,
        symptom=symptom,
        evidence=(Evidence("", f"asked: {release.asked}"),),
        fix=fixes,
    )


def _unknown(facts: Facts, release: OnIndex, *, installed: bool) -> Finding:
    what = "has no such version" if release.exists else "has no such project"
    return _finding(
        "IDX003",
        Severity.WARNING if installed else Severity.ERROR,
        release,
        f"cannot be installed{' again' if installed else ''}: the index {what}",
        f"No matching distribution found for {release.name}=={release.version}",
        _another(facts, release),
    )


def _yanked(facts: Facts, release: OnIndex) -> Finding:
    why = f": {release.yanked}" if release.yanked else ", without a reason"
    return _finding(
        "IDX001",
        Severity.WARNING,
        release,
        f"was withdrawn from the index (yanked){why}",
        "installers take it only where a file asks for exactly this version",
        _another(facts, release),
    )


def _wheels(facts: Facts, release: OnIndex) -> Iterator[Finding | Gap]:
    """Look for a wheel that the target could use."""
    wheels = [name for name in release.files if name.endswith(".whl")]
    found = set()
    for name in wheels:
        found.add(fit := fits(_tags(name), facts.target))
        if fit is Fit.YES:
            return
    supported = supported_summary(facts.target)
    what = f"{release.name} {release.version}"
    if Fit.UNKNOWN in found:
        yield Gap("IDX002", what, f"whether one of its wheels fits is not known: {supported}")
        return
    source = any(name.endswith(_SOURCES) for name in release.files)
    pure = not wheels
    message = f"has no wheel for {supported.partition(',')[0]} on {facts.target.platform or 'this platform'}"
    yield _finding(
        "IDX002",
        # An sdist alone is often pure Python, and is built in a second; one beside wheels is not.
        Severity.ERROR if not source else Severity.NOTE if pure else Severity.WARNING,
        release,
        f"{message}: it would be built from source" if source else f"{message}, and no source: it cannot be installed",
        "a compiler error, or minutes of building" if source else "No matching distribution found",
        _another(facts, release),
    )


def _tags(name: str) -> tuple[str, ...]:
    """Return the tags in the name of a wheel."""
    parts = name[: -len(".whl")].rsplit("-", 3)[1:]
    if len(parts) != 3:
        return ()
    python, abi, platform = (part.split(".") for part in parts)
    return tuple(f"{one}-{two}-{three}" for one in python for two in abi for three in platform)


def _hashes(facts: Facts, release: OnIndex) -> Finding:
    listed = ", ".join(release.missing[:3]) + (" ..." if len(release.missing) > 3 else "")
    path = facts.described.path if facts.described else ""
    finding = _finding(
        "IDX006",
        Severity.ERROR,
        release,
        "is demanded with hashes of which the index offers none",
        "THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE",
        Fix(f"write the hashes of {release.name} {release.version} again, after finding out why they differ"),
    )
    return finding._replace(evidence=(Evidence(path, f"demanded: {listed}"), *finding.evidence))


def _status(facts: Facts, release: OnIndex) -> Finding:
    words = {
        "quarantined": "was put into quarantine by the index, as files that do harm are",
        "archived": "is no longer looked after: the index calls its project archived",
        "deprecated": "is called deprecated by the index",
    }
    reason = f": {release.status_reason}" if release.status_reason else ""
    quarantined = release.status == "quarantined"
    return _finding(
        "IDX004",
        Severity.ERROR if quarantined else Severity.NOTE,
        release,
        f"{words[release.status]}{reason}",
        "installers cannot get it, and whoever has it should find out why" if quarantined else "no more releases",
        *((_another(facts, release),) if quarantined else ()),
    )


def _vulnerable(facts: Facts, release: OnIndex, advisory: Advisory) -> Finding:
    also = f" ({', '.join(advisory.aliases[:3])})" if advisory.aliases else ""
    fixed = _later(release.version, advisory.fixed_in)
    mended = ", ".join(advisory.fixed_in[:4])
    said = f"; mended in {mended}" if mended else "; no release without it is known"
    about = f": {advisory.summary[:120]}" if advisory.summary else ""
    constraint = f"{release.name}>={fixed}" if fixed else ""
    finding = _finding(
        "IDX005",
        Severity.WARNING,
        release,
        f"has a known vulnerability, {advisory.id}{also}{said}{about}",
        "nothing: what is vulnerable works",
        Fix(install_command(facts, [constraint]), (constraint,)) if fixed else _another(facts, release),
    )
    more = (Evidence(advisory.link, "described there"),) if advisory.link else ()
    return finding._replace(
        subject=f"vulnerability:{advisory.id}", confidence=Confidence.PREDICTED, evidence=(*finding.evidence, *more)
    )


def _later(version: str, fixed: Sequence[str]) -> str:
    """Return the lowest of the mended versions that is later than a version; empty when there is none."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415

    try:
        own = Version(version)
        later = [each for text in fixed if (each := Version(text)) > own]
    except InvalidVersion:
        return ""
    return str(min(later)) if later else ""


def _another(facts: Facts, release: OnIndex) -> Fix:
    """Return the fix that takes another release."""
    wanted = f"{release.name}!={release.version}"
    return Fix(install_command(facts, [wanted]), (wanted,) if release.exists else ())
