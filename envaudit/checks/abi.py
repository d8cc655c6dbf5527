"""The NumPy C API: whether each compiled module was built for the NumPy that is installed (``ABI``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary.numpy_fit import misfit
from envaudit.checks.importing import Imports, what_stops
from envaudit.checks.numpy_advice import describe_feature, numpy_fixes
from envaudit.model import Confidence, Evidence, Finding, Gap, Involved, Severity
from envaudit.rulebook import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.model import Binary, Distribution, Facts, NumpyNeed, RunningNumpy

_IMPORT_FAILED = "ImportError: numpy.core.multiarray failed to import"
_SIZE_CHANGED = "ValueError: numpy.{0} size changed, may indicate binary incompatibility."
# NumPy 1.25 was the last 1.x release to raise the feature version: no 1.x headers ask for more than 17.
_LAST_NUMPY1_FEATURE = 17

# Distributions that go on without the modules that NumPy refuses, by a guard in compiled code that cannot be read, and
# what is lost then. torch prints NumPy's own warning ("cannot be run in NumPy 2...") when it is imported.
_GUARDED = {
    "torch": "torch prints a warning and goes on; from_numpy(), .numpy() and whatever exchanges arrays fail",
    "shiboken2": "PySide prints NumPy's warning and goes on; what takes or returns arrays may fail",
    "shiboken6": "PySide prints NumPy's warning and goes on; what takes or returns arrays may fail",
}

# Distributions whose modules ignore NumPy's refusal: (the first release that no longer does, what is seen). Run with
# NumPy 2.2.6: rdkit 2022.9.5 and 2023.9.5, onnxruntime 1.12.1, 1.14.1, 1.15.1, 1.16.0, 1.16.3 and 1.17.0.
_CRASHES = {
    "rdkit": ("", "Segmentation fault in whatever takes or returns an array; importing it only prints NumPy's warning"),
    "onnxruntime": ("1.17", "Segmentation fault when the first array is passed; importing it only prints a warning"),
}


class _Verdict(NamedTuple):
    """Why one module does not go with the running NumPy, and the line a user would read."""

    code: str
    symptom: str
    confidence: Confidence = Confidence.PROVEN


class _Case(NamedTuple):
    """One module that does not go with the running NumPy."""

    binary: Binary
    need: NumpyNeed
    verdict: _Verdict


class _Group(NamedTuple):
    """The modules of one distribution that fail for one reason.

    ``users`` counts all that use NumPy's C API, ``blocking`` are those that the import of the distribution needs,
    ``guarded`` those that it tries to import and can do without.
    """

    dist: Distribution | None
    cases: Sequence[_Case]
    users: int
    blocking: Sequence[_Case]
    guarded: Sequence[_Case] = ()


def check_numpy_abi(facts: Facts) -> Iterator[Finding | Gap]:
    """Yield ``ABI001`` to ``ABI004``, one finding for each distribution and code."""
    numpy = facts.numpy
    if numpy is None:
        return
    owners = {dist.info_path: dist for dist in facts.distributions if not dist.hidden_by}
    failing: dict[tuple[str, str], list[_Case]] = {}
    users: dict[str, int] = {}
    for binary in facts.binaries:
        # NumPy's own modules are built with it.
        if binary.owner == numpy.info_path or binary.facts is None:
            continue
        if binary.facts.numpy_unread:
            yield Gap("ABI", f"{binary.site_dir}/{binary.path}", binary.facts.numpy_unread)
        need = binary.facts.numpy
        if need is None:
            continue
        users[binary.owner] = users.get(binary.owner, 0) + 1
        verdict = _judge(need, numpy)
        if verdict is not None:
            failing.setdefault((binary.owner, verdict.code), []).append(_Case(binary, need, verdict))
        elif unknown := _unknown(need, numpy):
            yield Gap("ABI003", f"{binary.site_dir}/{binary.path}", unknown)
    imports = Imports(facts)
    for (owner, code), cases in failing.items():
        blocking = [
            case for case in cases if imports.breaks(case.binary, value_error=_raises_value_error(case), perhaps=True)
        ]
        guarded = [case for case in cases if imports.guards(case.binary) and case not in blocking]
        yield _finding(facts, numpy, code, _Group(owners.get(owner), cases, users[owner], blocking, guarded))


def _raises_value_error(case: _Case) -> bool:
    """Say whether a module fails in Cython's size check, before it asks NumPy anything."""
    return case.verdict.symptom.startswith("ValueError")


def _judge(need: NumpyNeed, numpy: RunningNumpy) -> _Verdict | None:
    """Say how one module fails with the running NumPy; ``None`` when nothing is known against it."""
    fault = misfit(need, numpy)
    if fault is None:
        return None
    if fault.kind == "by-name":
        return _Verdict(fault.code, "no message: wrong numbers, or a crash", Confidence.PREDICTED)
    if fault.kind == "unsized":
        return _Verdict(fault.code, _SIZE_CHANGED.format(fault.struct), Confidence.PREDICTED)
    if fault.kind == "size":
        sizes = f"Expected {fault.expected} from C header, got {fault.actual} from PyObject"
        return _Verdict(fault.code, f"{_SIZE_CHANGED.format(fault.struct)} {sizes}")
    return _Verdict(fault.code, _IMPORT_FAILED)


def _unknown(need: NumpyNeed, numpy: RunningNumpy) -> str:
    """Say what would have to be known to clear a module; empty when it is clear."""
    if need.kind != "c-api":
        return ""
    if numpy.feature is None:
        return f"the C-API feature version of NumPy {numpy.version} is not known"
    if need.feature is None and not (need.built_for == "1.x" and numpy.feature >= _LAST_NUMPY1_FEATURE):
        return "the C-API feature version that it needs was not found in it"
    return ""


def _finding(facts: Facts, numpy: RunningNumpy, code: str, group: _Group) -> Finding:
    """Join the modules of one distribution that fail for one reason."""
    dist, cases = group.dist, group.cases
    first = cases[0].binary
    key = dist.key if dist else first.path.split("/", 1)[0]
    title = f"{dist.name} {dist.version}" if dist else f"{first.site_dir}/{key}, which no distribution lists,"
    proven = all(case.verdict.confidence is Confidence.PROVEN for case in cases)
    partial = _what_stops(key, code, group)
    symptom = (group.blocking or cases)[0].verdict.symptom
    if code == "ABI001" and dist is not None and (crash := _crash(dist)):
        partial, symptom = "", crash
    return Finding(
        code=code,
        severity=_of_a_part(code) if partial and not _mostly_broken(group) else _severity(code, cases),
        confidence=Confidence.PROVEN if proven else Confidence.PREDICTED,
        message=f"{title} {_complaint(code, numpy, cases)}",
        subject="numpy",
        distribution=key,
        version=dist.version if dist else "",
        involves=(Involved("numpy", numpy.version),),
        symptom=f"{partial}: {symptom}" if partial and key not in _GUARDED else partial or symptom,
        evidence=(
            Evidence(first.site_dir, f"{len(cases)} of {group.users} compiled modules that use NumPy's C API"),
            *(Evidence(f"{case.binary.site_dir}/{case.binary.path}", _built(case.need)) for case in cases),
            Evidence(numpy.source, _offered(numpy)),
        ),
        fix=numpy_fixes(facts, dist, code, max((case.need.feature or 0 for case in cases), default=0)),
    )


def _what_stops(key: str, code: str, group: _Group) -> str:
    """Say what stops working when the import of the distribution does not; empty when the import fails.

    ``ABI002`` never stops an import: what it warns of happens later, in whatever part.
    """
    if code == "ABI001" and key in _GUARDED:
        return _GUARDED[key]
    if code == "ABI002" or group.blocking:
        return ""
    return what_stops([case.binary.path for case in group.cases])


def known_effect(dist: Distribution) -> tuple[Severity, str] | None:
    """Return how bad ``ABI001`` is for a distribution that goes on after NumPy refused, and what is seen."""
    if dist.key in _GUARDED:
        return _of_a_part("ABI001"), _GUARDED[dist.key]
    crash = _crash(dist)
    return (Severity.ERROR, crash) if crash else None


def _crash(dist: Distribution) -> str:
    """Return what is seen of a distribution that goes on after NumPy refused, and dies later; else nothing."""
    until, seen = _CRASHES.get(dist.key, ("", ""))
    return seen if not until or _released_before(dist.version, until) else ""


def _released_before(version: str, limit: str) -> bool:
    """Compare two releases; one that has no valid number is before none."""
    release, bound = parse_version(version), parse_version(limit)
    return release is not None and bound is not None and release < bound


def _mostly_broken(group: _Group) -> bool:
    """Say whether so much of a distribution fails that it is of no use, although its plain import works.

    ``import dipy`` or ``import statsmodels`` only make an empty shell; what people use lies in subpackages, and half of
    the modules or more cannot be loaded. What the package itself is ready to do without does not count.
    """
    if group.dist is not None and group.dist.key in _GUARDED:
        return False
    # Libraries that a repair tool bundled do nothing until somebody calls them.
    unguarded = [case for case in group.cases if case not in group.guarded and ".libs/" not in case.binary.path]
    return 2 * len(unguarded) >= group.users


def _of_a_part(code: str) -> Severity:
    """Return how bad it is that a part fails that the import does not need.

    The modules of one release are built for one NumPy. When most of them work and a few ask for a newer one, somebody
    meant them to: h5py 3.14 loads its module for NumPy 2's strings on NumPy 2 alone, and works on 1.26 without.
    """
    return Severity.NOTE if code == "ABI003" else Severity.WARNING


def _severity(code: str, cases: Sequence[_Case]) -> Severity:
    """Return ``error``, except for rust-numpy alone: most of its users never touch the dtypes it misreads."""
    only_rust = all(case.need.framework == "rust" for case in cases)
    return Severity.WARNING if code == "ABI002" and only_rust else Severity.ERROR


def _complaint(code: str, numpy: RunningNumpy, cases: Sequence[_Case]) -> str:
    """Say in one sentence what is wrong, without the name of the distribution."""
    installed = f"but NumPy {numpy.version} is installed"
    if code == "ABI001":
        return f"was built for NumPy 1.x, {installed}"
    if code == "ABI003":
        newest = max(case.need.feature or 0 for case in cases)
        return f"needs NumPy {describe_feature(newest)} or newer, {installed}"
    if code == "ABI004":
        return f"was built for a newer NumPy with larger structs, {installed}"
    frameworks = {case.need.framework for case in cases}
    if frameworks == {"rust"}:
        return f"reads arrays through a rust-numpy that knows only NumPy 1.x, {installed}: some calls panic"
    through = "pybind11 older than 2.12" if "pybind11" in frameworks else "a C++ layer"
    return (
        f"reads arrays through {through}, which knows only NumPy 1.x, {installed}: importing it works, "
        "but RESULTS CAN BE SILENTLY WRONG, or the process crashes"
    )


def _built(need: NumpyNeed) -> str:
    """Describe in one line what a module was built for."""
    headers = {"1.x": "built with NumPy 1.x headers", "2.x": "built with NumPy 2.x headers"}
    parts = [headers.get(need.built_for, "uses NumPy's C API")]
    if need.framework:
        parts.append({"cython": "by Cython", "rust": "by rust-numpy"}.get(need.framework, f"through {need.framework}"))
    if need.feature is not None:
        parts.append(f"needs C-API version 0x{need.feature:x} (NumPy {describe_feature(need.feature)})")
    if need.expects.dtype is not None:
        parts.append(f"expects a dtype of {need.expects.dtype} bytes")
    return ", ".join(parts)


def _offered(numpy: RunningNumpy) -> str:
    abi = f"ABI 0x{numpy.abi:x}" if numpy.abi is not None else "ABI unknown"
    feature = f"C-API version 0x{numpy.feature:x}" if numpy.feature is not None else "C-API version unknown"
    return f"NumPy {numpy.version} offers {abi}, {feature}"
