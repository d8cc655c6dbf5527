"""What an index has said, kept in a folder of the user: pages for ten minutes, what a digest names for ever.

A kept page is asked for again with its ETag when it is older. Keys are digests of addresses without credentials, files
are the user's own, and each begins with a digest of the rest: what is torn or foreign is as good as not there. Nothing
here raises.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import time
from typing import NamedTuple

from envaudit.errors import ReadError
from envaudit.files import read_bytes

PAGE_SECONDS = 600
SIZE_LIMIT = 512 * 1024 * 1024  # bytes of all files together; the oldest go first
FILE_LIMIT = 64 * 1024 * 1024
_FOLDER = "index"
_MARK = b"envaudit 1 "


class Page(NamedTuple):
    """A kept answer: its body, where relative links in it start, what it is, its ETag, and its age in seconds."""

    body: bytes
    url: str
    content_type: str
    etag: str
    age: float

    @property
    def fresh(self) -> bool:
        """Whether it need not be asked for again."""
        return 0 <= self.age < PAGE_SECONDS


class Kept:
    """The folder; without a name, or where it cannot be trusted, nothing is kept."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.join(folder, _FOLDER) if folder else ""
        if self._folder and not _own(self._folder):
            self._folder = ""
        self._written = 0

    def page(self, url: str) -> Page | None:
        """Return the kept page of an address, however old."""
        content = self._read(_name("page", url))
        if content is None:
            return None
        head, _, body = content.partition(b"\n")
        try:
            fields = json.loads(head)
            age = time.time() - float(fields["fetched"])
            return Page(body, str(fields["url"]), str(fields["type"]), str(fields["etag"]), age)
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def has_fresh(self, url: str) -> bool:
        """Say whether a page seems to be kept and fresh, by the time of its file."""
        try:
            written = os.lstat(os.path.join(self._folder, _name("page", url))).st_mtime if self._folder else 0.0
        except OSError:
            return False
        return 0 <= time.time() - written < PAGE_SECONDS

    def put_page(self, asked: str, page: Page) -> None:
        """Keep a page that was fetched ``page.age`` seconds ago."""
        fields = {"fetched": time.time() - page.age, "url": page.url, "type": page.content_type, "etag": page.etag}
        self._write(_name("page", asked), json.dumps(fields).encode("ascii") + b"\n" + page.body)

    def lasting(self, kind: str, digest: str) -> bytes | None:
        """Return what is known of the content that a digest names; ``kind`` says what that is."""
        return self._read(_name(kind, digest))

    def put_lasting(self, kind: str, digest: str, content: bytes) -> None:
        """Keep what is known of the content that a digest names."""
        self._write(_name(kind, digest), content)

    def _read(self, name: str) -> bytes | None:
        if not self._folder:
            return None
        try:
            content = read_bytes(os.path.join(self._folder, name), FILE_LIMIT)
        except ReadError:
            return None
        head, _, body = content.partition(b"\n")
        return body if head == _seal(name, body) else None

    def _write(self, name: str, body: bytes) -> None:
        if not self._folder or len(body) > FILE_LIMIT - 4096:
            return
        with contextlib.suppress(OSError):
            if self._written == 0:
                self._shrink()
            self._written += 1
            descriptor, path = tempfile.mkstemp(dir=self._folder, prefix=".new-")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_seal(name, body) + b"\n" + body)
                os.replace(path, os.path.join(self._folder, name))
            except OSError:
                os.unlink(path)
                raise

    def _shrink(self) -> None:
        """Delete the oldest files while all together are too large, once in a run."""
        with os.scandir(self._folder) as entries:
            files = [(entry.stat(follow_symlinks=False), entry.path) for entry in entries]
        total = sum(status.st_size for status, _ in files)
        if total <= SIZE_LIMIT:
            return
        for status, path in sorted(files, key=lambda file: file[0].st_mtime):
            if total <= SIZE_LIMIT * 3 // 4:
                break
            os.unlink(path)
            total -= status.st_size


def clear(folder: str) -> bool:
    """Delete what is kept below the folder of the cache; say whether there was anything. Raises ``OSError``."""
    import shutil  # noqa: PLC0415

    place = os.path.join(folder, _FOLDER)
    there = os.path.isdir(place) and not os.path.islink(place)
    if there:
        shutil.rmtree(place)
    return there


def _name(kind: str, key: str) -> str:
    return f"{kind}-{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


def _seal(name: str, body: bytes) -> bytes:
    return _MARK + hashlib.sha256(name.encode("ascii") + b"\0" + body).hexdigest().encode("ascii")


def _own(folder: str) -> bool:
    """Make the folder if it is not there; say whether it is the user's alone."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        status = os.lstat(folder)
    except (OSError, ValueError):
        return False
    if not stat.S_ISDIR(status.st_mode):
        return False
    if not hasattr(os, "geteuid"):  # pragma: no cover  Windows
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022
