"""What is kept of source files: the same answers, for the same text, the same module and the same target alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.scan.reach_kept import SourceReader
from envaudit.scan.reach_syntax import read_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TEXT = b"""
import os
from . import _a, _b as b
from .c import *
try:
    from ._d import e
except (ImportError, ValueError):
    e = None
if unknown():
    import pkg._f
if sys.platform == "linux":
    import pkg._g
__all__ = ["x", "y"]
"""
NAMES = {"sys.platform": "linux"}


class Shelf:
    """Keeps texts in memory."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.found = 0

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        known = {key: self.texts[key] for key in keys if key in self.texts}
        self.found += len(known)
        return known

    def put(self, values: Mapping[str, str]) -> None:
        self.texts.update(values)


def _read(shelf: Shelf, text: bytes = TEXT, name: str = "pkg", names: Mapping[str, Any] = NAMES) -> None:
    """Read a file; the answer must be that of the parser, wherever it comes from."""
    reader = SourceReader(names, shelf)
    assert reader.read(text, name) == read_source(text, name, names)
    reader.save()


def test_the_same_file_is_parsed_once() -> None:
    shelf = Shelf()
    _read(shelf)
    assert (len(shelf.texts), shelf.found) == (1, 0)
    _read(shelf)
    assert (len(shelf.texts), shelf.found) == (1, 1)


def test_whatever_differs_is_another_file() -> None:
    shelf = Shelf()
    _read(shelf)
    _read(shelf, TEXT + b"import z\n")
    _read(shelf, name="other")
    _read(shelf, names={"sys.platform": "win32"})
    assert (len(shelf.texts), shelf.found) == (4, 0)


def test_what_is_no_python_is_not_kept() -> None:
    shelf = Shelf()
    for _ in range(2):
        reader = SourceReader(NAMES, shelf)
        with pytest.raises(SyntaxError):
            reader.read(b"import", "pkg")
        reader.save()
    assert not shelf.texts


def test_without_a_memory_it_is_the_parser() -> None:
    reader = SourceReader(NAMES)
    assert reader.read(TEXT, "pkg") == read_source(TEXT, "pkg", NAMES)
    reader.save()


def _poisoned(plain: list[Any]) -> list[str]:
    """Return kept texts with a part of the wrong type in each place."""
    wrong = ["", "null", "[", "[" * 100_000, "[]", "[1,2,3]", json.dumps([*plain, 1])]
    for index in range(4):
        for value in (7, None, {"a": 1}, [1], [[1, 2]], [[1, 2, 3, 4]], [[0, "m", ["a"], 9]], [[0, "m", [1], 1]]):
            changed = list(plain)
            changed[index] = value
            wrong.append(json.dumps(changed))
    return wrong


def test_a_poisoned_text_is_no_answer() -> None:
    shelf = Shelf()
    _read(shelf)
    ((key, text),) = shelf.texts.items()
    for wrong in _poisoned(json.loads(text)):
        shelf.texts[key] = wrong
        _read(shelf)
        assert shelf.texts[key] == text
