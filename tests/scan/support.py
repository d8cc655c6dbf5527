"""Shared by the tests of scanning: a target made of site folders, without an environment around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.model import SiteDir, Target
from envaudit.scan import Scan, scan_target

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model import Distribution


def target_of(*folders: Path | SiteDir) -> Target:
    """Return a target with these site folders, on CPython 3.11 for Linux."""
    sites = tuple(folder if isinstance(folder, SiteDir) else SiteDir(str(folder)) for folder in folders)
    return Target(
        kind="venv",
        prefix="/nowhere",
        base_prefix="/nowhere",
        executable="",
        python="3.11.7",
        version_info=(3, 11),
        implementation="CPython",
        free_threaded=False,
        platform="linux-x86_64",
        machine="x86_64",
        libc="",
        site_dirs=sites,
        markers={},
        chosen_by="argument",
    )


def scan(*folders: Path | SiteDir) -> Scan:
    """Scan site folders."""
    return scan_target(target_of(*folders))


def scan_one(folder: Path) -> Distribution:
    """Return the only distribution of a site folder."""
    (dist,) = scan(folder).distributions
    return dist


def kinds(dist: Distribution) -> list[str]:
    """Return the kinds of problems of a distribution, in order."""
    return [problem.kind for problem in dist.problems]
