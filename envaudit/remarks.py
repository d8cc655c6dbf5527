"""What is said about settings that have no effect, so that they are deleted before they hide something new.

It is never a finding and changes no exit code. Only what was really looked for is spoken of: an ignored failure of a
smoke test is not useless because no smoke test was run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.settings import VARIABLE_PREFIX, normalized

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.baseline import Baseline
    from envaudit.model import Finding, Gap
    from envaudit.settings import Settings

_NAMED = 3


class Judged(NamedTuple):
    """What decides whether a finding of some code would have been seen.

    ``tried`` says that smoke tests were run, ``described`` that nothing is installed and only some files were judged.
    """

    settings: Settings
    gaps: tuple[Gap, ...]
    tried: bool
    described: bool = False

    def surely(self, code: str) -> bool:
        """Whether a finding of this code, or family, would be among those that were seen if there was one."""
        settings = self.settings
        if self.described:  # the settings serve the environment and other files as well
            return False
        if settings.select and not any(code.startswith(each) for each in settings.select):
            return False
        # What is looked for, or looked for in every file, only if somebody asks for it.
        asked = {
            "RUN": self.tried,
            "API": bool(settings.code),
            "INS": settings.verify,
            "IDX": settings.online and not settings.offline,
        }
        if not asked.get(code[:3], True):
            return False
        parts = {part for gap in self.gaps for part in gap.code.split(", ")}
        return not any(part.startswith(code) or code.startswith(part) for part in parts)


def ignored_in_vain(judged: Judged, seen: Sequence[Finding]) -> Iterator[str]:
    """Name the entries of ``ignore`` in a configuration file that no finding has needed.

    Flags and variables serve many environments, and what a whole code is ignored for is not looked for at all, unless
    the entry says why.
    """
    settings = judged.settings
    source = settings.sources.get("ignore", "")
    if not source or source.startswith(("--", VARIABLE_PREFIX)):
        return
    reasoned = {each.entry for each in settings.ignores}
    for entry in dict.fromkeys(settings.ignore):
        code, _, name = entry.partition(":")
        looked_for = judged.surely(code) and (name or entry in reasoned)
        if looked_for and not any(_matches(finding, code, name) for finding in seen):
            yield f"ignore {entry} leaves nothing out any more; delete it ({source})"


def no_longer_there(judged: Judged, seen: Sequence[Finding], baseline: Baseline | None) -> Iterator[str]:
    """Count the findings of a baseline that are gone, and name some."""
    if baseline is None:
        return
    there = {finding.fingerprint for finding in seen}
    whole = {entry for entry in judged.settings.ignore if ":" not in entry}  # not looked for
    gone = [
        known
        for fingerprint, known in baseline.known.items()
        if fingerprint not in there and judged.surely(known.code) and not known.code.startswith(tuple(whole))
    ]
    if gone:
        named = ", ".join(f"{each.code} {each.distribution}".strip() for each in gone[:_NAMED])
        more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
        what = "1 finding is" if len(gone) == 1 else f"{len(gone)} findings are"
        yield f"{what} in the baseline {baseline.path} but no longer there: {named}{more}; write it again"


def _matches(finding: Finding, code: str, name: str) -> bool:
    return finding.code.startswith(code) and (not name or name == normalized(finding.distribution))
