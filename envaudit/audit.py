"""One audit, from a target to a report. Open this file first: the rest of the program hangs on these lines."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from envaudit.asked import asked_by
from envaudit.checks.registry import CHECKS, run_checks
from envaudit.files import looking_inside
from envaudit.files_seen import doubt
from envaudit.gather import Integrity, gather_facts
from envaudit.locate import TargetRequest, can_start, locate
from envaudit.model import Gap, Timings, replace
from envaudit.rulebook import default_rules, load_rules
from envaudit.settings import reject_unknown_rules
from envaudit.verdict import decide, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envaudit.checks.registry import Check
    from envaudit.model import Facts, Report, Target
    from envaudit.settings import Settings


class Progress(Protocol):
    """What a caller who shows progress is told; calls come from the thread that called ``audit``."""

    def __call__(self, done: int, total: int, test: str) -> None:
        """``done`` of ``total`` smoke tests have ended; ``test`` is the last of them."""


def audit(settings: Settings, environ: Mapping[str, str], cwd: str, progress: Progress | None = None) -> Report:
    """Audit the environment that the settings, the variables and the folder lead to.

    Raises ``TargetError`` when there is none, ``RuleError`` when a rule cannot be used, ``ConfigError`` when a rule is
    named that does not exist or the baseline is damaged. Everything that goes wrong later is a gap in the report.
    """
    started = time.perf_counter()
    baseline = None
    if settings.baseline:
        from envaudit.baseline import read_baseline  # noqa: PLC0415  most runs have none

        baseline = read_baseline(settings.baseline)
    target = locate(TargetRequest(settings.target or None, settings.python or None), environ, cwd, settings.root)
    facts = _gathered(target, settings, environ)
    if any(wanted(settings, family) for family in ("INS", "ENV")):
        facts = _with_layout(facts, environ, cwd)
    facts = _with_host(facts, settings, environ)
    facts = _with_kernels(facts, settings, environ)
    facts = _with_code(facts, settings)
    facts = _with_index(facts, settings, environ, cwd)
    tried = bool(settings.smoke) and wanted(settings, "RUN")
    checks = _checks(settings, tried=tried)
    # Where no check goes by rules, none of those that ship has to be parsed, as if nothing were installed.
    by_rules = any(part.by_rules for check in checks for part in check.parts)
    installed: dict[str, str] = {key: dist.version for key, dist in facts.visible().items()} if by_rules else {}
    rulebook = load_rules(rule_places(settings), installed)
    reject_unknown_rules(settings, rulebook.ids())
    smoke_seconds = None
    if tried and not can_start(target):
        facts = replace(facts, gaps=(*facts.gaps, *_not_started(target, settings)))
    elif tried:
        before = time.perf_counter()
        facts = try_out(facts, settings, progress, environ)
        smoke_seconds = time.perf_counter() - before
    judged = run_checks(facts, rulebook, checks)
    if judged.crashed:
        doubt("a check crashed")
    static_seconds = time.perf_counter() - started - (smoke_seconds or 0.0)
    timings = Timings(static_seconds, smoke_seconds)
    return decide(
        facts, rulebook.info, judged.findings, judged.gaps, settings, timings, crashed=judged.crashed, baseline=baseline
    )


def _checks(settings: Settings, *, tried: bool) -> tuple[Check, ...]:
    """Return the checks of which something could be shown; all of them when a smoke test's failure wants a cause."""
    return CHECKS if tried else tuple(check.only(lambda code: wanted(settings, code)) for check in CHECKS)


def rule_places(settings: Settings) -> tuple[str, ...]:
    """Return where rules are read from: what ships, unless only an organisation's own are wanted, and those."""
    return settings.rules if settings.rules_only else (default_rules(), *settings.rules)


def _not_started(target: Target, settings: Settings) -> Iterator[Gap]:
    """Say why there are no smoke tests. Of an image nobody expects them who did not ask for them."""
    if not target.root:
        yield Gap("RUN", "smoke tests", f"this machine cannot start a Python for {target.platform}")
    elif "smoke" in settings.sources:
        yield Gap("RUN", "smoke tests", "nothing in an image is started")


def _gathered(target: Target, settings: Settings, environ: Mapping[str, str]) -> Facts:
    """Read the target, with what earlier runs have kept unless the settings say otherwise."""
    # What is kept of a file has to answer the next run as well, and of a failed smoke test any code may be the cause.
    keeps = settings.cache and not target.root  # of an image nothing is known by what its RECORD says
    tried = bool(settings.smoke) and wanted(settings, "RUN")
    asked = asked_by(lambda code: wanted(settings, code), tried=tried)
    integrity = Integrity(compare=wanted(settings, "INS"), verify=settings.verify)
    if not keeps:
        return gather_facts(target, None, asked, environ=environ, integrity=integrity)
    from envaudit.cache.database import Cache, default_folder  # noqa: PLC0415  2 ms that a run without a cache saves

    cache = Cache(default_folder(environ))
    try:
        return gather_facts(target, cache, asked.for_keeping(), environ=environ, integrity=integrity)
    finally:
        cache.close()


def _with_layout(facts: Facts, environ: Mapping[str, str], cwd: str) -> Facts:
    """Add what lies around the distributions, as a Python started here and with these variables sees it."""
    from envaudit.scan.layout import read_layout  # noqa: PLC0415  not every run looks around

    read = read_layout(facts.target, facts.distributions, environ, cwd)
    return replace(facts, layout=read.layout, gaps=(*facts.gaps, *read.gaps))


def _with_host(facts: Facts, settings: Settings, environ: Mapping[str, str]) -> Facts:
    """Add what this machine grants a process, if the target runs on it."""
    if not wanted(settings, "HST") or not can_start(facts.target):
        return facts
    from envaudit.host import read_host  # noqa: PLC0415

    # What is in use at the moment stands only in a report that is not kept in any case.
    host = read_host(
        environ, facts.cpu_flags, now=bool(settings.smoke) and settings.verbose and wanted(settings, "RUN")
    )
    if host is None:
        return replace(facts, gaps=(*facts.gaps, Gap("HST", "limits of this machine", "they are read on Linux only")))
    return replace(facts, host=host)


def _with_kernels(facts: Facts, settings: Settings, environ: Mapping[str, str]) -> Facts:
    """Add the kernels of the environment, if it has any; those of the user are for ``envaudit kernel check``."""
    if not wanted(settings, "JUP") or facts.target.root:
        return facts
    from envaudit.kernels import has_kernels, read_kernels  # noqa: PLC0415

    if not has_kernels(facts.target):
        return facts
    return replace(facts, kernels=tuple(read_kernels(facts.target, facts.distributions, environ, everyone=False)))


def _with_code(facts: Facts, settings: Settings) -> Facts:
    """Add what the user's own files ask of the environment in vain; they lie on this machine, in an image or not."""
    names, memory = wanted(settings, "API"), facts.host is not None
    if not settings.code or not (names or memory):
        return facts
    from envaudit.source.memory import memory_demands  # noqa: PLC0415  few runs have code to be linked
    from envaudit.source.user_code import link_user_code  # noqa: PLC0415
    from envaudit.source.user_files import read_user_files  # noqa: PLC0415

    given = read_user_files(settings.code)
    if memory:
        facts = replace(facts, demands=tuple(memory_demands(given.files)))
    if not names:
        return facts
    with looking_inside(facts.target.root):
        found = link_user_code(facts.target, tuple(facts.visible().values()), given)
    return replace(facts, code=found.needs, gaps=(*facts.gaps, *found.gaps))


def _with_index(facts: Facts, settings: Settings, environ: Mapping[str, str], cwd: str) -> Facts:
    """Add what package indexes say about what is installed, where the user wants them asked."""
    if not settings.online or settings.offline or not wanted(settings, "IDX"):
        return facts
    from envaudit.cache.place import default_folder  # noqa: PLC0415
    from envaudit.gather_index import ask_about_installed  # noqa: PLC0415  0.2 s that runs without a network save

    place = default_folder(environ) if settings.cache else ""
    indexed, gaps = ask_about_installed(tuple(facts.visible().values()), environ, cwd, place)
    return replace(facts, indexed=indexed, gaps=(*facts.gaps, *gaps))


def try_out(
    facts: Facts, settings: Settings, progress: Progress | None = None, environ: Mapping[str, str] | None = None
) -> Facts:
    """Run the smoke tests of what is installed, in the sandbox, and add how they ended to the facts.

    With ``environ``, where the settings allow it, those for which nothing has changed are not run again.
    """
    from envaudit.smoke import SmokeOptions, run_smoke  # noqa: PLC0415  a static run must not pay for it
    from envaudit.smoke.made import import_tests, pair_tests  # noqa: PLC0415
    from envaudit.smoke.options import affordable_jobs, effective_cpus  # noqa: PLC0415

    doubt("smoke tests were run")  # how they end depends on more than files: the report is not kept
    visible = facts.visible()
    installed = {key: dist.version for key, dist in visible.items()}
    more = {test.name: test for test in pair_tests(visible, facts.binaries)} if settings.pairs else {}
    if settings.smoke == "all":
        more |= {test.name: test for test in import_tests(visible)}
    jobs = settings.jobs or affordable_jobs(effective_cpus(), settings.smoke_memory)
    options = SmokeOptions(
        settings.smoke_timeout,
        settings.smoke_memory,
        jobs=jobs,
        mode=settings.smoke or "auto",
        keyword=settings.keyword,
    )
    tests = tuple(more.values())
    if environ is None or not settings.cache:
        outcome = run_smoke(facts.target, installed, options, progress, more=tests)
    else:
        from envaudit.cache.database import Cache, default_folder  # noqa: PLC0415
        from envaudit.smoke.kept import KeptResults  # noqa: PLC0415

        with closing(Cache(default_folder(environ))) as cache:
            kept = KeptResults(cache, facts.target, visible, facts.cpu_flags, options)
            outcome = run_smoke(facts.target, installed, options, progress, more=tests, kept=kept)
    return replace(facts, smoke=outcome.results, gaps=(*facts.gaps, *outcome.gaps))
