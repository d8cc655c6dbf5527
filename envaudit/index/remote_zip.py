"""The table of contents of a zip file and single members of it, read from parts of the file and believed in nothing.

A wheel is a zip file whose table of contents stands at its end. Every number in it is checked before it is used: a
table that lies leads to a ``RemoteError``, never to a large read, an endless loop or the bytes of another member.
"""

from __future__ import annotations

import zlib
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from envaudit.index.failure import RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.index.remote_file import PartedFile

TAIL = 64 * 1024  # bytes that are read first; they hold the whole table of most wheels
TABLE_LIMIT = 32 * 1024 * 1024
MEMBER_COUNT_LIMIT = 200_000
_END = Struct("<4sHHHHIIH")
_END_MARK = b"PK\x05\x06"
_LOCATOR = Struct("<4sIQI")
_LOCATOR_MARK = b"PK\x06\x07"
_END64 = Struct("<4sQHHIIQQQQ")
_END64_MARK = b"PK\x06\x06"
_ENTRY = Struct("<4s6H3I5H2I")
_ENTRY_MARK = b"PK\x01\x02"
_LOCAL = Struct("<4s5H3I2H")
_LOCAL_MARK = b"PK\x03\x04"
_SLACK = 128  # bytes of extra fields that are read along with a member
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED, _SIZES_LATER = 0x1, 0x8
_CHUNK = 1024 * 1024


class Member(NamedTuple):
    """One file in the archive; sizes in bytes. ``offset`` is that of its own header, ``end`` that of what follows."""

    name: str
    method: int
    flags: int
    crc: int
    compressed: int
    size: int
    offset: int
    end: int


def read_table(file: PartedFile) -> tuple[Member, ...]:
    """Return the members in the order of the table; raises ``RemoteError``."""
    tail, size = file.tail(TAIL)
    position = _find_end(tail)
    if position is None:
        raise _bad(file, "it has no table of contents: no zip file, or cut short")
    stated = _END.unpack_from(tail, position)[1:7]
    disk, table_disk, here, count, length, offset = stated
    end = size - len(tail) + position
    if _FULL16 in stated[:4] or _FULL32 in stated[4:] or tail[: position - 16].endswith(_LOCATOR_MARK):
        *large, end = _end64(file, tail, position, end)
        if any(small not in {value, _FULL16, _FULL32} for small, value in zip(stated, large, strict=True)):
            raise _bad(file, "its two tables of contents differ")
        disk, table_disk, here, count, length, offset = large
    if disk or table_disk or here != count:
        raise _bad(file, "its table of contents is in several parts")
    if count > MEMBER_COUNT_LIMIT or length > TABLE_LIMIT:
        raise RemoteError(
            file.address, f"a table of {count} members in {length} bytes, too large to be read", "too-large"
        )
    if offset + length != end or count * _ENTRY.size > length:
        raise _bad(file, "its table of contents is not where it says")
    start = offset - (size - len(tail))
    table = tail[start : start + length] if start >= 0 else file.read(offset, length)
    return _with_ends(tuple(_members(file, table, count)), offset)


def _find_end(tail: bytes) -> int | None:
    """Return where the end record starts: the last one whose comment ends with the file."""
    position = tail.rfind(_END_MARK)
    while position >= 0:
        if position + _END.size <= len(tail):
            comment = _END.unpack_from(tail, position)[7]
            if position + _END.size + comment == len(tail):
                return position
        position = tail.rfind(_END_MARK, 0, position)
    return None


def _end64(file: PartedFile, tail: bytes, position: int, end: int) -> tuple[int, int, int, int, int, int, int]:
    """Read the end record of zip64, which a locator directly before the other one leads to."""
    before = position - _LOCATOR.size
    if before < 0:
        raise _bad(file, "its table of contents is not where it says")
    mark, _, where, disks = _LOCATOR.unpack_from(tail, before)
    if mark != _LOCATOR_MARK or disks > 1 or where + _END64.size > end - _LOCATOR.size:
        raise _bad(file, "its zip64 table of contents is not where it says")
    fields = _END64.unpack(file.read(where, _END64.size))
    if fields[0] != _END64_MARK or where + 12 + fields[1] != end - _LOCATOR.size:
        raise _bad(file, "its zip64 table of contents is not where it says")
    _, _, _, _, disk, table_disk, here, count, length, offset = fields
    return disk, table_disk, here, count, length, offset, where


def _members(file: PartedFile, table: bytes, count: int) -> Iterator[Member]:
    position = 0
    seen: set[str] = set()
    for _ in range(count):
        if position + _ENTRY.size > len(table):
            raise _bad(file, "its table of contents ends too early")
        fields = _ENTRY.unpack_from(table, position)
        mark, flags, method, crc, compressed, size = fields[0], fields[3], fields[4], *fields[7:10]
        lengths = fields[10:13]
        end = position + _ENTRY.size + sum(lengths)
        if mark != _ENTRY_MARK or end > len(table):
            raise _bad(file, "its table of contents is damaged")
        raw = table[position + _ENTRY.size : position + _ENTRY.size + lengths[0]]
        extra = table[position + _ENTRY.size + lengths[0] : position + _ENTRY.size + lengths[0] + lengths[1]]
        offset = fields[16]
        size, compressed, offset = _from_extra(file, extra, size, compressed, offset)
        name = raw.decode("utf-8" if flags & 0x800 else "cp437", "replace")
        if name in seen:
            raise _bad(file, f"it has two members {name!r}")
        seen.add(name)
        yield Member(name, method, flags, crc, compressed, size, offset, 0)
        position = end
    if position != len(table):
        raise _bad(file, "its table of contents has more than it counts")


def _from_extra(file: PartedFile, extra: bytes, *values: int) -> tuple[int, int, int]:
    """Replace the values (size, compressed size, offset) that do not fit into 32 bits by those of zip64."""
    if _FULL32 not in values:
        size, compressed, offset = values
        return size, compressed, offset
    position = 0
    while position + 4 <= len(extra):
        kind = int.from_bytes(extra[position : position + 2], "little")
        length = int.from_bytes(extra[position + 2 : position + 4], "little")
        if kind == 1:
            data = extra[position + 4 : position + 4 + length]
            wanted = [index for index, value in enumerate(values) if value == _FULL32]
            if len(data) < 8 * len(wanted):
                break
            found = list(values)
            for number, index in enumerate(wanted):
                found[index] = int.from_bytes(data[8 * number : 8 * number + 8], "little")
            return found[0], found[1], found[2]
        position += 4 + length
    raise _bad(file, "a member of zip64 without its sizes")


def _with_ends(members: tuple[Member, ...], table: int) -> tuple[Member, ...]:
    """Add where each member must have ended: where the next one starts, or the table."""
    starts = sorted({member.offset for member in members})
    following = dict(zip(starts, (*starts[1:], table), strict=False))
    return tuple(member._replace(end=following[member.offset]) for member in members)


def read_member(file: PartedFile, member: Member, limit: int) -> Iterator[bytes]:
    """Yield the content of a member in pieces of at most 1 MiB; raises ``RemoteError``, also at its end.

    Nothing is yielded beyond ``limit`` bytes. What was yielded is right only when the end was reached: size and
    checksum are compared there.
    """
    if member.size > limit:
        raise RemoteError(
            file.address, f"{member.name} has {member.size} bytes, more than the {limit} read", "too-large"
        )
    if member.flags & _ENCRYPTED or member.method not in {0, 8}:
        raise _bad(file, f"{member.name} is encrypted or packed in an unusual way")
    data = _packed(file, member)
    crc = total = 0
    for piece in _stored(data) if member.method == 0 else _inflated(file, member, data):
        total += len(piece)
        if total > member.size:
            break
        crc = zlib.crc32(piece, crc)
        yield piece
    if total != member.size or crc != member.crc:
        raise _bad(file, f"{member.name} is damaged: another size or checksum than the table of contents states")


def _packed(file: PartedFile, member: Member) -> bytes:
    """Return the compressed bytes, found by the member's own header, which must agree with the table."""
    name = len(member.name.encode("utf-8" if member.flags & 0x800 else "cp437", "replace"))
    room = member.end - member.offset
    if room < _LOCAL.size + name + member.compressed:
        raise _bad(file, f"{member.name} has no room where the table of contents says that it is")
    start = file.read(member.offset, min(room, _LOCAL.size + name + _SLACK + member.compressed))
    mark, _, flags, method, _, _, _, compressed, size, name_length, extra_length = _LOCAL.unpack_from(start)
    agrees = mark == _LOCAL_MARK and method == member.method and name_length == name and not flags & _ENCRYPTED
    own = start[_LOCAL.size : _LOCAL.size + name_length].decode("utf-8" if flags & 0x800 else "cp437", "replace")
    later = flags & _SIZES_LATER or _FULL32 in {compressed, size}
    if not agrees or own != member.name or (not later and (compressed, size) != (member.compressed, member.size)):
        raise _bad(file, f"{member.name} is another member than the table of contents says")
    begin = _LOCAL.size + name_length + extra_length
    if begin + member.compressed > room:
        raise _bad(file, f"{member.name} has no room where the table of contents says that it is")
    if begin + member.compressed > len(start):
        return file.read(member.offset + begin, member.compressed)
    return start[begin : begin + member.compressed]


def _stored(data: bytes) -> Iterator[bytes]:
    return (data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK))


def _inflated(file: PartedFile, member: Member, data: bytes) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-15)
    try:
        while data and not inflate.eof:
            piece = inflate.decompress(data, _CHUNK)
            data = inflate.unconsumed_tail
            if piece:
                yield piece
        piece = inflate.flush() if not inflate.eof else b""
    except zlib.error as error:
        raise _bad(file, f"{member.name} is damaged: {error}") from error
    if piece:
        yield piece


def _bad(file: PartedFile, why: str) -> RemoteError:
    return RemoteError(file.address, why, "wrong")
