"""Time an audit side by side with ``pip check`` and ``uv pip check``, in one run, on one environment.

    python -m benchmarks.bench [--rounds 7] [--environment FOLDER]

The commands take turns, so that a machine that slows down slows all of them; the table shows medians and the ratio to
``pip check``. Absolute times hold for one machine and one moment only.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.environments import UV, build_environment, python_of

# 30 distributions with what they need, from pure Python to large compiled packages.
REQUIREMENTS = Path(__file__).with_name("environment_30.txt")
PIP_CHECK = "pip check"


class Timed(NamedTuple):
    """One command: its name in the table and its words."""

    name: str
    command: list[str]


def commands(folder: Path) -> list[Timed]:
    """Return what is compared; pip runs inside the environment, as its users run it."""
    python = python_of(folder)
    own = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    uv = [own] if own else list(UV)  # the program itself, without the Python that `python -m uv` would start
    audit = [sys.executable, "-m", "envaudit", "check", "--no-smoke", "--no-config", str(folder)]
    return [
        Timed("python -I -S -c pass", [python, "-I", "-S", "-c", "pass"]),
        Timed("uv pip check", [*uv, "pip", "check", "--quiet", "--python", python]),
        Timed(PIP_CHECK, [python, "-m", "pip", "--disable-pip-version-check", "check"]),
        Timed("envaudit check --no-smoke", audit),
        Timed("the same, as JSON", [*audit, "--format", "json"]),
    ]


def measure(timed: list[Timed], rounds: int) -> dict[str, list[float]]:
    """Run every command once to warm up, then ``rounds`` times in turn; seconds of wall time."""
    seconds: dict[str, list[float]] = {item.name: [] for item in timed}
    for turn in range(rounds + 1):
        for item in timed:
            started = time.perf_counter()
            subprocess.run(item.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            if turn:
                seconds[item.name].append(time.perf_counter() - started)
    return seconds


def table(seconds: dict[str, list[float]]) -> str:
    """Write the medians, the fastest runs, and the median of the ratios to ``pip check`` turn by turn."""
    lines = [f"{'':28}{'median ms':>10}{'min ms':>9}{'x pip check':>13}"]
    for name, values in seconds.items():
        ratio = statistics.median(mine / pips for mine, pips in zip(values, seconds[PIP_CHECK], strict=True))
        lines.append(f"{name:28}{statistics.median(values) * 1000:10.0f}{min(values) * 1000:9.0f}{ratio:13.2f}")
    return "\n".join(lines)


def main() -> int:
    """Build the environment if none is given, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--environment", type=Path, help="an existing environment with pip in it")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="envaudit-bench-") as scratch:
        folder = chosen.environment
        if folder is None:
            folder = build_environment(Path(scratch) / "env", "3.11", ["-r", str(REQUIREMENTS)], seed=True)
        installed = len(list((folder / "lib").glob("python3*/site-packages/*.dist-info")))
        print(f"{installed} distributions, {chosen.rounds} rounds")
        print(table(measure(commands(folder), chosen.rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
