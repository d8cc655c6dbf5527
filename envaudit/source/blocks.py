"""Whether a text really asks for a name: a last look at the lines in question before the whole file is parsed.

Only the statements at module level that contain these lines are parsed (a function, a class), a tenth of most files.
What such a look lets pass is still to be confirmed; what it does not let pass is no finding.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from envaudit.errors import ReadError
from envaudit.source.aliases import Aliases, bound_otherwise
from envaudit.source.needs import Form, constants_of, needs_of_parts
from envaudit.source.parse import parse

if TYPE_CHECKING:
    import ast
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from envaudit.source.statements import Statements

_IDENTIFIER = re.compile(r"[\w.]+", re.ASCII)
# Where a statement at module level begins: neither a comment, nor the end of brackets, nor a further part of a block.
_STARTS = re.compile(rb"\n(?=[^\s#)\]}])(?!(?:else|elif|except|finally)\b)")
# Where a member of a class begins, or what follows the class.
_MEMBER = re.compile(rb"\n(?=(?:    )?[^\s#)\]}])(?!(?:    )?(?:else|elif|except|finally)\b)")
_CONSTANT = re.compile(rb"(\w+)[ \t]*=[^=]")
_CONDITIONS = re.compile(rb"(?<!\w)(?:if|while|and|or|not)[ \t(]+[^\n]+")
_LONGEST_CONSTANT = 400
# What stands before the module in an indented import, and what may not follow it.
_FROM = re.compile(rb"\n[ \t]+from[ \t]+")
_IMPORT = re.compile(rb"\n[ \t]+import[ \t]+[^\n]*")
_WORD = re.compile(rb"[\w.]")
_FUTURE = re.compile(rb"from __future__ import[^\n]*(?:\([^)]*)?\bannotations\b")


class Blocks:
    """One source file, of which parts are parsed."""

    def __init__(self, text: bytes, module: str, values: Mapping[str, Any], *, is_package: bool) -> None:
        """``values`` are those of ``names_of_target``, ``module`` is the dotted name of the file."""
        self._text = text
        self._module = module
        self._values = values
        self._is_package = is_package
        self._starts: list[int] = []

    def asks_for(self, pairs: Collection[tuple[str, str]], statements: Statements) -> set[str]:
        """Return the dotted names that a text seems to use where nothing catches the error.

        A pair is ``(module, name)``; the name may be an attribute (``np.name``) or imported inside of a block.
        """
        aliases = self._aliases(statements)
        wanted = {f"{module}.{name}" if name else module for module, name in pairs}
        places: set[int] = set()
        for module, name in pairs:
            places.update(_imports(self._text, module, name))
            for alias, paths in aliases.items():
                if module in paths:
                    places.update(_uses(self._text, alias, name))
        if not places:
            return set()
        modules = {module for module, _ in pairs}
        # Of several meanings, some from examples in quotes, the one that matters is taken.
        meant = {alias: (min(paths & modules or paths), "") for alias, paths in aliases.items()}
        known = Aliases(meant, future_annotations=_has_future_annotations(self._text))
        try:
            parts, tree = self._parsed(places)
            needs = needs_of_parts(tree, self._module, self._constants(parts), known, is_package=self._is_package)
        except ReadError:
            return wanted  # the lines are not what they seem
        spoiled: frozenset[str] | None = None
        found: set[str] = set()
        for need in needs:
            name = f"{need.module}.{need.name}" if need.name else need.module
            if name not in wanted or (need.guarded() and need.guarded(module_missing=True)):
                continue
            if need.form is Form.ATTRIBUTE:
                spoiled = bound_otherwise(tree) if spoiled is None else spoiled
                if not any(need.module == path and alias not in spoiled for alias, (path, _) in meant.items()):
                    continue  # here it is a variable of the same name
            found.add(name)
        return found

    def _aliases(self, statements: Statements) -> dict[str, set[str]]:
        """Return the names under which the text knows modules, each with all that it may mean."""
        aliases: dict[str, set[str]] = {}
        for found in (statements.at_start(self._text), statements.indented(self._text)):
            for module, names in found:
                if not names:
                    top = module.partition(".")[0]
                    aliases.setdefault(top, set()).add(top)
                for name, alias in names:
                    aliases.setdefault(alias or name, set()).add(f"{module}.{name}" if name else module)
        return aliases

    def _parsed(self, places: Collection[int]) -> tuple[bytes, ast.Module]:
        """Return the text that lies around places, and its syntax tree; of classes only the methods, if that goes."""
        small = b"\n".join(self._methods(places))
        try:
            return small, parse(small)
        except ReadError:
            parts = b"\n".join(self._around(places))
            return parts, parse(parts)

    def _methods(self, places: Collection[int]) -> Iterator[bytes]:
        """Yield what ``_around`` does, but of a class the methods in which places lie, as a class of their own."""
        starts = self._all_starts()
        plain = []
        members: dict[int, bytes] = {}
        for place in places:
            start = starts[bisect_right(starts, place) - 1]
            method = _method(self._text[start:place]) if self._text.startswith(b"class ", start) else 0
            if not method:
                plain.append(place)
                continue
            end = _MEMBER.search(self._text, place)
            members[start + method] = self._text[start + method : end.start() if end is not None else None]
        yield from (b"class _:\n" + text for text in members.values())
        yield from self._around(plain)

    def _around(self, places: Collection[int]) -> Iterator[bytes]:
        """Yield the statements at module level in which places lie, each once."""
        starts = self._all_starts()
        numbers: set[int] = set()
        for place in places:
            number = bisect_right(starts, place) - 1
            numbers.add(number)
            while self._text.startswith(b"@", starts[number]) and number + 1 < len(starts):
                number += 1
                numbers.add(number)
        for number in sorted(numbers):
            yield self._statement(number)

    def _statement(self, number: int) -> bytes:
        starts = self._all_starts()
        return self._text[starts[number] : starts[number + 1] if number + 1 < len(starts) else None]

    def _all_starts(self) -> Sequence[int]:
        if not self._starts:
            self._starts = [0, *(match.end() for match in _STARTS.finditer(self._text))]
        return self._starts

    def _constants(self, parts: bytes) -> dict[str, Any]:
        """Return plain values that the text gives to names of conditions: ``PY3 = sys.version_info[0] >= 3``."""
        conditions = b" ".join(_CONDITIONS.findall(parts))
        written = []
        for number in range(len(self._all_starts()) if conditions else 0):
            found = _CONSTANT.match(self._text, self._starts[number])
            if found is not None and found[1] in conditions:
                statement = self._statement(number)
                if len(statement) <= _LONGEST_CONSTANT:
                    written.append(statement)
        try:
            return constants_of(parse(b"\n".join(written)), self._values)
        except ReadError:
            return dict(self._values)


def _has_future_annotations(text: bytes) -> bool:
    found = _FUTURE.search(text)
    while found is not None and text[: found.start()][-1:] not in {b"", b"\n"}:
        found = _FUTURE.search(text, found.start() + 1)
    return found is not None


def _method(text: bytes) -> int:
    """Return where the last ``def`` of a class begins in its text, 0 when it has none, or another member follows."""
    last = 0
    for match in _MEMBER.finditer(text):
        last = match.end()
    return last if text.startswith((b"    def ", b"    async def "), last) else 0


def _uses(text: bytes, alias: str, name: str) -> Iterator[int]:
    """Yield where ``alias.name`` stands in a text outside of comments, longer names and plain texts in quotes."""
    if not name or not alias or not _IDENTIFIER.fullmatch(f"{alias}.{name}"):
        return
    word = f"{alias}.{name}".encode()
    at = text.find(word)
    while at >= 0:
        before = text[at - 1 : at] if at else b""
        after = text[at + len(word) : at + len(word) + 1]
        line = text[text.rfind(b"\n", 0, at) + 1 : at]
        own = not (before.isalnum() or before in {b"_", b".", b"`", b"'", b'"'})
        if own and not (after.isalnum() or after == b"_") and b"#" not in line and b">>>" not in line:
            yield at
        at = text.find(word, at + 1)


def _imports(text: bytes, module: str, name: str) -> Iterator[int]:
    """Yield where an indented import of the module stands otherwise than directly below ``try:``."""
    if not _IDENTIFIER.fullmatch(module):
        return
    word = module.encode()
    begins = _FROM if name else _IMPORT
    at = text.find(word)
    while at >= 0:
        start, end = text.rfind(b"\n", 0, at), at + len(word)
        at = text.find(word, end)
        if start < 0 or _WORD.match(text, end) or not begins.fullmatch(text, start, end - len(word)):
            continue
        if name and name != "*" and name.encode() not in text[end : end + 4000]:
            continue
        if not text[max(start - 200, 0) : start].rstrip().endswith(b"try:"):
            yield start + 1
