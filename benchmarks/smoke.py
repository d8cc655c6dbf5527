"""Time the smoke tests of an environment in forks, side by side with a process of its own for each test.

    python -m benchmarks.smoke ENVIRONMENT [--rounds 3] [-k EXPR]

Both ways take turns, so that a machine that slows down slows both; nothing is kept between turns. The environment's
modules should be compiled (``python -m compileall``), or the first turn pays for all. Shown are processor time, which
other programs disturb less than the time on the clock, that time, and the ratios of the least of each. Exits with 1
when a test fails or when the forks are not three times as fast.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path
from typing import NamedTuple

from envaudit.gather import gather_facts
from envaudit.locate import TargetRequest, locate
from envaudit.smoke import SmokeOptions, run_smoke

AIM = 3.0


class Cost(NamedTuple):
    """Seconds of one turn: of processors and on the clock; ``failed`` are the tests that did not pass."""

    processor: float
    clock: float
    tests: int
    failed: tuple[str, ...]


def main() -> int:
    """Measure, print a table, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-k", dest="keyword", default="")
    chosen = parser.parse_args()
    costs: dict[bool, list[Cost]] = {True: [], False: []}
    for _ in range(chosen.rounds):
        for forks in (True, False):
            cost = turn(chosen.environment, chosen.keyword, forks=forks)
            costs[forks].append(cost)
            name = "in forks" if forks else "one process each"
            failed = f"  failed: {', '.join(cost.failed)}" if cost.failed else ""
            print(f"{name:17} {cost.tests} tests  {cost.processor:6.2f} s cpu  {cost.clock:6.2f} s{failed}", flush=True)
    least = {forks: [min(column) for column in zip(*(each[:2] for each in mine), strict=True)]
             for forks, mine in costs.items()}  # fmt: skip
    ratios = [alone / forked for alone, forked in zip(least[False], least[True], strict=True)]
    print(f"{ratios[0]:.1f} times as fast by processor time, {ratios[1]:.1f} by the clock (aim: {AIM:g})")
    return int(ratios[0] < AIM or any(cost.failed for each in costs.values() for cost in each))


def turn(environment: Path, keyword: str, *, forks: bool) -> Cost:
    """Run every test that fits once."""
    target = locate(TargetRequest(str(environment), None), {}, str(environment))
    facts = gather_facts(target)
    installed = {key: dist.version for key, dist in facts.visible().items()}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    results = run_smoke(target, installed, SmokeOptions(keyword=keyword, forks=forks)).results
    clock = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    failed = tuple(each.test for each in results if each.end != "ok")
    return Cost(used, clock, len(results), failed)


if __name__ == "__main__":
    sys.exit(main())
