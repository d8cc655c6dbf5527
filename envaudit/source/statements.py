"""The import statements of a source file, by one pass over its bytes, without parsing it.

What is found are *candidates*: a line of a text in quotes can look like an import, and nothing is known of what stands
around it. It costs a fiftieth of parsing; only files of which a candidate leads nowhere are parsed afterwards.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Larger files are tables, not programs.
SIZE_LIMIT = 4 * 1024 * 1024
_NAMES = rb"(\([^)]{0,6000}\)|[^\n\\]{0,2000}(?:\\\r?\n[^\n\\]{0,2000}){0,50})"
# Each pattern begins with plain text, rare if possible, which Python's engine looks for many times faster than for a
# pattern; what stands before it is looked at afterwards.
_AT_START = re.compile(rb"\n(?:from[ \t]+([\w.]+)[ \t]+import\b[ \t]*" + _NAMES + rb"|import[ \t]+([^\n\\]{1,2000}))")
_INDENTED_FROM = re.compile(rb"from(?<= from)[ \t]+([\w.]+)[ \t]+import\b[ \t]*" + _NAMES)
_INDENTED_IMPORT = re.compile(rb"import(?<=  import)[ \t]+(\w[^\n\\]{0,2000})")
_COMMENT = re.compile(r"#[^\n]*")


def head(text: bytes) -> bytes:
    """Return a text up to the end of its last import at the start of a line."""
    last = max(text.rfind(b"\nfrom "), text.rfind(b"\nimport "))
    if last < 0:
        last = 0 if text.startswith((b"from ", b"import ")) else len(text)
        match = _AT_START.match(b"\n" + text[:8000]) if not last else None
        end = match.end() - 1 if match is not None else len(text)
    else:
        match = _AT_START.match(text, last)
        end = match.end() if match is not None else len(text)
    line = text.find(b"\n", end)
    return text if line < 0 else text[: line + 1]


class Statement(NamedTuple):
    """One import: ``module`` with its leading dots; ``names`` as ``(name, alias)``, none for ``import module``.

    ``import a.b as c`` has the one name ``("", "c")``.
    """

    module: str
    names: tuple[tuple[str, str], ...]


# The parts of an import as they are written: the module and the names behind ``from``, or what follows ``import``.
Written = tuple[bytes, bytes, bytes]


class Statements:
    """Reads files; the same statement in many of them is taken apart once."""

    def __init__(self) -> None:
        self._known: dict[Written, tuple[Statement, ...]] = {}

    def at_start(
        self, text: bytes, own: frozenset[bytes] = frozenset(), aside: list[Written] | None = None
    ) -> Iterator[Statement]:
        """Yield the imports that begin a line: nearly all that run when the file is imported.

        With ``own``, what is imported from these top-level modules, or by a relative import, is left out, and put
        ``aside`` as it is written.
        """
        if text.startswith((b"from ", b"import ")):
            text = b"\n" + text
        for match in _AT_START.findall(text):
            is_own = bool(own) and _is_own(match[0] or match[2], own)
            if not is_own:
                yield from self.take_apart(match)
            if aside is not None and (is_own or b"," in match[2]):
                aside.append(match)

    def indented(self, text: bytes, own: frozenset[bytes] = frozenset()) -> Iterator[Statement]:
        """Yield the imports inside of blocks and functions."""
        for module, names in _INDENTED_FROM.findall(text):
            if not own or not _is_own(module, own):
                yield from self.take_apart((module, names, b""))
        for names in _INDENTED_IMPORT.findall(text):
            if not own or not _is_own(names, own):
                yield from self.take_apart((b"", b"", names))

    def take_apart(self, match: Written) -> tuple[Statement, ...]:
        """Return what one import statement asks for."""
        known = self._known.get(match)
        if known is None:
            known = self._known[match] = tuple(_statements(*match))
        return known


def _is_own(module: bytes, own: frozenset[bytes]) -> bool:
    first = module.partition(b".")[0]
    if b" " in first or b"," in first:
        first = first.partition(b",")[0].partition(b" ")[0]
    return not first or first in own


def _statements(module: bytes, names: bytes, modules: bytes) -> Iterable[Statement]:
    try:
        if module:
            yield Statement(module.decode("ascii"), tuple(_pairs(names.decode("ascii"))))
            return
        for name, alias in _pairs(modules.decode("ascii")):
            yield Statement(name, (("", alias),) if alias else ())
    except UnicodeDecodeError:  # names beyond ASCII are legal, and nobody has them
        return


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield ``(name, alias)`` for each part between commas."""
    if "#" in text:
        text = _COMMENT.sub("", text)
    if ";" in text:
        text = text.partition(";")[0]
    for part in text.strip("() \t\r\n").split(","):
        words = part.split()
        if len(words) == 1:
            yield words[0], ""
        elif len(words) == 3 and words[1] == "as":
            yield words[0], words[2]
        elif words:
            found = part.replace("\\", " ").split()
            if len(found) == 1 or (len(found) == 3 and found[1] == "as"):
                yield found[0], found[2] if len(found) == 3 else ""
