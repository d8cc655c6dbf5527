"""Everything that is installed in a target, from the files of its site folders. Nothing of it is imported or run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import is_folder, list_folder
from envaudit.model import Gap
from envaudit.scan.compiled import Compiled, LooseBinary
from envaudit.scan.info import read_dist_info, read_egg, read_egg_info_file
from envaudit.scan.order import mark_hidden
from envaudit.scan.overlay import by_their_files
from envaudit.scan.record import depth_below_prefix, is_binary_name

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from envaudit.model import ChangedFiles, Distribution, SharedFile, SiteDir, Target

__all__ = ["LooseBinary", "Scan", "depth_below_prefix", "scan_target"]


class Scan(NamedTuple):
    """What is installed.

    ``distributions`` stand in the order of ``sys.path``, by name inside one folder. ``loose_binaries`` are compiled
    files that belong to no RECORD and no distribution's ``binaries``. ``changed``, ``shared`` and ``prints`` are as in
    ``Facts``.
    """

    distributions: tuple[Distribution, ...]
    gaps: tuple[Gap, ...]
    loose_binaries: tuple[LooseBinary, ...]
    changed: tuple[ChangedFiles, ...] = ()
    shared: tuple[SharedFile, ...] = ()
    prints: tuple[tuple[str, str], ...] = ()


def scan_target(
    target: Target, *, compare: bool = True, verify: bool = False, tell: Callable[[Sequence[str]], None] | None = None
) -> Scan:
    """Read every distribution of the target; what cannot be read is a gap or a problem of that distribution.

    With ``compare`` every file that a RECORD lists is looked for, with ``verify`` it is read and held against its
    digest. ``tell`` is given the paths of the compiled files of a RECORD as soon as it has been read, for those who
    can begin with them.
    """
    distributions: list[Distribution] = []
    gaps: list[Gap] = []
    records: dict[str, bytes] | None = {} if compare or verify else None
    compiled = Compiled(target.site_dirs)
    for site in target.site_dirs:
        try:
            entries = list_folder(site.path)
        except ReadError as error:
            gaps.append(Gap("ENV", site.path, f"the folder cannot be listed: {error}"))
            continue
        found = _distributions(site, entries, gaps, records, tell)
        compiled.add_folder(site.path, [entry.name for entry in entries if is_binary_name(entry.name)])
        distributions += found
    finished = compiled.assign(distributions)
    gaps += (Gap("ABI", path, why) for path, why in compiled.unread)
    marked = mark_hidden(finished)
    if records is None:
        return Scan(marked, tuple(gaps), compiled.loose())
    from envaudit.scan.installed import compare_installed  # noqa: PLC0415  not every run compares

    installed = compare_installed(target, marked, records, verify=verify)
    overlaid, more = by_their_files(marked, installed.changed)
    loose = (*compiled.loose(), *more)
    return Scan(overlaid, (*gaps, *installed.gaps), loose, installed.changed, installed.shared, installed.prints)


def _distributions(
    site: SiteDir,
    entries: list[os.DirEntry[str]],
    gaps: list[Gap],
    records: dict[str, bytes] | None,
    tell: Callable[[Sequence[str]], None] | None,
) -> list[Distribution]:
    """Read the distributions of one site folder."""
    found = []
    depth = depth_below_prefix(site.path)
    for entry in entries:
        name = entry.name
        lower = name.lower()
        if lower.startswith(("~", "-")):
            continue  # what pip leaves behind when it cannot delete an old version; no tool takes it for installed
        if lower.endswith(".dist-info"):
            found.append(read_dist_info(site.path, name, depth, records))
            if tell is not None and found[-1].binaries:
                tell([f"{site.path}/{each.path}" for each in found[-1].binaries])
        elif lower.endswith(".egg-info"):
            found.append(read_egg_info_file(site.path, name) if _is_file(entry) else read_egg(site.path, name))
        elif lower == "egg-info" and site.path.lower().endswith(".egg"):
            folder, _, egg = site.path.rpartition("/")
            found.append(read_egg(folder, egg, name))
        elif lower.endswith(".egg") and _is_file(entry):
            gaps.append(Gap("DEP", f"{site.path}/{name}", "a zipped egg: what is inside is not read"))
    return found


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Say whether an entry is a file, also by a link; a loop of links is none."""
    return not is_folder(entry.path) if entry.is_symlink() else not entry.is_dir(follow_symlinks=False)
