"""Integrity: what stands on disk against what was installed (``INS``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.checks.fixes import reinstall
from envaudit.model import Confidence, Evidence, Finding, Gap, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Facts

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
    """Yield ``INS001``, and a gap for every file of a distribution that says nothing usable."""
    yield from _missing_files(facts)
    for dist in facts.distributions:
        for problem in dist.problems:
            if problem.kind in _HIDES:
                code, lost = _HIDES[problem.kind]
                yield Gap(code, problem.path, f"{problem.detail}: {lost}")


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
