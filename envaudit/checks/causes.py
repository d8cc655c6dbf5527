"""Join what was seen happening to what was read: a smoke failure belongs under the defect that caused it.

A cause must be of the same distribution *and* agree with what was seen; two true things about one package are not
cause and effect just because of that. A failure that fits nothing stays on its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.model import Severity, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envaudit.model import Finding
    from envaudit.rulebook import Rulebook

_NUMPY_TEXT = re.compile(
    r"numpy\.(?:core|_core)\.(?:_?multiarray(?:_umath)?|umath) failed to import"
    r"|numpy\.\w+ size changed, may indicate binary incompatibility"
    r"|_ARRAY_API not found"
    r"|compiled using NumPy 1\.x"
    r"|compiled against (?:ABI|API|NumPy C-API) version"
)
_PROTOBUF_TEXT = re.compile(
    r"Protobuf Gencode/Runtime"
    r"|Descriptors cannot (?:not )?be created directly"
    r"|cannot import name '?(?:builder|runtime_version)'? from 'google\.protobuf"
)
# What the loader says when it refuses a file, by the code that foresees it. torch wraps the first and the third.
_LOADER_TEXTS = {
    "LNK001": re.compile(
        r"cannot open shared object file|Could not load this library|operator \w+::\w+ does not exist"
    ),
    "LNK002": re.compile(r"version `[^']+' not found"),
    "LNK003": re.compile(r"undefined symbol: |Could not load this library"),
    "LNK004": re.compile(r"undefined symbol: _?Py[A-Z_]"),
    "LNK005": re.compile(r"OMP: Error #15"),
    "LNK006": re.compile(r"cannot allocate memory in static TLS block|cannot enable executable stack|not page-aligned"),
}
_MISSING_MODULE = re.compile(r"No module named '?([A-Za-z0-9_.]+)")
# How a module that reads NumPy's structs at the wrong offsets can end.
_SILENT_ENDS = frozenset({"RUN001", "RUN002", "RUN003", "RUN004"})


def join_causes(findings: Iterable[Finding], rulebook: Rulebook) -> list[Finding]:
    """Return the findings, each cause with the fingerprints of the failures and of the rules that it explains."""
    every = list(findings)
    seen = [finding for finding in every if finding.code.startswith("RUN")]
    read = [finding for finding in every if not finding.code.startswith("RUN")]
    explained: dict[str, list[str]] = {}
    for failure in seen:
        cause = _cause(failure, read, rulebook)
        if cause is not None:
            explained.setdefault(cause.fingerprint, []).append(failure.fingerprint)
    for conflict, rule in _known_conflicts(read, rulebook):
        explained.setdefault(conflict.fingerprint, []).append(rule.fingerprint)
    return [
        replace(finding, explains=(*finding.explains, *explained[finding.fingerprint]))
        if finding.fingerprint in explained
        else finding
        for finding in every
    ]


def _known_conflicts(read: Sequence[Finding], rulebook: Rulebook) -> Iterator[tuple[Finding, Finding]]:
    """Yield what was found of two owners of a file, with the rule that says the same of the two."""
    shared = {
        frozenset((finding.distribution, *_names(finding))): finding
        for finding in read
        if finding.code == "INS003" and finding.severity is not Severity.NOTE
    }
    for finding in read if shared else ():
        rule = rulebook.get(finding.code) if finding.code.startswith("EA-") else None
        if rule is not None and rule.category == "file-conflict":
            conflict = shared.get(frozenset((finding.distribution, *_names(finding))))
            if conflict is not None:
                yield conflict, finding


def _cause(failure: Finding, read: Sequence[Finding], rulebook: Rulebook) -> Finding | None:
    """Choose the defect that explains a failure: of the blamed distribution first, errors before warnings."""
    touched = {failure.distribution, *(other.name for other in failure.involves)}
    candidates = [
        finding
        for finding in read
        if finding.severity is not Severity.NOTE
        and (finding.distribution in touched or (finding.code == "LNK005" and touched & _names(finding)))
        and _agrees(finding, failure, rulebook)
    ]
    return min(
        candidates,
        key=lambda finding: (finding.distribution != failure.distribution, finding.severity.rank, finding.code),
        default=None,
    )


def _names(finding: Finding) -> set[str]:
    return {other.name for other in finding.involves}


def _agrees(cause: Finding, failure: Finding, rulebook: Rulebook) -> bool:
    """Say whether what was seen is what this defect does."""
    text = "\n".join([failure.symptom, failure.message, *(item.detail for item in failure.evidence)])
    missing = _MISSING_MODULE.search(text)
    family = cause.code[:3]
    if cause.code.startswith("EA-"):
        rule = rulebook.get(cause.code)
        return rule is not None and (rule.recognises(text) or f"{cause.code} knows of it" in text)
    if cause.code == "ABI002":
        return failure.code in _SILENT_ENDS
    if cause.code in {"DEP001", "DEP003"}:
        wanted = cause.subject.split(":")[1].replace("-", "_")
        return missing is not None and wanted == missing[1].split(".")[0].lower()
    if cause.code in _LOADER_TEXTS:
        return _LOADER_TEXTS[cause.code].search(text) is not None
    return (
        (family == "ABI" and _NUMPY_TEXT.search(text) is not None)
        or (cause.code == "API010" and _PROTOBUF_TEXT.search(text) is not None)
        or (
            family in {"PLT", "INS"} and not _is_beside(cause) and (missing is not None or "cannot import name" in text)
        )
        or (cause.code == "INS001" and "cannot open shared object file" in text)
        or (cause.code == "LNK007" and (failure.code in {"RUN003", "RUN004"} or "file too short" in text))
    )


def _is_beside(cause: Finding) -> bool:
    """Say whether a defect cannot show in a smoke test: leftovers break nothing, and its folder is its own."""
    return cause.code == "INS006" or (cause.code == "INS008" and cause.subject.startswith(("cwd:", "PYTHONPATH")))
