"""Code that a generator made, against what it meets in this environment: protobuf (``API010``), pybind11 (``LNK008``).

Both generators write code that works only together with code or a runtime of a like version, and neither says so in
the metadata.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.checks.declared import admits, requirements_on
from envaudit.checks.fixes import install_command
from envaudit.checks.importing import Imports, what_stops
from envaudit.model import Confidence, Evidence, Finding, Fix, Involved, Severity
from envaudit.plain_versions import normalised
from envaudit.scan.protobuf import fails_on, runtime_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envaudit.model import Distribution, Facts, GeneratedCode
    from envaudit.scan.protobuf import Runtime

# The first runtime that has the module which compares versions.
_FIRST_CHECK = (5, 27)
# From here on the runtime's message no longer tells another major version from an older one.
_ONE_MESSAGE = (7,)
_SHOWN = 10
_INTERNALS = re.compile(r"internals_(v\d+)")


def check_mixed(facts: Facts) -> Iterator[Finding]:
    """Yield ``API010``, one for each distribution, and ``LNK008``, one for each pair."""
    yield from _protobuf(facts)
    yield from _pybind11(facts)


def _protobuf(facts: Facts) -> Iterator[Finding]:
    """Compare generated files with the runtime that is installed."""
    runtime = runtime_of(facts.distributions)
    if runtime is None or not facts.generated:
        return
    imports = Imports(facts)
    owners = {dist.info_path: dist for dist in facts.distributions}
    failing: dict[str, list[GeneratedCode]] = {}
    fitting: set[tuple[str, str, str]] = set()
    for code in facts.generated:
        if fails_on(code, runtime):
            failing.setdefault(code.owner, []).append(code)
        else:
            fitting.add(_beside(code))
    for owner, codes in failing.items():
        blocking = [
            code
            for code in codes
            if imports.breaks_source(code.owner, code.path, value_error=not _is_import_error(code, runtime))
        ]
        # wandb brings its messages for several runtimes, a folder each, and takes the one that fits.
        needed = blocking or [code for code in codes if _beside(code) not in fitting]
        if owner in owners and needed:
            yield _protobuf_finding(facts, owners[owner], codes if blocking else needed, blocking, runtime)


def _beside(code: GeneratedCode) -> tuple[str, str, str]:
    """Return what is the same for a file and for those of its name in folders beside its own."""
    folder, _, name = code.path.rpartition("/")
    return code.owner, folder.rpartition("/")[0], name


def _protobuf_finding(
    facts: Facts,
    dist: Distribution,
    codes: Sequence[GeneratedCode],
    blocking: Sequence[GeneratedCode],
    runtime: Runtime,
) -> Finding:
    installed = facts.visible()[normalised("protobuf")]
    # The newest generator decides what would heal all of them.
    worst = max(blocking or codes, key=lambda code: code.version or (0, 0, 0))
    symptom = _symptom(worst, runtime, installed.version)
    files = "a file that was" if len(codes) == 1 else f"{len(codes)} files that were"
    return Finding(
        code="API010",
        severity=Severity.ERROR if blocking else Severity.WARNING,
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} has {files} generated for {_wanted(worst)}, "
        f"but protobuf {installed.version} is installed",
        subject="protobuf",
        distribution=dist.key,
        version=dist.version,
        involves=(Involved(installed.key, installed.version),),
        symptom=symptom if blocking else f"{what_stops([code.path for code in codes])}: {symptom}",
        evidence=tuple(
            Evidence(f"{code.site_dir}/{code.path}", f"generated for {_wanted(code)}", code.line)
            for code in codes[:_SHOWN]
        ),
        fix=_protobuf_fixes(facts, dist, worst),
    )


def _is_import_error(code: GeneratedCode, runtime: Runtime) -> bool:
    """Say whether the file fails because a module of the runtime is not there."""
    return code.style == "builder" or (code.style == "checked" and runtime.version < _FIRST_CHECK)


def _symptom(code: GeneratedCode, runtime: Runtime, installed: str) -> str:
    """Return the line the user would read."""
    if code.style == "descriptors":
        return "TypeError: Descriptors cannot be created directly."
    if code.style == "builder":
        return "ImportError: cannot import name 'builder' from 'google.protobuf.internal'"
    if code.version is None or runtime.version < _FIRST_CHECK:
        return "ImportError: cannot import name 'runtime_version' from 'google.protobuf'"
    same = runtime.version >= _ONE_MESSAGE or code.version[0] == runtime.version[0]
    what = "incompatible Protobuf Gencode/Runtime" if same else "mismatched Protobuf Gencode/Runtime major"
    generated = ".".join(map(str, code.version))
    return f"VersionError: Detected {what} versions when loading ...: gencode {generated} runtime {installed}"


def _wanted(code: GeneratedCode) -> str:
    """Say which runtimes a file was generated for."""
    if code.style == "checked" and code.version is not None:
        return f"protobuf {'.'.join(map(str, code.version))} or newer"
    return "protobuf 3.20 or newer" if code.style == "builder" else "protobuf 3"


def _protobuf_fixes(facts: Facts, dist: Distribution, code: GeneratedCode) -> tuple[Fix, ...]:
    """Offer the runtime the file was generated for, unless what is installed declares that it does not go with it."""
    if code.style == "descriptors":
        constraint, example = "protobuf<4", "3.20.3"
    elif code.version is not None:
        example = ".".join(map(str, code.version))
        constraint = f"protobuf>={example}"
    else:
        constraint, example = "protobuf>=3.20", "3.20.3"
    fixes = []
    if _admitted(facts, example, upper_only=code.style != "descriptors"):
        fixes.append(Fix(install_command(facts, [constraint]), (constraint,)))
    if code.style != "checked":
        fixes.append(Fix(install_command(facts, ["--upgrade", dist.name])))
    return tuple(fixes)


def _admitted(facts: Facts, version: str, *, upper_only: bool) -> bool:
    """Say whether every declared requirement admits a protobuf; lower bounds do not matter when newer ones will do."""
    for declared in requirements_on(facts, "protobuf"):
        for bound in declared.bounds:
            lower = bound.startswith((">", "!="))
            if not (upper_only and lower) and not admits(bound, version):
                return False
    return True


def _pybind11(facts: Facts) -> Iterator[Finding]:
    """Compare the pybind11 of distributions that were released for each other.

    Packages that pass each other C++ objects pin one another to a release; arrays and numbers always get through, so
    a plain requirement (matplotlib's of contourpy) says nothing.
    """
    built: dict[str, dict[str, str]] = {}
    for binary in facts.binaries:
        if binary.facts is not None and binary.facts.pybind11:
            built.setdefault(binary.owner, {}).setdefault(binary.facts.pybind11, f"{binary.site_dir}/{binary.path}")
    if len(built) < 2:
        return
    for other in facts.visible().values():
        theirs = built.get(other.info_path)
        if not theirs:
            continue
        for declared in requirements_on(facts, other.key, built):
            own = built.get(declared.by.info_path)
            pinned = any(bound.startswith("==") for bound in declared.bounds)
            if own and pinned and declared.by.key != other.key and not own.keys() & theirs.keys():
                yield _pybind11_finding(declared.by, own, other, theirs)


def _pybind11_finding(dist: Distribution, own: dict[str, str], other: Distribution, theirs: dict[str, str]) -> Finding:
    return Finding(
        code="LNK008",
        severity=Severity.NOTE,
        confidence=Confidence.PREDICTED,
        message=f"{dist.name} {dist.version} and {other.name} {other.version}, which it requires, were built with "
        f"versions of pybind11 that do not know each other's types ({_versions(own, theirs)})",
        subject="pybind11",
        distribution=dist.key,
        version=dist.version,
        involves=(Involved(other.key, other.version),),
        symptom="TypeError: incompatible function arguments, when an object of one is passed to the other",
        evidence=tuple(Evidence(path, name) for built in (own, theirs) for name, path in sorted(built.items())),
    )


def _versions(own: Iterable[str], theirs: Iterable[str]) -> str:
    """Say both versions of the internals, or the whole names when they differ in the compiler only."""
    short = [
        ", ".join(sorted({match[1] for name in names if (match := _INTERNALS.search(name))})) for names in (own, theirs)
    ]
    if all(short) and short[0] != short[1]:
        return " and ".join(short)
    return f"{', '.join(sorted(own))} and {', '.join(sorted(theirs))}"
