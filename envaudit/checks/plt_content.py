"""What compiled files are made for, against the machine and against what the wheel's tag promises (``PLT``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.checks.fixes import install_command, reinstall
from envaudit.checks.lnk_elsewhere import version
from envaudit.model import Confidence, Evidence, Finding, Fix, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envaudit.model import Binary, Distribution, Facts

_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_")
# PEP 600 gives the older names these versions of glibc.
_LEGACY = {"manylinux1_": (2, 5), "manylinux2010_": (2, 12), "manylinux2014_": (2, 17)}
_MODULE = re.compile(r"\.(?:cpython-[^/]*|pypy[^/]*|abi3)\.so$|\.pyd$")
_GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?$")
_MACOS = re.compile(r"macosx_(\d{1,3})_(\d{1,3})_")
_FORMATS = {"linux": "elf", "macosx": "macho", "win": "pe"}

_WRONG_MACHINE = {
    "elf": "ImportError: wrong ELF class, or cannot open shared object file: No such file or directory",
    "macho": "ImportError: mach-o file, but is an incompatible architecture",
    "pe": "ImportError: DLL load failed while importing ...: %1 is not a valid Win32 application.",
}

# One machine under several names: platform.machine() speaks differently on each system.
_SAME = {"arm64": "aarch64", "amd64": "x86_64", "i386": "i686", "i586": "i686", "x86": "i686"}


class _Instructions(NamedTuple):
    """What a distribution's compiled files use without asking, from a release on; flags as in ``/proc/cpuinfo``."""

    since: tuple[int, ...]
    flags: tuple[str, ...]
    evidence: str


# Read from documents and reports: which instructions a build uses cannot be told from its headers (none of 1,151 files
# of a large environment carried the property that would say so).
_INSTRUCTIONS: Mapping[str, _Instructions] = {
    "numpy": _Instructions((2, 4), ("ssse3", "sse4_1", "sse4_2", "popcnt"), "its __cpu_baseline__ is X86_V2"),
    "tensorflow": _Instructions((1, 6), ("avx",), "https://github.com/tensorflow/tensorflow/issues/45866"),
    "tensorflow-cpu": _Instructions((1, 6), ("avx",), "https://github.com/tensorflow/tensorflow/issues/45866"),
    "jaxlib": _Instructions((0, 1), ("avx",), "instructions with AVX in the functions that run when it is loaded"),
}


def check_content(facts: Facts) -> Iterator[Finding]:
    """Yield ``PLT004`` to ``PLT006``, one finding for each distribution and code."""
    by_owner: dict[str, list[Binary]] = {}
    for binary in facts.binaries:
        if binary.facts is not None:
            by_owner.setdefault(binary.owner, []).append(binary)
    for dist in facts.visible().values():
        binaries = by_owner.get(dist.info_path, [])
        yield from _other_machine(facts, dist, binaries)
        yield from _broken_promise(dist, binaries)
        yield from _broken_macos_promise(facts, dist, binaries)
        yield from _instructions(facts, dist)


def _other_machine(facts: Facts, dist: Distribution, binaries: list[Binary]) -> Iterator[Finding]:
    """Compare the machine in the headers of extension modules.

    Only names that say so are counted as modules: a plain ``.so`` for another machine may be data, as debuggers,
    browsers' helpers and tools for phones carry it.
    """
    target = facts.target
    wanted = _FORMATS.get(target.platform.partition("-")[0])
    if not target.machine or {b.facts.machine for b in binaries if b.facts is not None} <= {target.machine}:
        return  # as nearly always: no name has to be looked at
    own = [b for b in binaries if b.facts is not None and b.facts.format == wanted and _MODULE.search(b.path)]
    foreign = [b for b in own if b.facts is not None and not _same(b.facts.machine, target.machine)]
    if not foreign or 2 * len(foreign) < len(own):
        return
    first = foreign[0].facts
    assert first is not None
    yield Finding(
        code="PLT004",
        severity=Severity.ERROR,
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} holds compiled files for {first.machine}, but this is {target.machine}",
        subject="machine",
        distribution=dist.key,
        version=dist.version,
        symptom=_WRONG_MACHINE[str(wanted)],
        evidence=tuple(Evidence(f"{b.site_dir}/{b.path}", f"for {b.facts.machine}") for b in foreign if b.facts),
        fix=(reinstall(facts, dist),),
    )


def _broken_promise(dist: Distribution, binaries: list[Binary]) -> Iterator[Finding]:
    """Hold the glibc that the files need against the one that the wheel's tag promises to be enough."""
    promised = min((version for tag in dist.wheel_tags or () if (version := _promise(tag))), default=None)
    if promised is None:
        return
    needed = {binary: version for binary in binaries if (version := _needs_glibc(binary)) > promised}
    if not needed:
        return
    newest = max(needed.values())
    yield Finding(
        code="PLT005",
        severity=Severity.NOTE,
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} is tagged for glibc {promised[0]}.{promised[1]}, "
        f"but needs glibc {newest[0]}.{newest[1]}",
        subject="glibc",
        distribution=dist.key,
        version=dist.version,
        symptom=f"version `GLIBC_{newest[0]}.{newest[1]}' not found, on a system that its tag says is new enough",
        evidence=tuple(
            Evidence(f"{binary.site_dir}/{binary.path}", f"needs GLIBC_{version[0]}.{version[1]}")
            for binary, version in needed.items()
        ),
    )


def _broken_macos_promise(facts: Facts, dist: Distribution, binaries: list[Binary]) -> Iterator[Finding]:
    """Hold the macOS that the files were built for against the one that the wheel's tag promises to be enough."""
    if not facts.target.platform.startswith("macosx"):
        return
    tags = [match for tag in dist.wheel_tags or () for match in _MACOS.finditer(tag)]
    promised = min((version(f"{match[1]}.{match[2]}") for match in tags), default=())
    if not promised:
        return
    if _same(facts.target.machine, "arm64"):
        promised = max(
            promised, (11, 0)
        )  # the first macOS for these machines: universal wheels name that of the others
    needed = {
        binary: binary.facts.min_os
        for binary in binaries
        if binary.facts is not None
        and _same(binary.facts.machine, facts.target.machine)
        and version(binary.facts.min_os)[:2] > promised[:2]
    }
    if not needed:
        return
    newest = max(needed.values(), key=version)
    tagged = ".".join(map(str, promised))
    yield Finding(
        code="PLT005",
        severity=Severity.NOTE,
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} is tagged for macOS {tagged}, but was built for macOS {newest}",
        subject="macos",
        distribution=dist.key,
        version=dist.version,
        symptom=f"Symbol not found, on a macOS before {newest} that its tag says is new enough",
        evidence=tuple(
            Evidence(f"{binary.site_dir}/{binary.path}", f"built for macOS {minimum}")
            for binary, minimum in needed.items()
        ),
    )


def _promise(tag: str) -> tuple[int, int] | None:
    """Return the oldest glibc that a wheel tag claims to run on."""
    versions = [(int(match[1]), int(match[2])) for match in _MANYLINUX.finditer(tag)]
    versions += [version for name, version in _LEGACY.items() if name in tag]
    return min(versions, default=None)


def _needs_glibc(binary: Binary) -> tuple[int, int]:
    """Return the newest version of glibc whose symbols a file asks for; (0, 0) for none."""
    needs = binary.facts.versions_needed if binary.facts is not None else ()
    matches = (_GLIBC.match(version) for need in needs for version in need.versions)
    return max(((int(match[1]), int(match[2])) for match in matches if match), default=(0, 0))


def _instructions(facts: Facts, dist: Distribution) -> Iterator[Finding]:
    """Compare what is known about a few distributions with the processor, where that is known."""
    known = _INSTRUCTIONS.get(dist.key)
    if known is None or not facts.cpu_flags or _same(facts.target.machine, "x86_64") is False:
        return
    missing = [flag for flag in known.flags if flag not in facts.cpu_flags]
    if not missing or _release(dist.version) < known.since:
        return
    yield Finding(
        code="PLT006",
        severity=Severity.WARNING,
        confidence=Confidence.PREDICTED,
        message=f"{dist.name} {dist.version} uses instructions that this processor does not have: {', '.join(missing)}",
        subject="instructions",
        distribution=dist.key,
        version=dist.version,
        symptom="Illegal instruction (core dumped), when it is imported",
        evidence=(Evidence("/proc/cpuinfo", f"no {', '.join(missing)}"), Evidence(dist.info_path, known.evidence)),
        fix=(Fix(install_command(facts, [f"{dist.name}<{'.'.join(map(str, known.since))}"])),),
    )


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a release; what is no number ends them."""
    return tuple(int(part) for part in re.match(r"[\d.]*", version)[0].split(".") if part)  # type: ignore[index]


def _same(one: str, other: str) -> bool:
    one, other = one.lower(), other.lower()
    return _SAME.get(one, one) == _SAME.get(other, other)
