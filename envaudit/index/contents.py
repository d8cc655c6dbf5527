"""What a wheel on an index would install, as far as it is read: its sources and metadata, and its compiled files.

Everything that was found out about a wheel is kept by its sha256. Limits hold for a wheel and for a run; what is beyond
them is not read, and whoever asks has to say so.
"""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import threading
import zipfile
import zlib
from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary import Code, read_binary
from envaudit.binary.stored import Stored, WrongFormError, reader_version
from envaudit.errors import ReadError
from envaudit.index.ahead import Ahead
from envaudit.index.failure import RemoteError
from envaudit.index.remote_zip import read_member, read_table
from envaudit.index.wheels import compiled_members

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from envaudit.index.client import Index
    from envaudit.index.remote_zip import Member
    from envaudit.index.values import IndexFile
    from envaudit.model import BinaryFacts

SOURCES_LIMIT = 48 * 1024 * 1024  # compressed bytes of the sources of a wheel
SOURCE_LIMIT = 16 * 1024 * 1024  # bytes of one source, unpacked
UNPACKED_LIMIT = 128 * 1024 * 1024  # bytes of all sources of a wheel, unpacked
COMPILED_LIMIT = 64 * 1024 * 1024  # compressed bytes of the compiled files of a wheel
MODULE_LIMIT = 256 * 1024 * 1024  # bytes of one compiled file, unpacked
RUN_LIMIT = 512 * 1024 * 1024  # compressed bytes of all wheels of a run
TREE_LIMIT = 2 * 1024 * 1024 * 1024  # bytes of all sources of a run, unpacked
_SOURCES = "wheel-sources-1"
_INFO = re.compile(r"[^/]+\.dist-info/(?:METADATA|WHEEL|RECORD|entry_points\.txt|top_level\.txt)")
_HEADER = re.compile(r"(?:^|/)_numpyconfig\.h$|(?:^|/)numpyconfig\.h$")
_PLACED = re.compile(r"[^/]+\.data/(?:purelib|platlib)/(.+)", re.DOTALL)


class Room:
    """How many bytes may still be read in this run, by several threads."""

    def __init__(self, size: int = RUN_LIMIT) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Say whether there is room for so many bytes, and keep it."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True


class Contents(NamedTuple):
    """What was read of a wheel.

    ``files`` are texts by their place in the site folder; compiled files are among them, without content. ``compiled``
    are the facts of those that were read, ``unread`` why others were not: it is empty when all were.
    """

    files: tuple[tuple[str, bytes], ...]
    compiled: tuple[tuple[str, BinaryFacts], ...] = ()
    unread: str = ""


def read_contents(index: Index, file: IndexFile, code: Code, room: Room, *, compiled: bool = True) -> Contents:
    """Read sources and metadata, and with ``compiled`` what its compiled files say; raises ``RemoteError``."""
    kept = index.lasting(_SOURCES, file)
    files = _unpacked(kept) if kept is not None else None
    members: tuple[Member, ...] = ()
    if files is None:
        remote = index.open(file)
        members = read_table(remote)
        wanted = [each for each in members if _is_wanted(each)]
        if sum(each.compressed for each in wanted) > SOURCES_LIMIT or sum(m.size for m in wanted) > UNPACKED_LIMIT:
            raise RemoteError(file.url, "its sources are too large to be read", "too-large")
        if not room.take(sum(each.compressed for each in wanted)):
            raise RemoteError(file.url, f"more than the {RUN_LIMIT >> 20} MiB that are read in one run", "too-large")
        ahead = Ahead(remote, wanted)
        read = [(each.name, b"".join(read_member(ahead, each, SOURCE_LIMIT))) for each in wanted]
        files = (*read, *((each.name, b"") for each in compiled_members(members)))
        index.keep(_SOURCES, file, _packed(files))
    placed = tuple((place, text) for name, text in files if (place := _place(name)))
    if not compiled or not any(_is_compiled(name) for name, _ in files):
        return Contents(placed)
    found, unread = _modules(index, file, members, code, room)
    return Contents(placed, found, unread)


def _modules(
    index: Index, file: IndexFile, members: tuple[Member, ...], code: Code, room: Room
) -> tuple[tuple[tuple[str, BinaryFacts], ...], str]:
    """Return the facts of the compiled files, the smallest first, and why not all of them were read."""
    kind = f"wheel-modules-2 {reader_version()} {code} {COMPILED_LIMIT}"
    kept = index.lasting(kind, file)
    known = _facts_of(kept) if kept is not None else None
    if known is not None:
        return known
    remote = index.open(file)
    every = [each for each in compiled_members(members or read_table(remote)) if _place(each.name)]
    wanted, unread = _within_limits(every)
    if not room.take(sum(each.compressed for each in wanted)):
        return (), f"more than the {RUN_LIMIT >> 20} MiB that are read in one run"
    found: list[tuple[str, BinaryFacts]] = []
    for member in wanted:  # one after the other, so that no more than one is in memory
        try:
            found.append((_place(member.name), _facts(b"".join(read_member(remote, member, MODULE_LIMIT)), code)))
        except RemoteError:
            raise
        except ReadError as error:
            unread = unread or f"{member.name}: {error}"
    plain = [unread, {place: Stored(facts, explained=True).dump() for place, facts in found}]
    index.keep(kind, file, json.dumps(plain).encode("utf-8", "surrogatepass"))
    return tuple(found), unread


def _within_limits(members: Sequence[Member]) -> tuple[list[Member], str]:
    """Return those that are read, and why others are not."""
    taken: list[Member] = []
    total = 0
    for member in members:  # from small to large
        total += member.compressed
        if total > COMPILED_LIMIT or member.size > MODULE_LIMIT:
            break
        taken.append(member)
    left = members[len(taken) :]
    if not left:
        return taken, ""
    size = sum(each.compressed for each in left) >> 20
    return taken, f"{len(left)} of {len(members)} compiled files were not read: with {size} MiB they are too large"


def _facts(content: bytes, code: Code) -> BinaryFacts:
    with tempfile.TemporaryDirectory(prefix="envaudit-") as folder:
        path = os.path.join(folder, "module")
        with open(path, "wb") as unpacked:
            unpacked.write(content)
        return read_binary(path, code)


def _facts_of(kept: bytes) -> tuple[tuple[tuple[str, BinaryFacts], ...], str] | None:
    try:
        unread, plain = json.loads(kept)
        return tuple((str(place), Stored.load(text).facts) for place, text in plain.items()), str(unread)
    except (ValueError, TypeError, AttributeError, WrongFormError, RecursionError):
        return None


# --- members and places ---------------------------------------------------------------------------------------------


def _is_wanted(member: Member) -> bool:
    name = member.name
    if member.size > SOURCE_LIMIT:
        return False
    return name.endswith(".py") or _INFO.fullmatch(name) is not None or _HEADER.search(name) is not None


def _is_compiled(name: str) -> bool:
    return name.endswith((".so", ".pyd", ".dylib")) or ".so." in name


def _place(name: str) -> str:
    """Return where an installer would put a member below the site folder; empty for anywhere else."""
    match = _PLACED.fullmatch(name)
    if match is None and name.partition("/")[0].endswith(".data"):
        return ""
    place = match[1] if match else name
    parts = place.split("/")
    odd = "\\" in place or "\0" in place or ":" in place or len(place) > 512 or any(len(part) > 200 for part in parts)
    return "" if odd or any(part in {"", ".", ".."} for part in parts) else place


class Tree:
    """A folder of our own in which the sources of several wheels lie as if they were installed; threads may share it.

    Of two wheels with a file of the same place, the one whose name comes first has it, whichever was read first.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._owners: dict[str, str] = {}
        self._room = Room(TREE_LIMIT)
        self._lock = threading.Lock()

    def add(self, name: str, files: Iterable[tuple[str, bytes]]) -> bool:
        """Write the files of a wheel; say whether there was room for them. Raises ``OSError``."""
        files = tuple(files)
        if not self._room.take(sum(len(content) for _, content in files)):
            return False
        for place, content in files:
            with self._lock:
                if self._owners.get(place, name) < name:
                    continue
                self._owners[place] = name
            self._write(place, content)
        return True

    def _write(self, place: str, content: bytes) -> None:
        path = os.path.join(self.folder, *place.split("/"))
        try:
            with open(path, "wb") as stream:
                stream.write(content)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as stream:
                stream.write(content)


def _packed(files: Sequence[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for name, content in dict(files).items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _unpacked(kept: bytes) -> tuple[tuple[str, bytes], ...] | None:
    """Return what was kept; it is our own, and sealed."""
    try:
        with zipfile.ZipFile(io.BytesIO(kept)) as archive:
            return tuple((each.filename, archive.read(each)) for each in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, zlib.error, RuntimeError):
        return None
