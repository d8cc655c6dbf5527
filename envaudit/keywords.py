"""What ``-k`` takes: parts of names, put together with ``and``, ``or``, ``not`` and brackets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Words = tuple[str, ...]
    Judge = Callable[[Words], bool]

_TOKEN = re.compile(r"\s*(?:([()])|([^\s()]+))")
_LONGEST = 1000  # characters; brackets cannot then be nested deeper than the interpreter goes
_DEEPEST = 50


class Expression:
    """An expression such as ``scipy and not (linalg or sparse)``; the empty one is true of everything.

    Raises ``ValueError`` with half a sentence for the user.
    """

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise ValueError(f"must not be longer than {_LONGEST} characters")
        self._tokens = [match[1] or match[2] for match in _TOKEN.finditer(text)]
        self._text = text
        self._depth = 0
        self._judge: Judge = self._either() if self._tokens else lambda _: True
        if self._tokens:
            raise self._wrong()

    def matches(self, names: Iterable[str]) -> bool:
        """Say whether the expression is true of what has these names; case does not matter."""
        return self._judge(tuple(name.lower() for name in names))

    def _either(self) -> Judge:
        parts = [self._both()]
        while self._next("or"):
            parts.append(self._both())
        return lambda words: any(part(words) for part in parts)

    def _both(self) -> Judge:
        parts = [self._one()]
        while self._next("and"):
            parts.append(self._one())
        return lambda words: all(part(words) for part in parts)

    def _one(self) -> Judge:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("has too many brackets within each other")
        try:
            if self._next("not"):
                inner = self._one()
                return lambda words: not inner(words)
            if self._next("("):
                within = self._either()
                if not self._next(")"):
                    raise self._wrong()
                return within
            if not self._tokens or self._tokens[0] in {")", "and", "or"}:
                raise self._wrong()
            wanted = self._tokens.pop(0).lower()
            return lambda words: any(wanted in word for word in words)
        finally:
            self._depth -= 1

    def _next(self, token: str) -> bool:
        if self._tokens and self._tokens[0] == token:
            self._tokens.pop(0)
            return True
        return False

    def _wrong(self) -> ValueError:
        where = f"at {self._tokens[0]!r}" if self._tokens else "at its end"
        return ValueError(f"cannot be read {where}: {self._text!r}; write for example: scipy and not (linalg or fft)")
