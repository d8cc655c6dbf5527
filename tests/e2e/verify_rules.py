"""See each rule happen: build its bad set and its good sets from real wheels and run the probe in them.

    python -m tests.e2e.verify_rules [ID...] [--jobs 2] [--folder rules]

A rule holds when the probe fails in the bad set as declared (exit status or signal, and every signature) and passes in
every good set. "Rotted" means that the bad set passes, or fails differently: the rule is wrong now. "The world moved"
means that a good set fails: a companion changed, the reproducer needs new pins.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envaudit.rulebook import default_folder, load_rules
from tests.support.environments import BuildError, build_environment, find_python, python_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.rulebook import Rule

DATA_LIMIT = 4 * 1024**3  # bytes a probe may allocate
PROBE_SECONDS = 180
_KEPT = 4000  # characters of output that are kept for the report

# Limits are set by a process of their own, between this one with its threads and the probe.
_LAUNCH = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]), int(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Ended(NamedTuple):
    """How a probe ended: exit status, or name of a signal, or ``timeout``; and the end of what it wrote."""

    exit: int | str
    output: str


class Outcome(NamedTuple):
    """What came of one rule. ``verdict`` is ``holds``, ``rotted``, ``world moved`` or ``not built``."""

    rule: str
    verdict: str
    bad: str
    good: str
    builds: int
    seconds: float
    detail: str = ""


def verify(rule: Rule) -> Outcome:
    """Build and probe every set of a rule, one after the other, and judge."""
    start = time.monotonic()
    again = rule.reproducer
    good: list[str] = []
    bad = ""
    builds = 0
    try:
        ended = run_set(rule, again.bad, again.python)
        builds += 1
        bad = _shown(ended)
        wrong = list(_differences(rule, ended))
        if wrong:
            text = "; ".join(wrong) + "\n" + ended.output
            return Outcome(rule.id, "rotted", bad, "", builds, time.monotonic() - start, text)
        for pins in again.good:
            ended = run_set(rule, pins, again.good_python or again.python)
            builds += 1
            good.append(_shown(ended))
            if ended.exit != 0:
                text = f"{' '.join(pins)}\n{ended.output}"
                return Outcome(rule.id, "world moved", bad, " ".join(good), builds, time.monotonic() - start, text)
    except BuildError as error:
        return Outcome(rule.id, "not built", bad, " ".join(good), builds, time.monotonic() - start, str(error))
    return Outcome(rule.id, "holds", bad, " ".join(good), builds, time.monotonic() - start)


def run_set(rule: Rule, pins: Sequence[str], python: str) -> Ended:
    """Build one environment, run the probe of the rule in it, and remove it; raises ``BuildError``."""
    folder = Path(tempfile.mkdtemp(prefix=f"{rule.id}-"))
    try:
        environment = build_environment(folder / "env", python, pins, *_options(rule))
        return run_probe(python_of(environment), rule.reproducer.probe, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_probe(python: str, probe: str, folder: Path) -> Ended:
    """Run Python code under limits of time and memory, in an empty folder, without the user's settings."""
    home = folder / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "TMPDIR"}}
    environment |= {"HOME": str(home), "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "2", "PYTHONNOUSERSITE": "1"}
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _LAUNCH, str(DATA_LIMIT), python, "-W", "ignore", "-c", probe],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=home,
        env=environment,
        start_new_session=True,
    )
    try:
        output, _ = child.communicate(timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        output, _ = child.communicate()
        return Ended("timeout", output[-_KEPT:])
    status = child.returncode
    return Ended(signal.Signals(-status).name if status < 0 else status, output[-_KEPT:])


def _options(rule: Rule) -> Iterator[str]:
    """Yield the options of the installer: wheels only, as of the day the rule was written."""
    yield from ("--only-binary", ":all:")
    for name in rule.reproducer.from_source:
        yield from ("--no-binary", name)
    if rule.reproducer.exclude_newer is not None:
        yield from ("--exclude-newer", rule.reproducer.exclude_newer.isoformat())


def _differences(rule: Rule, ended: Ended) -> Iterator[str]:
    """Yield what the bad set did not do that the rule says it does."""
    expect = rule.reproducer.expect
    if ended.exit == 0 and expect.exit != 0:
        yield "the bad set passes"
    elif ended.exit != expect.exit:
        yield f"ended with {ended.exit} instead of {expect.exit}"
    for index in expect.signature:
        if not rule.signatures[index].recognises(ended.output):
            yield f"signature {index} is not in the output: {rule.signatures[index].regex}"


def _shown(ended: Ended) -> str:
    return f"exit {ended.exit}" if isinstance(ended.exit, int) else ended.exit


def verify_all(rules: Sequence[Rule], jobs: int) -> Iterator[Outcome]:
    """Verify rules side by side; the outcomes come in the order of the rules."""
    for version in {rule.reproducer.python for rule in rules}:  # once, before the threads ask for it
        find_python(version)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(verify, rules)


def main() -> int:
    """Verify the rules named, or all active ones; the status is 1 when one does not hold."""
    parser = argparse.ArgumentParser(description="See each rule of the database happen.")
    parser.add_argument("ids", nargs="*", metavar="ID", help="rules to verify; all active ones when none is given")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", default=default_folder())
    options = parser.parse_args()
    book = load_rules([options.folder])
    wanted = [rule for rule in book.rules if not options.ids or rule.id in options.ids]
    rules = [rule for rule in wanted if options.ids or rule.status == "active"]
    start = time.monotonic()
    outcomes = []
    print(f"{'rule':14} {'verdict':12} {'bad':9} {'good':24} {'seconds':>7}")
    for outcome in verify_all(rules, options.jobs):
        outcomes.append(outcome)
        print(f"{outcome.rule:14} {outcome.verdict:12} {outcome.bad:9} {outcome.good:24} {outcome.seconds:7.1f}")
        if outcome.detail:
            print(re.sub("^", "    | ", outcome.detail[-1500:], flags=re.MULTILINE))
        sys.stdout.flush()
    holds = sum(outcome.verdict == "holds" for outcome in outcomes)
    builds = sum(outcome.builds for outcome in outcomes)
    print(f"{holds} of {len(outcomes)} rules hold; {builds} environments in {time.monotonic() - start:.0f} s")
    return 0 if holds == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
