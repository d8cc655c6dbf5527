"""Choose the smoke tests that fit what is installed, and run them side by side."""

from __future__ import annotations

import math
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from envaudit.keywords import Expression
from envaudit.model import Gap, SmokeResult
from envaudit.smoke.classify import classify
from envaudit.smoke.options import MIB, SmokeOptions
from envaudit.smoke.supervised import MARKER, Supervisors, psutil_folder
from envaudit.smoke.tests import SMOKE_TESTS, SmokeTest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from packaging.utils import NormalizedName

    from envaudit.model import Target

_HERE = Path(__file__).parent
_CHILD = _HERE / "child.py"

# A test answers with an exception's text and sixty frames at most.
_RESULT_LIMIT = 256 * 1024
_FILE_SIZE = 256 * MIB
_DISTURBED = frozenset({"timeout", "killed"})
_MOST_REPEATED = 8  # crashes that are looked at once more; others have the same reason, as a rule

# Two threads: enough to use the thread pools of the libraries, few enough for tests that run side by side.
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
# What a process needs to find programs and, on Windows, the system itself. Everything else stays outside: variables
# such as LD_PRELOAD or PYTHONPATH are findings of their own, not something to test under.
_KEPT = ("PATH", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS")


class SmokeOutcome(NamedTuple):
    """The results in the order of ``SMOKE_TESTS``, and what could not be tried or not be limited at all.

    A single test that could not be run is a result that ended ``not-run``, with the reason in ``error``.
    """

    results: tuple[SmokeResult, ...]
    gaps: tuple[Gap, ...]


class Kept(Protocol):
    """What earlier runs have seen."""

    def known(self, tests: Sequence[SmokeTest]) -> Mapping[str, SmokeResult]:
        """Return the results, by name, of those tests for which nothing has changed."""

    def keep(self, results: Sequence[tuple[SmokeTest, SmokeResult]]) -> None:
        """Keep what was seen now."""


def choose(
    installed: Mapping[NormalizedName, str], mode: str = "all", keyword: str = "", more: Sequence[SmokeTest] = ()
) -> tuple[tuple[SmokeTest, NormalizedName], ...]:
    """Return the tests whose distributions are all installed, each with the one it is about.

    With ``mode`` ``auto`` those that take long are left out, and regressions that do not concern the installed release.
    ``keyword`` is an expression over names of tests and distributions; ``more`` are tests beside those that ship.
    """
    expression = Expression(keyword)
    chosen = []
    for test in (*SMOKE_TESTS, *more):
        about = test.about(installed)
        if about is None or not expression.matches((test.name, about)):
            continue
        if mode == "all" or not (test.slow or (test.affects and not _affected(test.affects, installed[about]))):
            chosen.append((test, about))
    wanted = {name for test, _ in chosen for name in test.alone}  # what a pair is judged by comes with it
    names = {test.name for test, _ in chosen}
    judges = ((test, test.about(installed)) for test in more if test.name in wanted - names)
    return (*chosen, *((test, about) for test, about in judges if about is not None))


def _affected(specifier: str, version: str) -> bool:
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - few environments have a release to be asked about
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415

    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def run_smoke(
    target: Target,
    installed: Mapping[NormalizedName, str],
    options: SmokeOptions,
    progress: Callable[[int, int, str], None] | None = None,
    *,
    more: Sequence[SmokeTest] = (),
    kept: Kept | None = None,
) -> SmokeOutcome:
    """Run every smoke test that fits ``installed`` (versions by normalised name) under the target's interpreter.

    What ``kept`` knows is not run again. The others run in forks of processes that have imported what they need; what
    does not pass there, and what must not be forked, in a process of its own, whose end alone is the result.

    ``progress`` is called in this thread with the number of finished tests, the number of all, and the name of the
    test that has just finished. Whatever interrupts this function kills all processes it has started.
    """
    chosen = choose(installed, options.mode, options.keyword, more)
    if not chosen:
        why = f"no test that fits what is installed matches {options.keyword!r}"
        return SmokeOutcome((), (Gap("RUN", "smoke tests", why),) if options.keyword else ())
    obstacle = _obstacle(target)
    if obstacle:
        return SmokeOutcome((), (Gap("RUN", "smoke tests", obstacle),))
    known = dict(kept.known([test for test, _ in chosen])) if kept is not None else {}
    rest = tuple(pair for pair in chosen if pair[0].name not in known)
    with tempfile.TemporaryDirectory(prefix="envaudit-smoke-", ignore_cleanup_errors=True) as folder:
        seen = _Run(target, options, folder, _Counter(progress, len(chosen), len(known))).all(rest)
    if kept is not None:
        kept.keep([(test, seen[test.name]) for test, _ in rest])
    results = (
        (known.get(test.name) or seen[test.name])._replace(
            kind=test.kind, trigger=test.trigger, rule=test.rule, alone=test.alone
        )
        for test, _ in chosen
    )
    return SmokeOutcome(tuple(results), _platform_gaps())


class _Counter:
    """Tells how many tests have ended."""

    def __init__(self, progress: Callable[[int, int, str], None] | None, total: int, done: int) -> None:
        self._progress = progress
        self._total = total
        self._done = done

    def __call__(self, test: str) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total, test)


def _obstacle(target: Target) -> str:
    """Say why no test at all can be run, or return an empty text."""
    if not target.executable:
        return "the target has no interpreter that could be started"
    if not sys.executable:
        return "the interpreter that runs envaudit does not know its own path"
    if not psutil_folder():
        return "psutil is not installed next to envaudit"
    return ""


def _platform_gaps() -> tuple[Gap, ...]:
    """Name the limits this system cannot set."""
    if os.name == "posix":
        return ()
    why = "this system has no resource limits: only time, output and the memory in use were watched"
    return (Gap("RUN", "limits of the smoke tests", why),)


class _Run:
    """The tests of one run."""

    def __init__(self, target: Target, options: SmokeOptions, folder: str, ended: Callable[[str], None]) -> None:
        self._target = target
        self._options = options
        self._folder = folder
        self._ended = ended
        self._supervisors = Supervisors(Path(folder).name)
        self._psutil = psutil_folder()
        self._bytecode = _bytecode_options(target, folder)

    def all(self, chosen: Sequence[tuple[SmokeTest, NormalizedName]]) -> dict[str, SmokeResult]:
        """Run the tests, at most ``jobs`` at a time, and return their results by name."""
        placed = self._placed(chosen)
        try:
            results = self._in_forks(placed)
            left = [(test, about) for test, about in placed if test.name not in results]
            results |= self._each_fresh(left)
            results |= self._confirmed([(test, about, results[test.name]) for test, about in left])
        finally:
            self._supervisors.stop()
        return results

    def _placed(self, chosen: Sequence[tuple[SmokeTest, NormalizedName]]) -> list[tuple[SmokeTest, NormalizedName]]:
        """Write the tests that were made for this environment into files."""
        placed = []
        for number, (test, about) in enumerate(chosen):
            if test.code:
                path = Path(self._folder, f"made-{number}.py")
                path.write_text(test.code, encoding="utf-8")
                placed.append((test._replace(file=str(path)), about))
            else:
                placed.append((test, about))
        return placed

    def _in_forks(self, chosen: Sequence[tuple[SmokeTest, NormalizedName]]) -> dict[str, SmokeResult]:
        """Return the results of the tests that passed in a fork."""
        if not self._options.forks:
            return {}
        from envaudit.smoke.forked import can_share, run_forked  # noqa: PLC0415 - only for several tests

        sharing = can_share(chosen)
        if not sharing:
            return {}
        return run_forked(
            sharing,
            lambda marker: self._request(sharing[0][0], marker),
            self._supervisors,
            self._options,
            self._ended,
        )

    def _each_fresh(self, chosen: Sequence[tuple[SmokeTest, NormalizedName]]) -> dict[str, SmokeResult]:
        """Run each test in a process of its own."""
        from concurrent.futures import ThreadPoolExecutor, as_completed  # noqa: PLC0415 - only a run that tests needs it

        pool = ThreadPoolExecutor(max_workers=max(1, self._options.jobs), thread_name_prefix="envaudit-smoke")
        try:
            # What needs most distributions imports longest: started last, it would run alone at the end.
            longest_first = sorted(chosen, key=lambda pair: -len(pair[0].needs))
            futures = {pool.submit(self._one, *pair): pair[0].name for pair in longest_first}
            results = {}
            for future in as_completed(futures):
                results[futures[future]] = future.result()
                self._ended(futures[future])
        except BaseException:
            self._supervisors.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return results

    def _confirmed(
        self, results: Sequence[tuple[SmokeTest, NormalizedName, SmokeResult]]
    ) -> Iterator[tuple[str, SmokeResult]]:
        """Repeat what crashed, one at a time and with nothing beside it, to see the library it crashes in.

        What ran out of time, or was killed, may have been disturbed by others, and gets a second chance alone.
        """
        from envaudit.smoke.confirm import crashed, repeated  # noqa: PLC0415 - healthy environments do without

        for test, _, result in [each for each in results if crashed(each[-1])][:_MOST_REPEATED]:
            yield test.name, result._replace(place=repeated(self._request(test, ""), self._options, self._folder))
        for test, about, result in [each for each in results if each[-1].end in _DISTURBED][:_MOST_REPEATED]:
            alone = self._one(test, about)
            yield test.name, result if alone.end == "not-run" else alone

    def _one(self, test: SmokeTest, distribution: NormalizedName) -> SmokeResult:
        answer, trouble = self._supervisors.supervise(lambda marker: self._request(test, marker), self._options.timeout)
        return classify(test.name, distribution, answer, trouble, self._options, str(_CHILD))

    def _request(self, test: SmokeTest, marker: str) -> dict[str, object]:
        options = self._options
        processors = os.cpu_count() or 1
        return {
            "command": [
                self._target.executable,
                "-I",
                "-X",
                "faulthandler",
                *self._bytecode,
                str(_CHILD),
                str(test.path),
            ],
            "environment": _environment(marker),
            "folder": self._folder,
            "psutil": self._psutil,
            "timeout": options.timeout,
            "memory": options.memory,
            "output": options.output,
            "result": _RESULT_LIMIT,
            "limits": [
                ("RLIMIT_CORE", 0),
                # What is reserved is more than what is used; the use itself is watched.
                ("RLIMIT_DATA" if sys.platform == "linux" else "RLIMIT_AS", 2 * options.memory),
                ("RLIMIT_CPU", math.ceil(options.timeout * processors) + 10),
                ("RLIMIT_FSIZE", _FILE_SIZE),
            ],
        }


def _environment(marker: str) -> dict[str, str]:
    """Return the environment of a test; ``{folder}`` stands for its own empty folder."""
    folder = "{folder}"
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    places = (
        "HOME",
        "USERPROFILE",
        "APPDATA",
        "LOCALAPPDATA",
        "TMPDIR",
        "TEMP",
        "TMP",
        "MPLCONFIGDIR",
        "NUMBA_CACHE_DIR",
    )
    return {
        **kept,
        **dict.fromkeys(places, folder),
        **dict.fromkeys(_THREADS, "2"),
        "LANG": "C.UTF-8",
        # In a container the user may have no name; asking for it would fail where it does not elsewhere.
        **dict.fromkeys(("USER", "LOGNAME", "USERNAME"), "envaudit"),
        "MPLBACKEND": "Agg",
        MARKER: marker,
    }


def _bytecode_options(target: Target, folder: str) -> tuple[str, ...]:
    """Return the options that keep the target's folders as they are.

    An environment whose modules were never compiled (uv does not) would compile them again for every test: then the
    tests of one run share a folder for the compiled files.
    """
    major, minor = target.version_info
    name = f"__init__.cpython-{major}{minor}.pyc"
    places = (
        Path(site.path) / package / "__pycache__" / name for site in target.site_dirs for package in ("numpy", "pip")
    )
    with suppress(OSError, ValueError):
        if (major, minor) >= (3, 8) and not any(place.exists() for place in places):
            return ("-X", f"pycache_prefix={Path(folder, 'bytecode')}")
    return ("-B",)
