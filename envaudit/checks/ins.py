"""Integrity: what stands on disk against what was installed (``INS001``, ``INS002``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.checks.fixes import install_anew, reinstall, restore
from envaudit.checks.importance import counted, is_compiled, use_of
from envaudit.model import Confidence, Evidence, Finding, Gap, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.checks.importance import Use
    from envaudit.model import BinaryFacts, ChangedFile, ChangedFiles, Distribution, Facts

# Problems of files other than METADATA: they hide what would have been checked with them.
_HIDES = {
    "bad-record": ("INS", "what it installed is not known"),
    "bad-wheel": ("PLT002", "its wheel tags were not checked"),
    "bad-direct-url": ("INS", "where it was installed from is not known"),
    "bad-entry-points": ("INS", "its entry points are not known"),
}
# Installers that always write RECORD. System packagers leave it out on purpose.
_WRITE_RECORD = ("pip", "uv")
_EXAMPLES = 10
_SEVERITY: dict[Use, Severity] = {
    "module": Severity.ERROR,
    "library": Severity.ERROR,
    "data": Severity.WARNING,
    "spare": Severity.NOTE,
}
_LOST = {
    "empty": "empty; RECORD says {recorded:,} bytes",
    "zeros": "there is nothing but zeros in it",
    "zero-tail": "its end is nothing but zeros",
}


def check_installed(facts: Facts) -> Iterator[Finding | Gap]:
    """Yield ``INS001`` and ``INS002``, and a gap for every file that says nothing usable or was not opened."""
    changed = {each.owner: each for each in facts.changed}
    for dist in facts.distributions:
        yield from _gaps(dist, changed.get(dist.info_path))
        if dist.hidden_by:
            continue
        if not dist.has_record and dist.installer in _WRITE_RECORD and not _is_unread(dist):
            yield _no_record(facts, dist)
        found = changed.get(dist.info_path)
        if found is None or found.stated:  # files of another release are a finding of their own
            continue
        if found.missing:
            yield _missing(facts, dist, found)
        if found.changed:
            yield _altered(facts, dist, found.changed)


def _gaps(dist: Distribution, found: ChangedFiles | None) -> Iterator[Gap]:
    """Yield what could not be read of a distribution."""
    for problem in dist.problems:
        if problem.kind in _HIDES:
            code, lost = _HIDES[problem.kind]
            yield Gap(code, problem.path, f"{problem.detail}: {lost}")
    if found is not None and found.outside:
        more = f", and {len(found.outside) - 1} more" if len(found.outside) > 1 else ""
        where = f"{dist.site_dir}/{found.outside[0]}{more}"
        yield Gap("INS002", where, "it is a link that leads out of the environment: not followed")


def _is_unread(dist: Distribution) -> bool:
    """Say whether there is a RECORD, or perhaps one, that could not be read."""
    kinds = {problem.kind for problem in dist.problems}
    return not dist.metadata_path or bool(kinds & {"bad-record", "unreadable"})


def _no_record(facts: Facts, dist: Distribution) -> Finding:
    return Finding(
        code="INS001",
        severity=Severity.WARNING,
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} has no RECORD, although {dist.installer} writes one: "
        "nobody knows which files are its own",
        subject="record",
        distribution=dist.key,
        version=dist.version,
        symptom="it can neither be uninstalled nor upgraded: no RECORD file was found",
        evidence=(Evidence(f"{dist.info_path}/RECORD", "it is not there"),),
        fix=(install_anew(facts, dist, [dist.info_path]),),
    )


# --- INS001 ---------------------------------------------------------------------------------------------------------


def _missing(facts: Facts, dist: Distribution, found: ChangedFiles) -> Finding:
    """Join what a distribution lacks."""
    uses = {path: use_of(path, facts.target) for path in found.missing}
    worst = min(uses.values(), key=lambda use: _SEVERITY[use].rank)
    lost = counted(list(uses.values()))
    if found.gone:
        one = len(found.gone) == 1
        lost += f" (the {'folder' if one else 'folders'} {_listed(found.gone)} {'is' if one else 'are'} gone)"
    return Finding(
        code="INS001",
        severity=_SEVERITY[worst],
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} lacks {lost} that it was installed with",
        subject="missing",
        distribution=dist.key,
        version=dist.version,
        symptom={
            "module": "ImportError or ModuleNotFoundError, from whatever needs the file",
            "library": "ImportError: cannot open shared object file: No such file or directory",
            "data": "FileNotFoundError, from whatever reads the file",
            "spare": "its tests, its documentation or its commands do not work",
        }[worst],
        evidence=tuple(_missing_evidence(dist, found, uses)),
        fix=(reinstall(facts, dist),),
    )


def _missing_evidence(dist: Distribution, found: ChangedFiles, uses: dict[str, Use]) -> Iterator[Evidence]:
    """Name folders that are gone as a whole, then single files, the most important first."""
    rest = list(found.missing)
    for folder in found.gone[:_EXAMPLES]:
        inside = [path for path in found.missing if path.startswith(f"{folder}/")]
        files = "1 file" if len(inside) == 1 else f"{len(inside):,} files"
        yield Evidence(f"{dist.site_dir}/{folder}", f"RECORD lists {files} in it, and it is not there")
        rest = [path for path in rest if not path.startswith(f"{folder}/")]
    rest.sort(key=lambda path: (_SEVERITY[uses[path]].rank, path))
    for path in rest[:_EXAMPLES]:
        yield Evidence(f"{dist.site_dir}/{path}", "RECORD lists it, and it is not there")
    if len(rest) > _EXAMPLES:
        yield Evidence(f"{dist.info_path}/RECORD", f"lists {len(rest) - _EXAMPLES:,} more that are not there")


# --- INS002 ---------------------------------------------------------------------------------------------------------


class _Fault(NamedTuple):
    """One changed file: how bad that is, what to say of it in a count, and what to say of itself."""

    file: ChangedFile
    severity: Severity
    words: str
    detail: str


def _altered(facts: Facts, dist: Distribution, files: Sequence[ChangedFile]) -> Finding:
    """Join what was changed of a distribution."""
    compiled = {binary.path: binary.facts for binary in facts.binaries if binary.owner == dist.info_path}
    faults = [_fault(facts, file, compiled.get(file.path)) for file in files]
    faults.sort(key=lambda fault: (fault.severity.rank, fault.file.path))
    groups: dict[str, list[_Fault]] = {}
    for fault in faults:
        groups.setdefault(fault.words, []).append(fault)
    phrases = [
        f"{counted([use_of(each.file.path, facts.target) for each in group])} that {_number(group)} {words}"
        for words, group in groups.items()
    ]
    worst = faults[0].severity
    more = len(faults) - _EXAMPLES
    cut = Finding("LNK007", worst, Confidence.PROVEN, "", subject="truncated", distribution=dist.key)
    return Finding(
        code="INS002",
        severity=worst,
        confidence=Confidence.PROVEN,
        message=f"{dist.name} {dist.version} has {_enumerated(phrases)}",
        subject="altered",
        distribution=dist.key,
        version=dist.version,
        symptom=_symptom(faults[0]),
        evidence=(
            *(Evidence(f"{dist.site_dir}/{fault.file.path}", fault.detail) for fault in faults[:_EXAMPLES]),
            *([Evidence(f"{dist.info_path}/RECORD", f"{more:,} more files are not as it says")] if more > 0 else []),
        ),
        fix=(restore(facts, dist, linked=any(file.hard_linked for file in files)),),
        explains=(cut.fingerprint,) if any(each and each.truncated for each in compiled.values()) else (),
    )


def _symptom(fault: _Fault) -> str:
    """Say what is seen of the worst of the changed files."""
    if fault.severity is not Severity.ERROR:
        return "it does something else than this release does" if fault.severity is Severity.WARNING else ""
    if not is_compiled(fault.file.path):
        return "SyntaxError, ImportError or AttributeError, as soon as it is imported"
    if fault.words == "cut short":
        return "ImportError: file too short, or Bus error: the process dies without an exception"
    return "ImportError: invalid ELF header, or a crash, as soon as the file is loaded"


def _fault(facts: Facts, file: ChangedFile, compiled: BinaryFacts | None) -> _Fault:
    """Judge one file.

    What is lost is as bad as if the file were missing. A source was edited by hand, or half of an upgrade. An intact
    compiled file of another size is what patchelf, strip and code signing leave, and all else that is asked of it is
    asked of the file as it is.
    """
    use = use_of(file.path, facts.target)
    sizes = f"{file.size:,} bytes, and RECORD says {file.recorded:,}" if file.recorded is not None else ""
    if file.change in _LOST:
        words = {"empty": "empty", "zeros": "filled with zeros", "zero-tail": "filled with zeros at the end"}[
            file.change
        ]
        detail = _LOST[file.change].format(recorded=file.recorded or 0)
        return _Fault(file, _SEVERITY[use], words, detail)
    if is_compiled(file.path) and use != "spare" and (compiled is None or compiled.truncated):
        short = file.recorded is not None and file.size < file.recorded
        words = "cut short" if short else "no longer what the loader takes"
        return _Fault(file, Severity.ERROR, words, f"{words}: {sizes}" if sizes else words)
    what = (
        f"changed after the installation: {sizes}" if file.change == "size" else "its content is not what was installed"
    )
    if is_compiled(file.path):
        doubtful = use != "spare" and file.change == "content" and not _has_run_path(compiled)
    else:
        doubtful = use == "module"
    severity = Severity.WARNING if doubtful else Severity.NOTE
    return _Fault(file, severity, "changed after the installation", what)


def _has_run_path(compiled: BinaryFacts | None) -> bool:
    """Say whether a file names folders to search: rewriting those keeps its size."""
    return compiled is not None and bool(compiled.rpath or compiled.runpath)


def _number(group: Sequence[_Fault]) -> str:
    changed = group[0].words.startswith("changed")
    if len(group) == 1:
        return "was" if changed else "is"
    return "were" if changed else "are"


def _listed(names: Sequence[str]) -> str:
    return _enumerated(names[:3]) if len(names) <= 3 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _enumerated(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
