"""The frozen value types that travel through the program: target, facts, findings, gaps, report.

They are plain: no methods that read files, no references to live objects, tuples instead of lists. Paths are
strings, because a path of a described or foreign target need not exist on this machine. Named tuples, because every
run pays for making the classes, and those of dataclasses take three times as long.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from envaudit.model_code import CodeNeed, CodePlace, Removal
from envaudit.model_compiled import (
    Binary,
    BinaryFacts,
    GeneratedCode,
    ImportPath,
    LinkedFile,
    NumpyNeed,
    Resolved,
    RunningNumpy,
    StructSizes,
    VersionNeed,
    replace,
)
from envaudit.model_described import Admitted, Advisory, Described, OnIndex
from envaudit.model_host import Host, Kernel, MemoryDemand
from envaudit.model_installed import ChangedFile, ChangedFiles, Claim, SharedFile, StrayModule
from envaudit.model_layout import CondaRecord, Hidden, Layout, Leftover, Script, StartupFault, Twin
from envaudit.model_names import MissingName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from packaging.utils import NormalizedName

    TargetKind = Literal["venv", "conda", "interpreter", "site-packages", "described"]
    SiteOrigin = Literal["site", "system", "user", "pth"]
    BuildClass = Literal["1.x", "pybind11", "rust", "by-name", "2", "none"]
    SmokeKind = Literal["test", "import", "pair", "regression"]
    SmokeEnd = Literal[
        "ok",
        "wrong-result",
        "exception",
        "crash",
        "abort",
        "illegal-instruction",
        "killed",
        "memory-limit",
        "timeout",
        "no-result",
        "output-limit",
        "process-limit",
        "not-run",
    ]


__all__ = [
    "Admitted",
    "Advisory",
    "Binary",
    "BinaryFacts",
    "ChangedFile",
    "ChangedFiles",
    "Claim",
    "CodeNeed",
    "CodePlace",
    "CondaRecord",
    "Confidence",
    "Described",
    "DirectUrl",
    "Distribution",
    "EntryPoint",
    "Evidence",
    "Facts",
    "Finding",
    "Fix",
    "Gap",
    "GeneratedCode",
    "Hidden",
    "Host",
    "ImportPath",
    "Involved",
    "Kernel",
    "Layout",
    "Leftover",
    "LinkedFile",
    "Location",
    "MemoryDemand",
    "MetadataProblem",
    "MissingName",
    "NumpyNeed",
    "OnIndex",
    "PredictedBuild",
    "RecordEntry",
    "Removal",
    "Report",
    "Resolved",
    "RulesInfo",
    "RunningNumpy",
    "Script",
    "Severity",
    "SharedFile",
    "SiteDir",
    "SmokeResult",
    "StartupFault",
    "StrayModule",
    "StructSizes",
    "Suppressed",
    "Target",
    "TargetProblem",
    "Timings",
    "Twin",
    "VersionNeed",
    "replace",
]


class Severity(enum.Enum):
    """How bad a finding is; ``rank`` orders them, worst first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for error, 1 for warning, 2 for note."""
        return _SEVERITY_RANK[self.value]


_SEVERITY_RANK = {"error": 0, "warning": 1, "note": 2}


class Confidence(enum.Enum):
    """How a finding is known: read from bytes or seen happening, or concluded from metadata, a date or a rule."""

    PROVEN = "proven"
    PREDICTED = "predicted"


# --- the target -----------------------------------------------------------------------------------------------------


class SiteDir(NamedTuple):
    """One folder of the target's ``sys.path`` that can hold distributions, in import order."""

    path: str
    origin: SiteOrigin = "site"


class TargetProblem(NamedTuple):
    """Something wrong with the environment itself that does not stop the audit (an ``ENV`` finding later).

    ``kind`` is one of ``base-missing`` (the interpreter the environment was made from is gone), ``unreadable``
    (a folder that cannot be listed), ``no-site-packages`` (a folder the environment should have), ``other-python``
    (packages under a Python version the environment no longer has), ``other-base`` (the interpreter it was made
    from has been replaced by one of another minor version), ``assumed-python`` (no file says which Python this folder
    is for).
    """

    kind: Literal["base-missing", "unreadable", "no-site-packages", "other-python", "other-base", "assumed-python"]
    path: str
    detail: str


class Target(NamedTuple):
    """The environment under audit: where it is, and which Python it runs on.

    ``python`` is the full version when known (``3.11.7``), else ``3.11``. ``platform`` is ``linux-x86_64``,
    ``macosx-arm64``, ``win-amd64`` or empty; ``libc`` is ``glibc 2.36``, ``musl 1.2``, one of the two names or empty.
    ``markers`` is the complete PEP 508 environment of the target (never of the interpreter that runs envaudit).
    ``executable`` is empty when there is none that could be started. ``root`` is the folder of the unpacked image it
    lies in, empty for this machine: all paths are those of this machine, ``path_inside`` translates.
    """

    kind: TargetKind
    prefix: str
    base_prefix: str
    executable: str
    python: str
    version_info: tuple[int, int]
    implementation: str
    free_threaded: bool
    platform: str
    machine: str
    libc: str
    site_dirs: tuple[SiteDir, ...]
    markers: Mapping[str, str]
    chosen_by: str
    problems: tuple[TargetProblem, ...] = ()
    root: str = ""

    def path_inside(self, path: str) -> str:
        """Return what the machine of the target calls a path."""
        if self.root and (path == self.root or path.startswith(f"{self.root}/")):
            return path[len(self.root) :] or "/"
        return path


# --- what is installed ----------------------------------------------------------------------------------------------


class RecordEntry(NamedTuple):
    """One line of RECORD: path relative to the site folder, hash as written (``sha256=...``) and size in bytes."""

    path: str
    hash: str = ""
    size: int | None = None


class DirectUrl(NamedTuple):
    """``direct_url.json`` without credentials; ``path`` is the local folder of an editable or local install."""

    url: str
    editable: bool
    path: str = ""


class EntryPoint(NamedTuple):
    """One line of ``entry_points.txt``."""

    group: str
    name: str
    value: str


class MetadataProblem(NamedTuple):
    """A file of a distribution that says less than it should.

    ``kind``: ``missing`` (no METADATA or PKG-INFO), ``unreadable`` (cannot be read as text of the right form),
    ``bad-name``, ``bad-version``, ``bad-requirement``, ``bad-requires-python``, ``bad-record``, ``bad-wheel``,
    ``bad-direct-url``, ``bad-entry-points``.
    """

    kind: str
    path: str
    detail: str
    line: int | None = None


class Distribution(NamedTuple):
    """One installed distribution, as its metadata folder describes it.

    ``info_path`` is the ``.dist-info`` or ``.egg-info``, ``site_dir`` the folder of ``sys.path`` it lies in.
    ``requires`` are the Requires-Dist values as written. ``wheel_tags`` is ``None`` when there is no WHEEL file.
    ``binaries`` are the compiled files (extension modules and bundled libraries) that RECORD or the folder lists.
    ``generated`` are the files that RECORD lists as made by protobuf's compiler (``_pb2.py``).
    ``top_level`` are the import packages and modules it installs. ``hidden_by`` is the ``info_path`` of a
    distribution of the same name that stands earlier on ``sys.path`` (or first in the same folder). ``version`` is the
    one of the files on disk; ``metadata_version`` is only set where the metadata say another one.
    """

    name: str
    key: NormalizedName
    version: str
    info_path: str
    site_dir: str
    metadata_path: str = ""
    requires: tuple[str, ...] = ()
    provides_extra: tuple[str, ...] = ()
    requires_python: str = ""
    wheel_tags: tuple[str, ...] | None = None
    installer: str = ""
    requested: bool = False
    direct_url: DirectUrl | None = None
    editable_path: str = ""
    entry_points: tuple[EntryPoint, ...] = ()
    top_level: tuple[str, ...] = ()
    binaries: tuple[RecordEntry, ...] = ()
    generated: tuple[str, ...] = ()
    has_record: bool = False
    hidden_by: str = ""
    problems: tuple[MetadataProblem, ...] = ()
    metadata_version: str = ""


# --- what was tried -------------------------------------------------------------------------------------------------


class CrashPlace(NamedTuple):
    """Where in compiled code a process died: the library, its function (may be empty) and who installed it.

    ``owner`` is name and version of a distribution, empty for none; ``access`` says what the processor refused, and
    ``note`` what else is known. ``is_python``: the interpreter itself, which mostly means damage done earlier.
    """

    library: str
    function: str
    owner: str
    access: str = ""
    note: str = ""
    is_python: bool = False


class SmokeResult(NamedTuple):
    """How one smoke test ended.

    ``distribution`` is the one under test (normalised name). ``signal`` is a name such as ``SIGSEGV``;
    ``exception`` the type of the exception and ``error`` its text; ``frames`` are ``(path, line, function)`` from
    the outermost to the innermost; ``stderr`` is the tail of what the child wrote. ``leftovers`` counts processes
    that were still alive when the test had ended. ``place`` is where it crashed, seen when it was repeated alone.
    ``kind`` is ``test`` (ordinary use), ``import`` (of a package alone), ``pair`` (of two packages in one order) or
    ``regression`` (a use that is known to fail in some releases). ``trigger`` says what was done where that is not
    ordinary use, ``rule`` is the rule that knows of it, ``alone`` names the tests that show whether the parts of a
    pair work. ``kept`` is the local time of the run that saw it, empty for this one. Memory in bytes, time in seconds.
    """

    test: str
    distribution: NormalizedName
    end: SmokeEnd
    seconds: float = 0.0
    limit: str = ""
    signal: str = ""
    exit_status: int | None = None
    exception: str = ""
    error: str = ""
    frames: tuple[tuple[str, int, str], ...] = ()
    stderr: str = ""
    leftovers: int = 0
    peak_memory: int | None = None
    place: CrashPlace | None = None
    kind: SmokeKind = "test"
    trigger: str = ""
    rule: str = ""
    alone: tuple[str, ...] = ()
    kept: str = ""


# --- what cannot be read, because it is not installed ---------------------------------------------------------------


class PredictedBuild(NamedTuple):
    """What a distribution without compiled files at hand was built for, by what is known of its releases.

    ``numpy_class``: ``1.x`` refuses NumPy 2 when it is imported; ``pybind11`` (before 2.12), ``rust`` and ``by-name``
    find NumPy by the name it had in 1.x and compare nothing; ``2`` runs on both; ``none`` does not use NumPy's C API.
    ``basis`` is ``measured`` (a wheel of this release was read), ``inferred`` (wheels before and after it were) or
    ``date`` (it was uploaded before any project built for NumPy 2). ``first_good`` is the first release for NumPy 2.
    ``admits_numpy2`` says whether its metadata allow NumPy 2, ``None`` where that is not known.
    """

    key: NormalizedName
    numpy_class: BuildClass
    basis: str
    first_good: str = ""
    admits_numpy2: bool | None = None


# --- facts, findings, gaps ------------------------------------------------------------------------------------------


class Gap(NamedTuple):
    """Something that could not be looked at. ``code`` is the family or code it would have served."""

    code: str
    what: str
    why: str


class Facts(NamedTuple):
    """Everything that was read about the target. Checks see nothing else.

    ``page_size`` is that of the machine it runs on in bytes, 0 where it is not known; ``cpu_flags`` are the names of
    what its processor can do, as in ``/proc/cpuinfo``, empty where they are not known. ``os_version`` is that of its
    macOS, empty where it is not known. ``predicted`` stands in for compiled files that are not at hand. ``names`` is
    what the sources of distributions ask for in vain, ``code`` what the user's own files do.
    ``changed`` holds only distributions of which something on disk is not as RECORD says, ``shared`` only files with
    different claims. ``described`` is set of a target that does not exist yet; ``indexed`` is what indexes said, if
    they were asked. ``host`` is the machine, if the target runs on this one, and ``demands`` the memory that the user's
    own files are going to ask for. ``kernels`` are those that Jupyter offers. ``prints`` are of each distribution whose
    files were held against RECORD: its ``info_path``, and a text that tells what differs by size and time.
    """

    target: Target
    distributions: tuple[Distribution, ...] = ()
    binaries: tuple[Binary, ...] = ()
    numpy: RunningNumpy | None = None
    links: tuple[LinkedFile, ...] = ()
    import_paths: tuple[ImportPath, ...] = ()
    generated: tuple[GeneratedCode, ...] = ()
    smoke: tuple[SmokeResult, ...] = ()
    gaps: tuple[Gap, ...] = ()
    page_size: int = 0
    cpu_flags: frozenset[str] = frozenset()
    os_version: str = ""
    layout: Layout = Layout()
    predicted: tuple[PredictedBuild, ...] = ()
    names: tuple[MissingName, ...] = ()
    code: tuple[CodeNeed, ...] = ()
    changed: tuple[ChangedFiles, ...] = ()
    shared: tuple[SharedFile, ...] = ()
    described: Described | None = None
    indexed: tuple[OnIndex, ...] = ()
    host: Host | None = None
    demands: tuple[MemoryDemand, ...] = ()
    kernels: tuple[Kernel, ...] = ()
    prints: tuple[tuple[str, str], ...] = ()

    def visible(self) -> dict[NormalizedName, Distribution]:
        """Return the distributions the interpreter would find, by normalised name."""
        return {dist.key: dist for dist in self.distributions if not dist.hidden_by}


class Evidence(NamedTuple):
    """One thing that shows a finding: a file, the line in it when it has lines, and what stands there."""

    path: str
    detail: str
    line: int | None = None


class Fix(NamedTuple):
    """One way out: a command that can be pasted, and the constraints that heal the combination."""

    command: str
    constraints: tuple[str, ...] = ()


class Involved(NamedTuple):
    """Another distribution that has a part in a finding."""

    name: str
    version: str


class Location(NamedTuple):
    """The line of a file of the user's that a finding belongs to."""

    path: str
    line: int | None = None


class Finding(NamedTuple):
    """A defect of the target.

    ``subject`` tells findings of one code and distribution apart (``requires:scipy``) and, unlike the message,
    holds no versions: it goes into the fingerprint, so that a baseline survives an upgrade that changes nothing.
    ``explains`` are the fingerprints of findings that this one is the cause of.
    """

    code: str
    severity: Severity
    confidence: Confidence
    message: str
    subject: str = ""
    distribution: str = ""
    version: str = ""
    involves: tuple[Involved, ...] = ()
    symptom: str = ""
    evidence: tuple[Evidence, ...] = ()
    fix: tuple[Fix, ...] = ()
    location: Location | None = None
    explains: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that stay the same as long as code, distributions and subject do."""
        parts = (self.code, self.distribution, *sorted(other.name for other in self.involves), self.subject)
        import hashlib  # noqa: PLC0415  3 ms, for reports with findings in them

        return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


class RulesInfo(NamedTuple):
    """Which rules database judged: its version (``2026.11.1``), the number of active rules and its digest."""

    version: str
    count: int  # type: ignore[assignment]  # nobody counts items of this value
    digest: str


class Suppressed(NamedTuple):
    """A finding that was left out, and by which setting; ``known`` if it stands in the baseline."""

    finding: Finding
    by: str
    known: bool = False


class Timings(NamedTuple):
    """Wall-clock seconds of the two parts of a run; ``smoke_seconds`` is ``None`` when nothing was run."""

    static_seconds: float
    smoke_seconds: float | None = None


class Report(NamedTuple):
    """The outcome of a run; every output format is a view of it.

    ``unchanged_since`` is set when it is that of an earlier run, of which everything is as it was: the local time at
    which that run began, such as ``2026-11-23T14:02:11+00:00``. ``remarks`` are about the settings and not about the
    environment: what is ignored in vain, what of the baseline is no longer there.
    """

    facts: Facts
    rules: RulesInfo
    verdict: Literal["clean", "findings", "incomplete"]
    exit_code: int
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    suppressed: tuple[Suppressed, ...] = ()
    timings: Timings = Timings(0.0)
    unchanged_since: str = ""
    remarks: tuple[str, ...] = ()
