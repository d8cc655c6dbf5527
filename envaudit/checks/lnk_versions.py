"""``LNK002``: symbol versions that the libraries of this machine do not define, because they are too old."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.checks.fixes import install_command
from envaudit.checks.lnk_groups import groups, listed
from envaudit.model import Confidence, Evidence, Finding, Fix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envaudit.model import Facts, Resolved

# From which GCC on libstdc++ defines a version; source: the libstdc++ manual, "ABI Policy and Guidelines".
_GCC = {
    "GLIBCXX_3.4.21": "5.1",
    "GLIBCXX_3.4.22": "6.1",
    "GLIBCXX_3.4.23": "7.1",
    "GLIBCXX_3.4.24": "7.2",
    "GLIBCXX_3.4.25": "8.1",
    "GLIBCXX_3.4.26": "9.1",
    "GLIBCXX_3.4.27": "9.2",
    "GLIBCXX_3.4.28": "9.3",
    "GLIBCXX_3.4.29": "11.1",
    "GLIBCXX_3.4.30": "12.1",
    "GLIBCXX_3.4.31": "13.1",
    "GLIBCXX_3.4.32": "13.2",
    "GLIBCXX_3.4.33": "14.1",
    "GLIBCXX_3.4.34": "15.1",
}


def check_versions(facts: Facts) -> Iterator[Finding]:
    """Yield ``LNK002`` for each distribution with modules that ask for versions their libraries do not define."""
    for group in groups(facts, lambda file: bool(file.missing_versions)):
        missing = [pair for file, _ in group.files for pair in file.missing_versions]
        offered = dict(pair for file, _ in group.files for pair in file.offered)
        library, version = max(missing, key=lambda pair: _rank(pair[1]))
        provider = _path_of(library, group.files[0][0].resolved)
        yield Finding(
            code="LNK002",
            severity=group.weight.severity,
            confidence=Confidence.PROVEN,
            message=f"{group.title} was built for newer system libraries: "
            f"it needs {_wanted(missing)}, and {_present(library, offered, facts)}",
            subject=f"version:{library}",
            distribution=group.key,
            version=group.version,
            symptom=group.symptom(
                f"ImportError: {provider}: version `{version}' not found (required by {group.first})"
            ),
            evidence=tuple(
                Evidence(
                    f"{file.site_dir}/{file.path}",
                    "needs " + ", ".join(f"{each} of {name}" for name, each in file.missing_versions),
                )
                for file, _ in group.files
            ),
            fix=(Fix(install_command(facts, [f"{group.dist.name}<{group.version.partition('+')[0]}"])),)
            if group.dist
            else (),
        )


def _wanted(missing: Iterable[tuple[str, str]]) -> str:
    """Name the highest version of each series: a file that needs it needs the lower ones, too."""
    highest: dict[str, str] = {}
    for _, version in sorted(missing, key=lambda pair: _rank(pair[1])):
        highest[version.rpartition("_")[0]] = version
    return listed([_described(version) for version in highest.values()])


def _present(library: str, offered: dict[str, str], facts: Facts) -> str:
    if library in offered:
        return f"{library} here has up to {_described(offered[library])}"
    if library.startswith("libc.") and facts.target.libc:
        return f"the C library here is {facts.target.libc}"
    return f"{library} here has no such version"


def _described(version: str) -> str:
    """Explain a version of libstdc++: nobody knows which GCC has ``GLIBCXX_3.4.32``."""
    gcc = _GCC.get(version)
    return f"{version} (GCC {gcc})" if gcc else version


def _rank(version: str) -> tuple[str, list[int]]:
    name, _, number = version.rpartition("_")
    return name, [int(part) for part in re.findall(r"\d{1,9}", number)]


def _path_of(library: str, resolved: Iterable[Resolved]) -> str:
    return next((each.path for each in resolved if each.name == library), library)
