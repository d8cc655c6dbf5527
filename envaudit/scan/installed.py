"""What RECORD lists held against what is on disk: files that are gone or changed, and files with two owners.

One status for each listed file and no more; a digest is only computed where size or time say that a file was changed
after the installation, or where everything is to be verified. What is as it should be leaves no trace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import exists, is_link, read_bytes, real, statuses, why_not_there
from envaudit.model import Gap, replace
from envaudit.model_installed import ChangedFile, ChangedFiles, SharedFile
from envaudit.scan.bytecode import Bytecode
from envaudit.scan.content import blank, change_of, is_digest
from envaudit.scan.hashing import Hashed, Wanted
from envaudit.scan.record import depth_below_prefix, list_files, size_of
from envaudit.scan.shared import Claims
from envaudit.scan.stated import Stated, other_release, stated_version, version_files
from envaudit.scan.stray import Folders, stray_modules
from envaudit.scan.written_after import Row, look_at, print_of, time_of_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from envaudit.model import Distribution, Target
    from envaudit.scan.record import Listed

# Who changes files after they were recorded: conda writes its prefix into them, system packagers strip symbols, rewrite
# first lines and run paths. Only what is lost can be told of theirs.
_OTHER_PACKAGERS = ("conda", "rpm", "debian", "apk", "pacman", "nix", "guix", "spack", "portage", "easybuild", "brew")
# Where more files than this are younger than RECORD, the folder was copied and their times say nothing.
_FEW_FILES = 20
_FEW_PERCENT = 5
# Bytes of one run that are hashed because of their time alone; 0.3 s.
_HASHED_BY_TIME = 256 * 1024 * 1024
# Another release differs in more than the file that states its version: an edited file is no other release.
_OVERLAID_FILES = 3


class Installed(NamedTuple):
    """What was found: distributions with changed files, files with two owners, what could not be looked at.

    ``prints`` are as in ``Facts``.
    """

    changed: tuple[ChangedFiles, ...] = ()
    shared: tuple[SharedFile, ...] = ()
    gaps: tuple[Gap, ...] = ()
    prints: tuple[tuple[str, str], ...] = ()


class _Compared(NamedTuple):
    """The lines of one RECORD whose files are not there, of another size, or younger than RECORD."""

    listed: int
    missing: list[str]
    resized: list[Row]
    younger: list[Row]
    bytecode: tuple[str, ...] = ()
    bytecode_listed: int = 0


def compare_installed(
    target: Target, distributions: Iterable[Distribution], records: Mapping[str, bytes], *, verify: bool = False
) -> Installed:
    """Hold every RECORD against the disk; ``records`` are their bytes by ``info_path``.

    With ``verify`` every file that has a digest is read and held against it.
    """
    comparison = _Comparison(target, verify=verify)
    recorded = [dist for dist in distributions if not dist.hidden_by]
    for dist in recorded:
        if dist.info_path in records:
            comparison.add(dist, records[dist.info_path])
    return comparison.finish(recorded)


def add_blank(
    changed: tuple[ChangedFiles, ...], distributions: Iterable[Distribution], unread: Mapping[str, Sequence[str]]
) -> tuple[ChangedFiles, ...]:
    """Add those of the ``unread`` compiled files, by owner, that hold nothing but zeros.

    A machine that loses power leaves files of the right size and time and without content; no status shows it.
    """
    if not unread:
        return changed
    known = {each.owner: each for each in changed}
    for dist in distributions:
        before = known.get(dist.info_path, ChangedFiles(dist.info_path))
        seen = {file.path for file in before.changed}
        more = [file for path in unread.get(dist.info_path, ()) if path not in seen and (file := _blank(dist, path))]
        if more:
            known[dist.info_path] = replace(before, changed=tuple(sorted((*before.changed, *more))))
    return tuple(known.values())


def _blank(dist: Distribution, name: str) -> ChangedFile | None:
    path = f"{dist.site_dir}/{name}"
    try:
        change = blank(path)
    except ReadError:
        return None  # why it cannot be read is a gap already
    (status,) = statuses(dist.site_dir, [name])
    if change is None or status is None:
        return None
    return ChangedFile(name, change, status.st_size, None, status.st_nlink > 1)


class _Comparison:
    def __init__(self, target: Target, *, verify: bool) -> None:
        self._target = target
        self._verify = verify
        self._inside = tuple(
            f"{real(folder)}/" for folder in (target.prefix, *(site.path for site in target.site_dirs)) if folder
        )
        self._claims: dict[str, Claims] = {}
        self._compared: dict[str, _Compared] = {}
        self._gaps: list[Gap] = []
        self._prints: list[tuple[str, str]] = []
        self._bytecode = Bytecode(target)
        self._hashed_ahead = Hashed()
        self._folders: dict[str, str] = {}
        self._hashed = 0

    def add(self, dist: Distribution, data: bytes) -> None:
        """Look at every file of a distribution."""
        try:
            listed = list_files(data, depth_below_prefix(dist.site_dir), everything=self._verify)
        except ReadError as error:
            self._gaps.append(Gap("INS", f"{dist.info_path}/RECORD", f"{error}: its files were not compared"))
            return
        self._claims.setdefault(dist.site_dir, Claims(dist.site_dir)).add(dist.info_path, listed)
        compared = self._look(dist, listed)
        number, lost = self._bytecode.missing(
            dist.site_dir, data, depth_below_prefix(dist.site_dir), frozenset(compared.missing)
        )
        compared = compared._replace(bytecode=lost, bytecode_listed=number if lost else 0)
        if compared.missing or compared.resized or compared.younger or lost:
            self._compared[dist.info_path] = compared

    def finish(self, distributions: Sequence[Distribution]) -> Installed:
        """Judge what differs, when it is known what every distribution claims."""
        shared = tuple(file for claims in self._claims.values() for file in claims.shared())
        lost = {(claim.owner, file.path) for file in shared for claim in file.claims}
        folders = Folders(self._target, distributions)
        if self._verify:
            self._hashed_ahead.add(self._to_hash(distributions))
        changed = []
        for dist in distributions:
            compared = self._compared.get(dist.info_path)
            found = self._changed(dist, compared, lost) if compared else ChangedFiles(dist.info_path)
            claims = self._claims.get(dist.site_dir)
            if claims is not None and dist.has_record:
                found = replace(found, stray=stray_modules(dist, folders, claims))
            if found[2:] != ChangedFiles("")[2:]:
                changed.append(found)
        return Installed(tuple(changed), shared, (*self._gaps, *self._bytecode.gaps), tuple(self._prints))

    def _look(self, dist: Distribution, listed: Listed) -> _Compared:
        """Compare size and time of every file, and note in one text what differs."""
        written = time_of_record(dist)
        limit = written if written is not None and not self._verify else 0.0
        missing, resized, younger = look_at(dist, listed, limit)
        if written is not None:
            later = younger if limit else [row for row in younger if row.status.st_mtime > written]
            self._prints.append((dist.info_path, print_of(missing, (*resized, *later))))
        return _Compared(len(listed.paths), self._really_missing(dist, missing), resized, younger)

    def _really_missing(self, dist: Distribution, paths: list[str]) -> list[str]:
        """Keep those that are not there; of the others nobody knows."""
        unknown = {path: why for path in paths if (why := why_not_there(f"{dist.site_dir}/{path}"))}
        if unknown:
            path, why = next(iter(unknown.items()))
            more = f", and {len(unknown) - 1} more" if len(unknown) > 1 else ""
            self._gaps.append(Gap("INS", f"{dist.site_dir}/{path}{more}", why))
        return [path for path in paths if path not in unknown]

    def _changed(self, dist: Distribution, compared: _Compared, lost: set[tuple[str, str]]) -> ChangedFiles:
        """Judge the files of one distribution; what another one claims as well is left to its finding."""
        outside: list[str] = []
        files = []
        lines = self._claims[dist.site_dir].rows_of(dist.info_path) if compared.resized else []
        right = {(path, size) for path, _, size in lines}  # a file may be listed twice, once with another size
        for row in (*compared.resized, *self._worth_hashing(compared)):
            actual = row.status.st_size
            listed_again = row.size != actual and (row.path, str(actual)) in right
            if (dist.info_path, row.path) not in lost and not listed_again:
                change = self._examine(dist, row, outside)
                if change is not None:
                    files.append(change)
        stated = self._stated(dist, files)
        if dist.installer.lower().startswith(_OTHER_PACKAGERS) and not stated:
            files = [file for file in files if file.change not in {"size", "content"}]
        missing = tuple(compared.missing)
        return ChangedFiles(
            dist.info_path,
            compared.listed,
            missing,
            _gone(dist.site_dir, missing),
            tuple(sorted(files)),
            stated=stated.version if stated else "",
            stated_in=stated.path if stated else "",
            outside=tuple(outside),
            bytecode=compared.bytecode,
            bytecode_listed=compared.bytecode_listed,
        )

    def _worth_hashing(self, compared: _Compared) -> Iterable[Row]:
        """Return the files of the right size whose digest is to be computed."""
        if self._verify:
            return compared.younger
        if len(compared.younger) > max(_FEW_FILES, compared.listed * _FEW_PERCENT // 100):
            return ()
        rows = []
        for row in compared.younger:
            if is_digest(row.hash) and self._hashed + row.status.st_size <= _HASHED_BY_TIME:
                self._hashed += row.status.st_size
                rows.append(row)
        return rows

    def _to_hash(self, distributions: Sequence[Distribution]) -> Iterator[Wanted]:
        """Yield the files that are to be hashed; none outside of the environment."""
        for dist in distributions:
            compared = self._compared.get(dist.info_path)
            for row in compared.younger if compared else ():
                path = f"{dist.site_dir}/{row.path}"
                if is_digest(row.hash) and self._is_inside(path):
                    yield Wanted(path, row.hash, row.size, row.status.st_size)

    def _examine(self, dist: Distribution, row: Row, outside: list[str]) -> ChangedFile | None:
        """Read a file, unless it lies outside of the environment."""
        path = f"{dist.site_dir}/{row.path}"
        if not self._is_inside(path):
            outside.append(row.path)
            return None
        try:
            change = self._hashed_ahead.change_of(path, row.hash, row.size)
        except ReadError as error:
            self._gaps.append(Gap("INS", path, str(error)))
            return None
        if change is None or (change in {"size", "content"} and _is_script(path, row.path)):
            return None
        return ChangedFile(row.path, change, row.status.st_size, row.size, row.status.st_nlink > 1)

    def _is_inside(self, path: str) -> bool:
        """Say whether a file lies in the environment; of folders it is asked once where they lead."""
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            self._folders[folder] = f"{real(folder)}/"
        return (real(path) if is_link(path) else self._folders[folder]).startswith(self._inside)

    def _stated(self, dist: Distribution, files: Sequence[ChangedFile]) -> Stated | None:
        """Return the version that changed modules state, when they are of another release than the metadata."""
        modules = {file.path for file in files if file.path.endswith(".py")}
        if len(modules) < _OVERLAID_FILES:
            return None
        rows = {row[0]: row for row in self._claims[dist.site_dir].rows_of(dist.info_path)}
        candidates = version_files(rows, dist.top_level)
        for path in candidates:
            stated = stated_version(dist.site_dir, [path])
            if stated is None:
                continue
            if path not in modules and not self._is_changed(dist, rows[path]):
                return None  # what is as it was installed states the right version
            return stated if other_release(stated.version, dist.version) else None
        return None

    def _is_changed(self, dist: Distribution, row: Sequence[str]) -> bool:
        """Say whether a file that has the right size has other content."""
        try:
            return change_of(f"{dist.site_dir}/{row[0]}", row[1], size_of(row[2])) is not None
        except ReadError:
            return False


def _is_script(path: str, name: str) -> bool:
    """Say whether a file is a program whose first line the installer has written."""
    if not name.startswith(("bin/", "Scripts/")):
        return False
    try:
        return read_bytes(path)[:2] == b"#!"
    except ReadError:
        return False


def _gone(site_dir: str, missing: Iterable[str]) -> tuple[str, ...]:
    """Return the topmost folders that are not there, of files that are not."""
    known: dict[str, bool] = {}
    gone: set[str] = set()
    for path in missing:
        parts = path.split("/")[:-1]
        for end in range(1, len(parts) + 1):
            folder = "/".join(parts[:end])
            if folder not in known:
                known[folder] = exists(f"{site_dir}/{folder}")
            if not known[folder]:
                gone.add(folder)
                break
    return tuple(sorted(gone))
