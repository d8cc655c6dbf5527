"""Which imports a source file may hold at all: quick to find, and never too few.

Parsing a package takes a hundred times as long as looking for the word ``import``. Often that look is enough: where no
chain of such words leads to any compiled module, none can be imported when the package is. Words in comments, texts
and functions that never run are taken for imports too; whoever finds a way by them has to parse.
"""

from __future__ import annotations

import re

from envaudit.scan.reach_guards import Guard
from envaudit.scan.reach_syntax import Request, Source

# A pattern that begins with a plain word is looked for ten times as fast as one that begins with a condition.
_IMPORT = re.compile(rb"import(?<!\wimport)\b")
# What follows: names in brackets, up to the closing one that is not in a comment; or the rest of the logical line.
_NAMES = re.compile(rb"[\s\\]*(?:\((?:[^)#]+|#[^\n]*)*|(?:[^\n;#\\]+|\\\r?\n|\\)*)")
_COMMENT = re.compile(rb"#[^\n]*")
_WORD = re.compile(rb"[\w.]+|\*")
# What stands between ``from`` and ``import``: dots and names.
_ORIGIN = re.compile(rb"(?:[ \t\f]|\\\r?\n)*((?:[\w.](?:[ \t\f]|\\\r?\n)*)*)")
_FARTHEST = 1000  # bytes before ``import`` at which its ``from`` is looked for
_QUOTED = re.compile(rb"""["'](\w+)["']""")
# More words than this are nobody's imports, nor are more bytes behind one of them, or behind all than the file has.
_IMPORTS_LIMIT, _NAMES_LIMIT = 20_000, 64 * 1024
# With these a name can be worked out that stands nowhere.
_BEYOND = (b"import_module", b"__import__")
# In most codings ASCII is ASCII; in others, which hardly anybody uses, a word can be spelled in other bytes.
_CODING = re.compile(
    rb"(?:[ \t\f]*(?:#[^\n]*)?\r?\n)?[ \t\f]*#[^\n]*?coding[=:][ \t]*"
    rb"(?![ \t]|utf-?8|ascii|us-ascii|latin|iso-?8859|cp125)",
    re.IGNORECASE,
)


def possible_imports(text: bytes) -> Source:
    """Return what a file may import; ``unknown`` when it may be anything."""
    unknown = any(word in text for word in _BEYOND) or _CODING.match(text) is not None
    requests: dict[Request, None] = {}
    left = len(text)
    for count, match in enumerate(_IMPORT.finditer(text)):
        found = _NAMES.match(text, match.end())
        names = found[0] if found else b""
        left -= len(names)
        if left < 0 or len(names) > _NAMES_LIMIT or count > _IMPORTS_LIMIT:
            return Source((), frozenset(), (), unknown=True)
        given = _COMMENT.sub(b"", names)
        before = text[max(match.start() - _FARTHEST, 0) : match.start()]
        origin = _origin(before)
        unknown = unknown or not given.isascii() or not before.rpartition(b"\n")[2].isascii()
        words = [word.decode("ascii") for word in _WORD.findall(given) if word.isascii()]
        if origin is None:
            requests.update(dict.fromkeys(Request(0, word, (), Guard.NONE) for word in words))
        else:
            module = origin.lstrip(".")
            requests[Request(len(origin) - len(module), module, tuple(words), Guard.NONE)] = None
    exported = [word.decode("ascii") for word in _QUOTED.findall(text)] if b"__all__" in text else []
    return Source(tuple(requests), frozenset(), tuple(dict.fromkeys(exported)), unknown)


def _origin(before: bytes) -> str | None:
    """Return what stands behind the last ``from`` if nothing but a module can; ``None`` without one."""
    start = before.rfind(b"from")
    if start < 0:
        return None
    match = _ORIGIN.fullmatch(before, start + 4)
    return b"".join(match[1].replace(b"\\", b" ").split()).decode("ascii") if match and match[1] else None


class QuickReader:
    """Reads files in the place of ``SourceReader``."""

    @staticmethod
    def read(text: bytes, _: str) -> Source:
        """Return what a file may import."""
        return possible_imports(text)
