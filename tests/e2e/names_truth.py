"""Hold what is said about Python names against what happens: import everything, and compare.

    python -m tests.e2e.names_truth [--minutes 30] [--only NAME] [--folder ENVIRONMENT ...]
    python -m tests.e2e.names_truth --untouched [--only NAME-PYTHON]
    python -m tests.e2e.names_truth --combos [--twins] [--kind api]

For every environment: an accused module (``API001`` and ``API003`` of severity error or warning) is imported by the
target's Python; when that works, or fails of something else, the finding is *false*. Then every top-level package of
every distribution is imported in a child with a limit on time and memory: what fails with an ``ImportError`` or an
``AttributeError`` about a name and was not named is *missed*, with the last line of its traceback as the reason.

Of a set that is known to be broken the error is on record: it is *missed* when no finding, a call that fails
(``API002``) included, is about a name in its last line. Of a twin, which works, every error would be false.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from envaudit.asked import Asked
from envaudit.gather import gather_facts
from envaudit.locate import TargetRequest, locate
from tests.e2e import untouched
from tests.e2e.combos import load_combos
from tests.e2e.healthy import ENVIRONMENTS
from tests.support.environments import BuildError, build_environment, python_of

_SECONDS = 60
_MEMORY = 6 << 30
# Beside those that every release is tried on, those that lean most on names made at run time.
MORE = (
    ("transformers", "3.11", "transformers tokenizers safetensors"),
    ("web", "3.12", "django fastapi celery boto3 requests httpx starlette flask jinja2 sqlalchemy"),
    ("dask", "3.12", "dask[complete] distributed"),
    ("ray", "3.11", "ray"),
    ("spacy", "3.11", "spacy"),
    ("jupyterlab", "3.13", "jupyterlab"),
    ("six", "3.12", "six python-dateutil"),
    ("torch", "3.11", "torch"),
    (
        "pytest",
        "3.12",
        (
            "pytest pytest-asyncio pytest-cov pytest-xdist pytest-mock pytest-timeout pytest-benchmark pytest-django "
            "pytest-flask pytest-html pytest-randomly pytest-rerunfailures pytest-repeat pytest-sugar pytest-bdd "
            "pytest-httpx pytest-env pytest-order pytest-subtests pytest-instafail pytest-metadata pytest-forked "
            "pytest-freezegun pytest-socket pytest-picked pytest-clarity pytest-custom-exit-code pytest-datadir "
            "pytest-dotenv pytest-icdiff pytest-lazy-fixture pytest-localserver pytest-profiling pytest-regressions "
            "pytest-selenium pytest-services pytest-shard pytest-snapshot pytest-split pytest-testmon pytest-tornasync "
            "pytest-twisted"
        ),
    ),
)
_NAME_ERRORS = ("ImportError:", "ModuleNotFoundError:", "AttributeError:")
_CHILD = "import sys, importlib, warnings; warnings.simplefilter('ignore'); importlib.import_module(sys.argv[1])"


class Truth(NamedTuple):
    """How one environment came out; each text is one finding or import, with what happened."""

    name: str
    distributions: int
    imported: int
    true: tuple[str, ...]
    false: tuple[str, ...]
    missed: tuple[str, ...]
    problem: str = ""


def examine(name: str, folder: Path, failure: str | None = None) -> Truth:
    """Audit an environment, import what it accuses, then everything; or take its ``failure`` from the record."""
    target = locate(TargetRequest(str(folder), None), {}, str(folder))
    facts = gather_facts(target, asked=Asked(symbols=False))
    command = [sys.executable, "-m", "envaudit", "check", str(folder), "--no-smoke", "--no-cache", "--no-config"]
    done = subprocess.run(
        [*command, "--ignore", "EA", "--format", "json"], capture_output=True, text=True, timeout=900, check=False
    )
    findings: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    accused = [each for each in findings if each["code"] in {"API001", "API003"} and each["severity"] != "note"]
    symptoms = [each["symptom"] for each in accused]
    true: list[str] = []
    false: list[str] = []
    for finding in accused:
        module = finding["message"].partition(" fails when ")[2].partition(" is imported")[0]
        error = import_error(folder, module)
        word = finding["symptom"].rpartition("'")[0].rpartition("'")[2].partition(".")[0]
        line = f"{finding['code']} {finding['distribution']}: import {module}: {error or 'works'}"
        names = [each["detail"] for each in finding["evidence"]]
        if error and finding["symptom"] not in error:  # something else stops the same import first
            error = statement_error(folder, names[0].partition(", imported")[0].partition(";")[0])
        agrees = error.startswith(_NAME_ERRORS) and (word in error or any(_last(text) in error for text in names))
        (true if agrees else false).append(f"{line} (said: {finding['symptom']})")
    named = {each["distribution"] for each in accused}
    missed = []
    imported = 0
    if failure is not None:
        said = [each for each in findings if each["code"] in {"API001", "API002", "API003"}]
        words = {_last(proof["detail"]) for each in said for proof in each["evidence"]}
        words |= {each["symptom"].rpartition("'")[0].rpartition("'")[2] for each in said}
        if failure and not any(re.search(rf"\b{re.escape(word)}\b", failure) for word in words if word):
            missed.append(failure)
    for dist in facts.visible().values() if failure is None else ():
        for top in dist.top_level:
            if not top.isidentifier() or top.startswith("_"):
                continue
            imported += 1
            error = import_error(folder, top)
            explained = dist.name in named or any(symptom in error for symptom in symptoms)
            if error.startswith(_NAME_ERRORS) and not explained:
                missed.append(f"{dist.name} {dist.version}: import {top}: {error}")
    return Truth(name, len(facts.visible()), imported, tuple(true), tuple(false), tuple(missed))


def _last(detail: str) -> str:
    """Return the name that an evidence line is about."""
    return detail.partition(",")[0].partition(";")[0].split()[-1].rpartition(".")[2]


def statement_error(folder: Path, statement: str) -> str:
    """Return what happens to one statement, or to a dotted name, in the environment."""
    if " " not in statement:
        module = statement.rpartition(".")[0]
        statement = f"import {module}; {statement}"
    return import_error(folder, "sys", f"; {statement}")


def import_error(folder: Path, module: str, more: str = "") -> str:
    """Return the last line of the traceback of an import in the environment, empty when it works."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            done = subprocess.run(
                [python_of(folder), "-c", _CHILD + more, module],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
                cwd=scratch,
                env=env,
                stdin=subprocess.DEVNULL,
                preexec_fn=_limit,
            )
        except subprocess.TimeoutExpired:
            return f"no end within {_SECONDS} s"
    return (_error_in(done.stderr) or f"exit status {done.returncode}") if done.returncode else ""


def _error_in(traceback: str) -> str:
    """Return the line of a traceback that names the error; explanations of several lines may follow it."""
    lines = traceback.strip().splitlines()
    named = [line for line in lines if re.match(r"[\w.]+(?:Error|Exception|Exit|Interrupt)\b", line)]
    return (named or lines or [""])[-1].strip()[:300]


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


class Trial(NamedTuple):
    """One environment to be built; ``failure`` is the last line of what happens in it, if that is on record."""

    name: str
    python: str
    requirements: list[str]
    options: tuple[str, ...] = ()
    failure: str | None = None


def healthy() -> list[Trial]:
    """Return the environments in which everything works."""
    more = [Trial(name, python, wanted.split()) for name, python, wanted in MORE]
    return more + [Trial(each.name, each.python, each.requirements.split()) for each in ENVIRONMENTS]


def broken(kind: str, *, twins: bool) -> list[Trial]:
    """Return the sets known to be broken, or their twins."""
    chosen = [each for each in load_combos() if not each["steps"] and not each["build"]]
    chosen = [each for each in chosen if not kind or each["kind"] == kind]
    if twins:
        return [Trial(each["id"], each["good_python"], each["good_pins"], ("--no-deps",), "") for each in chosen]
    return [Trial(each["id"], each["python"], each["pins"], ("--no-deps",), _failure(each)) for each in chosen]


def _failure(combo: dict[str, Any]) -> str:
    return _error_in(combo["outcome"]["tail"]) or f"exit status {combo['outcome']['rc']}"


def report(truth: Truth) -> str:
    """Return one row of the table, and a line for everything that is not as it should be."""
    if truth.problem:
        return f"{truth.name:28} not built: {truth.problem[-120:]}"
    row = (
        f"{truth.name:28}{truth.distributions:6}{truth.imported:6}"
        f"{len(truth.true):6}{len(truth.false):6}{len(truth.missed):7}"
    )
    lines = [f"    FALSE  {text}" for text in truth.false] + [f"    missed {text}" for text in truth.missed]
    return "\n".join([row, *(f"    true   {text}" for text in truth.true), *lines])


def main() -> int:
    """Run from the command line; the exit status is 1 when a finding was false."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--untouched", action="store_true", help="those as installers make them, instead")
    parser.add_argument("--combos", action="store_true", help="the sets known to be broken, instead of healthy ones")
    parser.add_argument("--kind", default="", help="of these only those of one kind")
    parser.add_argument("--twins", action="store_true", help="the healthy twins of these sets")
    parser.add_argument("--folder", action="append", default=[], help="an environment that is there already")
    chosen = parser.parse_args()
    deadline = time.monotonic() + chosen.minutes * 60
    print(f"{'environment':28}{'dists':>6}{'tried':>6}{'true':>6}{'false':>6}{'missed':>7}", flush=True)
    truths = []
    for folder in chosen.folder:
        truths.append(examine(Path(folder).name, Path(folder)))
        print(report(truths[-1]), flush=True)
    for one in untouched.ENVIRONMENTS if chosen.untouched else ():
        name = f"{one.name}-{one.python}"
        if one.way in {"user", "target"} or time.monotonic() > deadline or (chosen.only and name not in chosen.only):
            continue  # what lies in a folder without an interpreter is not imported by the children here
        scratch = Path(tempfile.mkdtemp(prefix="envaudit-truth-"))
        try:
            truths.append(examine(name, untouched.build(one, scratch)[0]))
        except BuildError as error:
            truths.append(Truth(name, 0, 0, (), (), (), str(error).strip().splitlines()[-1]))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        print(report(truths[-1]), flush=True)
    trials = broken(chosen.kind, twins=chosen.twins) if chosen.combos or chosen.twins else healthy()
    for trial in [] if chosen.folder or chosen.untouched else trials:
        if time.monotonic() > deadline or (chosen.only and trial.name not in chosen.only):
            continue
        scratch = Path(tempfile.mkdtemp(prefix="envaudit-truth-"))
        try:
            build_environment(scratch / "env", trial.python, trial.requirements, *trial.options)
            truths.append(examine(trial.name, scratch / "env", trial.failure))
        except BuildError as error:
            truths.append(Truth(trial.name, 0, 0, (), (), (), str(error).strip().splitlines()[-1]))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        print(report(truths[-1]), flush=True)
    sums = [sum(len(field) for field in fields) for fields in zip(*(truth[3:6] for truth in truths), strict=True)]
    print(f"{len(truths)} environments: {sums[0]} true, {sums[1]} false, {sums[2]} missed")
    return int(bool(sums[1]))


if __name__ == "__main__":
    sys.exit(main())
