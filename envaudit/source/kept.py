"""What each distribution asks for in vain, kept for the next run.

An answer hangs on the files of the distribution and on those of all that it looked into: of each the RECORD, which
names every file with a digest, and what is not as RECORD left it (``scan.written_after``). Which modules it looked into
is kept by itself, so that first this is asked for, and then the answer that belongs to the state they are in. No folder
of the environment goes into a key: environments with the same distributions share what is known. A distribution without
RECORD, and one that looks into what nobody has recorded, is linked each time.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import folder_names, list_folder, read_bytes, statuses
from envaudit.model_names import MissingName
from envaudit.scan.reach_conditions import names_of_target
from envaudit.scan.written_after import print_of_files
from envaudit.source.stdlib import is_standard

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from envaudit.model import Distribution, Target
    from envaudit.scan.reach_kept import Memory

_RECORD_LIMIT = 64 * 1024 * 1024
_ODD = re.compile(r"(?:^|/)\.\.(?:/|$)|^/|[\n\0]")
# What Python takes for a module, or may take for a package.
_MODULE = re.compile(r"(?!__pycache__)\w+(?:\.(?:py|pyi|pyc|so|pyd)|\.[\w-]+\.(?:so|pyd))?")
_STUBS_BESIDE = 400  # compiled files; of more nobody has stubs
_MOST_TOPS = 600
# Modules whose finding hangs on more than a file of their name.
_HOOKED: Mapping[str, tuple[str, ...]] = {
    "distutils": ("distutils-precedence", "setuptools"),
    "pkg_resources": ("setuptools",),
}


class _Own(NamedTuple):
    """What is known of a distribution by itself: the modules its answer hangs on, and what is to be looked at.

    ``folders`` are those of its folders in which modules were looked for, ``names`` what is in them
    (``files.folder_names``), and behind it something if there are modules that no RECORD lists. ``stubs`` are those of
    compiled modules.
    """

    tops: tuple[str, ...]
    folders: tuple[str, ...]
    stubs: tuple[str, ...]
    names: tuple[str, ...] = ("", "", "")


class KeptNames:
    """The answers about the distributions of one environment, in a memory or not."""

    def __init__(
        self, memory: Memory | None, target: Target, visible: Sequence[Distribution], prints: Mapping[str, str]
    ) -> None:
        """Take the ``prints`` of ``Facts``, for each distribution that has one."""
        self._memory = memory
        self._target = target
        self._visible = visible
        self._near: dict[int, str] = {}
        self._own: dict[int, _Own] = {}
        self._new: set[int] = set()
        self._changed: set[int] = set()
        self._paths: dict[int, frozenset[str]] = {}
        self._states: dict[int, str] = {}
        self._top_states: dict[str, str] = {}
        if memory is not None:
            self._entries = _entries_of(target)
            self._by_top: dict[str, list[int]] = {}
            for number, dist in enumerate(visible):
                for top in dist.top_level:
                    self._by_top.setdefault(top, []).append(number)
            self._look(memory, prints)

    def get(self) -> dict[int, tuple[MissingName, ...]]:
        """Return the answers of earlier runs, by the place of the distribution among the visible ones."""
        if self._memory is None:
            return {}
        keys = {number: key for number in self._states if number not in self._new and (key := self._key(number))}
        texts = self._memory.get(list(dict.fromkeys(keys.values())))
        found = {}
        for number, key in keys.items():
            answer = _load(texts[key], self._visible[number]) if key in texts else None
            if answer is not None:
                found[number] = answer
        return found

    def put(
        self, found: Mapping[int, tuple[Sequence[str], Sequence[MissingName]]], folders: Collection[str]
    ) -> Collection[str]:
        """Keep answers, each with the top-level modules it hangs on, and the folders that were listed for them.

        Returns those of the folders that are looked at from now on, and need not be noted.
        """
        if self._memory is None:
            return ()
        watched = self._watch(folders)
        values: dict[str, str] = {}
        for number, (tops, missing) in found.items():
            if number not in self._states:
                continue
            own = self._own[number]
            every = tuple(sorted({*own.tops, *tops}))
            self._own[number] = own._replace(tops=every if len(every) <= _MOST_TOPS else tuple(sorted(tops)))
            key = self._key(number)
            if key:
                self._changed.add(number)
                values[key] = json.dumps([list(each)[2:] for each in missing], separators=(",", ":"))
        for number in self._changed:
            if self._own[number].tops:
                values[f"names of {self._near[number]}"] = json.dumps(self._own[number], separators=(",", ":"))
        self._memory.put(values)
        return watched

    def _watch(self, folders: Collection[str]) -> set[str]:
        """Look at folders from now on, if they belong to distributions with a RECORD."""
        watched: set[str] = set()
        grown: dict[int, set[str]] = {}
        sites = [f"{site.path}/" for site in self._target.site_dirs]
        for folder, site in ((folder, site) for folder in folders for site in sites if folder.startswith(site)):
            inside = folder[len(site) :]
            for number in self._by_top.get(inside.partition("/")[0], ()):
                own_site = number in self._near and f"{self._visible[number].site_dir}/" == site
                if own_site and inside in self._listed(number):
                    watched.add(folder)
                    grown.setdefault(number, set()).add(inside)
        for number, more in grown.items():
            own = self._own[number]
            if not more <= {*own.folders}:
                self._own[number] = own._replace(folders=tuple(sorted({*own.folders, *more})))
                self._changed.add(number)
                self._look_around(number)
        self._top_states.clear()
        return watched

    # --- what there is ----------------------------------------------------------------------------------------------

    def _look(self, memory: Memory, prints: Mapping[str, str]) -> None:
        """Find out in which state each distribution is."""
        base = _base(self._target, self._visible)
        records: dict[int, bytes] = {}
        for number, dist in enumerate(self._visible):
            record = _record_of(dist)
            differing = prints.get(dist.info_path) if prints or not record else print_of_files(dist, record)
            if record and differing is not None:
                records[number] = record
                stated = f"{base}\0{dist.version}\0{dist.top_level}\0{dist.requires}\0{differing}\0"
                digest = hashlib.sha256(stated.encode("utf-8", "backslashreplace"))
                digest.update(record)
                self._near[number] = digest.hexdigest()
        known = memory.get([f"names of {near}" for near in dict.fromkeys(self._near.values())])
        for number, near in self._near.items():
            own = _load_own(known.get(f"names of {near}", ""))
            if own is None:
                self._new.add(number)
                own = _Own((), (), _stubs_of(self._visible[number], records[number]))
            self._own[number] = own
            self._look_around(number)

    def _look_around(self, number: int) -> None:
        """Look at folders and stubs, of which RECORD does not say enough."""
        dist, own = self._visible[number], self._own[number]
        times, names = folder_names(dist.site_dir, own.folders, (own.names[0], own.names[1]))
        if (times, names) != own.names[:2]:
            stray = own.names[2] if names == own.names[1] else self._stray(number, own.folders)
            own = self._own[number] = own._replace(names=(times, names, stray))
            self._changed.add(number)
        self._states.pop(number, None)
        if not own.names[2]:
            self._states[number] = _digest("\0".join((self._near[number], *_state_of_stubs(dist, own.stubs))))

    def _stray(self, number: int, folders: Sequence[str]) -> str:
        """Return a module, or what may be a package, in one of the folders that no RECORD lists; empty for none."""
        site = self._visible[number].site_dir
        for folder in folders:
            owners = [
                other
                for other in self._by_top.get(folder.partition("/")[0], ())
                if self._visible[other].site_dir == site
            ]
            for name in _names_in(f"{site}/{folder}"):
                path = f"{folder}/{name}"
                if _MODULE.fullmatch(name) and not any(path in self._listed(other) for other in owners):
                    return path
        return ""

    def _listed(self, number: int) -> frozenset[str]:
        """Return all files and folders of a distribution, by its RECORD."""
        if number not in self._paths:
            paths: set[str] = set()
            for line in _record_of(self._visible[number]).decode("utf-8", "replace").splitlines():
                path = line.partition(",")[0]
                while path and path not in paths:
                    paths.add(path)
                    path = path.rpartition("/")[0]
            self._paths[number] = frozenset(paths)
        return self._paths[number]

    def _key(self, number: int) -> str:
        """Return the key of an answer, empty when it hangs on something without a print."""
        digest = hashlib.sha256(self._states[number].encode())
        for top in self._own[number].tops:
            state = self._state_of_top(top)
            if not state:
                return ""
            digest.update(f"\0{top}\0{state}".encode("utf-8", "backslashreplace"))
        return f"names in {digest.hexdigest()}"

    def _state_of_top(self, top: str) -> str:
        """Return the state of all that a top-level module can come from, empty when nobody has recorded it."""
        known = self._top_states.get(top)
        if known is not None:
            return known
        numbers = self._by_top.get(top, [])
        parts = list(self._entries.get(top, ()))
        nobodys = parts and not numbers and not is_standard(top, self._target.version_info)
        if nobodys or not all(number in self._states for number in numbers):
            self._top_states[top] = ""
            return ""
        parts += (f"{self._place(number)} {self._states[number]}" for number in numbers)
        for other in _HOOKED.get(top, ()):
            parts.append(
                self._state_of_top(other) if other in self._by_top else "\0".join(self._entries.get(other, ()))
            )
        state = hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()
        self._top_states[top] = state
        return state

    def _place(self, number: int) -> int:
        """Return the place of a distribution's folder on the path."""
        folder = self._visible[number].site_dir
        return next((place for place, site in enumerate(self._target.site_dirs) if site.path == folder), -1)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def _record_of(dist: Distribution) -> bytes:
    if not dist.has_record or dist.editable_path:
        return b""
    try:
        return read_bytes(f"{dist.info_path}/RECORD", _RECORD_LIMIT)
    except ReadError:
        return b""


def _stubs_of(dist: Distribution, record: bytes) -> tuple[str, ...]:
    """Return the stubs that RECORD lists beside compiled modules."""
    stubs = set()
    for entry in dist.binaries[:_STUBS_BESIDE]:
        folder, _, file = entry.path.rpartition("/")
        path = f"{folder}/{file.partition('.')[0]}.pyi".lstrip("/")
        if not _ODD.search(path) and f"\n{path},".encode() in record:
            stubs.add(path)
    return tuple(sorted(stubs))


def _names_in(folder: str) -> list[str]:
    """Return the names in a folder, none when it cannot be listed."""
    try:
        return [entry.name for entry in list_folder(folder)]
    except ReadError:
        return []


def _state_of_stubs(dist: Distribution, stubs: Sequence[str]) -> Iterator[str]:
    """Yield what has become of stubs; nobody else holds them against RECORD."""
    if not stubs:
        return
    record, *found = statuses(dist.site_dir, [f"{dist.info_path[len(dist.site_dir) + 1 :]}/RECORD", *stubs])
    limit = record.st_mtime_ns if record is not None else 0
    for path, status in zip(stubs, found, strict=True):
        if status is not None:
            yield f"{path} {status.st_size} {status.st_mtime_ns if status.st_mtime_ns > limit else ''}"


def _entries_of(target: Target) -> dict[str, list[str]]:
    """Return what stands in the site folders, by what stands before the first dot."""
    found: dict[str, list[str]] = {}
    for place, site in enumerate(target.site_dirs):
        for name in _names_in(site.path):
            found.setdefault(name.partition(".")[0], []).append(f"{place} {name}")
    return found


def _base(target: Target, visible: Sequence[Distribution]) -> str:
    """Return what every answer hangs on: the readers, the Python, and whether finders of others are installed."""
    hooks = any(dist.editable_path for dist in visible)
    python = (target.python, target.implementation, target.free_threaded, target.base_prefix, len(target.site_dirs))
    return f"{_version()} {sys.version_info[:3]} {python!r} {hooks} {sorted(names_of_target(target).items())!r}"


def _version() -> str:
    """Return what changes with the readers: size and time of each of their files."""
    own = os.path.dirname(__file__)
    stamps = []
    for folder in (own, os.path.join(own, "removed_names"), os.path.join(os.path.dirname(own), "scan")):
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            if name.endswith((".py", ".txt")):
                status = os.stat(os.path.join(folder, name))
                stamps.append(f"{name}:{status.st_size}:{status.st_mtime_ns}")
    return "|".join(stamps)


def _load_own(text: str) -> _Own | None:
    """Read what is kept of a distribution by itself; ``None`` for anything else."""
    try:
        own = _Own(*(tuple(each) for each in json.loads(text) if type(each) is list))
    except (ValueError, TypeError, RecursionError):
        return None
    whole = all(isinstance(each, str) for part in own for each in part) and len(own.names) == 3
    return own if whole and not any(map(_ODD.search, (*own.folders, *own.stubs))) else None


def _load(text: str, dist: Distribution) -> tuple[MissingName, ...] | None:
    """Read what is kept of an answer; ``None`` for anything else."""
    try:
        return tuple(_restored(plain, dist) for plain in json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _restored(plain: list[object], dist: Distribution) -> MissingName:
    """Return one value; raises ``ValueError`` for what is none."""
    own: tuple[Any, ...] = (dist.info_path, dist.site_dir)
    fields: list[Any] = [*own, *(tuple(each) if isinstance(each, list) else each for each in plain)]
    if list(map(type, fields)) != list(map(type, _EXAMPLE)) or any(
        not isinstance(text, str) for each in fields if isinstance(each, tuple) for text in each
    ):
        raise ValueError("another form")
    return MissingName(*fields)


_EXAMPLE = MissingName("", "", "", 0, "", "", "", at_import=True)
