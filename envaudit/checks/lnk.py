"""Shared libraries: whether the files are whole, and whether it is known what loads them (``LNK``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.fixes import reinstall
from envaudit.model import Confidence, Evidence, Finding, Gap, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Binary, Facts


def unknown_loader(facts: Facts) -> Iterator[Gap]:
    """Yield a gap for a target of another system: what its loader would do with the files is not followed."""
    platform = facts.target.platform
    if not platform.startswith(("linux", "macosx", "win")) and any(binary.facts for binary in facts.binaries):
        yield Gap("LNK", facts.target.prefix, f"what compiled files load is not followed on {platform}")


def check_whole(facts: Facts) -> Iterator[Finding]:
    """Yield ``LNK007``, one finding for each distribution with files that are cut short."""
    cut: dict[str, list[Binary]] = {}
    for binary in facts.binaries:
        if binary.facts is not None and binary.facts.truncated:
            cut.setdefault(binary.owner, []).append(binary)
    owners = {dist.info_path: dist for dist in facts.distributions}
    for owner, binaries in cut.items():
        dist = owners.get(owner)
        title = f"{dist.name} {dist.version}" if dist else f"{binaries[0].site_dir}, outside any distribution,"
        count = "a compiled file that is" if len(binaries) == 1 else f"{len(binaries)} compiled files that are"
        yield Finding(
            code="LNK007",
            severity=Severity.ERROR,
            confidence=Confidence.PROVEN,
            message=f"{title} has {count} cut short",
            subject="truncated",
            distribution=dist.key if dist else binaries[0].path.split("/", 1)[0],
            version=dist.version if dist else "",
            symptom="Bus error: the process dies without an exception when the file is loaded or used",
            evidence=tuple(
                Evidence(f"{binary.site_dir}/{binary.path}", "ends before its last loadable segment")
                for binary in binaries
            ),
            fix=(reinstall(facts, dist),) if dist else (),
        )
