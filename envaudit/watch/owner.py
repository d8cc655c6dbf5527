"""Which library is to blame for a crash, and which distribution installed it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.watch.crash import NativeFrame

# The C library and its companions crash because of what they are called with.
_CALLED = re.compile(
    r"(?:libc|ld|ld-linux.*|ld-musl.*|libpthread|libm|libdl|librt|libstdc\+\+|libgcc_s|libasan|libc\.musl.*)"
    r"[-.0-9]*(?:\.so[.0-9]*)?"
)
_PYTHON = re.compile(r"(?:lib)?python[0-9.]*(?:[dt]|-config)?(?:\.so[.0-9]*)?")
_INFO = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)\.dist-info")
_MOST_DISTRIBUTIONS = 4000


class Owner(NamedTuple):
    """A distribution by name and version."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Blame(NamedTuple):
    """The first library outwards that is not the C library: the frame in it, and whether it is Python itself.

    ``owner`` is the distribution that installed it, ``caller`` another one that called it directly.
    """

    frame: NativeFrame
    is_python: bool
    owner: Owner | None
    caller: Owner | None


def blame(native: Iterable[NativeFrame]) -> Blame | None:
    """Return the library a native stack points to, ``None`` when it points to none."""
    outwards = [frame for frame in native if frame.path.startswith("/") and not _is_called(frame.path)]
    if not outwards:
        return None
    first = outwards[0]
    if _PYTHON.fullmatch(os.path.basename(first.path)):
        return Blame(first, is_python=True, owner=None, caller=None)
    owner = owner_of(first.path)
    others = (frame for frame in outwards if frame.path != first.path)
    after = next(others, None)
    caller = owner_of(after.path) if after is not None and owner is not None else None
    return Blame(first, is_python=False, owner=owner, caller=caller if caller != owner else None)


def _is_called(path: str) -> bool:
    return _CALLED.fullmatch(os.path.basename(path)) is not None


def owner_of(path: str) -> Owner | None:
    """Return the distribution whose ``RECORD`` lists a file, searched in every folder above it."""
    path = path.removesuffix(" (deleted)")
    folder, inside = os.path.split(path)
    while folder and folder != os.path.dirname(folder):
        names = _infos(folder)
        for name in names:
            if _lists(os.path.join(folder, name, "RECORD"), inside):
                match = _INFO.fullmatch(name)
                return Owner(match["name"], match["version"]) if match else None
        if names:
            return None
        folder, last = os.path.split(folder)
        inside = f"{last}/{inside}"
    return None


def _infos(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(each.name for each in entries if _INFO.fullmatch(each.name))[:_MOST_DISTRIBUTIONS]
    except OSError:
        return []


def _lists(record: str, inside: str) -> bool:
    try:
        text = read_text(record)
    except ReadError:
        return False
    return text.startswith(f"{inside},") or f"\n{inside}," in text or f'"{inside}",' in text
