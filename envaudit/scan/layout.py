"""Everything around the distributions, read together: see ``envaudit.model.Layout``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from envaudit.files import is_folder, looking_inside, permissions
from envaudit.model import Layout
from envaudit.scan.conda_meta import read_conda
from envaudit.scan.copied import read_activate, read_scripts
from envaudit.scan.hiding import read_hidden
from envaudit.scan.leftovers import read_leftovers
from envaudit.scan.startup import read_startup
from envaudit.scan.twins import read_twins

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envaudit.model import Distribution, Gap, Target

_EVERYBODY_WRITES = 0o002


class LayoutRead(NamedTuple):
    """The layout, and what of it could not be looked at."""

    layout: Layout
    gaps: tuple[Gap, ...]


def read_layout(
    target: Target, distributions: Sequence[Distribution], environ: Mapping[str, str], cwd: str
) -> LayoutRead:
    """Read what starts with Python, what hides what, what was left behind; nothing is run.

    ``environ`` and ``cwd`` are those in which the target's Python would be started; for an image neither counts.
    """
    gaps: list[Gap] = []
    visible = [dist for dist in distributions if not dist.hidden_by]
    with looking_inside(target.root):
        path = () if target.root else tuple(_pythonpath(environ, cwd))
        activate = read_activate(target)
        layout = Layout(
            startup=tuple(read_startup(target, distributions, path, gaps)),
            leftovers=tuple(read_leftovers(target, distributions)),
            hidden=tuple(read_hidden(target, distributions, path, _searched(target, environ, cwd))),
            twins=tuple(read_twins(distributions)),
            scripts=tuple(read_scripts(target, visible, moved=bool(activate))),
            activate=activate,
            conda=tuple(read_conda(target, visible, gaps)),
            open_folders=tuple(_open_folders(target)),
        )
    return LayoutRead(layout, tuple(gaps))


def _searched(target: Target, environ: Mapping[str, str], cwd: str) -> str:
    """Return the working folder if Python looks into it, else nothing: PYTHONSAFEPATH keeps it out since 3.11."""
    safe = bool(environ.get("PYTHONSAFEPATH")) and target.version_info >= (3, 11)
    return "" if target.root or safe else cwd


def _pythonpath(environ: Mapping[str, str], cwd: str) -> Iterator[str]:
    """Yield the folders that PYTHONPATH puts in front of everything; an empty part is the working folder."""
    value = environ.get("PYTHONPATH", "")
    seen = set()
    for part in value.split(os.pathsep) if value else ():
        folder = os.path.abspath(os.path.join(cwd, part)) if "\0" not in part else ""
        if folder and folder != cwd and folder not in seen and is_folder(folder):
            seen.add(folder)
            yield folder


def _open_folders(target: Target) -> Iterator[tuple[str, int]]:
    """Yield the site folders of the environment in which everybody may write."""
    if target.platform.startswith("win"):
        return
    for site in target.site_dirs:
        if site.origin in {"site", "user"}:
            mode = permissions(site.path)
            if mode is not None and mode & _EVERYBODY_WRITES:
                yield site.path, mode
