"""Distributions over whose files another release was laid: everything that is judged later goes by the files."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from envaudit.files import statuses
from envaudit.model import replace
from envaudit.scan.compiled import LooseBinary
from envaudit.scan.loose import walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.model import ChangedFiles, Distribution


def by_their_files(
    distributions: tuple[Distribution, ...], changed: Iterable[ChangedFiles]
) -> tuple[tuple[Distribution, ...], tuple[LooseBinary, ...]]:
    """Give overlaid distributions the version their files state, and return the compiled files no RECORD lists."""
    stated = {each.owner: each.stated for each in changed if each.stated}
    if not stated:
        return distributions, ()
    recorded = {f"{dist.site_dir}/{entry.path}" for dist in distributions for entry in dist.binaries}
    loose: list[LooseBinary] = []
    result = []
    for dist in distributions:
        version = stated.get(dist.info_path)
        if version:
            for module, status in zip(dist.top_level, statuses(dist.site_dir, dist.top_level), strict=True):
                if status is not None and stat.S_ISDIR(status.st_mode):
                    loose += (
                        LooseBinary(entry, dist.site_dir, dist.info_path)
                        for entry in walk(dist.site_dir, module).files
                        if f"{dist.site_dir}/{entry.path}" not in recorded
                    )
            dist = replace(dist, version=version, metadata_version=dist.version)  # noqa: PLW2901
        result.append(dist)
    return tuple(result), tuple(loose)
