"""Typed access to a TOML table, that remembers each problem with the path of the key it is at."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, TypeVar

from envaudit.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Value = TypeVar("Value")
    Choice = TypeVar("Choice", bound=str)

_KINDS = {str: "a string", int: "a number", list: "a list", dict: "a table", dt.date: "a date (2026-11-22)"}


class Table:
    """One table of a rule file.

    A getter returns the value, or on any problem notes it and returns an empty value of the right type: so that one
    look at a file finds all that is wrong with it. Whoever parses must look into ``problems`` before using anything.
    ``finish`` notes the keys that nobody asked for.
    """

    def __init__(self, data: Mapping[str, object], file: str, path: str = "") -> None:
        self._data = data
        self._file = file
        self._path = path
        self._asked: set[str] = set()
        self.problems: list[RuleError] = []

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def note(self, key: str, reason: str) -> None:
        """Remember a problem of ``key``."""
        self.problems.append(RuleError(self._file, self._join(key), reason))

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string; required unless there is a default."""
        value = self._get(key, str, "", required=default is None)
        return value if key in self._data else default or ""

    def choice(self, key: str, allowed: tuple[Choice, ...]) -> Choice:
        """Return a string that is one of ``allowed``; required."""
        value = self.text(key)
        if value not in allowed:
            if value:
                self.note(key, f"{value!r} is not one of {', '.join(allowed)}")
            return allowed[0]
        return value

    def number(self, key: str) -> int:
        """Return a whole number; required."""
        return self._get(key, int, 0, required=True)

    def number_or_text(self, key: str) -> int | str:
        """Return a whole number or a string; required."""
        value = self._data.get(key)
        return self.text(key) if isinstance(value, str) else self.number(key)

    def date(self, key: str, *, required: bool = True) -> dt.date:
        """Return a date, day only."""
        value = self._get(key, dt.date, dt.date.min, required=required)
        if isinstance(value, dt.datetime):
            self.note(key, "a date without a time of day is expected")
        return value

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """Return a list of strings; a required one is not empty."""
        return self.strings(key, self._get(key, list, [], required=required), required=required)

    def strings(self, key: str, values: object, *, required: bool = False) -> tuple[str, ...]:
        """Return ``values`` if it is a list of strings; ``key`` is where it stands."""
        if not isinstance(values, list):
            self.note(key, f"{_KINDS[list]} is expected")
            return ()
        if required and not values and key in self._data:
            self.note(key, "must not be empty")
        for number, value in enumerate(values):
            if not isinstance(value, str) or not value:
                self.note(f"{key}[{number}]", "a string that is not empty is expected")
        return tuple(value for value in values if isinstance(value, str))

    def text_lists(self, key: str) -> tuple[tuple[str, ...], ...]:
        """Return a list of lists of strings; required."""
        rows = self._get(key, list, [], required=True)
        if not rows and key in self._data:
            self.note(key, "must not be empty")
        return tuple(self.strings(f"{key}[{number}]", row) for number, row in enumerate(rows))

    def numbers(self, key: str) -> tuple[int, ...]:
        """Return a list of whole numbers, empty when there is none."""
        values = self._get(key, list, [], required=False)
        for number, value in enumerate(values):
            if not isinstance(value, int) or isinstance(value, bool):
                self.note(f"{key}[{number}]", f"{_KINDS[int]} is expected")
        return tuple(value for value in values if isinstance(value, int))

    def table(self, key: str, read: Callable[[Table], Value]) -> Value:
        """Read a table within; required (an absent one is read as empty, which names the keys it should have)."""
        return self._read(key, self._get(key, dict, {}, required=True), read)

    def tables(self, key: str, read: Callable[[Table], Value], *, required: bool = False) -> tuple[Value, ...]:
        """Read a list of tables; a required one is not empty."""
        rows = self._get(key, list, [], required=required)
        if required and not rows and key in self._data:
            self.note(key, "must not be empty")
        values = []
        for number, row in enumerate(rows):
            where = f"{key}[{number}]"
            if isinstance(row, dict):
                values.append(self._read(where, row, read))
            else:
                self.note(where, f"{_KINDS[dict]} is expected")
        return tuple(values)

    def finish(self) -> None:
        """Note every key that was not asked for."""
        for key in self._data:
            if key not in self._asked:
                self.note(key, "unknown key")

    def _read(self, key: str, row: Mapping[str, object], read: Callable[[Table], Value]) -> Value:
        table = Table(row, self._file, self._join(key))
        value = read(table)
        table.finish()
        self.problems.extend(table.problems)
        return value

    def _get(self, key: str, kind: type[Value], empty: Value, *, required: bool) -> Value:
        self._asked.add(key)
        if key not in self._data:
            if required:
                self.note(key, "missing")
            return empty
        value = self._data[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            self.note(key, f"{_KINDS[kind]} is expected")
            return empty
        return value

    def _join(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key
