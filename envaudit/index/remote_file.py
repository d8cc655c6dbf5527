"""A file on an index that is read in parts, so that a wheel of a gigabyte costs as little as what is looked at."""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from envaudit.errors import ReadError
from envaudit.files import open_regular, reason
from envaudit.index.failure import RemoteError

if TYPE_CHECKING:
    from envaudit.index.clock import Deadline
    from envaudit.index.transport import Answer, Transport

PART_LIMIT = 64 * 1024 * 1024  # bytes of one part
WHOLE_LIMIT = 16 * 1024 * 1024  # bytes of a file from a server that does not send parts
BUDGET = 96 * 1024 * 1024  # bytes of one file in all
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


class PartedFile(Protocol):
    """A file of which parts can be read; all methods raise ``RemoteError``."""

    address: str

    def tail(self, length: int) -> tuple[bytes, int]:
        """Return the last bytes, at most ``length`` of them, and the size of the whole file."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly ``length`` bytes."""
        ...


class RemoteFile:
    """A file behind HTTP. A server that answers with the whole file is put up with when the file is small.

    A digest can only be compared when the whole file was sent; of parts, the zip file's own checksums are.
    """

    def __init__(
        self, transport: Transport, address: str, deadline: Deadline, *, size: int | None = None, sha256: str = ""
    ) -> None:
        self.address = address
        self.bytes_read = 0
        self._transport = transport
        self._deadline = deadline
        self._size = size
        self._stated = size
        self._etag = ""
        self._sha256 = sha256
        self._whole: bytes | None = None

    def tail(self, length: int) -> tuple[bytes, int]:
        """Return the last bytes and the size; asks for the end when the index did not tell the size."""
        if self._size is None and self._whole is None:
            answer = self._ask(f"bytes=-{length}", length)
            if answer.status == 206:
                start, data, size = self._part(answer, None, length)
                if start + len(data) != size:
                    raise self._wrong("the part is not the end that was asked for")
                return data, size
        size = len(self._whole) if self._whole is not None else self._size or 0
        start = max(0, size - length)
        return self.read(start, size - start), size

    def read(self, offset: int, length: int) -> bytes:
        """Return a part."""
        size = len(self._whole) if self._whole is not None else self._size
        if offset < 0 or length < 0 or (size is not None and offset + length > size):
            raise self._wrong(f"{length} bytes at offset {offset} lie outside the file of {size} bytes")
        if length > PART_LIMIT:
            raise RemoteError(self.address, f"{length} bytes, more than the {PART_LIMIT} read at once", "too-large")
        if length == 0:
            return b""
        if self._whole is None:
            answer = self._ask(f"bytes={offset}-{offset + length - 1}", length)
            if answer.status == 206:
                return self._part(answer, offset, length)[1]
        whole = self._whole or b""
        if offset + length > len(whole):
            raise self._wrong(f"{length} bytes at offset {offset} lie outside the file of {len(whole)} bytes")
        return whole[offset : offset + length]

    def _ask(self, wanted: str, length: int) -> Answer:
        """Ask for a part; an answer with the whole file is kept for the next."""
        if self.bytes_read + length > BUDGET:
            raise RemoteError(self.address, f"more than the {BUDGET} bytes that are read of one file", "too-large")
        headers = {"Range": wanted, "Accept-Encoding": "identity"}
        answer = self._transport.get(self.address, length, self._deadline, headers, whole=WHOLE_LIMIT)
        self.bytes_read += len(answer.body)
        if answer.status == 416:
            raise self._wrong("the server says that there is no such part")
        if answer.status == 200:
            if self._stated is not None and len(answer.body) != self._stated:
                raise self._wrong(f"{len(answer.body)} bytes, and the index states {self._stated}")
            if self._sha256 and hashlib.sha256(answer.body).hexdigest() != self._sha256:
                raise self._wrong("its sha256 is not the one that the index states")
            self._whole = answer.body
        return answer

    def _part(self, answer: Answer, offset: int | None, length: int) -> tuple[int, bytes, int]:
        """Check that a part is the one that was asked for, of the same file as before; also returns the file's size."""
        match = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
        if match is None:
            raise self._wrong("it sends a part and does not say which")
        first, last, size = (int(number) for number in match.groups())
        if self._size is not None and size != self._size:
            raise self._wrong(f"the file has {size} bytes, and {self._size} were stated before")
        etag = answer.headers.get("etag", "")
        if self._etag and etag != self._etag:
            raise self._wrong("the file changed while it was read")
        exact = len(answer.body) == last - first + 1 <= length and last < size
        if not exact or (offset is not None and (first != offset or len(answer.body) != length)):
            raise self._wrong("it sends another part than was asked for")
        self._size, self._etag = size, etag
        return first, answer.body, size

    def _wrong(self, why: str) -> RemoteError:
        return RemoteError(self.address, why, "wrong")


class LocalFile:
    """A file of this machine, of an index that is a folder."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._path = local_path(address)

    def tail(self, length: int) -> tuple[bytes, int]:
        """Return the last bytes and the size."""
        try:
            with open_regular(self._path) as (_, size):
                pass
        except ReadError as error:
            raise RemoteError(self.address, str(error), "missing") from error
        start = max(0, size - length)
        return self.read(start, size - start), size

    def read(self, offset: int, length: int) -> bytes:
        """Return a part."""
        if length > PART_LIMIT or length < 0 or offset < 0:
            raise RemoteError(self.address, f"{length} bytes, more than the {PART_LIMIT} read at once", "too-large")
        try:
            with open_regular(self._path) as (descriptor, _):
                os.lseek(descriptor, offset, os.SEEK_SET)
                chunks = []
                while length > 0 and (chunk := os.read(descriptor, length)):
                    chunks.append(chunk)
                    length -= len(chunk)
        except (ReadError, OSError) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
            raise RemoteError(self.address, why, "unreachable") from error
        if length:
            raise RemoteError(self.address, f"{length} bytes lie outside the file", "wrong")
        return b"".join(chunks)


def local_path(address: str) -> str:
    """Return the path that a ``file:`` address means; raises ``RemoteError`` when it is on another machine."""
    parts = urlsplit(address)
    if parts.netloc not in {"", "localhost"}:
        raise RemoteError(address, "a file on another machine", "wrong")
    if os.name == "nt":  # pragma: no cover
        from urllib.request import url2pathname  # noqa: PLC0415  the clients of all protocols come with it

        return url2pathname(parts.path)
    return unquote(parts.path)
