"""Whose the compiled files are that no RECORD lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import is_folder, is_link, list_folder, target_root
from envaudit.model import RecordEntry, replace
from envaudit.scan.editable import finder_name, read_mapping
from envaudit.scan.loose import walk
from envaudit.scan.record import importable, is_binary_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.model import Distribution, SiteDir


class LooseBinary(NamedTuple):
    """A compiled file of no RECORD; its path is relative to ``site_dir``, ``owner`` an ``info_path`` or empty."""

    entry: RecordEntry
    site_dir: str
    owner: str = ""


class Compiled:
    """Collects the compiled files beside RECORD, folder by folder, then gives them to the distributions."""

    def __init__(self, site_dirs: tuple[SiteDir, ...]) -> None:
        self.unread: list[tuple[str, str]] = []
        self._sources = [site.path for site in site_dirs if site.origin == "pth"]
        self._top: dict[str, list[str]] = {}
        self._loose: list[LooseBinary] = []

    def add_folder(self, site_dir: str, names: list[str]) -> None:
        """Take note of the compiled files directly in a site folder."""
        if names:
            self._top[site_dir] = names

    def assign(self, distributions: Iterable[Distribution]) -> list[Distribution]:
        """Return the distributions, those without RECORD with the compiled files of their packages."""
        given = list(distributions)
        recorded: set[str] = set()
        if self._top or any(not dist.has_record for dist in given):
            recorded = {f"{dist.site_dir}/{entry.path}" for dist in given for entry in dist.binaries}
        finished = []
        for dist in given:
            if dist.editable_path:
                finished.append(self._editable(dist))
            elif not dist.has_record:
                finished.append(self._without_record(dist, recorded))
            else:
                finished.append(dist)
        for site_dir, names in self._top.items():
            self._loose += (
                LooseBinary(RecordEntry(name), site_dir) for name in names if f"{site_dir}/{name}" not in recorded
            )
        return finished

    def loose(self) -> tuple[LooseBinary, ...]:
        """Return what belongs to no RECORD, sorted by folder and path."""
        return tuple(sorted(self._loose, key=lambda file: (file.site_dir, file.entry.path)))

    def _without_record(self, dist: Distribution, recorded: set[str]) -> Distribution:
        """Find the compiled files of a distribution by its import packages; they count as recorded from then on."""
        found: list[RecordEntry] = []
        modules = dist.top_level or (dist.key.replace("-", "_"),)
        for module in modules:
            found += (entry for entry in self._below(dist.site_dir, module))
        found += (
            RecordEntry(name) for name in self._top.get(dist.site_dir, ()) if importable(name, folder=False) in modules
        )
        own = tuple(entry for entry in found if f"{dist.site_dir}/{entry.path}" not in recorded)
        recorded.update(f"{dist.site_dir}/{entry.path}" for entry in own)
        return replace(dist, binaries=own) if own else dist

    def _below(self, root: str, module: str) -> tuple[RecordEntry, ...]:
        """Walk a package; no folder of this name, or a link to one, is no compiled file."""
        folder = f"{root}/{module}"
        if is_link(folder) or not is_folder(folder):
            return ()
        result = walk(root, module)
        self.unread += result.unread
        return result.files

    def _editable(self, dist: Distribution) -> Distribution:
        """Find the compiled files that an editable install has in its sources, and its import packages."""
        finder = f"{dist.site_dir}/{finder_name(dist.name, dist.version)}"
        try:
            mapping = read_mapping(finder)
        except ReadError:
            mapping = {}
        inside = dist.editable_path.rstrip("/")
        roots = [path for path in self._sources if path == inside or path.startswith(f"{inside}/")]
        modules = set(dist.top_level)
        for module, path in mapping.items():
            modules.add(module.partition(".")[0])
            self._add_sources(dist, target_root().outside(path.replace("\\", "/")))
        for root in roots:
            names = self._packages(root)
            own = {dist.key.replace("-", "_"), *dist.top_level} & names or names
            modules |= own
            for name in own:
                self._loose += (LooseBinary(entry, root, dist.info_path) for entry in self._below(root, name))
        if not mapping and not roots:
            self.unread.append((inside, "an editable install whose files only its own import hook can find"))
        return replace(dist, top_level=tuple(sorted(modules)))

    def _add_sources(self, dist: Distribution, path: str) -> None:
        """Take the compiled files of one folder (or file) that a finder leads to."""
        root, _, module = path.rpartition("/")
        if is_binary_name(module):
            self._loose.append(LooseBinary(RecordEntry(module), root, dist.info_path))
        else:
            self._loose += (LooseBinary(entry, root, dist.info_path) for entry in self._below(root, module))

    def _packages(self, root: str) -> set[str]:
        """Return the import packages directly in a folder of sources."""
        try:
            entries = list_folder(root)
        except ReadError:
            return set()
        folders = (entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        return {name for name in folders if importable(name, folder=True)}
