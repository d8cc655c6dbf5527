"""Build known-broken sets of wheels and their healthy twins, audit both, and count.

    python -m tests.e2e.combos --minutes 10 [--kind abi] [--only ID] [--jobs 2] [--smoke]

A broken set is *caught* when the audit ends with exit status 1, *warned* when it does not but has a warning that it
does not have for the twin (most are calls that fail while the import works), else *missed*; a healthy twin for which
the audit reports an error is a *false alarm*, unless ``uv pip check`` reports the same distribution (one twin was
installed without a dependency that its reproducer does not need). Sets are taken in a fixed, mixed order until the
time is used up.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.environments import UV, BuildError, build_environment, python_of

DATA = Path(__file__).parent / "data" / "combos.jsonl"


class Audit(NamedTuple):
    """What one audit said: its exit status, errors as ``CODE distribution``, those uv does not report, and warnings."""

    status: int
    errors: tuple[str, ...]
    alone: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """How one set and its twin came out; ``problem`` is filled when they could not be built."""

    id: str
    kind: str
    bad: Audit | None
    good: Audit | None
    problem: str = ""

    @property
    def verdict(self) -> str:
        """Return ``caught``, ``warned``, ``missed``, ``FALSE ALARM`` or ``not built``."""
        if self.bad is None or self.good is None:
            return "not built"
        if self.good.alone:
            return "FALSE ALARM"
        if self.bad.status == 1:
            return "caught"
        return "warned" if self.new_warnings else "missed"

    @property
    def new_warnings(self) -> tuple[str, ...]:
        """Return the warnings about the broken set that its twin does not have."""
        if self.bad is None or self.good is None:
            return ()
        return tuple(warning for warning in self.bad.warnings if warning not in self.good.warnings)


def load_combos() -> list[dict[str, Any]]:
    """Return the sets in an order that mixes their kinds, the same on every run."""
    combos = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    return sorted(combos, key=lambda combo: sum(map(ord, combo["id"])) % 97)


def run_combo(combo: dict[str, Any], *, smoke: bool) -> Outcome:
    """Build both sides in a scratch folder, audit them, and remove them again."""
    scratch = Path(tempfile.mkdtemp(prefix="envaudit-combo-"))
    try:
        bad = _build_and_audit(scratch / "bad", combo["python"], combo["pins"], combo, smoke=smoke)
        shutil.rmtree(scratch / "bad", ignore_errors=True)
        good_combo = {**combo, "steps": []}
        good = _build_and_audit(scratch / "good", combo["good_python"], combo["good_pins"], good_combo, smoke=smoke)
    except BuildError as error:
        return Outcome(combo["id"], combo["kind"], None, None, str(error).splitlines()[-1])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Outcome(combo["id"], combo["kind"], bad, good)


def _build_and_audit(folder: Path, python: str, pins: list[str], combo: dict[str, Any], *, smoke: bool) -> Audit:
    # The pins are complete, so nothing has to be resolved; a few sets exist only as source distributions.
    options = ["--no-deps"] + ([] if combo["build"] else ["--only-binary", ":all:"])
    # A set that ends with two versions of one distribution is installed with the last; its steps add the other.
    one_each = {pin.partition("==")[0]: pin for pin in pins}
    build_environment(folder, python, list(one_each.values()), *options)
    (site,) = (folder / "lib").glob("python3*/site-packages")
    for step in combo["steps"]:
        command = step.format(uv=" ".join(UV), py=python_of(folder), sp=site)
        done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BuildError(f"{combo['id']}: {done.stderr.strip()[-300:]}")
    command = [sys.executable, "-m", "envaudit", "check", str(folder), "--format", "json"]
    done = subprocess.run(
        command + ([] if smoke else ["--no-smoke"]), capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode not in {0, 1, 3} or not done.stdout.startswith("{"):
        raise AssertionError(f"{combo['id']}: exit status {done.returncode}: {done.stderr[-2000:]}")
    findings = json.loads(done.stdout)["findings"]
    errors, warnings = (
        sorted({f"{f['code']} {f['distribution']}" for f in findings if f["severity"] == severity})
        for severity in ("error", "warning")
    )
    uv = subprocess.run(
        [*UV, "pip", "check", "--python", python_of(folder)], capture_output=True, text=True, check=False
    )
    alone = [error for error in errors if f"`{error.split()[1]}`" not in uv.stderr]
    return Audit(done.returncode, tuple(errors), tuple(alone), tuple(warnings))


def run_all(combos: list[dict[str, Any]], *, minutes: float, jobs: int, smoke: bool) -> list[Outcome]:
    """Run sets side by side until the time is used up; those that were begun are finished."""
    deadline = time.monotonic() + minutes * 60

    def one(combo: dict[str, Any]) -> Outcome | None:
        return run_combo(combo, smoke=smoke) if time.monotonic() < deadline else None

    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for outcome in pool.map(one, combos):
            if outcome is not None:
                outcomes.append(outcome)
                _print(outcome)
    return outcomes


def _print(outcome: Outcome) -> None:
    seen = outcome.bad.errors if outcome.verdict == "caught" and outcome.bad else outcome.new_warnings
    if outcome.verdict == "FALSE ALARM" and outcome.good:
        seen = outcome.good.alone
    print(f"{outcome.verdict:12} {outcome.kind:10} {outcome.id:42} {outcome.problem or ', '.join(seen)}", flush=True)


def summary(outcomes: list[Outcome]) -> str:
    """Count by kind, one line a kind and one for all."""
    verdicts = ("caught", "warned", "missed", "FALSE ALARM", "not built")
    lines = [f"{'kind':10}" + "".join(f"{verdict:>13}" for verdict in verdicts)]
    for kind in [*sorted({outcome.kind for outcome in outcomes}), "all"]:
        chosen = [outcome for outcome in outcomes if kind in {outcome.kind, "all"}]
        counts = [sum(outcome.verdict == verdict for outcome in chosen) for verdict in verdicts]
        lines.append(f"{kind:10}" + "".join(f"{count:13}" for count in counts))
    return "\n".join(lines)


def main() -> int:
    """Run from the command line; the exit status is 1 when there was a false alarm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kind", action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--smoke", action="store_true", help="run the smoke tests too")
    chosen = parser.parse_args()
    combos = [
        combo
        for combo in load_combos()
        if (not chosen.kind or combo["kind"] in chosen.kind) and (not chosen.only or combo["id"] in chosen.only)
    ]
    started = time.monotonic()
    outcomes = run_all(combos, minutes=chosen.minutes, jobs=chosen.jobs, smoke=chosen.smoke)
    print(summary(outcomes))
    print(f"{len(outcomes)} of {len(combos)} sets in {(time.monotonic() - started) / 60:.1f} minutes")
    return int(any(outcome.verdict == "FALSE ALARM" for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
