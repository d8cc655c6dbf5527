"""Everything that is installed in a target, from the files of its site folders. Nothing of it is imported or run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import is_folder, list_folder
from envaudit.model import Gap
from envaudit.scan.compiled import Compiled, LooseBinary
from envaudit.scan.info import read_dist_info, read_egg, read_egg_info_file
from envaudit.scan.order import mark_hidden
from envaudit.scan.record import is_binary_name

if TYPE_CHECKING:
    import os

    from envaudit.model import Distribution, SiteDir, Target

__all__ = ["LooseBinary", "Scan", "scan_target"]


class Scan(NamedTuple):
    """What is installed.

    ``distributions`` stand in the order of ``sys.path``, by name inside one folder. ``loose_binaries`` are compiled
    files that belong to no RECORD and no distribution's ``binaries``.
    """

    distributions: tuple[Distribution, ...]
    gaps: tuple[Gap, ...]
    loose_binaries: tuple[LooseBinary, ...]


def scan_target(target: Target) -> Scan:
    """Read every distribution of the target; what cannot be read is a gap or a problem of that distribution."""
    distributions: list[Distribution] = []
    gaps: list[Gap] = []
    compiled = Compiled(target.site_dirs)
    for site in target.site_dirs:
        try:
            entries = list_folder(site.path)
        except ReadError as error:
            gaps.append(Gap("ENV", site.path, f"the folder cannot be listed: {error}"))
            continue
        found = _distributions(site, entries, gaps)
        compiled.add_folder(site.path, [entry.name for entry in entries if is_binary_name(entry.name)])
        distributions += found
    finished = compiled.assign(distributions)
    gaps += (Gap("ABI", path, why) for path, why in compiled.unread)
    return Scan(mark_hidden(finished), tuple(gaps), compiled.loose())


def _distributions(site: SiteDir, entries: list[os.DirEntry[str]], gaps: list[Gap]) -> list[Distribution]:
    """Read the distributions of one site folder."""
    found = []
    depth = depth_below_prefix(site.path)
    for entry in entries:
        name = entry.name
        lower = name.lower()
        if lower.startswith(("~", "-")):
            continue  # what pip leaves behind when it cannot delete an old version; no tool takes it for installed
        if lower.endswith(".dist-info"):
            found.append(read_dist_info(site.path, name, depth))
        elif lower.endswith(".egg-info"):
            found.append(read_egg_info_file(site.path, name) if _is_file(entry) else read_egg(site.path, name))
        elif lower == "egg-info" and site.path.lower().endswith(".egg"):
            folder, _, egg = site.path.rpartition("/")
            found.append(read_egg(folder, egg, name))
        elif lower.endswith(".egg") and _is_file(entry):
            gaps.append(Gap("DEP", f"{site.path}/{name}", "a zipped egg: what is inside is not read"))
    return found


def depth_below_prefix(path: str) -> int:
    """Return how many folders a site folder lies below its prefix: 3 for ``lib/python3.11/site-packages``.

    A folder that is none of a known layout may not be left at all: 0.
    """
    parts = path.replace("\\", "/").rstrip("/").split("/")
    if len(parts) < 3 or parts[-1] not in {"site-packages", "dist-packages"}:
        return 0
    return 3 if parts[-2].startswith(("python", "pypy")) else 2


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Say whether an entry is a file, also by a link; a loop of links is none."""
    return not is_folder(entry.path) if entry.is_symlink() else not entry.is_dir(follow_symlinks=False)
