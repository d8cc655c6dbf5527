"""Integrity: what stands on disk against what was installed (``INS``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.checks.fixes import reinstall
from envaudit.model import Confidence, Evidence, Finding, Gap, Severity

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

# People remove tests to make images smaller: numpy/_core/_rational_tests.so, scipy/integrate/_test_multivariate.so.
_FOR_TESTS = re.compile(r"/(?:tests?|testing)/|/_?test_?[^/]*$|_tests\.[^/]*$")


def check_installed(facts: Facts) -> Iterator[Finding | Gap]:
    """Yield ``INS001`` and ``INS004``, and a gap for every file of a distribution that says nothing usable."""
    yield from _missing_files(facts)
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


def _missing_files(facts: Facts) -> Iterator[Finding]:
    """Yield ``INS001`` for each distribution whose compiled files are not all there."""
    gone: dict[str, list[str]] = {}
    for binary in facts.binaries:
        if binary.missing:
            gone.setdefault(binary.owner, []).append(f"{binary.site_dir}/{binary.path}")
    for dist in facts.visible().values():
        paths = gone.get(dist.info_path)
        if not paths:
            continue
        only_tests = all(_FOR_TESTS.search(path) for path in paths)
        count = "1 compiled file" if len(paths) == 1 else f"{len(paths)} compiled files"
        yield Finding(
            code="INS001",
            severity=Severity.NOTE if only_tests else Severity.ERROR,
            confidence=Confidence.PROVEN,
            message=f"{dist.name} {dist.version} lacks {count} that it was installed with",
            subject="missing",
            distribution=dist.key,
            version=dist.version,
            symptom="its own tests fail"
            if only_tests
            else "ImportError or ModuleNotFoundError, from whatever needs the file",
            evidence=tuple(Evidence(path, "RECORD lists it, and it is not there") for path in paths),
            fix=(reinstall(facts, dist),),
        )


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
        fix=() if same else (reinstall(facts, seen),),
    )
