"""Extension modules that no RECORD lists, beside others of the same name: what another build has left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import list_folder
from envaudit.model_installed import StrayModule
from envaudit.scan.record import importable, is_binary_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envaudit.model import Distribution, Target
    from envaudit.scan.shared import Claims

# The place of ``.py`` among the suffixes of modules: behind those of compiled ones.
_SOURCE = 3


class Folders:
    """The names in folders with compiled files, each listed once.

    Packages of a distribution without RECORD are left out: nobody knows what belongs to them.
    """

    def __init__(self, target: Target, distributions: Iterable[Distribution]) -> None:
        short = f"{target.version_info[0]}{target.version_info[1]}{'t' if target.free_threaded else ''}"
        self._own = (f"cpython-{short}-", f"cp{short}-", f"pypy{short}-")
        self._unknown = {
            (dist.site_dir, name)
            for dist in distributions
            if not dist.has_record
            for name in (*dist.top_level, dist.key.replace("-", "_"))
        }
        self._seen: set[str] = set()

    def names(self, site_dir: str, folder: str) -> list[str]:
        """Return the names in a folder the first time that somebody asks."""
        path = f"{site_dir}/{folder}"
        if path in self._seen or (site_dir, folder.partition("/")[0]) in self._unknown:
            return []
        self._seen.add(path)
        try:
            return [entry.name for entry in list_folder(path)]
        except ReadError:
            return []

    def rank(self, name: str) -> int | None:
        """Return the place of a file's suffix in the order of Python; ``None`` for one of another Python."""
        suffix = name.partition(".")[2]
        if suffix == "py":
            return _SOURCE
        if suffix.startswith(self._own):
            return 0
        return {"abi3.so": 1, "so": 2, "pyd": 2}.get(suffix)


def stray_modules(dist: Distribution, folders: Folders, claims: Claims) -> tuple[StrayModule, ...]:
    """Return the stray modules in those folders of a distribution that hold compiled files."""
    folders_with = {entry.path.rpartition("/")[0] for entry in dist.binaries if entry.path[0] != "."} - {""}
    inside = sorted(folder for folder in folders_with if ".libs" not in folder)
    return tuple(stray for folder in inside for stray in _in(dist, folder, folders, claims))


def _in(dist: Distribution, folder: str, folders: Folders, claims: Claims) -> Iterator[StrayModule]:
    names = folders.names(dist.site_dir, folder)
    unlisted = [name for name in names if is_binary_name(name) and not claims.claimed(f"{folder}/{name}")]
    for name in unlisted:
        module = importable(name, folder=False)
        same = [
            other
            for other in names
            if other != name and importable(other, folder=False) == module and claims.claimed(f"{folder}/{other}")
        ]
        ranks = [(rank, other) for other in same if (rank := folders.rank(other)) is not None]
        own = folders.rank(name)
        if module and ranks:
            rank, other = min(ranks)
            yield StrayModule(f"{folder}/{name}", f"{folder}/{other}", wins=own is not None and own < rank)
