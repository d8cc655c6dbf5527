"""``LNK005`` and ``LNK006``: libraries that cannot share one process, and files the system refuses to map."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.checks.fixes import install_command, uninstall_command
from envaudit.model import Confidence, Evidence, Finding, Fix, Involved, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envaudit.model import Binary, BinaryFacts, Distribution, Facts

# One code base under two names; a second copy in a process aborts it ("OMP: Error #15").
_LLVM_OPENMP = re.compile(r"lib(?:iomp5|iomp5md|omp5?|omp140\.x86_64)(?:-[0-9a-f]{4,})?\.(?:so|dylib|dll)")
# Names as their projects give them: with a hash in the name (auditwheel) copies do not meet.
_STATEFUL = re.compile(
    r"(?:lib(?:hdf5|ssl|crypto|gdal|proj|geos|geos_c|protobuf|netcdf)(?:-[\d.]+)?\.so[.\d]*"
    r"|(?:lib)?(?:hdf5|hdf5_hl|ssl|crypto|gdal|proj|geos|geos_c|protobuf|netcdf)(?:[-_][\d._]+)?(?:-x64|-arm64)?\.dll)"
)
_STATIC_TLS_RESERVE = 1664  # bytes; glibc's rtld.optional_static_tls and surplus, without tunables
_NO_EXEC_STACK = (2, 41)  # since this glibc, dlopen refuses to make the stack executable


class _Copy(NamedTuple):
    binary: Binary
    facts: BinaryFacts
    dist: Distribution | None

    @property
    def path(self) -> str:
        return f"{self.binary.site_dir}/{self.binary.path}"

    @property
    def name(self) -> str:
        return self.facts.soname or self.path.rpartition("/")[2]

    @property
    def title(self) -> str:
        return f"{self.dist.name} {self.dist.version}" if self.dist else self.path


def check_process(facts: Facts) -> Iterator[Finding]:
    """Yield ``LNK005`` and ``LNK006``."""
    loaded = _loaded(facts)
    if not loaded:
        return
    yield from _two_openmps(facts, loaded)
    yield from _same_names(loaded)
    yield from _unmappable(facts, loaded)


def _loaded(facts: Facts) -> list[_Copy]:
    """Return the files that extension modules bring into a process, themselves included."""
    paths = {f"{file.site_dir}/{file.path}" for file in facts.links if file.is_module and not file.missing}
    for file in facts.links:
        if file.is_module and not file.missing:
            paths.update(file.loads)
    owners = {dist.info_path: dist for dist in facts.distributions if not dist.hidden_by}
    return [
        _Copy(binary, binary.facts, owners.get(binary.owner))
        for binary in facts.binaries
        if binary.facts is not None and f"{binary.site_dir}/{binary.path}" in paths
    ]


def _two_openmps(facts: Facts, loaded: list[_Copy]) -> Iterator[Finding]:
    """Find copies of LLVM's OpenMP under different names: the loader gives one copy to all who ask by one name.

    Windows also loads a second file of one name when a package asks for it by its whole path, and they do. On macOS
    two copies crash in some pairs of releases and not in others (https://github.com/pytorch/pytorch/issues/121101,
    https://github.com/mapequation/infomap/issues/588): a note.
    """
    windows, macos = (facts.target.platform.startswith(name) for name in ("win", "macosx"))
    found = [copy for copy in reversed(loaded) if _LLVM_OPENMP.match(copy.path.rpartition("/")[2])]
    copies = {copy.path if windows else copy.name: copy for copy in found}
    if len(copies) < 2:
        return
    first, *others = sorted(copies.values(), key=lambda copy: copy.path)
    removable = next((copy.dist for copy in (first, *others) if copy.dist and copy.dist.key == "intel-openmp"), None)
    yield Finding(
        code="LNK005",
        severity=Severity.NOTE if macos else Severity.WARNING,
        confidence=Confidence.PREDICTED,
        message=f"{first.title} and {' and '.join(copy.title for copy in others)} each bring an OpenMP runtime of "
        f"LLVM or Intel: a process that loads both {'may crash or hang' if macos else 'aborts or hangs'}",
        subject="openmp",
        distribution=_key(first),
        version=first.dist.version if first.dist else "",
        involves=_involved(first, others),
        symptom="OMP: Error #15: Initializing {0}, but found {0} already initialized.".format(
            first.path.rpartition("/")[2] if windows or macos else "libiomp5.so"
        ),
        evidence=tuple(Evidence(copy.path, f"loaded as {copy.name}") for copy in (first, *others)),
        fix=(Fix(uninstall_command(facts, [removable.name])),) if removable else (),
    )


def _same_names(loaded: list[_Copy]) -> Iterator[Finding]:
    """Find copies of one name from several distributions: who comes first serves all."""
    by_name: dict[str, dict[str, _Copy]] = {}
    for copy in loaded:
        if _STATEFUL.fullmatch(copy.name):
            by_name.setdefault(copy.name, {}).setdefault(copy.binary.owner, copy)
    for name, copies in sorted(by_name.items()):
        if len(copies) < 2:
            continue
        first, *others = copies.values()
        yield Finding(
            code="LNK005",
            severity=Severity.NOTE,
            confidence=Confidence.PREDICTED,
            message=f"{first.title} and {' and '.join(copy.title for copy in others)} each bring {name}: "
            "the one imported first serves all of them",
            subject=f"copies:{name}",
            distribution=_key(first),
            version=first.dist.version if first.dist else "",
            involves=_involved(first, others),
            symptom="depends on the order of imports: nothing, undefined symbols, or a crash",
            evidence=tuple(Evidence(copy.path, f"loaded as {name}") for copy in (first, *others)),
        )


def _involved(first: _Copy, others: list[_Copy]) -> tuple[Involved, ...]:
    dists = {copy.dist.key: copy.dist for copy in others if copy.dist and copy.dist is not first.dist}
    return tuple(Involved(key, dist.version) for key, dist in dists.items())


# --- files that cannot be mapped -------------------------------------------------------------------------------------


class _Defect(NamedTuple):
    """Something about the headers of a file that the system does not like."""

    subject: str
    severity: Severity
    confidence: Confidence
    complaint: str
    symptom: str
    applies: Callable[[BinaryFacts], bool]
    detail: Callable[[BinaryFacts], str]


def _unmappable(facts: Facts, loaded: list[_Copy]) -> Iterator[Finding]:
    for defect in _defects(facts):
        found: dict[str, list[_Copy]] = {}
        for copy in loaded:
            if defect.applies(copy.facts):
                found.setdefault(copy.binary.owner, []).append(copy)
        for copies in found.values():
            dist = copies[0].dist
            fix = install_command(facts, [dist.name], reinstall=True) if dist else ""
            yield Finding(
                code="LNK006",
                severity=defect.severity,
                confidence=defect.confidence,
                message=f"{copies[0].title} {defect.complaint}",
                subject=defect.subject,
                distribution=_key(copies[0]),
                version=dist.version if dist else "",
                symptom=defect.symptom.format(path=copies[0].path),
                evidence=tuple(Evidence(copy.path, defect.detail(copy.facts)) for copy in copies),
                fix=(Fix(fix),) if fix else (),
            )


def _defects(facts: Facts) -> Iterator[_Defect]:
    glibc = _glibc(facts)
    refused = glibc is not None and glibc >= _NO_EXEC_STACK
    if glibc is not None:
        yield _Defect(
            "exec-stack",
            Severity.ERROR if refused else Severity.NOTE,
            Confidence.PROVEN if refused else Confidence.PREDICTED,
            f"asks for an executable stack, which {facts.target.libc} refuses"
            if refused
            else "asks for an executable stack: glibc 2.41 and newer refuse to load it",
            "ImportError: {path}: cannot enable executable stack as shared object requires: Invalid argument",
            lambda file: file.exec_stack,
            lambda _: "its PT_GNU_STACK header is executable",
        )
        yield _Defect(
            "static-tls",
            Severity.WARNING,
            Confidence.PREDICTED,
            f"needs more thread-local storage at load time than the {_STATIC_TLS_RESERVE} bytes that are kept for it",
            "ImportError: {path}: cannot allocate memory in static TLS block",
            lambda file: file.static_tls > _STATIC_TLS_RESERVE,
            lambda file: f"{file.static_tls} bytes of static thread-local storage",
        )
    size = facts.page_size
    if size:
        yield _Defect(
            "page-size",
            Severity.ERROR,
            Confidence.PROVEN,
            f"was linked for smaller memory pages than the {size} bytes of this machine",
            "ImportError: {path}: ELF load command address/offset not page-aligned",
            lambda file: 1 < file.min_align < size,
            lambda file: f"aligned to {file.min_align} bytes",
        )


def _glibc(facts: Facts) -> tuple[int, int] | None:
    match = re.fullmatch(r"glibc (\d+)\.(\d+)\S*", facts.target.libc)
    return (int(match[1]), int(match[2])) if match else None


def _key(copy: _Copy) -> str:
    return copy.dist.key if copy.dist else copy.binary.path.split("/", 1)[0]
