"""Libraries that only the machine of the target can show (``LNK001``), and the macOS it has to be (``LNK002``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.checks.fixes import install_command
from envaudit.checks.lnk_groups import groups, listed
from envaudit.checks.lnk_words import no_symbol, short
from envaudit.model import Confidence, Evidence, Finding, Fix, Involved, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.checks.lnk_groups import Group
    from envaudit.model import Facts, LinkedFile

_RUNTIME_PAGE = "https://learn.microsoft.com/cpp/windows/latest-supported-vc-redist"


def check_elsewhere(facts: Facts) -> Iterator[Finding]:
    """Yield what depends on the machine of a target of macOS or Windows."""
    if facts.target.platform.startswith("win"):
        yield from _vc_runtime(facts)
    elif facts.target.platform.startswith("macosx"):
        for group in groups(facts, lambda file: bool(file.unseen)):
            yield _outside(group)
        yield from _newer_macos(facts)


def _vc_runtime(facts: Facts) -> Iterator[Finding]:
    """Yield one note for all modules that need the Visual C++ runtime: many programs bring it, Windows does not."""
    found = list(groups(facts, lambda file: bool(file.unseen)))
    if not found:
        return
    names = sorted({name.lower() for group in found for file, _ in group.files for name, _ in file.unseen})
    titles = [group.title for group in found]
    first, *others = found
    yield Finding(
        code="LNK001",
        severity=Severity.NOTE,
        confidence=Confidence.PREDICTED,
        message=f"{listed(titles)} {'needs' if len(titles) == 1 else 'need'} the Microsoft Visual C++ runtime "
        f"({listed(names)}), which comes neither with Python nor with Windows",
        subject="vc-runtime",
        distribution=first.key,
        version=first.version,
        involves=tuple(Involved(group.key, group.version) for group in others),
        symptom="ImportError: DLL load failed while importing ...: The specified module could not be found.",
        evidence=tuple(
            Evidence(f"{file.site_dir}/{file.path}", f"needs {listed([name for name, _ in file.unseen])}")
            for group in found
            for file, _ in group.files
        ),
        fix=(Fix(f"install it on that machine: {_RUNTIME_PAGE}"), Fix(install_command(facts, ["msvc-runtime"]))),
    )


def _outside(group: Group) -> Finding:
    """Make the finding for libraries that must lie at places which cannot be seen from here."""
    asked = [pair for file, _ in group.files for pair in file.unseen]
    places = list(dict.fromkeys(place for _, place in asked))
    known = bool(group.weight.symptom)
    return Finding(
        code="LNK001",
        severity=group.weight.severity if known else Severity.WARNING,
        confidence=Confidence.PREDICTED,
        message=f"{group.title} needs {listed([short(name) for name, _ in asked])}, which it does not bring: "
        f"it must be at {listed(places)} of its Mac",
        subject="outside",
        distribution=group.key,
        version=group.version,
        symptom=group.symptom(f"ImportError: dlopen({group.first}, 0x0002): Library not loaded: {asked[0][0]}"),
        evidence=tuple(
            Evidence(f"{file.site_dir}/{file.path}", f"not in the environment: {', '.join(n for n, _ in file.unseen)}")
            for file, _ in group.files
        ),
    )


# --- the version of macOS --------------------------------------------------------------------------------------------


def _newer_macos(facts: Facts) -> Iterator[Finding]:
    """Compare the macOS that files were built for with the one there is; the loader itself does not."""
    have = version(facts.os_version)
    if not have:
        return
    built_for = {
        f"{binary.site_dir}/{binary.path}": binary.facts.min_os for binary in facts.binaries if binary.facts is not None
    }

    def too_new(file: LinkedFile) -> list[tuple[str, str]]:
        paths = (f"{file.site_dir}/{file.path}", *file.loads)
        return [(path, built_for[path]) for path in paths if version(built_for.get(path, "")) > have]

    for group in groups(facts, lambda file: bool(too_new(file))):
        files = dict(pair for file, _ in group.files for pair in too_new(file))
        newest = max(files.values(), key=version)
        dist = group.dist
        yield Finding(
            code="LNK002",
            severity=Severity.WARNING,
            confidence=Confidence.PREDICTED,
            message=f"{group.title} was built for macOS {newest} and newer, and this is macOS {facts.os_version}",
            subject="version:macos",
            distribution=group.key,
            version=group.version,
            symptom=no_symbol(facts, "...", group.first) + ", if it uses anything that is new there",
            evidence=tuple(Evidence(path, f"built for macOS {minimum}") for path, minimum in files.items()),
            fix=(Fix(install_command(facts, [f"{dist.name}<{group.version.partition('+')[0]}"])),) if dist else (),
        )


def version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version, empty for an empty text; 10.16 is what 11.0 calls itself to old programs."""
    numbers = tuple(int(part) for part in re.findall(r"\d{1,9}", text))[:3]
    return (11, 0) if numbers[:2] == (10, 16) else numbers
