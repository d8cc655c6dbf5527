"""The gate: requirement and lock files judged before anything is installed.

    read the files -> describe the target -> resolve what is open -> the same checks -> compare with a commit

The described target is made of the same facts as an installed one, without files, so that one engine judges both.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import datetime, timezone
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError, RequirementError, UsageError
from envaudit.gate.base import Base
from envaudit.gate.facts import Means, describe
from envaudit.gate.places import as_before, changed_lines, located, same_content
from envaudit.gate.target import Wish, wishes
from envaudit.model import Evidence, Facts, Gap, Timings, replace
from envaudit.requirements import read_requirements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from envaudit.asked import Asked
    from envaudit.baseline import Baseline
    from envaudit.checks.registry import Judgement
    from envaudit.index import Index
    from envaudit.model import Finding, Report
    from envaudit.model_stated import StatedFile
    from envaudit.rulebook import Rulebook
    from envaudit.settings import Settings

# What is missing from a list that is not complete will be brought by the installer.
_ONLY_OF_COMPLETE = frozenset({"DEP001", "DEP003"})
# What every judgement imports; it is done while uv is at work.
_NEEDED = (
    *("audit", "verdict", "rulebook.admitted", "rulebook.derived", "rulebook.load", "scan.headers", "checks.registry"),
    *("checks.abi_open", "checks.abi_predicted", "checks.dep", "checks.idx", "checks.known", "checks.known_ranges"),
    *("checks.lnk", "checks.mixed", "checks.plt", "checks.plt_content"),
)


class GateRequest(NamedTuple):
    """What the gate is asked: ``files`` each describe one target, ``base`` is a revision of git or empty.

    ``pythons`` and ``platforms`` are as the user spells them; each combination is judged. ``exclude_newer`` is a moment
    (ISO 8601) after which nothing on the index counts. With ``deep``, wheels on the index are read.
    """

    files: tuple[str, ...]
    base: str = ""
    offline: bool = False
    pythons: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    exclude_newer: str = ""
    resolve: bool = True
    deep: bool = False


class _Pair(NamedTuple):
    """A file as it is and as it was."""

    head: StatedFile
    base: StatedFile | None


class _Leg(NamedTuple):
    """One file for one Python and platform."""

    pair: _Pair
    wish: Wish
    facts: Facts
    before: Facts | None


def gate(settings: Settings, request: GateRequest, environ: Mapping[str, str], cwd: str) -> Report:
    """Judge the files, and with a base only what is new.

    Raises ``RequirementError`` for a file that cannot be read, ``UsageError`` for what cannot be asked.
    """
    started = time.perf_counter()
    baseline = _baseline(settings.baseline) if settings.baseline else None
    base = Base(request.base, _folder_of(request.files, cwd), cwd, environ) if request.base else None
    gaps: list[Gap] = []
    pairs = [pair for path in request.files if (pair := _read(path, base, environ, cwd, gaps)) is not None]
    wished = wishes(request.pythons, request.platforms)
    moment = request.exclude_newer or (datetime.now(timezone.utc).isoformat(timespec="seconds") if base else "")
    index = None if request.offline else _index(pairs, settings, environ, cwd, deep=request.deep)
    resolving = request.resolve and not request.offline
    means = Means(environ, index, resolving, moment, _asking_ahead(index, pairs))
    if request.deep:
        means = means._replace(deep=True, asked=_asked(settings))
    try:
        legs = [_leg(pair, wish, means) for pair in pairs for wish in wished]
    finally:
        if index is not None:
            index.close()
    from envaudit.audit import rule_places  # noqa: PLC0415  what judges is imported while uv is at work
    from envaudit.rulebook import load_rules  # noqa: PLC0415
    from envaudit.settings import reject_unknown_rules  # noqa: PLC0415
    from envaudit.verdict import decide  # noqa: PLC0415

    rulebook = load_rules(rule_places(settings), _versions(legs))
    reject_unknown_rules(settings, rulebook.ids())
    findings, crashed = _judge(legs, rulebook, gaps, several=len(wished) > 1)
    timings = Timings(time.perf_counter() - started)
    facts = _all_facts(legs, request, wished)
    return decide(facts, rulebook.info, findings, gaps, settings, timings, crashed=crashed, baseline=baseline)


def _baseline(path: str) -> Baseline:
    from envaudit.baseline import read_baseline  # noqa: PLC0415  few runs have one

    return read_baseline(path)


# --- reading --------------------------------------------------------------------------------------------------------


def _folder_of(files: Sequence[str], cwd: str) -> str:
    """Return the folder of the first file, or the nearest above it that is there."""
    folder = os.path.dirname(os.path.join(cwd, files[0])) if files else cwd
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return folder


def _read(path: str, base: Base | None, environ: Mapping[str, str], cwd: str, gaps: list[Gap]) -> _Pair | None:
    """Read a file and what it was before; ``None`` for one that was deleted."""

    def here(name: str) -> bytes:
        from envaudit.requirements import from_disk  # noqa: PLC0415

        return from_disk(os.path.join(cwd, name))

    before = _before(path, base, environ, gaps)
    if not os.path.lexists(os.path.join(cwd, path)) and before is not None:
        return None
    return _Pair(read_requirements(path, environ, here), before)


def _before(path: str, base: Base | None, environ: Mapping[str, str], gaps: list[Gap]) -> StatedFile | None:
    if base is None:
        return None
    try:
        base.read(path)
    except ReadError:
        return None  # a new file
    try:
        return read_requirements(path, environ, base.read)
    except RequirementError as error:
        gaps.append(Gap("", f"{path} before the change", f"it cannot be read, so everything counts as new: {error}"))
        return None


def _index(
    pairs: Sequence[_Pair], settings: Settings, environ: Mapping[str, str], cwd: str, *, deep: bool = False
) -> Index:
    """Return the indexes that the files name, else those of the configuration."""
    from envaudit.cache.place import default_folder  # noqa: PLC0415
    from envaudit.index import Index, find_sources  # noqa: PLC0415

    options = [option for pair in pairs for option in pair.head.options]
    main = [value for name, value in options if name == "--index-url"]
    extra = [value for name, value in options if name == "--extra-index-url"]
    links = [value for name, value in options if name == "--find-links"]
    bare = any(name == "--no-index" for name, _ in options)
    given = find_sources(environ, cwd)
    indexes = [] if bare else [*(main or given.indexes), *extra]
    sources = find_sources(environ, cwd, indexes=indexes, find_links=[*links, *given.find_links], no_index=bare)
    folder = default_folder(environ) if settings.cache else ""
    if deep:
        from envaudit.gate.deep import SECONDS  # noqa: PLC0415

        return Index(sources, environ, cache_folder=folder, seconds=SECONDS)
    return Index(sources, environ, cache_folder=folder)


def _asking_ahead(index: Index | None, pairs: Sequence[_Pair]) -> Callable[[], None]:
    """Ask the index about what is stated while the resolver is at work; return what waits until that is done."""
    stated = [each for pair in pairs for each in pair.head.stated if not each.constraint and not each.url]
    pins = [(str(each.key), each.version) for each in stated if each.version]
    names = [each.key for each in stated if not each.version]
    if index is None or not stated:
        return lambda: None

    def ask() -> None:
        index.releases(pins)
        index.fetch_pages(names)  # one of their versions will be asked about once the resolver has chosen
        for module in _NEEDED:  # while others are at work, which is mostly uv
            import_module(f"envaudit.{module}")

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    return asking.join


def _leg(pair: _Pair, wish: Wish, means: Means) -> _Leg:
    facts = describe(pair.head, wish, means, "before anything is installed")
    before = None
    if pair.base is not None:
        same = same_content(pair.head, pair.base)
        before = facts if same else describe(pair.base, wish, means, "as it was")
    return _Leg(pair, wish, facts, before)


def _asked(settings: Settings) -> Asked:
    """Return what has to be read of wheels, so that a run that wants names alone reads no compiled files."""
    from envaudit.asked import asked_by  # noqa: PLC0415
    from envaudit.verdict import wanted  # noqa: PLC0415

    return asked_by(lambda code: wanted(settings, code), tried=False)


def _versions(legs: Sequence[_Leg]) -> dict[str, str]:
    """Return the version of each distribution by name, empty where there are several or none is settled."""
    found: dict[str, str] = {}
    for facts in (each for leg in legs for each in (leg.facts, leg.before) if each is not None):
        for dist in facts.distributions:
            found[dist.key] = dist.version if found.get(dist.key, dist.version) == dist.version else ""
        if facts.described is not None:
            found.update((each.key, "") for each in facts.described.ranges)
    return found


# --- judging --------------------------------------------------------------------------------------------------------


def _judge(
    legs: Sequence[_Leg], rulebook: Rulebook, gaps: list[Gap], *, several: bool
) -> tuple[tuple[Finding, ...], bool]:
    """Run the checks on every leg; a finding that several targets have is one, and says which."""
    from envaudit.checks.registry import run_checks  # noqa: PLC0415  as above

    found: dict[tuple[str, str], Finding] = {}
    targets: dict[tuple[str, str], list[str]] = {}
    crashed = False
    for leg in legs:
        judged = run_checks(leg.facts, rulebook)
        gaps += judged.gaps
        before = _fingerprints(leg.before, rulebook) if leg.before is not None else frozenset()
        crashed = crashed or judged.crashed
        changed = changed_lines(leg.pair.head, leg.pair.base) if leg.pair.base else frozenset()
        for finding in _that_hold(judged, leg.facts):
            placed = located(finding, leg.facts, changed)
            if finding.fingerprint in before:
                placed = as_before(placed)
            # Each file is a target of its own, so that the same defect in two of them is two findings.
            placed = replace(placed, subject=f"{placed.subject}@{leg.pair.head.path}")
            key = (placed.fingerprint, placed.severity.value)
            found.setdefault(key, placed)
            targets.setdefault(key, []).append(f"Python {leg.wish.python} on {leg.wish.machine.platform}")
    return tuple(_with_targets(found, targets) if several else found.values()), crashed


def _with_targets(
    found: Mapping[tuple[str, str], Finding], targets: Mapping[tuple[str, str], Sequence[str]]
) -> Iterator[Finding]:
    for key, finding in found.items():
        where = finding.location.path if finding.location else ""
        yield replace(finding, evidence=(Evidence(where, f"for {', '.join(targets[key])}"), *finding.evidence))


def _fingerprints(facts: Facts, rulebook: Rulebook) -> frozenset[str]:
    from envaudit.checks.registry import run_checks  # noqa: PLC0415

    return frozenset(finding.fingerprint for finding in _that_hold(run_checks(facts, rulebook), facts))


def _that_hold(judged: Judgement, facts: Facts) -> Iterator[Finding]:
    complete = facts.described is not None and facts.described.complete
    return (finding for finding in judged.findings if complete or finding.code not in _ONLY_OF_COMPLETE)


def _all_facts(legs: Sequence[_Leg], request: GateRequest, wished: Sequence[Wish]) -> Facts:
    """Return one value for the report: the facts of the only leg, or of all of them together."""
    from envaudit.gate.target import described_target  # noqa: PLC0415

    if len(legs) == 1:
        return legs[0].facts
    if not request.files:
        raise UsageError("no file is given, and there is none in this folder")
    names = ", ".join(request.files)
    target = legs[0].facts.target if legs else described_target(wished[0], names, "deleted")
    pythons = ", ".join(dict.fromkeys(wish.python for wish in wished))
    distributions = {(dist.key, dist.version): dist for leg in legs for dist in leg.facts.distributions}
    return Facts(target._replace(prefix=names, python=pythons), tuple(distributions.values()))
