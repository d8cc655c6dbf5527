"""What the compiled files of a wheel on an index need of NumPy: as few of them as tell it, the smallest first."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary import read_binary
from envaudit.errors import ReadError
from envaudit.index.failure import RemoteError
from envaudit.index.remote_zip import read_member, read_table
from envaudit.index.wheels import compiled_members

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.index.remote_file import PartedFile
    from envaudit.index.remote_zip import Member
    from envaudit.model import BuildClass, NumpyNeed

MEMBER_LIMIT = 40 * 1024 * 1024  # compressed bytes of a file that is read
SIZE_LIMIT = 256 * 1024 * 1024  # bytes of such a file
COUNT_LIMIT = 150
TOTAL_LIMIT = 64 * 1024 * 1024  # compressed bytes of all files that are read of one wheel


class WheelClass(NamedTuple):
    """What a wheel was built for, the file that shows it, and how much was read.

    The classes are those of ``PredictedBuild``.
    """

    numpy_class: BuildClass
    file: str
    files_read: int
    bytes_read: int


def class_of_need(need: NumpyNeed | None) -> BuildClass | None:
    """Return the class that one compiled file shows, ``None`` when it shows none."""
    if need is None or need.built_for == "unknown":
        return None
    if need.built_for in {"2.x", "both"}:
        return "2"
    if need.kind != "by-name":
        return "1.x"
    return {"pybind11": "pybind11", "rust": "rust"}.get(need.framework, "by-name")  # type: ignore[return-value]


def classify_wheel(file: PartedFile) -> WheelClass:
    """Read compiled files of a wheel until one tells its class; raises ``RemoteError`` when that is not to be known.

    A file that finds NumPy by name does not end the search: another one of the same wheel may refuse NumPy.
    """
    members = compiled_members(read_table(file))
    read = total = 0
    by_name: tuple[BuildClass, str] | None = None
    unread = ""
    for member in members:
        if read == COUNT_LIMIT or member.compressed > MEMBER_LIMIT or total + member.compressed > TOTAL_LIMIT:
            unread = f"{len(members) - read} of {len(members)} compiled files are too large or too many to be read"
            break
        read += 1
        total += member.compressed
        try:
            found = class_of_need(_need(file, member))
        except RemoteError:
            raise
        except ReadError as error:
            unread = f"{member.name}: {error}"
            continue
        if found in {"1.x", "2"}:
            return WheelClass(found, member.name, read, total)
        if found is not None and by_name is None:
            by_name = found, member.name
    if by_name is not None:
        return WheelClass(*by_name, read, total)
    if unread:
        raise RemoteError(file.address, unread, "too-large")
    return WheelClass("none", "", read, total)


def worst_class(classes: Iterable[BuildClass]) -> BuildClass:
    """Return the class of a distribution from those of its files."""
    order: tuple[BuildClass, ...] = ("1.x", "pybind11", "rust", "by-name", "2", "none")
    return min(classes, key=order.index, default="none")


def _need(file: PartedFile, member: Member) -> NumpyNeed | None:
    """Unpack one compiled file to disk and read it; raises ``RemoteError``, or ``ReadError`` when it is none."""
    with tempfile.TemporaryDirectory(prefix="envaudit-") as folder:
        path = os.path.join(folder, "module")
        with open(path, "wb") as unpacked:
            unpacked.writelines(read_member(file, member, SIZE_LIMIT))
        facts = read_binary(path)
    if facts.numpy_unread:
        raise ReadError(facts.numpy_unread)
    return facts.numpy
