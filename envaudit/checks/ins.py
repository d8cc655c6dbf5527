"""Integrity: what stands on disk against what was installed (``INS``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.fixes import install_command
from envaudit.model import Confidence, Evidence, Finding, Fix, Gap, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Distribution, Facts

# Problems of files other than METADATA: they hide what would have been checked with them.
_HIDES = {
    "bad-record": ("INS", "what it installed is not known"),
    "bad-wheel": ("PLT002", "its wheel tags were not checked"),
    "bad-direct-url": ("INS", "where it was installed from is not known"),
    "bad-entry-points": ("INS", "its entry points are not known"),
}


def check_installed(facts: Facts) -> Iterator[Finding | Gap]:
    """Yield ``INS004``, and a gap for every file of a distribution that says nothing usable."""
    by_path = {dist.info_path: dist for dist in facts.distributions}
    for dist in facts.distributions:
        for problem in dist.problems:
            if problem.kind in _HIDES:
                code, lost = _HIDES[problem.kind]
                yield Gap(code, problem.path, f"{problem.detail}: {lost}")
        other = by_path.get(dist.hidden_by)
        # The same name in another folder of sys.path is how system packages and overlays work; in one folder it is
        # the trace of an interrupted upgrade or a copied layer.
        if other is not None and other.site_dir == dist.site_dir:
            yield _two_versions(facts, other, dist)


def _two_versions(facts: Facts, seen: Distribution, hidden: Distribution) -> Finding:
    # System packages sometimes carry one version's metadata in two forms: untidy, and harmless.
    same = seen.version == hidden.version
    how = f"with two sets of metadata of {seen.version}" if same else f"as {seen.version} and as {hidden.version}"
    return Finding(
        code="INS004",
        severity=Severity.NOTE if same else Severity.ERROR,
        confidence=Confidence.PROVEN,
        message=f"{seen.name} is installed twice in one folder, {how}",
        subject=f"duplicate:{hidden.version}",
        distribution=seen.key,
        version=seen.version,
        symptom="" if same else "one version's metadata over the other's modules: requirements look met that are not",
        evidence=(
            Evidence(seen.info_path, f"{seen.version}: taken as the installed one"),
            Evidence(hidden.info_path, f"{hidden.version}: hidden behind it"),
        ),
        fix=() if same else (Fix(install_command(facts, [f"{seen.name}=={seen.version}"], reinstall=True)),),
    )
