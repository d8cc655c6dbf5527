"""A rules database in one file: what ``envaudit rules build`` writes, and what ``--rules FILE`` and a wheel hold.

The tables of the TOML files as they are, dates as text, sorted by id: the same folder gives the same bytes.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envaudit.errors import RuleError
from envaudit.rulebook.parse import loads, parse_table
from envaudit.rulebook.rule import SCHEMA

if TYPE_CHECKING:
    from envaudit.rulebook.rule import Rule

_DATES = (("published",), ("modified",), ("reproducer", "exclude_newer"), ("withdrawn", "date"))


def built_text(version: str, texts: list[tuple[str, str]], numpy2: Any = None) -> str:
    """Return the file of a database from the paths and texts of its rules, which have to be sound.

    ``numpy2`` is the derived table of what releases were built for, if there is one.
    """
    rules = {Path(path).stem: _plain(loads(text)) for path, text in texts}
    data = {"schema": SCHEMA, "version": version, "rules": dict(sorted(rules.items()))}
    if numpy2 is not None:
        data["numpy2"] = numpy2
    return json.dumps(data, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def read_built(text: str, file: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the version of a built file, and the tables of its rules by id; raises ``RuleError``."""
    data = tables_of(text, file)
    return data["version"], data["rules"]


def tables_of(text: str, file: str) -> dict[str, Any]:
    """Return everything in a built file, of which version and rules have the right form; raises ``RuleError``."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = f"neither a folder of rules nor a file made by `envaudit rules build`: {error}"
        raise RuleError(file, "", reason) from error
    if not isinstance(data, dict) or not isinstance(data.get("rules"), dict):
        raise RuleError(file, "rules", "a table of rules is expected")
    schema = data.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        raise RuleError(file, "schema", f"format {schema} is newer than this program: update envaudit")
    if not isinstance(data.get("version"), str):
        raise RuleError(file, "version", "a text is expected")
    for rule_id, table in data["rules"].items():
        if not isinstance(table, dict):
            raise RuleError(file, f"rules.{rule_id}", "a table is expected")
    return data


def parse_built(table: dict[str, Any], rule_id: str, file: str) -> Rule:
    """Return one rule of a built file; raises ``RuleError`` for the first thing wrong with it."""
    rule, problems = parse_table(_with_dates(table), f"{file}: {rule_id}")
    if rule is None:
        raise problems[0]
    return rule


def _plain(value: Any) -> Any:
    """Return a TOML value with dates as text."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def _with_dates(table: dict[str, Any]) -> dict[str, Any]:
    """Return the table with dates where the format has them; what is no date stays, and is told by whoever parses."""
    copy = {key: dict(value) if isinstance(value, dict) else value for key, value in table.items()}
    for *path, key in _DATES:
        inner: Any = copy
        for step in path:
            inner = inner.get(step, {})
        if isinstance(inner, dict) and isinstance(inner.get(key), str):
            try:
                inner[key] = dt.date.fromisoformat(inner[key])
            except ValueError:
                continue
    return copy
