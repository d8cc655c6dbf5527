"""How small real computations ended (``RUN``): what no metadata and no bytes can say, seen happening."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

from envaudit.checks.fixes import reinstall
from envaudit.checks.module_names import distribution_with, fix_for, project_with
from envaudit.checks.run_pairs import check_pairs
from envaudit.model import Confidence, Evidence, Finding, Fix, Gap, Involved, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packaging.utils import NormalizedName

    from envaudit.model import Distribution, Facts, SmokeEnd, SmokeResult

    Frame = tuple[str, int, str]

_CODES: dict[SmokeEnd, str] = {
    "wrong-result": "RUN001",
    "exception": "RUN002",
    "crash": "RUN003",
    "abort": "RUN004",
    "illegal-instruction": "RUN005",
    "killed": "RUN006",
    "memory-limit": "RUN007",
    "timeout": "RUN008",
    "no-result": "RUN009",
    "output-limit": "RUN010",
    "process-limit": "RUN013",
}
_LEFT_BEHIND = "RUN011"

# What a shell prints when a program dies of the signal.
_SHELL_WORDS = {
    "SIGSEGV": "Segmentation fault",
    "SIGBUS": "Bus error",
    "SIGFPE": "Floating point exception",
    "SIGABRT": "Aborted",
    "SIGILL": "Illegal instruction",
    "SIGKILL": "Killed",
}
# Folders of sys.path by their usual names, for frames whose site folder is known under another path (a link).
_SITE_NAMES = ("site-packages", "dist-packages")
_SHOWN = 300
_ABSENT = re.compile(r"No module named '([\w.]+)'.*", re.DOTALL)


class _Blame(NamedTuple):
    """The distribution that failed, and the innermost frame that lies in it (none: the one under test is blamed)."""

    key: NormalizedName
    frame: Frame | None


def check_smoke(facts: Facts) -> Iterator[Finding | Gap]:
    """Yield one finding for each way in which smoke tests failed, and a gap for each that could not be run."""
    owners = _Owners(facts)
    groups: dict[tuple[object, ...], list[SmokeResult]] = {}
    for result in _with_rules(facts.smoke):
        if result.end == "not-run":
            yield Gap("RUN", f"smoke test {result.test}", result.error or "it was not run")
        elif result.end != "ok" and result.kind != "pair":
            apart = result.trigger if result.kind == "regression" else ""
            cause = (result.end, result.signal, result.exception, result.error, owners.blame(result), apart)
            groups.setdefault(cause, []).append(result)
    for results in groups.values():
        yield _finding(facts, owners.blame(results[0]), results)
    yield from check_pairs(facts)
    yield from _left_behind(facts)


def _with_rules(results: Sequence[SmokeResult]) -> Iterator[SmokeResult]:
    """Yield the results; one that died where a known crash of its distribution did is known by the same rule."""
    known = {(each.distribution, each.place): each.rule for each in results if each.rule and each.place is not None}
    for result in results:
        rule = known.get((result.distribution, result.place), "") if result.place is not None else ""
        yield result._replace(rule=result.rule or rule)


class _Owners:
    """Which distribution a Python file belongs to, by the import names each installs."""

    def __init__(self, facts: Facts) -> None:
        self._sites = [site.path for site in facts.target.site_dirs]
        self._editable = [(dist.editable_path, dist.key) for dist in facts.visible().values() if dist.editable_path]
        self._names: dict[str, set[NormalizedName]] = {}
        for dist in facts.visible().values():
            for name in dist.top_level or (dist.key.replace("-", "_"),):
                self._names.setdefault(name, set()).add(dist.key)

    def blame(self, result: SmokeResult) -> _Blame:
        """Return the owner of the innermost frame that has one, else the distribution under test."""
        for frame in reversed(result.frames):
            keys = self._owners(frame[0])
            if keys:
                # Several share a namespace package: then the one under test, if it is among them.
                return _Blame(result.distribution if result.distribution in keys else min(keys), frame)
        native = result.place.owner.partition(" ")[0] if result.place is not None else ""
        return _Blame(canonicalize_name(native) if native else result.distribution, None)

    def _owners(self, path: str) -> set[NormalizedName]:
        inside = self._inside(path)
        if inside:
            return self._names.get(PurePath(inside).parts[0].split(".")[0], set())
        return {key for folder, key in self._editable if _below(path, folder)}

    def _inside(self, path: str) -> str:
        """Return the part of a path below its site folder; empty when it lies in none."""
        for site in self._sites:
            inside = _below(path, site)
            if inside:
                return inside
        parts = PurePath(path).parts
        for name in _SITE_NAMES:
            if name in parts[:-1]:
                return str(PurePath(*parts[parts.index(name) + 1 :]))
        return ""


def _below(path: str, folder: str) -> str:
    """Return what follows ``folder`` in ``path``; empty when ``path`` does not lie in it."""
    try:
        inside = PurePath(path).relative_to(folder)
    except ValueError:
        return ""
    return str(inside) if inside.parts else ""


def _finding(facts: Facts, blame: _Blame, results: Sequence[SmokeResult]) -> Finding:
    first = results[0]
    return Finding(
        code=_CODES[first.end],
        severity=_severity(results),
        confidence=Confidence.PROVEN,
        message=_message(facts, blame, results),
        subject=f"test:{first.test}",
        distribution=blame.key,
        version=_version(facts, blame.key),
        involves=_involved(facts, blame.key, results),
        symptom=_symptom(first, blame.frame),
        evidence=(*(_evidence(facts, result, blame.frame) for result in results), *_native(results)),
        fix=_fix(facts, blame.key, first),
    )


def _severity(results: Sequence[SmokeResult]) -> Severity:
    """Return a warning where only a use that is known to fail did, or an import that may be meant for others.

    A module that asks for one that no metadata promise is mostly there for who has it: a note.
    """
    if all(each.kind == "import" and each.exception == "ModuleNotFoundError" for each in results):
        return Severity.NOTE
    harmless = all(
        each.kind == "regression" or (each.kind == "import" and each.end in {"exception", "no-result"})
        for each in results
    )
    return Severity.WARNING if harmless else Severity.ERROR


def _fix(facts: Facts, key: NormalizedName, result: SmokeResult) -> tuple[Fix, ...]:
    """Offer what brings a module that is not there, or to install the same release again where files may be damaged."""
    dist = facts.visible().get(key)
    if dist is None or result.end in {"killed", "memory-limit", "timeout", "output-limit", "process-limit"}:
        return ()
    absent = _ABSENT.fullmatch(result.error) if result.exception == "ModuleNotFoundError" else None
    if absent is None or absent[1].partition(".")[0] in dist.top_level:
        return (reinstall(facts, dist),)
    bringing = facts.visible().get(project_with(absent[1]))
    if bringing is None or "<" in distribution_with(absent[1]):  # a release that no longer has it may be installed
        return fix_for(facts, absent[1])
    # It has lost its files, or another release of it has this module: which one is for other checks to say.
    return () if "." in absent[1] else (reinstall(facts, bringing),)


def _message(facts: Facts, blame: _Blame, results: Sequence[SmokeResult]) -> str:
    """Say who failed, how, and in which of the tests."""
    first = results[0]
    dist = facts.visible().get(blame.key)
    who = f"{dist.name} {dist.version}" if dist is not None else blame.key
    tests = first.test if len(results) == 1 else f"{first.test} and {len(results) - 1} more"
    what = {
        "wrong-result": f"computes a wrong result: {_line(first.error)}",
        "exception": f"fails with {_exception(first)}",
        "crash": f"crashes with {_signal(first)}{_library(first)}",
        "abort": f"aborts the interpreter ({_signal(first)}){_library(first)}",
        "illegal-instruction": f"{_illegal(first)}{_library(first)}",
        "killed": f"was killed from outside with {_signal(first)}{first.limit and f', {first.limit}'}",
        "memory-limit": f"needs more than {first.limit or 'the memory it may have'}",
        "timeout": f"does not end within {first.limit or 'its time'}",
        "no-result": f"ends the interpreter without a result: {_line(first.error)}",
        "output-limit": f"writes more than {first.limit or 'it may'}",
        "process-limit": f"starts more than {first.limit or 'it may'}",
    }[first.end]
    when = f" when {first.trigger}; other uses have tests of their own" if first.kind == "regression" else ""
    kept = f", on {first.kept}" if first.kept else ""
    return f"{who} {what}{when} (smoke test {tests}{kept})"


def _illegal(result: SmokeResult) -> str:
    """Tell a processor that is too old from code that stopped itself."""
    if result.place is not None and "on purpose" in result.place.access:
        return f"stopped itself on purpose ({_signal(result)})"
    return "uses an instruction that this processor does not have"


def _library(result: SmokeResult) -> str:
    """Say in which compiled file it happened; nothing for the interpreter, where others' damage shows."""
    place = result.place
    if place is None or place.is_python:
        return ""
    function = f"{place.function} of " if place.function else ""
    owner = f" ({place.owner})" if place.owner else ""
    return f" in {function}{PurePath(place.library).name}{owner}"


def _native(results: Sequence[SmokeResult]) -> Iterator[Evidence]:
    """Yield what was seen of each compiled place, once."""
    shown: set[str] = set()
    for result in results:
        place = result.place
        if place is None or place.library in shown:
            continue
        shown.add(place.library)
        what = "the interpreter itself" if place.is_python else place.function or "a function without a name"
        words = (f"smoke test {result.test}, repeated alone, died in {what}", place.access, place.note)
        yield Evidence(place.library, "; ".join(word for word in words if word))


def _symptom(result: SmokeResult, frame: Frame | None) -> str:
    """Return what a user would see on the terminal."""
    place = _place(frame or (result.frames[-1] if result.frames else None))
    words = {
        "wrong-result": "wrong numbers, without any error message",
        "timeout": f"the program hangs{place}",
        "no-result": f"the program ends early, or the notebook's kernel dies, without an error message{place}",
        "process-limit": f"more and more processes, until the machine stands still{place}",
        "output-limit": f"an endless stream of output{place}",
        "memory-limit": f"MemoryError, or Killed{place}",
    }
    if result.end == "exception" or (result.end == "memory-limit" and result.exception):
        return _exception(result)
    return words.get(result.end) or f"{_SHELL_WORDS.get(result.signal, result.signal or 'the process dies')}{place}"


def _place(frame: Frame | None) -> str:
    return f" in {frame[2]}, {frame[0]} line {frame[1]}" if frame is not None else ""


def _exception(result: SmokeResult) -> str:
    """Return the last line that Python would print."""
    text = _line(result.error)
    return f"{result.exception}: {text}" if text else result.exception


def _line(text: str) -> str:
    """Return the last line of a text that says something, not too long."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:_SHOWN] if lines else ""


def _signal(result: SmokeResult) -> str:
    words = _SHELL_WORDS.get(result.signal)
    return f"{result.signal} ({words})" if words else result.signal or f"status {result.exit_status}"


def _evidence(facts: Facts, result: SmokeResult, frame: Frame | None) -> Evidence:
    """Return what this test did, at the line that is blamed or, without one, with the interpreter that ran it."""
    detail = f"smoke test {result.test} ended after {result.seconds:.1f} s: {result.end}"
    detail += f" ({result.signal})" if result.signal else ""
    last = _line(result.stderr)
    if last and result.end not in {"wrong-result", "exception"} and not last.startswith(("File ", "Extension modules")):
        detail += f"; last words: {last}"
    detail += f"; {result.rule} knows of it" if result.rule else ""
    detail += f"; seen on {result.kept}, and nothing it needs has changed since" if result.kept else ""
    shown = frame or (result.frames[-1] if result.frames else None)
    return Evidence(shown[0], detail, shown[1]) if shown else Evidence(facts.target.executable, detail)


def _involved(facts: Facts, blamed: NormalizedName, results: Sequence[SmokeResult]) -> tuple[Involved, ...]:
    """Return the distributions under test that are not the blamed one."""
    keys = sorted({result.distribution for result in results} - {blamed})
    return tuple(Involved(key, _version(facts, key)) for key in keys)


def _version(facts: Facts, key: NormalizedName) -> str:
    dist: Distribution | None = facts.visible().get(key)
    return dist.version if dist is not None else ""


def _left_behind(facts: Facts) -> Iterator[Finding]:
    """Yield ``RUN011`` for each distribution whose tests did not end all processes they had started."""
    by_distribution: dict[NormalizedName, list[SmokeResult]] = {}
    for result in facts.smoke:
        if result.leftovers:
            by_distribution.setdefault(result.distribution, []).append(result)
    for key, results in by_distribution.items():
        count = sum(result.leftovers for result in results)
        processes = "1 process" if count == 1 else f"{count} processes"
        yield Finding(
            code=_LEFT_BEHIND,
            severity=Severity.WARNING,
            confidence=Confidence.PROVEN,
            message=f"{key} left {processes} behind that had to be killed (smoke test {results[0].test})",
            subject=f"test:{results[0].test}",
            distribution=key,
            version=_version(facts, key),
            symptom="processes that go on using memory and processor time after the program has ended",
            evidence=tuple(
                Evidence(
                    facts.target.executable, f"smoke test {result.test}: {result.leftovers} still alive afterwards"
                )
                for result in results
            ),
        )
