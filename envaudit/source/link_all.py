"""Link all distributions of a target, or some, in two processes where that pays."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from envaudit.files_seen import Unnoted, note_read
from envaudit.model_names import MissingName
from envaudit.shared_work import work_shared
from envaudit.source.candidates import source_files
from envaudit.source.link import Linked, Linker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envaudit.model import Distribution, Target

_ENOUGH_FILES = 800  # sources; fewer are linked before a second process would be of help


def link_names(target: Target, visible: Sequence[Distribution]) -> tuple[MissingName, ...]:
    """Return every name that a distribution asks of another, or of Python, and that is not there."""
    found, _ = link_some(target, visible, range(len(visible)))
    return tuple(each for number in sorted(found) for each in found[number].missing)


def link_some(
    target: Target, visible: Sequence[Distribution], numbers: Sequence[int]
) -> tuple[dict[int, Linked], frozenset[str]]:
    """Link those of the visible distributions that have these numbers; return the folders as well that were listed."""
    linker = Linker(target, visible)
    sources = [source_files(visible[number]) for number in numbers]
    # Files that a RECORD lists are not noted: a distribution is known by its RECORD.
    for number, (files, record) in zip(numbers, sources, strict=True):
        for path in () if record else files:
            note_read(f"{visible[number].site_dir}/{path}")

    def work(place: int) -> list[object]:
        found = linker.linked(visible[numbers[place]], sources[place][0])
        return [[tuple(each) for each in found.missing], found.tops, linker.modules.newly_listed()]

    collecting = gc.isenabled()
    gc.disable()  # trees without cycles come and go by the million
    try:
        with Unnoted():
            done = work_shared(work, [len(files) for files, _ in sources], _ENOUGH_FILES)
    finally:
        if collecting:
            gc.enable()
    found = {
        numbers[place]: Linked(tuple(MissingName(*each) for each in missing), tuple(tops))
        for place, (missing, tops, _) in done.items()
    }
    return found, frozenset(folder for _, _, folders in done.values() for folder in folders)
