"""Time an audit side by side with ``pip check`` and ``uv pip check``, in one run.

    python -m benchmarks.bench [--rounds 7] [--big] [--environment FOLDER ...]

Without ``--environment`` the environments are built: one of 31 distributions, with ``--big`` one of 288 as well (3.5
GB). The commands take turns, so that a machine that slows down slows all of them. Every Python program finds its own
code compiled, as it does where it is installed: pip would otherwise be slowed down by where this is run. The table
shows processor time, which other programs on the machine disturb less than the time on the clock, that time, the peak
of memory and the median of the ratios to ``pip check`` turn by turn. Absolute times hold for one machine and one
moment only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.environments import UV, build_environment, python_of

REQUIREMENTS = {
    31: Path(__file__).with_name("environment_30.txt"),
    288: Path(__file__).with_name("environment_288.txt"),
}
PIP_CHECK, UV_CHECK = "pip check", "uv pip check"


class Timed(NamedTuple):
    """One command: its name in the table and its words.

    ``anew`` asks for something else each time, though for nothing that takes other work: no kept report answers it.
    """

    name: str
    command: list[str]
    anew: bool = False


class Cost(NamedTuple):
    """What one run took: processor time and time on the clock in seconds, peak of memory in MiB."""

    processor: float
    clock: float
    memory: float


def commands(folder: Path) -> list[Timed]:
    """Return what is compared; pip runs inside the environment, as its users run it."""
    python = python_of(folder)
    own = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    uv = [own] if own else list(UV)  # the program itself, without the Python that `python -m uv` would start
    audit = [sys.executable, "-m", "envaudit", "check", "--no-smoke", "--no-config", str(folder)]
    tree = shutil.which("pipdeptree")
    others = [Timed("pipdeptree --warn fail", [tree, "--python", python, "--warn", "fail"])] if tree else []
    return [
        Timed("python -c pass", [python, "-c", "pass"]),
        Timed(UV_CHECK, [*uv, "pip", "check", "--quiet", "--python", python]),
        Timed(PIP_CHECK, [python, "-m", "pip", "--disable-pip-version-check", "check"]),
        *others,
        Timed("envaudit, nothing kept", [*audit, "--no-cache"]),
        Timed("envaudit, files known", audit, anew=True),
        Timed("envaudit, nothing changed", audit),
        Timed("ABI, PLT003, LNK001 alone", [*audit, "--no-cache", "--select", "ABI,PLT003,LNK001"]),
    ]


def measure(timed: list[Timed], rounds: int, environ: dict[str, str]) -> dict[str, list[Cost]]:
    """Run every command once to warm up, then ``rounds`` times in turn."""
    costs: dict[str, list[Cost]] = {item.name: [] for item in timed}
    for turn in range(rounds + 1):
        for item in timed:
            cost = run([*item.command, "--timeout", str(turn + 1)] if item.anew else item.command, environ)
            if turn:
                costs[item.name].append(cost)
    return costs


def run(command: list[str], environ: dict[str, str]) -> Cost:
    """Run a command to its end without showing what it says."""
    silence = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    started = time.perf_counter()
    child = os.posix_spawn(command[0], command, environ, file_actions=silence)
    _, _, used = os.wait4(child, 0)
    kilobyte = 1 if sys.platform == "darwin" else 1024
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - started, used.ru_maxrss * kilobyte / 1024**2)


def table(costs: dict[str, list[Cost]]) -> str:
    """Write medians, and the median of the ratios turn by turn."""
    lines = [f"{'':28}{'processor':>10}{'clock':>8}{'memory':>9}{'x pip check':>13}{'x uv':>8}"]
    for name, mine in costs.items():
        by_pip, by_uv = (
            statistics.median(own.processor / other.processor for own, other in zip(mine, costs[base], strict=True))
            for base in (PIP_CHECK, UV_CHECK)
        )
        processor, clock, memory = (statistics.median(column) for column in zip(*mine, strict=True))
        lines.append(
            f"{name:28}{processor * 1000:7.0f} ms{clock * 1000:5.0f} ms{memory:5.0f} MiB{by_pip:13.2f}{by_uv:8.1f}"
        )
    return "\n".join(lines)


def main() -> int:
    """Build the environments if none is given, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--environment", type=Path, action="append", help="an existing one with pip (repeatable)")
    parser.add_argument("--big", action="store_true", help="also build the environment of 288 distributions")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="envaudit-bench-") as scratch:
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("ENVAUDIT_", "PYTHON"))}
        environ |= {"PYTHONPYCACHEPREFIX": f"{scratch}/compiled", "ENVAUDIT_CACHE_DIR": f"{scratch}/kept"}
        for folder in chosen.environment or _built(Path(scratch), big=chosen.big):
            installed = len(list((folder / "lib").glob("python3*/site-packages/*.dist-info")))
            print(f"{installed} distributions, median of {chosen.rounds} rounds")
            print(table(measure(commands(folder.absolute()), chosen.rounds, environ)), end="\n\n")
    return 0


def _built(scratch: Path, *, big: bool) -> list[Path]:
    """Build the environments, each with pip."""
    sizes = (31, 288) if big else (31,)
    options = {31: (), 288: ("--no-deps",)}
    return [
        build_environment(scratch / str(size), "3.11", ["-r", str(REQUIREMENTS[size])], *options[size], seed=True)
        for size in sizes
    ]


if __name__ == "__main__":
    sys.exit(main())
