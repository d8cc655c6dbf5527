"""One file, two owners (``INS003``): distributions that overwrite each other's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.checks.declared import is_required
from envaudit.checks.fixes import keep_one
from envaudit.checks.importance import use_of
from envaudit.model import Confidence, Evidence, Finding, Involved, Severity

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from envaudit.model import Distribution, Facts, Fix, SharedFile
    from envaudit.rulebook import Rulebook

_EXAMPLES = 10
_SEVERITY = {
    "module": Severity.ERROR,
    "library": Severity.ERROR,
    "data": Severity.WARNING,
    "spare": Severity.NOTE,
}


def check_shared(facts: Facts, rulebook: Rulebook) -> Iterator[Finding]:
    """Yield ``INS003`` for each pair of distributions with common files of different content.

    Where a rule knows which of the two is meant hardly ever, removing that one comes first.
    """
    if not facts.shared:
        return
    seldom = frozenset(_seldom_meant(facts, rulebook))
    owners = {dist.info_path: dist for dist in facts.distributions if not dist.hidden_by}
    pairs: dict[tuple[str, str], list[SharedFile]] = {}
    for file in facts.shared:
        claimants = [claim.owner for claim in file.claims if claim.owner in owners]
        for index, one in enumerate(claimants):
            for other in claimants[index + 1 :]:
                pairs.setdefault((one, other), []).append(file)
    for (one, other), files in pairs.items():
        yield _finding(facts, owners[one], owners[other], files, seldom)


def _seldom_meant(facts: Facts, rulebook: Rulebook) -> Iterator[tuple[str, str]]:
    """Yield which of two distributions a rule removes first, and the other one."""
    for rule in rulebook.candidates(facts.visible()):
        names = [condition.name for condition in rule.match.all]
        first = rule.fixes[0].remove if rule.fixes else ()
        if rule.category == "file-conflict" and len(names) == 2 and len(first) == 1:
            yield from ((one, other) for one, other in (names, names[::-1]) if one == first[0])


def _finding(
    facts: Facts,
    one: Distribution,
    other: Distribution,
    files: Sequence[SharedFile],
    seldom: Container[tuple[str, str]],
) -> Finding:
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
        fix=() if worst is Severity.NOTE else _fixes(facts, winner, loser, seldom),
    )


def _whose(file: SharedFile, winner: Distribution, loser: Distribution) -> str:
    for dist in (winner, loser):
        if file.winner == dist.info_path:
            return f"is the one of {dist.name} {dist.version}"
    return "is neither's"


def _fixes(
    facts: Facts, winner: Distribution, loser: Distribution, seldom: Container[tuple[str, str]]
) -> tuple[Fix, ...]:
    """Offer to keep one of the two: the one that something else needs, then the one that is meant, or is on disk.

    Uninstalling takes the common files away, whosever they are: the other one has to be installed again.
    """
    ways = sorted(
        ((winner, loser), (loser, winner)),
        key=lambda way: (
            is_required(facts, way[1].key),
            (way[0].key, way[1].key) in seldom,
            way[0] is not winner,
        ),
    )
    return tuple(keep_one(facts, kept, removed) for kept, removed in ways)
