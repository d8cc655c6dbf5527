"""Which files of a distribution are not as its RECORD left them: gone, of another size, or written later.

RECORD is written last: what was written later than that was written by somebody else. Neither is any content read here,
nor is a change noticed that leaves size and time as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import statuses
from envaudit.scan.record import depth_below_prefix, list_files, size_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from envaudit.model import Distribution
    from envaudit.scan.record import Listed


class Row(NamedTuple):
    """One line of RECORD and the status of its file."""

    path: str
    hash: str
    size: int | None
    status: os.stat_result


class Differing(NamedTuple):
    """The lines of one RECORD whose files are not there, of another size, or written later than ``limit`` (seconds)."""

    missing: list[str]
    resized: list[Row]
    younger: list[Row]


def time_of_record(dist: Distribution) -> float | None:
    """Return when RECORD was written, in seconds; ``None`` when it is not there."""
    (own,) = statuses(dist.info_path, ["RECORD"])
    return own.st_mtime if own is not None else None


def look_at(dist: Distribution, listed: Listed, limit: float) -> Differing:
    """Compare size and time of every file, in a loop that does nothing else for a file that is as it should be."""
    missing: list[str] = []
    resized: list[Row] = []
    younger: list[Row] = []
    info = dist.info_path.rpartition("/")[2] + "/"
    for path, digest, size, status in zip(*listed, statuses(dist.site_dir, listed.paths), strict=True):
        if status is None:
            missing.append(path)
        elif size and str(status.st_size) != size:
            if size_of(size) not in {None, status.st_size} and not path.startswith((info, "..")):
                resized.append(Row(path, digest, size_of(size), status))
        elif status.st_mtime > limit and digest and not path.startswith((info, "..")):
            younger.append(Row(path, digest, size_of(size), status))
    return Differing(missing, resized, younger)


def print_of(missing: Iterable[str], rows: Iterable[Row]) -> str:
    """Return a text that tells what differs, and changes when it does; empty when nothing does."""
    found = [f"{path} is not there" for path in missing]
    found += [f"{row.path} {row.status.st_size} {row.status.st_mtime_ns}" for row in rows]
    if not found:
        return ""
    import hashlib  # noqa: PLC0415  of hardly any distribution something differs

    return hashlib.sha256("\0".join(found).encode("utf-8", "backslashreplace")).hexdigest()


def print_of_files(dist: Distribution, record: bytes) -> str | None:
    """Return ``print_of`` all that differs from a RECORD, ``None`` when that cannot be told."""
    limit = time_of_record(dist)
    try:
        listed = list_files(record, depth_below_prefix(dist.site_dir))
    except ReadError:
        return None
    if limit is None:
        return None
    differing = look_at(dist, listed, limit)
    return print_of(differing.missing, (*differing.resized, *differing.younger))
