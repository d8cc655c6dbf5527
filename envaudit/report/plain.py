"""Texts of a target made safe for a terminal.

Names, versions, paths and error texts come from files that anybody may have written. An escape sequence in one of
them could hide a finding, a line feed could forge one, and a bidirectional control could make it read as another.
"""

from __future__ import annotations

_SEPARATORS = "/\\"  # of the target, which need not be of the system that runs


def plain(text: str) -> str:
    r"""Return the text with all that does not print (controls, line feeds, bidi marks) as ``\x1b``, ``\u202e``."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def plain_lines(text: str) -> list[str]:
    """Return the lines of a text that may have several, each made safe; tabs become spaces, blank ends go."""
    lines = [plain(line.expandtabs(4)).rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def shown_path(path: str, root: str, sites: tuple[str, ...] = ()) -> str:
    """Return a path as short as it can be said, and safe to print.

    Of a path in one of ``sites`` only ``site-packages/...`` is left; one below ``root`` is shown relative to it.
    """
    for site in sites:
        folder = site.rstrip(_SEPARATORS)
        if folder and _lies_in(path, folder):
            start = max(folder.rfind(separator) for separator in _SEPARATORS)
            return plain(path[start + 1 :])
    base = root.rstrip(_SEPARATORS)
    if base and path == base:
        return "."
    return plain(path[len(base) + 1 :] if base and _lies_in(path, base) else path)


def number(count: int, noun: str) -> str:
    """Return ``1 error``, ``2 errors``, ``0 errors``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(tuple(folder + separator for separator in _SEPARATORS))


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
