"""The list of all checks, and the loop that runs them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from envaudit.checks import causes
from envaudit.model import Finding, Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envaudit.model import Facts
    from envaudit.rulebook import Rulebook


class Check(NamedTuple):
    """One family of checks: the codes it can report, and what it holds against what."""

    name: str
    codes: tuple[str, ...]
    purpose: str
    run: Callable[[Facts, Rulebook], Iterator[Finding | Gap]]


class Judgement(NamedTuple):
    """What all checks together said; ``crashed`` when one of them failed and its part was not checked."""

    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    crashed: bool


def _from(*places: str) -> Callable[[Facts, Rulebook], Iterator[Finding | Gap]]:
    """Make a check of functions of this package, ``module.function``; their modules are imported when it runs.

    All of them take 30 ms to import, and a run that selects codes needs few.
    """

    def run(facts: Facts, rulebook: Rulebook) -> Iterator[Finding | Gap]:
        for place in places:
            module, _, function = place.partition(".")
            check = getattr(import_module(f"envaudit.checks.{module}"), function)
            yield from check(facts, rulebook) if place in _BY_RULES else check(facts)

    return run


# Checks that also look into the rules.
_BY_RULES = frozenset({"ins_shared.check_shared"})


def _check_known(facts: Facts, rulebook: Rulebook) -> Iterator[Finding | Gap]:
    """Judge settled versions, and those that are still open where a target is only described."""
    from envaudit.checks import known  # noqa: PLC0415  as above

    yield from known.check_known(facts, rulebook)
    if facts.described is not None:
        from envaudit.checks.known_ranges import check_ranges  # noqa: PLC0415  an installed target has no ranges

        yield from check_ranges(facts, rulebook)


CHECKS: tuple[Check, ...] = (
    Check(
        "environment",
        tuple(f"ENV{number:03}" for number in range(1, 11)),
        "the interpreter and the folders of the environment, its scripts, its pip, and who else writes into it",
        _from("env.check_environment", "env_state.check_state"),
    ),
    Check(
        "declared dependencies",
        ("DEP001", "DEP002", "DEP003", "DEP004"),
        "what METADATA asks for against what is installed",
        _from("dep.check_declared", "dep.check_solvable"),
    ),
    Check(
        "Python and platform",
        ("PLT001", "PLT002", "PLT003", "PLT004", "PLT005", "PLT006"),
        "Requires-Python, wheel tags, suffixes and machine code against the interpreter and the machine",
        _from("plt.check_platform", "plt_content.check_content"),
    ),
    Check(
        "NumPy C API",
        ("ABI001", "ABI002", "ABI003", "ABI004"),
        "what every compiled module needs of NumPy against the NumPy that is installed",
        lambda facts, _: _check_numpy(facts),
    ),
    Check(
        "shared libraries",
        tuple(f"LNK{number:03}" for number in range(1, 8)),
        "what the loader would find for every compiled module: libraries, versions, symbols",
        _from("lnk.unknown_loader", "lnk.check_links"),
    ),
    Check(
        "mixed layers",
        ("LNK008", "API010"),
        "code that protobuf and pybind11 made against what it meets in this environment",
        _from("mixed.check_mixed"),
    ),
    Check(
        "Python names",
        ("API001", "API002", "API003"),
        "every name that a source asks of another distribution or of Python, against what that has",
        _from("api.check_names", "user_code.check_user_code"),
    ),
    Check(
        "integrity",
        tuple(f"INS{number:03}" for number in range(1, 6)),
        "what RECORD lists, against what is there: missing and changed files, two owners, two versions",
        _from(
            "ins.check_installed",
            "ins_bytecode.check_bytecode",
            "ins_shared.check_shared",
            "twins.check_twins",
            "ins_versions.check_versions",
        ),
    ),
    Check(
        "surroundings",
        ("INS006", "INS007", "INS008"),
        "what was left behind, what every start of Python does, and what hides what on sys.path",
        _from("around.check_around"),
    ),
    Check("known-bad combinations", ("EA",), "the rules database", _check_known),
    Check(
        "package index",
        ("IDX001", "IDX002", "IDX003", "IDX004", "IDX005", "IDX006"),
        "what is pinned or installed against what package indexes say about it, where they are asked",
        _from("idx.check_index"),
    ),
    Check(
        "host",
        tuple(f"HST{number:03}" for number in range(1, 13)),
        "memory, processors, limits and variables of this machine against what libraries and your own code take",
        _from("hst.check_host", "hst_memory.check_demands"),
    ),
    Check(
        "Jupyter kernels",
        tuple(f"JUP{number:03}" for number in range(1, 9)),
        "every kernel.json against the program and the environment it leads to",
        _from("jup.check_kernels"),
    ),
    Check(
        "smoke tests",
        tuple(f"RUN{number:03}" for number in range(1, 14)),
        "how small real computations ended, in a sandbox",
        _from("run.check_smoke"),
    ),
)


def _check_numpy(facts: Facts) -> Iterator[Finding | Gap]:
    """Judge compiled files, and what is predicted of those that are not at hand."""
    from envaudit.checks import abi  # noqa: PLC0415  as above

    yield from abi.check_numpy_abi(facts)
    if facts.predicted or facts.target.kind == "described":
        from envaudit.checks.abi_predicted import predict_numpy_abi  # noqa: PLC0415  an installed target has its files

        yield from predict_numpy_abi(facts)
    if facts.described is not None:
        from envaudit.checks.abi_open import predict_open_numpy  # noqa: PLC0415

        yield from predict_open_numpy(facts)


def run_checks(facts: Facts, rulebook: Rulebook, checks: tuple[Check, ...] = CHECKS) -> Judgement:
    """Run every check and join findings that have one cause.

    A check that fails becomes a gap and never stops the others.
    """
    findings: list[Finding] = []
    gaps: list[Gap] = list(facts.gaps)
    crashed = False
    for check in checks:
        try:
            for item in check.run(facts, rulebook):
                if isinstance(item, Finding):
                    findings.append(item)
                else:
                    gaps.append(item)
        except Exception as error:  # noqa: BLE001  one crashed check must not hide what the others found
            crashed = True
            where = ", ".join(check.codes)
            gaps.append(Gap(where, f"the check of {check.name}", f"it failed: {type(error).__name__}: {error}"))
    return Judgement(tuple(causes.join_causes(findings, rulebook)), tuple(gaps), crashed)
