"""Whether a text really asks for a name, by its bytes: a last look before a file is parsed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.source.statements import Statements

_IDENTIFIER = re.compile(r"[\w.]+", re.ASCII)


def mentions(text: bytes, pairs: Iterable[tuple[str, str]], statements: Statements) -> bool:
    """Whether a text uses one of the names where nothing shows at once that it does without.

    A pair is ``(module, name)``; the name may be an attribute (``np.name``) or imported inside of a block. An import
    directly below ``try:`` is taken to be caught.
    """
    aliases: dict[str, set[str]] = {}
    for found in (statements.at_start(text), statements.indented(text)):
        for module, names in found:
            if not names:
                aliases.setdefault(module.partition(".")[0], set()).add(module.partition(".")[0])
            for name, alias in names:
                full = f"{module}.{name}" if name else module
                aliases.setdefault(full, set()).add(alias or name)
    return any(
        _imports(text, module, name) or any(_uses(text, alias, name) for alias in aliases.get(module, ()))
        for module, name in pairs
    )


def _uses(text: bytes, alias: str, name: str) -> bool:
    """Whether ``alias.name`` stands in a text outside of comments, longer names and plain texts in quotes."""
    if not name or not alias or not _IDENTIFIER.fullmatch(f"{alias}.{name}"):
        return False
    word = f"{alias}.{name}".encode()
    at = text.find(word)
    while at >= 0:
        before = text[at - 1 : at] if at else b""
        after = text[at + len(word) : at + len(word) + 1]
        line = text[text.rfind(b"\n", 0, at) + 1 : at]
        own = not (before.isalnum() or before in {b"_", b".", b"`", b"'", b'"'})
        if own and not (after.isalnum() or after == b"_") and b"#" not in line and b">>>" not in line:
            return True
        at = text.find(word, at + 1)
    return False


def _imports(text: bytes, module: str, name: str) -> bool:
    """Whether an indented import of the module stands somewhere else than directly below ``try:``."""
    if not _IDENTIFIER.fullmatch(module):
        return False
    pattern = rb"\n[ \t]+(?:from[ \t]+" if name else rb"\n[ \t]+(?:import[ \t]+[^\n]*?"
    for match in re.finditer(pattern + re.escape(module.encode()) + rb")(?![\w.])", text):
        if name and name != "*" and name.encode() not in text[match.end() : match.end() + 4000]:
            continue
        before = text[max(match.start() - 200, 0) : match.start()].rstrip()
        if not before.endswith(b"try:"):
            return True
    return False
