"""Bytecode that pip has listed in RECORD and that was thrown away since (``INS001``, a note)."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from envaudit.checks.fixes import python_to_name
from envaudit.model import Confidence, Evidence, Finding, Fix, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.model import ChangedFiles, Distribution, Facts

_EXAMPLES = 10


def check_bytecode(facts: Facts) -> Iterator[Finding]:
    """Yield one note for the whole environment, however many distributions lack bytecode.

    Whoever cleans images deletes every ``__pycache__``, and that is one decision and not as many defects.
    """
    changed = {each.owner: each for each in facts.changed if each.bytecode and not each.stated}
    lacking = [
        (dist, changed[dist.info_path])
        for dist in facts.distributions
        if not dist.hidden_by and dist.info_path in changed
    ]
    if lacking:
        yield _finding(facts, lacking)


def _finding(facts: Facts, lacking: Sequence[tuple[Distribution, ChangedFiles]]) -> Finding:
    number = sum(len(found.bytecode) for _, found in lacking)
    listed = sum(found.bytecode_listed for _, found in lacking)
    whose = lacking[0][0].name if len(lacking) == 1 else f"{len(lacking)} distributions"
    if number == listed:
        what = f"none of the {listed:,} files of bytecode (.pyc) is there" if listed > 1 else "its .pyc is not there"
    else:
        what = f"{number:,} of {listed:,} files of bytecode (.pyc) {'is' if number == 1 else 'are'} not there"
    return Finding(
        code="INS001",
        severity=Severity.NOTE,
        confidence=Confidence.PROVEN,
        message=f"{whose}: {what}; nothing breaks, Python makes them anew where it may write",
        subject="bytecode",
        symptom="the first import, or where nobody may write every start of Python, takes longer",
        evidence=tuple(_evidence(lacking)),
        fix=_compile_again(facts, lacking),
    )


def _evidence(lacking: Sequence[tuple[Distribution, ChangedFiles]]) -> Iterator[Evidence]:
    """Give one example a distribution."""
    for dist, found in lacking[:_EXAMPLES]:
        more = len(found.bytecode) - 1
        others = f", and {more:,} more of {dist.name} {dist.version}" if more else ""
        yield Evidence(f"{dist.site_dir}/{found.bytecode[0]}", f"RECORD lists it, and it is not there{others}")
    if len(lacking) > _EXAMPLES:
        dist, _ = lacking[_EXAMPLES]
        yield Evidence(f"{dist.info_path}/RECORD", f"so do {len(lacking) - _EXAMPLES:,} more distributions")


def _compile_again(facts: Facts, lacking: Sequence[tuple[Distribution, ChangedFiles]]) -> tuple[Fix, ...]:
    """Return the command that compiles the folders of packages whose bytecode is missing."""
    if not facts.target.executable:
        return ()
    folders = dict.fromkeys(facts.target.path_inside(dist.site_dir) for dist, _ in lacking)
    return (Fix(shlex.join([python_to_name(facts), "-m", "compileall", "-q", *folders])),)
