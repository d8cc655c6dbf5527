"""The list of all checks, and the loop that runs them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from envaudit.checks import causes
from envaudit.model import Finding, Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from envaudit.model import Facts
    from envaudit.rulebook import Rulebook


class Part(NamedTuple):
    """A function of this package, ``module.function``, the codes it can report, and ``when`` it has anything to do.

    One that goes ``by_rules`` also looks into the rules. Its module is imported when it runs: all of them take 30 ms to
    import, and a run that selects codes needs few.
    """

    place: str
    codes: tuple[str, ...]
    when: Callable[[Facts], bool] | None = None
    by_rules: bool = False

    def run(self, facts: Facts, rulebook: Rulebook) -> Iterable[Finding | Gap]:
        """Return what it finds."""
        if self.when is not None and not self.when(facts):
            return ()
        module, _, function = self.place.partition(".")
        check = getattr(import_module(f"envaudit.checks.{module}"), function)
        found: Iterable[Finding | Gap] = check(facts, rulebook) if self.by_rules else check(facts)
        return found


class Check(NamedTuple):
    """A family of checks: what it holds against what, and its parts."""

    name: str
    purpose: str
    parts: tuple[Part, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes it can report, each once."""
        return tuple(dict.fromkeys(code for part in self.parts for code in part.codes))

    def only(self, wanted: Callable[[str], bool]) -> Check:
        """Return it without the parts that can report nothing of what is wanted."""
        return self._replace(parts=tuple(part for part in self.parts if any(map(wanted, part.codes))))


class Judgement(NamedTuple):
    """What all checks together said; ``crashed`` when one of them failed and its part was not checked."""

    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    crashed: bool


def _is_predicted(facts: Facts) -> bool:
    """Whether something is said of compiled files that are not at hand; an installed target mostly has its files."""
    return bool(facts.predicted) or facts.target.kind == "described"


def _is_described(facts: Facts) -> bool:
    """Whether versions may still be open; of an installed target none is."""
    return facts.described is not None


def _codes(family: str, first: int, last: int = 0) -> tuple[str, ...]:
    """Return the codes of a family from one number to another."""
    return tuple(f"{family}{number:03}" for number in range(first, (last or first) + 1))


CHECKS: tuple[Check, ...] = (
    Check(
        "environment",
        "the interpreter and the folders of the environment, its scripts, its pip, and who else writes into it",
        (
            Part("env.check_environment", _codes("ENV", 1, 4)),
            Part("env_state.check_state", _codes("ENV", 5, 10)),
        ),
    ),
    Check(
        "declared dependencies",
        "what METADATA asks for against what is installed",
        (
            Part("dep.check_declared", _codes("DEP", 1, 4)),
            Part("dep.check_solvable", _codes("DEP", 2)),
        ),
    ),
    Check(
        "Python and platform",
        "Requires-Python, wheel tags, suffixes and machine code against the interpreter and the machine",
        (
            Part("plt.check_platform", _codes("PLT", 1, 2)),
            Part("plt.check_suffixes", _codes("PLT", 3)),
            Part("plt_content.check_content", _codes("PLT", 4, 6)),
        ),
    ),
    Check(
        "NumPy C API",
        "what every compiled module needs of NumPy against the NumPy that is installed",
        (
            Part("abi.check_numpy_abi", _codes("ABI", 1, 4)),
            Part("abi_predicted.predict_numpy_abi", _codes("ABI", 1, 4), _is_predicted),
            Part("abi_open.predict_open_numpy", _codes("ABI", 1, 4), _is_described),
        ),
    ),
    Check(
        "shared libraries",
        "what the loader would find for every compiled module: libraries, versions, symbols",
        (
            Part("lnk.unknown_loader", _codes("LNK", 1, 7)),
            Part("lnk_missing.check_missing", _codes("LNK", 1)),
            Part("lnk_elsewhere.check_elsewhere", _codes("LNK", 1, 2)),
            Part("lnk_versions.check_versions", _codes("LNK", 2)),
            Part("lnk_symbols.check_symbols", _codes("LNK", 3, 4)),
            Part("lnk_process.check_process", _codes("LNK", 5, 6)),
            Part("lnk.check_whole", _codes("LNK", 7)),
        ),
    ),
    Check(
        "mixed layers",
        "code that protobuf and pybind11 made against what it meets in this environment",
        (Part("mixed.check_mixed", ("LNK008", "API010")),),
    ),
    Check(
        "Python names",
        "every name that a source asks of another distribution or of Python, against what that has",
        (
            Part("api.check_names", _codes("API", 1, 3)),
            Part("user_code.check_user_code", _codes("API", 1, 3)),
        ),
    ),
    Check(
        "integrity",
        "what RECORD lists, against what is there: missing and changed files, two owners, two versions",
        (
            Part("ins.check_installed", _codes("INS", 1, 2)),
            Part("ins_bytecode.check_bytecode", _codes("INS", 1)),
            Part("ins_shared.check_shared", _codes("INS", 3), by_rules=True),
            Part("twins.check_twins", _codes("INS", 4)),
            Part("ins_versions.check_versions", _codes("INS", 5)),
        ),
    ),
    Check(
        "surroundings",
        "what was left behind, what every start of Python does, and what hides what on sys.path",
        (Part("around.check_around", _codes("INS", 6, 8)),),
    ),
    Check(
        "known-bad combinations",
        "the rules database",
        (
            Part("known.check_known", ("EA",), by_rules=True),
            Part("known_ranges.check_ranges", ("EA",), _is_described, by_rules=True),
        ),
    ),
    Check(
        "package index",
        "what is pinned or installed against what package indexes say about it, where they are asked",
        (Part("idx.check_index", _codes("IDX", 1, 6)),),
    ),
    Check(
        "host",
        "memory, processors, limits and variables of this machine against what libraries and your own code take",
        (
            Part("hst.check_host", _codes("HST", 1, 10)),
            Part("hst_memory.check_demands", _codes("HST", 11, 12)),
        ),
    ),
    Check(
        "Jupyter kernels",
        "every kernel.json against the program and the environment it leads to",
        (Part("jup.check_kernels", _codes("JUP", 1, 8)),),
    ),
    Check(
        "smoke tests",
        "how small real computations ended, in a sandbox",
        (Part("run.check_smoke", _codes("RUN", 1, 13)),),
    ),
)


def run_checks(facts: Facts, rulebook: Rulebook, checks: tuple[Check, ...] = CHECKS) -> Judgement:
    """Run every check and join findings that have one cause.

    A part of one that fails becomes a gap and never stops the others.
    """
    findings: list[Finding] = []
    gaps: list[Gap] = list(facts.gaps)
    crashed = False
    for name, part in [(check.name, part) for check in checks for part in check.parts]:
        try:
            for item in part.run(facts, rulebook):
                if isinstance(item, Finding):
                    findings.append(item)
                else:
                    gaps.append(item)
        except Exception as error:  # noqa: BLE001  one crashed check must not hide what the others found
            crashed = True
            where = ", ".join(part.codes)
            gaps.append(Gap(where, f"the check of {name}", f"it failed: {type(error).__name__}: {error}"))
    return Judgement(tuple(causes.join_causes(findings, rulebook)), tuple(gaps), crashed)
