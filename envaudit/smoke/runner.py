"""Choose the smoke tests that fit what is installed, and run them side by side."""

from __future__ import annotations

import math
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envaudit.model import Gap, SmokeResult
from envaudit.smoke.classify import classify
from envaudit.smoke.options import MIB, SmokeOptions
from envaudit.smoke.supervised import MARKER, Supervisors, psutil_folder
from envaudit.smoke.tests import SMOKE_TESTS, SmokeTest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from packaging.utils import NormalizedName

    from envaudit.model import Target

_HERE = Path(__file__).parent
_CHILD = _HERE / "child.py"
_CATALOGUE = _HERE / "catalogue"

# A test answers with an exception's text and sixty frames at most.
_RESULT_LIMIT = 256 * 1024
_FILE_SIZE = 256 * MIB
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


def choose(installed: Mapping[NormalizedName, str]) -> tuple[tuple[SmokeTest, NormalizedName], ...]:
    """Return the tests whose distributions are all installed, each with the one it is about."""
    chosen = []
    for test in SMOKE_TESTS:
        about = next((name for name in test.any_of or test.needs[:1] if name in installed), None)
        if about is not None and all(name in installed for name in test.needs):
            chosen.append((test, about))
    return tuple(chosen)


def run_smoke(
    target: Target,
    installed: Mapping[NormalizedName, str],
    options: SmokeOptions,
    progress: Callable[[int, int, str], None] | None = None,
) -> SmokeOutcome:
    """Run every smoke test that fits ``installed`` (versions by normalised name) under the target's interpreter.

    ``progress`` is called in this thread with the number of finished tests, the number of all, and the name of the
    test that has just finished. Whatever interrupts this function kills all processes it has started.
    """
    chosen = choose(installed)
    if not chosen:
        return SmokeOutcome((), ())
    obstacle = _obstacle(target)
    if obstacle:
        return SmokeOutcome((), (Gap("RUN", "smoke tests", obstacle),))
    with tempfile.TemporaryDirectory(prefix="envaudit-smoke-", ignore_cleanup_errors=True) as folder:
        run = _Run(target, options, folder)
        results = run.all(chosen, progress)
    return SmokeOutcome(results, _platform_gaps())


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

    def __init__(self, target: Target, options: SmokeOptions, folder: str) -> None:
        self._target = target
        self._options = options
        self._folder = folder
        self._supervisors = Supervisors(Path(folder).name)
        self._psutil = psutil_folder()
        self._bytecode = _bytecode_options(target, folder)

    def all(
        self,
        chosen: tuple[tuple[SmokeTest, NormalizedName], ...],
        progress: Callable[[int, int, str], None] | None,
    ) -> tuple[SmokeResult, ...]:
        """Run the tests, at most ``jobs`` at a time, and return their results in the order given."""
        from concurrent.futures import ThreadPoolExecutor, as_completed  # noqa: PLC0415 - only a run that tests needs it

        pool = ThreadPoolExecutor(max_workers=max(1, self._options.jobs), thread_name_prefix="envaudit-smoke")
        try:
            # What needs most distributions imports longest: started last, it would run alone at the end.
            longest_first = sorted(chosen, key=lambda pair: -len(pair[0].needs))
            futures = {pool.submit(self._one, *pair): pair[0].name for pair in longest_first}
            results = {}
            for done, future in enumerate(as_completed(futures), start=1):
                results[futures[future]] = future.result()
                if progress is not None:
                    progress(done, len(futures), futures[future])
            return self._confirmed(tuple((test, results[test.name]) for test, _ in chosen))
        finally:
            self._supervisors.stop()
            pool.shutdown(wait=True, cancel_futures=True)

    def _confirmed(self, results: tuple[tuple[SmokeTest, SmokeResult], ...]) -> tuple[SmokeResult, ...]:
        """Repeat what crashed, one at a time and with nothing beside it, to see the library it crashes in."""
        from envaudit.smoke.confirm import crashed, repeated  # noqa: PLC0415 - healthy environments do without

        places = {}
        for test in [test for test, result in results if crashed(result)][:_MOST_REPEATED]:
            places[test.name] = repeated(self._request(test, ""), self._options, self._folder)
        return tuple(result._replace(place=places.get(test.name)) for test, result in results)

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
                str(_CATALOGUE / test.file),
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
