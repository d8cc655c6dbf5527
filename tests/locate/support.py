"""Shared by the tests of locating: a call that depends on no variable and folder of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.locate import TargetRequest, locate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from envaudit.model import Target


def find(target: Path | str, python: str | None = None, environ: Mapping[str, str] | None = None) -> Target:
    """Locate a target given as an argument; no variable is set unless it is given."""
    return locate(TargetRequest(str(target), python), environ or {}, "/")


def sites(target: Target) -> list[tuple[str, str]]:
    """Return path and origin of each site folder."""
    return [(site.path, site.origin) for site in target.site_dirs]


def kinds(target: Target) -> list[str]:
    """Return the kinds of problems."""
    return [problem.kind for problem in target.problems]
