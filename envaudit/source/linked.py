"""The names that are missing in an environment: what is kept of earlier runs, and a link of what is not.

Hardly anything is imported here: a run that knows all answers reads no source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.files_seen import note_listed
from envaudit.source.kept import KeptNames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envaudit.model import Distribution, Target
    from envaudit.model_names import MissingName
    from envaudit.scan.reach_kept import Memory
    from envaudit.source.link import Linked


def linked_names(
    target: Target,
    visible: Sequence[Distribution],
    memory: Memory | None = None,
    prints: Mapping[str, str] | None = None,
) -> tuple[MissingName, ...]:
    """Return every name that a distribution asks of another, or of Python, and that is not there.

    With a memory the answers are kept. ``prints`` are those of ``Facts``; where there are none, sizes and times of
    files are looked at here.
    """
    kept = KeptNames(memory, target, visible, prints or {})
    known = kept.get()
    wanted = [number for number in range(len(visible)) if number not in known]
    new: Mapping[int, Linked] = {}
    folders: frozenset[str] = frozenset()
    if wanted:
        from envaudit.source.link_all import link_some  # noqa: PLC0415  40 ms

        new, folders = link_some(target, visible, wanted)
        known.update((number, linked.missing) for number, linked in new.items())
    watched = kept.put({number: (linked.tops, linked.missing) for number, linked in new.items()}, folders)
    for folder in folders.difference(watched):
        note_listed(folder)
    return tuple(each for number in sorted(known) for each in known[number])
