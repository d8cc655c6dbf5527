"""Time an audit side by side with ``pip check`` and ``uv pip check``, in one run.

    python -m benchmarks.bench [--rounds 7] [--big] [--environment FOLDER ...]
    python -m benchmarks.bench --gate [--rounds 7]

Without ``--environment`` the environments are built: one of 31 distributions, with ``--big`` one of 288 as well (3.5
GB). The commands take turns, so that a machine that slows down slows all of them. Every Python program finds its own
code compiled, as it does where it is installed: pip would otherwise be slowed down by where this is run. The table
shows processor time, which other programs on the machine disturb less than the time on the clock, that time, the peak
of memory and the median of the ratios to ``pip check`` turn by turn. Absolute times hold for one machine and one
moment only. Below the table each aim stands with what was reached: by the clock, which is what somebody waits, and by
processor time, which is more where two processes share the work.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from envaudit.checks.known import check_known
from envaudit.locate import TargetRequest, locate
from envaudit.model import Facts
from envaudit.rulebook import default_folder, load_rules
from envaudit.scan import scan_target
from tests.support.environments import UV, build_environment, python_of

REQUIREMENTS = {
    31: Path(__file__).with_name("environment_30.txt"),
    288: Path(__file__).with_name("environment_288.txt"),
}
PIP_CHECK, UV_CHECK = "pip check", "uv pip check"
COLD, WARM, PART = "envaudit, nothing kept", "envaudit, nothing changed", "ABI, PLT003, LNK001 alone"
NO_NAMES = "without names of sources"
LINKED = "compiled files alone, linked"
# A second run that has to audit, because it is asked for something else or a file was touched, with what is kept of
# files and sources; and the same without a look at sources.
KNOWN, KNOWN_NO_NAMES = "envaudit, files known", "files known, without names"
COMPILE, GATE, LOCKED = "uv pip compile", "envaudit gate, 31 pins", "the same, locked and offline"
GATE_AIM = 2.0  # times as long as uv, which the gate has to ask itself
LOCKED_AIM = 0.4  # seconds
MEMORY_AIM = 150  # MiB, of one run
RULES_AIM = 0.020  # seconds of processor time, with about 300 distributions
RUN_AIM = 0.050  # seconds that envaudit run adds to a script


class Aim(NamedTuple):
    """How many times as long as another command one may take; ``large`` says in which environment."""

    name: str
    other: str
    limit: float
    large: bool


AIMS = (
    Aim(NO_NAMES, PIP_CHECK, 1.0, large=True),
    Aim(LINKED, PIP_CHECK, 1.0, large=True),
    Aim(PART, PIP_CHECK, 0.5, large=True),
    Aim(KNOWN, KNOWN_NO_NAMES, 1.15, large=True),
    Aim(WARM, UV_CHECK, 4.0, large=True),
    Aim(WARM, PIP_CHECK, 0.5, large=False),
)
LARGE = 200  # distributions


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
        Timed(COLD, [*audit, "--no-cache"]),
        Timed(NO_NAMES, [*audit, "--no-cache", "--ignore", "API001,API002,API003"]),
        Timed(KNOWN, audit, anew=True),
        Timed(KNOWN_NO_NAMES, [*audit, "--ignore", "API001,API002,API003"], anew=True),
        Timed(WARM, audit),
        Timed(LINKED, [*audit, "--no-cache", "--select", "ABI,LNK,PLT,API010"]),
        Timed(PART, [*audit, "--no-cache", "--select", "ABI,PLT003,LNK001"]),
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
    """Write medians, and the median of the ratios of processor time turn by turn."""
    lines = [f"{'':28}{'processor':>10}{'clock':>8}{'memory':>9}{'x pip check':>13}{'x uv':>8}"]
    for name, mine in costs.items():
        by_pip, by_uv = (ratio(mine, costs[base], clock=False) for base in (PIP_CHECK, UV_CHECK))
        processor, clock, memory = (statistics.median(column) for column in zip(*mine, strict=True))
        lines.append(
            f"{name:28}{processor * 1000:7.0f} ms{clock * 1000:5.0f} ms{memory:5.0f} MiB{by_pip:13.2f}{by_uv:8.1f}"
        )
    return "\n".join(lines)


def ratio(mine: list[Cost], others: list[Cost], *, clock: bool) -> float:
    """Return the median of the ratios turn by turn, of time on the clock or of processor time."""
    pairs = zip(mine, others, strict=True)
    if clock:
        return statistics.median(own.clock / other.clock for own, other in pairs)
    return statistics.median(own.processor / other.processor for own, other in pairs)


def aims(costs: dict[str, list[Cost]], *, large: bool) -> str:
    """Write what was to be reached beside what was."""
    lines = []
    for aim in AIMS:
        if aim.large == large:
            clock, processor = (ratio(costs[aim.name], costs[aim.other], clock=by) for by in (True, False))
            reached = "reached" if clock <= aim.limit else "MISSED"
            lines.append(
                f"{reached:8}{aim.name}: {clock:.2f} x {aim.other} by the clock, {processor:.2f} by processor time, "
                f"at most {aim.limit:g}"
            )
    name, peak = max(
        (
            (name, max(cost.memory for cost in mine))
            for name, mine in costs.items()
            if name in {COLD, NO_NAMES, WARM, LINKED, PART}
        ),
        key=lambda each: each[1],
    )
    reached = "reached" if peak < MEMORY_AIM else "MISSED"
    return "\n".join([*lines, f"{reached:8}memory: {peak:.0f} MiB ({name}), below {MEMORY_AIM}"])


def main() -> int:
    """Build the environments if none is given, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--environment", type=Path, action="append", help="an existing one with pip (repeatable)")
    parser.add_argument("--gate", action="store_true", help="only the gate beside `uv pip compile`, with the index")
    parser.add_argument("--big", action="store_true", help="also build the environment of 288 distributions")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="envaudit-bench-") as scratch:
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("ENVAUDIT_", "PYTHON"))}
        environ |= {"PYTHONPYCACHEPREFIX": f"{scratch}/compiled", "ENVAUDIT_CACHE_DIR": f"{scratch}/kept"}
        if chosen.gate:
            print(gate_cost(Path(scratch), chosen.rounds, environ))
            return 0
        for folder in chosen.environment or _built(Path(scratch), big=chosen.big):
            installed = len(list((folder / "lib").glob("python3*/site-packages/*.dist-info")))
            print(f"{installed} distributions, median of {chosen.rounds} rounds")
            costs = measure(commands(folder.absolute()), chosen.rounds, environ)
            said = table(costs), aims(costs, large=installed >= LARGE), rules_cost(folder), start_cost(folder, environ)
            print(*said, sep="\n", end="\n\n")
    return 0


def gate_cost(scratch: Path, rounds: int, environ: dict[str, str]) -> str:
    """Return what judging pinned requirements takes, beside ``uv pip compile`` of the same file; both ask the index.

    What they keep is fresh: everything was asked for a moment ago. The lock file that is judged offline says the same.
    By the clock the quickest turn of each counts: one lost answer of a name server stops a turn for five seconds.
    """
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        return "no uv, so the gate is not compared with it"
    wanted, lock = scratch / "requirements.txt", scratch / "pylock.toml"
    wanted.write_text(REQUIREMENTS[31].read_text(encoding="utf-8"), encoding="utf-8")
    compiled = [
        uv,
        "pip",
        "compile",
        "--quiet",
        "--no-header",
        "--python",
        os.path.realpath(sys.executable),
        str(wanted),
    ]
    if run([*compiled, "--format", "pylock.toml", "--output-file", str(lock)], environ).processor and not lock.exists():
        return "uv cannot lock the requirements, so the gate is not compared with it"
    gate = [sys.executable, "-m", "envaudit", "gate", "--no-config"]
    timed = [
        Timed(COMPILE, compiled),
        Timed(GATE, [*gate, str(wanted)]),
        Timed(LOCKED, [*gate, "--offline", str(lock)]),
    ]
    costs = measure(timed, rounds, environ)
    lines = [f"{'':28}{'processor':>10}{'clock':>10}{'quickest':>10}"]
    quickest = {name: min(cost.clock for cost in mine) for name, mine in costs.items()}
    for name, mine in costs.items():
        processor, clock = (
            statistics.median(column) for column in ([c.processor for c in mine], [c.clock for c in mine])
        )
        lines.append(f"{name:28}{processor * 1000:7.0f} ms{clock * 1000:7.0f} ms{quickest[name] * 1000:7.0f} ms")
    by_clock, by_processor = quickest[GATE] / quickest[COMPILE], ratio(costs[GATE], costs[COMPILE], clock=False)
    reached = "reached" if by_clock <= GATE_AIM else "MISSED"
    lines.append(
        f"{reached:8}{GATE}: {by_clock:.2f} x {COMPILE} by the clock, {by_processor:.2f} by processor time, "
        f"at most {GATE_AIM:g}"
    )
    offline = statistics.median(cost.clock for cost in costs[LOCKED])
    reached = "reached" if offline <= LOCKED_AIM else "MISSED"
    return "\n".join([*lines, f"{reached:8}{LOCKED}: {offline * 1000:.0f} ms, at most {LOCKED_AIM * 1000:.0f} ms"])


def rules_cost(folder: Path, rounds: int = 9) -> str:
    """Return what loading all rules, and matching them with what is installed, costs in processor time."""
    target = locate(TargetRequest(str(folder.absolute()), None), {}, str(folder))
    facts = Facts(target, scan_target(target).distributions)
    installed = {str(key): dist.version for key, dist in facts.visible().items()}
    best = math.inf
    for _ in range(rounds):
        before = time.process_time()
        book = load_rules([default_folder()], installed)
        found = sum(1 for _ in check_known(facts, book))
        best = min(best, time.process_time() - before)
    reached = "reached" if best <= RULES_AIM else "MISSED"
    what = f"{book.info.count} rules loaded and matched with {len(installed)} distributions, {found} found"
    return f"{what}: {best * 1000:.1f} ms of processor time, aim {RULES_AIM * 1000:.0f} ms: {reached}"


def start_cost(folder: Path, environ: dict[str, str], rounds: int = 25) -> str:
    """Return what ``envaudit run`` adds to a script that does nothing, the two in turn."""
    with tempfile.TemporaryDirectory(prefix="envaudit-bench-run-") as scratch:
        script = Path(scratch, "nothing.py")
        script.write_text("pass\n", encoding="ascii")
        python = python_of(folder)
        alone = [python, str(script)]
        watched = [sys.executable, "-m", "envaudit", "run", "-p", python, str(script)]
        run(watched, environ)
        pairs = [(run(alone, environ), run(watched, environ)) for _ in range(rounds)]
    clock = [more.clock - less.clock for less, more in pairs]
    processor = [more.processor - less.processor for less, more in pairs]
    # On a machine with other work the clock shows that work; left alone it shows less than this, for two share it.
    reached = "reached" if statistics.median(processor) <= RUN_AIM else "MISSED"
    return (
        f"envaudit run adds {_spread(clock)} by the clock and {_spread(processor)} of processor time to a script, "
        f"aim {RUN_AIM * 1000:.0f} ms: {reached}"
    )


def _spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.0f} ms (at least {min(seconds) * 1000:.0f})"


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
