"""One file, two owners (``INS003``): distributions that overwrite each other's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.declared import requirements_on
from envaudit.checks.fixes import keep_one
from envaudit.checks.importance import use_of
from envaudit.model import Confidence, Evidence, Finding, Involved, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.model import Distribution, Facts, Fix, SharedFile

_EXAMPLES = 10
_SEVERITY = {
    "module": Severity.ERROR,
    "library": Severity.ERROR,
    "data": Severity.WARNING,
    "spare": Severity.NOTE,
}


def check_shared(facts: Facts) -> Iterator[Finding]:
    """Yield ``INS003`` for each pair of distributions with common files of different content."""
    owners = {dist.info_path: dist for dist in facts.distributions if not dist.hidden_by}
    pairs: dict[tuple[str, str], list[SharedFile]] = {}
    for file in facts.shared:
        claimants = [claim.owner for claim in file.claims if claim.owner in owners]
        for index, one in enumerate(claimants):
            for other in claimants[index + 1 :]:
                pairs.setdefault((one, other), []).append(file)
    for (one, other), files in pairs.items():
        yield _finding(facts, owners[one], owners[other], files)


def _finding(facts: Facts, one: Distribution, other: Distribution, files: Sequence[SharedFile]) -> Finding:
    """Say whose files are on disk; the loser is the one that the finding is about."""
    wins = {dist.info_path: sum(file.winner == dist.info_path for file in files) for dist in (one, other)}
    winner, loser = (one, other) if wins[one.info_path] > wins[other.info_path] else (other, one)
    worst = min((_SEVERITY[use_of(file.path, facts.target)] for file in files), key=lambda each: each.rank)
    number = "a file" if len(files) == 1 else f"{len(files):,} files"
    if wins[winner.info_path] == len(files):
        outcome = f"on disk {'is that' if len(files) == 1 else 'are those'} of {winner.name}, which was installed last"
    else:
        lost = len(files) - sum(wins.values())
        parts = [f"{count:,} of {dist.name}" for dist in (winner, loser) if (count := wins[dist.info_path])]
        outcome = "on disk are " + " and ".join([*parts, *([f"{lost:,} of neither"] if lost else [])])
    ordered = sorted(files, key=lambda file: (_SEVERITY[use_of(file.path, facts.target)].rank, file.path))
    return Finding(
        code="INS003",
        severity=worst,
        confidence=Confidence.PROVEN,
        message=f"{loser.name} {loser.version} and {winner.name} {winner.version} have both installed {number}, "
        f"with different content: {outcome}",
        subject="shared",
        distribution=loser.key,
        version=loser.version,
        involves=(Involved(winner.key, winner.version),),
        symptom={
            Severity.ERROR: f"AttributeError or ImportError where the modules of {loser.name} are expected",
            Severity.WARNING: f"{loser.name} reads data that are not its own",
            Severity.NOTE: "",
        }[worst],
        evidence=(
            *(Evidence(f"{file.site_dir}/{file.path}", _whose(file, winner, loser)) for file in ordered[:_EXAMPLES]),
            *(
                [Evidence(f"{loser.info_path}/RECORD", f"{len(files) - _EXAMPLES:,} more common files")]
                if len(files) > _EXAMPLES
                else []
            ),
        ),
        fix=() if worst is Severity.NOTE else _fixes(facts, winner, loser),
    )


def _whose(file: SharedFile, winner: Distribution, loser: Distribution) -> str:
    for dist in (winner, loser):
        if file.winner == dist.info_path:
            return f"is the one of {dist.name} {dist.version}"
    return "is neither's"


def _fixes(facts: Facts, winner: Distribution, loser: Distribution) -> tuple[Fix, ...]:
    """Offer to keep one of the two, first the one that something else needs, then the one that is on disk.

    Uninstalling takes the common files away, whosever they are: the other one has to be installed again.
    """
    needed = {dist.key for dist in (winner, loser) if any(True for _ in requirements_on(facts, dist.key))}
    both = ((winner, loser), (loser, winner))
    ways = sorted(both, key=lambda way: (way[1].key in needed, way[0] is not winner))
    return tuple(keep_one(facts, kept, removed) for kept, removed in ways)
