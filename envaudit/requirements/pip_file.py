"""Requirements files (``requirements.txt``, ``.in``, ``constraints.txt``) with all that they include."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envaudit.errors import RequirementError
from envaudit.model_stated import NotRead, Stated, StatedFile
from envaudit.requirements.one import NamelessError, Place, shown_address, stated
from envaudit.requirements.options import Line, expand, split_line
from envaudit.requirements.text import decode, logical_lines

if TYPE_CHECKING:
    from envaudit.requirements.reading import Reading

_DEEPEST = 16  # files that include each other
_MOST_FILES = 200
_MOST_LINES = 100_000
# Options that a resolver needs to find what an installer would find.
_STEERING = frozenset({"--index-url", "--extra-index-url", "--find-links", "--no-index", "--pre", "--no-binary",
                       "--only-binary"})  # fmt: skip


def read_pip_file(path: str, reading: Reading) -> StatedFile:
    """Return what a requirements file asks for, with all that it includes; raises ``RequirementError``."""
    collected = Collected(reading)
    collected.read(path, constraint=False, trail=(), by=None)
    hashed = [each for each in collected.stated if not each.constraint]
    # pip-compile and uv write hashes for everything that is installed, and pip then refuses whatever is not listed.
    complete = bool(hashed) and all(each.hashes and each.version for each in hashed)
    return StatedFile(
        path,
        "requirements",
        tuple(collected.stated),
        tuple(collected.not_read),
        complete=complete,
        options=tuple(dict.fromkeys(collected.options)),
        files=tuple(dict.fromkeys(collected.files)),
    )


class Collected:
    """What was found so far in a file and those that it includes."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.stated: list[Stated] = []
        self.not_read: list[NotRead] = []
        self.options: list[tuple[str, str]] = []
        self.files: list[str] = []
        self._lines = 0

    def read(self, path: str, *, constraint: bool, trail: tuple[str, ...], by: tuple[str, int] | None) -> None:
        """Read one file; ``trail`` are those that include it."""
        if path in trail:
            raise RequirementError(*(by or (path, 0)), f"{path} includes itself")
        if len(trail) >= _DEEPEST or len(self.files) >= _MOST_FILES:
            raise RequirementError(*(by or (path, 0)), f"more than {_DEEPEST} files deep, or {_MOST_FILES} in all")
        self.files.append(path)
        text = decode(self._reading.data(path, by), path)
        for number, raw in logical_lines(text):
            self._lines += 1
            if self._lines > _MOST_LINES:
                raise RequirementError(path, number, f"more than {_MOST_LINES} lines")
            self.line(path, number, raw, constraint=constraint, trail=trail)

    def line(self, path: str, number: int, raw: str, *, constraint: bool = False, trail: tuple[str, ...] = ()) -> None:
        """Read one line of a file, with what it includes."""
        text, missing = expand(raw, self._reading.environ)
        try:
            line = split_line(text)
        except ValueError as error:
            raise RequirementError(path, number, str(error)) from error
        for name in missing:
            self.not_read.append(NotRead(path, number, f"${{{name}}}", "this variable is not set here"))
        place = Place(path, number, constraint=constraint)
        if line.requirement:
            self._requirement(line.requirement, place, _hashes(line, place))
        for address in line.values("--editable"):
            self._requirement(address, place, (), editable=True)
        for option, is_constraint in (("--requirement", False), ("--constraint", True)):
            for included in line.values(option):
                self._include(included, place, constraint=constraint or is_constraint, trail=(*trail, path))
        self.options += [
            (name, _beside(path, value) if name == "--find-links" else value)
            for name, value in line.options
            if name in _STEERING
        ]

    def _requirement(self, text: str, place: Place, hashes: tuple[str, ...], *, editable: bool = False) -> None:
        try:
            self.stated.append(stated(text, place, editable=editable, hashes=hashes))
        except NamelessError as error:
            self.not_read.append(NotRead(place.path, place.line, shown_address(text)[:200], str(error)))
        except ValueError as error:
            raise RequirementError(place.path, place.line or 0, f"not a requirement: {error}") from error

    def _include(self, name: str, place: Place, *, constraint: bool, trail: tuple[str, ...]) -> None:
        if "://" in name and not name.startswith("file:"):
            why = "a requirements file at an address is not fetched"
            self.not_read.append(NotRead(place.path, place.line, shown_address(name), why))
            return
        target = _beside(place.path, name.removeprefix("file://"))
        self.read(target, constraint=constraint, trail=trail, by=(place.path, place.line or 0))


def _hashes(line: Line, place: Place) -> tuple[str, ...]:
    """Return ``sha256:0123...`` of each ``--hash``; raises ``RequirementError``."""
    found = []
    for value in line.values("--hash"):
        kind, colon, digest = value.partition(":")
        if not colon or not digest or any(letter not in "0123456789abcdef" for letter in digest.lower()):
            raise RequirementError(place.path, place.line or 0, f"not a hash: {value[:80]!r}")
        found.append(f"{kind.lower()}:{digest.lower()}")
    return tuple(found)


def _beside(path: str, name: str) -> str:
    """Return a path that is relative to the folder of a file; addresses stay."""
    return name if "://" in name else os.path.normpath(os.path.join(os.path.dirname(path), name))
