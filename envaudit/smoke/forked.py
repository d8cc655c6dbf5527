"""Run many smoke tests in forks of processes that have imported what they need, and keep only what has passed."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envaudit.model import SmokeResult
from envaudit.smoke.plan import Planned, modules_of, shared_out, tree_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packaging.utils import NormalizedName

    from envaudit.smoke.options import SmokeOptions
    from envaudit.smoke.supervised import Supervisors
    from envaudit.smoke.tests import SmokeTest

    Chosen = tuple[SmokeTest, NormalizedName]

ZYGOTE = Path(__file__).parent / "zygote.py"

_LEAST = 3  # fewer tests share too little
# A fork that takes longer hangs, perhaps for being one; in a process of its own a test gets all its time.
_SECONDS = 20.0
_RESULT_LIMIT = 1024 * 1024


def can_share(chosen: Sequence[Chosen]) -> tuple[Chosen, ...]:
    """Return the tests that may run in a fork, if there are enough of them and this system can."""
    sharing = tuple(pair for pair in chosen if pair[0].forks)
    return sharing if sys.platform == "linux" and len(sharing) >= _LEAST else ()


def run_forked(
    chosen: Sequence[Chosen],
    request: Callable[[str], dict[str, Any]],
    supervisors: Supervisors,
    options: SmokeOptions,
    passed: Callable[[str], None],
) -> dict[str, SmokeResult]:
    """Return the results of those tests that passed in a fork; all others have to be run in a process of their own.

    ``request`` builds what a supervisor is asked for from the marker of its processes; ``passed`` is called, in this
    thread, with the name of each test that has passed.
    """
    about = {test.name: distribution for test, distribution in chosen}
    planned = [Planned(test.name, str(test.path), modules_of(test.path)) for test, _ in chosen]
    found: dict[str, SmokeResult] = {}
    shares = shared_out(planned, options.jobs)
    with ThreadPoolExecutor(len(shares), thread_name_prefix="envaudit-zygote") as pool:
        futures = [pool.submit(_run_tree, share, request, supervisors, options) for share in shares]
        try:
            for future in as_completed(futures):
                for name, seconds, peak in future.result():
                    if name in about and name not in found:
                        found[name] = SmokeResult(
                            name, about[name], "ok", seconds=seconds, exit_status=0, peak_memory=peak or None
                        )
                        passed(name)
        except BaseException:
            supervisors.stop()
            raise
    return found


def _run_tree(
    tests: Sequence[Planned],
    request: Callable[[str], dict[str, Any]],
    supervisors: Supervisors,
    options: SmokeOptions,
) -> list[tuple[str, float, int]]:
    """Return name, seconds and peak memory of each test of a tree that passed."""

    def asked(marker: str) -> dict[str, object]:
        wanted = request(marker)
        plan = Path(wanted["folder"], f"{marker}.json")
        child = wanted["command"][-2]
        text = {
            "child": child,
            "seconds": min(_SECONDS, options.timeout),
            "import_seconds": options.timeout,
            "output": options.output,
            "leave": "whole" if options.mode == "all" else "quick",
            "root": tree_of(tests),
        }
        plan.write_text(json.dumps(text), encoding="utf-8")
        return {
            **wanted,
            "command": [*wanted["command"][:-2], str(ZYGOTE), str(plan)],
            "timeout": longest,
            "quiet": quiet,
            "result": _RESULT_LIMIT,
        }

    quiet = options.timeout + _SECONDS
    longest = quiet * (len(tests) + 1)
    answer, trouble = supervisors.supervise(asked, longest)
    return [] if trouble else _read(answer)


def _read(answer: str) -> list[tuple[str, float, int]]:
    """Read what a supervisor and its zygote wrote; what is not exactly as expected proves nothing."""
    seen = _loaded(answer)
    if not isinstance(seen, dict) or not isinstance(seen.get("result"), str) or not seen.get("started"):
        return []
    if seen.get("cause") == "abandoned" or seen.get("leftovers"):
        return []
    found = []
    for line in seen["result"].splitlines():
        match _loaded(line):
            case {"test": str(name), "seconds": float(seconds), "peak": int(peak)}:
                found.append((name, seconds, peak))
            case _:
                continue
    return found


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
