"""What is in a file that is not as RECORD describes it: nothing, zeros, the same text with other line ends, others."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import open_regular, read_bytes, reason

if TYPE_CHECKING:
    from envaudit.model_installed import Change

# The digests that wheels may state and that nobody can forge.
_ALGORITHMS = frozenset(("sha256", "sha384", "sha512"))
_CHUNK = 1024 * 1024
_PAGE = 4096
_TEXT_LIMIT = 8 * 1024 * 1024
_TEXT = re.compile(
    r"\.(?:pyi?|px[di]|pyx|txt|md|rst|json|toml|cfg|ini|ya?ml|js|css|html|csv|h|hpp|c|cpp|sh|xml|ts|tmpl|svg)$"
)


def is_digest(recorded: str) -> bool:
    """Say whether a hash of RECORD is one that a file can be held against."""
    name, _, value = recorded.partition("=")
    return name in _ALGORITHMS and bool(value)


def change_of(path: str, recorded: str, size: int | None) -> Change | None:
    """Return how a file differs from its line in RECORD, ``None`` when it does not; raises ``ReadError``.

    ``recorded`` is the hash as written. A text that only has other line ends, as version control makes them, is not
    changed.
    """
    with open_regular(path) as (descriptor, actual):
        other_size = size is not None and size != actual
        if not other_size and (not is_digest(recorded) or _matches(descriptor, recorded)):
            return None
    if not actual:
        return "empty"
    if _same_text(path, recorded):
        return None
    return blank(path) or ("size" if other_size else "content")


def blank(path: str) -> Change | None:
    """Say whether a file is empty, nothing but zeros, or ends in a page of zeros; raises ``ReadError``."""
    with open_regular(path) as (descriptor, size):
        try:
            if not size:
                return "empty"
            if _is_zero(descriptor, size - min(size, _PAGE), size):
                return "zeros" if _is_zero(descriptor, 0, size) else "zero-tail" if size >= 2 * _PAGE else None
        except OSError as error:
            raise ReadError(reason(error)) from error
    return None


def _is_zero(descriptor: int, start: int, end: int) -> bool:
    """Say whether there are only zeros between two offsets; stops at the first chunk with anything else."""
    os.lseek(descriptor, start, os.SEEK_SET)
    while start < end:
        chunk = os.read(descriptor, min(_CHUNK, end - start))
        if not chunk or chunk.count(0) != len(chunk):
            return False
        start += len(chunk)
    return True


def _matches(descriptor: int, recorded: str) -> bool:
    """Say whether what is read from a descriptor has a digest."""
    digest = hashlib.new(recorded.partition("=")[0])
    try:
        while chunk := os.read(descriptor, _CHUNK):
            digest.update(chunk)
    except OSError as error:
        raise ReadError(reason(error)) from error
    return _is(digest.digest(), recorded)


def _same_text(path: str, recorded: str) -> bool:
    """Say whether a text has the digest with the line ends of Unix or of Windows."""
    if not _TEXT.search(path) or not is_digest(recorded):
        return False
    try:
        data = read_bytes(path, _TEXT_LIMIT)
    except ReadError:
        return False
    unix = data.replace(b"\r\n", b"\n")
    name = recorded.partition("=")[0]
    return any(_is(hashlib.new(name, text).digest(), recorded) for text in (unix, unix.replace(b"\n", b"\r\n")))


def _is(digest: bytes, recorded: str) -> bool:
    """Compare a digest with one as RECORD writes it: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") == recorded.partition("=")[2].rstrip("=")
