"""Files that several distributions say are theirs, and whose content is on disk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import read_bytes, statuses
from envaudit.model_installed import Claim, SharedFile
from envaudit.scan.content import change_of, is_digest
from envaudit.scan.record import size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.scan.record import Listed

# A module that only says that its folder is shared, as every distribution of a namespace brings one.
_NAMESPACE = re.compile(rb"extend_path|declare_namespace")
_NAMESPACE_LIMIT = 2048  # bytes; azure, google and zope need less than 500
# The largest file that is read to see whose it is: two files of exactly one size are rare, and never large ones.
_HASH_LIMIT = 64 * 1024 * 1024


class Claims:
    """Collects who claims what in one site folder."""

    def __init__(self, site_dir: str) -> None:
        self._site_dir = site_dir
        self._owners: dict[str, int] = {}
        self._listed: list[tuple[str, Listed]] = []
        self._twice: dict[str, list[int]] = {}

    def add(self, owner: str, listed: Listed) -> None:
        """Take note of what a RECORD lists."""
        index = len(self._listed)
        self._listed.append((owner, listed))
        paths = listed.paths
        if not self._owners.keys().isdisjoint(paths):
            for path in dict.fromkeys(paths):
                if path in self._owners:
                    self._twice.setdefault(path, [self._owners[path]]).append(index)
        self._owners.update(dict.fromkeys(paths, index))

    def rows_of(self, owner: str) -> list[tuple[str, str, str]]:
        """Return path, hash and size of every line of one RECORD."""
        return [row for name, listed in self._listed if name == owner for row in zip(*listed, strict=True)]

    def claimed(self, path: str) -> bool:
        """Say whether a RECORD lists a file."""
        return path in self._owners

    def shared(self) -> Iterator[SharedFile]:
        """Yield the files with claims that differ, by path."""
        wanted: dict[int, set[str]] = {}
        for path, owners in self._twice.items():
            for index in owners:
                wanted.setdefault(index, set()).add(path)
        rows = {
            (index, row[0]): row
            for index, paths in wanted.items()
            for row in zip(*self._listed[index][1], strict=True)
            if row[0] in paths
        }
        for path, owners in sorted(self._twice.items()):
            claims = tuple(
                Claim(self._listed[index][0], rows[index, path][1], size_of(rows[index, path][2])) for index in owners
            )
            if _differ(claims):
                file = self._judge(path, claims)
                if file is not None:
                    yield file

    def _judge(self, path: str, claims: tuple[Claim, ...]) -> SharedFile | None:
        """Find out whose content is on disk; ``None`` where it does not matter."""
        (status,) = statuses(self._site_dir, [path])
        if status is None:
            return SharedFile(path, self._site_dir, claims)  # that it is missing is said elsewhere
        fitting = [claim for claim in claims if claim.size in {None, status.st_size}]
        if len(fitting) > 1 and status.st_size <= _HASH_LIMIT:
            fitting = [claim for claim in fitting if self._is(path, claim)]
        winner = fitting[0].owner if len(fitting) == 1 else ""
        if path.endswith("/__init__.py") and self._of_namespace(path, claims, winner):
            return None
        return SharedFile(path, self._site_dir, claims, winner)

    def _is(self, path: str, claim: Claim) -> bool:
        try:
            return change_of(f"{self._site_dir}/{path}", claim.hash, claim.size) is None
        except ReadError:
            return False

    def _of_namespace(self, path: str, claims: tuple[Claim, ...], winner: str) -> bool:
        """Say whether all but the file on disk are too small to be more than the mark of a shared folder.

        A folder with an empty module, with one that declares a namespace and with one that has content works with any
        of the three that has the most content.
        """
        others = [claim for claim in claims if claim.owner != winner]
        if not winner or any(claim.size is None or claim.size > _NAMESPACE_LIMIT for claim in others):
            return False
        if all(not claim.size for claim in others):
            return True
        try:
            text = read_bytes(f"{self._site_dir}/{path}", _NAMESPACE_LIMIT)
        except ReadError:
            return False
        return _NAMESPACE.search(text) is not None or not _has_code(text)


def _has_code(text: bytes) -> bool:
    """Say whether a short module holds more than comments and a text."""
    if text.strip()[:3] in {b'"""', b"'''"} and text.strip()[3:].rstrip().endswith(text.strip()[:3]):
        return text.count(text.strip()[:3]) > 2
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in text.splitlines())


def _differ(claims: Sequence[Claim]) -> bool:
    """Say whether claims contradict each other; one without hash and size contradicts nothing."""
    hashes = {claim.hash for claim in claims if is_digest(claim.hash)}
    kinds = {digest.partition("=")[0] for digest in hashes}
    sizes = {claim.size for claim in claims if claim.size is not None}
    return (len(hashes) > 1 and len(kinds) == 1) or len(sizes) > 1
