"""Wheels whose table of contents lies: a failure, never a large read, another member's bytes or a crash."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.index import RemoteError
from envaudit.index.remote_file import LocalFile
from envaudit.index.remote_zip import Member, read_member, read_table
from envaudit.index.wheels import metadata_in
from tests.support.wheels import metadata_of, wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Opened = Callable[[bytes], LocalFile]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    def write(content: bytes) -> LocalFile:
        path = tmp_path / "wheel.whl"
        path.write_bytes(content)
        return LocalFile(path.as_uri())

    return write


def _all(content: bytes, opened: Opened) -> dict[str, bytes]:
    file = opened(content)
    return {member.name: b"".join(read_member(file, member, 10**8)) for member in read_table(file)}


def _plain(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_is_read_is_what_the_standard_library_reads(compression: int, opened: Opened) -> None:
    files = {"a/empty": b"", "a/zeros": bytes(3_000_000), "a/noise": os.urandom(200_000), "ünï/ß.py": b"x = 1\n"}
    content = wheel("demo", "1.0", ["numpy"], files, compression=compression)
    assert _all(content, opened) == _plain(content)
    assert metadata_in(opened(content)) == metadata_of(content)


def test_a_table_larger_than_the_tail_is_read_too(opened: Opened) -> None:
    content = wheel("demo", "1.0", files={f"a/{'x' * 60}{number}.py": b"" for number in range(1500)})
    assert len(_all(content, opened)) == 1503


def test_zip64_is_read(opened: Opened) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("demo-1.dist-info/METADATA", "w", force_zip64=True) as member:
            member.write(b"Name: demo\n" * 100)
        for number in range(66_000):  # more members than the old record can count
            archive.writestr(zipfile.ZipInfo(f"{number}"), b"")
    content = buffer.getvalue()
    assert b"PK\x06\x06" in content
    file = opened(content)
    assert len(read_table(file)) == 66_001
    assert metadata_in(file) == b"Name: demo\n" * 100


def test_sizes_and_places_of_zip64_are_read(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit into 32 bits stands in an extra field; here it is made to stand there at 100 bytes."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    files = {f"demo/{number}.py": os.urandom(500) for number in range(5)}
    content = wheel("demo", "1.0", ["numpy"], files)
    assert content.count(b"\xff\xff\xff\xff") >= 10
    assert _all(content, opened) == _plain(content)
    first = content.index(b"PK\x01\x02")
    extra = content.index(b"\x01\x00", first + 46)  # the kind of the field
    for damaged in (
        content[:extra] + b"\x02" + content[extra + 1 :],
        content[: extra + 2] + b"\x01" + content[extra + 3 :],
    ):
        with pytest.raises(RemoteError):
            _all(damaged, opened)


def test_members_written_without_seeking_are_read(opened: Opened) -> None:
    """The sizes then stand behind the member, and in the table."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.parts: list[bytes] = []

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.parts.append(bytes(data))
            return len(self.parts[-1])

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("demo-1.dist-info/METADATA", b"Name: demo\n")
    assert metadata_in(opened(b"".join(pipe.parts))) == b"Name: demo\n"


@pytest.fixture
def content() -> bytes:
    return wheel("demo", "1.0", files={"demo/a.py": b"a = 1\n" * 50, "demo/b.py": b"b = 2\n" * 50})


def _table(content: bytes) -> int:
    return int(struct.unpack_from("<I", content, len(content) - 6)[0])


def _changed(content: bytes, offset: int, form: str, value: int) -> bytes:
    data = bytearray(content)
    struct.pack_into(form, data, offset, value)
    return bytes(data)


def _end(content: bytes, offset: int, form: str, value: int) -> bytes:
    return _changed(content, len(content) - 22 + offset, form, value)


def _first(content: bytes, offset: int, form: str, value: int) -> bytes:
    return _changed(content, _table(content) + offset, form, value)


LIES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "no zip": lambda content: bytes(len(content)),
    "cut short": lambda content: content[:-30],
    "a long comment": lambda content: _end(content, 20, "<H", 5000),
    "more members than bytes": lambda content: _end(_end(content, 8, "<H", 60_000), 10, "<H", 60_000),
    "fewer members": lambda content: _end(_end(content, 8, "<H", 1), 10, "<H", 1),
    "two disks": lambda content: _end(content, 4, "<H", 1),
    "a table elsewhere": lambda content: _end(content, 16, "<I", 0),
    "a table past the end": lambda content: _end(content, 16, "<I", 0xFFFFFFF0),
    "a huge table": lambda content: _end(content, 12, "<I", 0x7FFFFFFF),
    "zip64 without a locator": lambda content: _end(content, 16, "<I", 0xFFFFFFFF),
    "a member of 4 GB": lambda content: _first(content, 24, "<I", 0xFFFFFFF0),
    "a packed member of 4 GB": lambda content: _first(content, 20, "<I", 0xFFFFFFF0),
    "zip64 sizes that are missing": lambda content: _first(content, 24, "<I", 0xFFFFFFFF),
    "another checksum": lambda content: _first(content, 16, "<I", 1),
    "a smaller size": lambda content: _first(content, 24, "<I", 5),
    "an unknown method": lambda content: _first(content, 10, "<H", 14),
    "another method": lambda content: _first(content, 10, "<H", 0),
    "encrypted": lambda content: _first(content, 8, "<H", 1),
    "in the table itself": lambda content: _first(content, 42, "<I", _table(content)),
    "past the end": lambda content: _first(content, 42, "<I", 0xFFFFFFF0),
    "the place of another": lambda content: _first(
        content, 42, "<I", struct.unpack_from("<I", content, content.index(b"demo/b.py", _table(content)) - 4)[0]
    ),
    "a long name": lambda content: _first(content, 28, "<H", 60_000),
    "no mark": lambda content: _first(content, 0, "<I", 0),
    "another name in its own header": lambda content: content.replace(b"demo/a.py", b"demo/x.py", 1),
    "two of one name": lambda content: content.replace(b"demo/b.py", b"demo/a.py"),
    "damaged data": lambda content: content[:45] + bytes([content[45] ^ 0xFF]) + content[46:],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_a_failure(lie: str, content: bytes, opened: Opened) -> None:
    lying = LIES[lie](content)
    assert lying != content
    with pytest.raises(RemoteError):
        _all(lying, opened)


def test_nothing_beyond_the_limit_is_unpacked(opened: Opened) -> None:
    """A member of 50 MB of zeros takes 50 kB: it is refused by its size, and by what it unpacks to when that lies."""
    content = wheel("demo", "1.0", files={"demo/zeros": bytes(50_000_000)})
    file = opened(content)
    (member,) = (member for member in read_table(file) if member.name == "demo/zeros")
    with pytest.raises(RemoteError, match="more than the 1000000 read"):
        list(read_member(file, member, 1_000_000))
    small = _changed(_first(content, 24, "<I", 1000), 22, "<I", 1000)
    file = opened(small)
    (member,) = (member for member in read_table(file) if member.name == "demo/zeros")
    pieces: list[bytes] = []
    with pytest.raises(RemoteError, match="damaged"):
        pieces.extend(read_member(file, member, 1_000_000))
    assert sum(map(len, pieces)) <= 1000


def test_random_damage_never_leads_to_anything_else(content: bytes, opened: Opened) -> None:
    """Each of 3,000 damaged wheels is read as it was, or refused."""
    right = _plain(content)
    chance = random.Random(2)
    refused = 0
    for _ in range(3000):
        data = bytearray(content)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            found = _all(bytes(data), opened)
        except RemoteError:
            refused += 1
            continue
        assert sorted(found.values()) == sorted(right.values())
    assert refused > 1000


def test_a_wheel_without_metadata_or_with_two_is_refused(opened: Opened) -> None:
    without = wheel("demo", "1.0").replace(b".dist-info/METADATA", b".dist-info/METADATX")
    with pytest.raises(RemoteError, match="0 files METADATA"):
        metadata_in(opened(without))
    two = wheel("demo", "1.0", files={"other-1.dist-info/METADATA": b""})
    with pytest.raises(RemoteError, match="2 files METADATA"):
        metadata_in(opened(two))


def test_a_member_is_not_looked_for_outside_the_file(opened: Opened) -> None:
    file = opened(b"PK\x03\x04" + bytes(100))
    with pytest.raises(RemoteError):
        list(read_member(file, Member("x", 0, 0, 0, 10**6, 10**6, 0, 10**7), 10**7))
