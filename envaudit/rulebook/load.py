"""Find and read the rules database: a folder of TOML files, one rule each, and a VERSION."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from envaudit import files
from envaudit.errors import ReadError, RuleError
from envaudit.model import RulesInfo
from envaudit.rulebook.match import condition_holds, parse_version
from envaudit.rulebook.parse import parse_condition, parse_rule
from envaudit.rulebook.rule import Rulebook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envaudit.rulebook.rule import Rule

RULE_LIMIT = 256 * 1024  # bytes; the longest rule is a few KiB
VERSION_FILE = "VERSION"
_UNKNOWN = "unknown"
_STATUS = re.compile(r'^status = "(\w+)"$', re.MULTILINE)
_NEEDS = re.compile(r'^\[match\]\nall = \[((?:"[^"\\\n]*"(?:, )?)+)\]$', re.MULTILINE)


def default_folder() -> str:
    """Return the folder of the rules that ship with envaudit.

    An installed package has them inside (``_rules``), a checkout of the project beside the package (``rules``).
    """
    package = Path(__file__).resolve().parent.parent
    packaged = package / "_rules"
    return str(packaged if files.is_folder(str(packaged)) else package.parent / "rules")


def load_rules(folders: Sequence[str], installed: Mapping[str, str] | None = None) -> Rulebook:
    """Read the rules of the folders; the version of the database is that of the first folder.

    With ``installed``, the version of each installed distribution by its normalised name, rules of the first
    folder that cannot apply are counted but not parsed: most of a database speaks of what a target does not have,
    and parsing it would take longer than all checks together. That folder is the one that ships and is
    linted; rules of the others are always parsed, so that a mistake in them is told.

    Raises ``RuleError`` for the first thing wrong: a folder that cannot be listed, a file that is not a rule, an id
    that is there twice. ``lint.lint_rules`` tells all of them.
    """
    digest = hashlib.sha256()
    found: dict[str, Rule | None] = {}
    for path, text in _texts(folders):
        digest.update(f"{Path(path).name}\0{len(text)}\0{text}".encode())
        passed_over = installed is not None and Path(path).parent == Path(folders[0]) and _cannot_apply(text, installed)
        rule = None if passed_over else _parsed(text, path)
        rule_id = rule.id if rule else Path(path).stem
        if rule_id in found:
            raise RuleError(path, "id", f"{rule_id} is also the id of another rule file")
        found[rule_id] = rule
    rules = tuple(rule for _, rule in sorted(found.items()) if rule is not None)
    skipped = tuple(sorted(rule_id for rule_id, rule in found.items() if rule is None))
    count = len(skipped) + sum(rule.status == "active" for rule in rules)
    version = read_version(folders[0]) if folders else _UNKNOWN
    return Rulebook(rules, RulesInfo(version, count, f"sha256:{digest.hexdigest()}"), skipped)


def _parsed(text: str, path: str) -> Rule:
    rule, problems = parse_rule(text, path)
    if rule is None:
        raise problems[0]
    return rule


def _cannot_apply(text: str, installed: Mapping[str, str]) -> bool:
    """Say whether this is an active rule that needs a distribution, or a version of it, which is not installed.

    Only the plain way of writing is understood, each key on a line of its own; anything else is parsed.
    """
    status = _STATUS.search(text)
    needs = _NEEDS.search(text)
    if status is None or needs is None or status[1] != "active":
        return False
    conditions = [parse_condition(quoted) for quoted in needs[1].split('"')[1::2]]
    return any(
        condition.name not in installed or condition_holds(condition, parse_version(installed[condition.name])) is None
        for condition in conditions
        if condition is not None
    )


def read_version(folder: str) -> str:
    """Return the version of a rules folder, ``unknown`` when it does not say."""
    try:
        return files.read_text(str(Path(folder, VERSION_FILE)), RULE_LIMIT).strip() or _UNKNOWN
    except ReadError:
        return _UNKNOWN


def rule_paths(folder: str) -> list[str]:
    """Return the rule files of a folder, sorted by name; raises ``RuleError`` when it cannot be listed."""
    try:
        entries = files.list_folder(folder)
    except ReadError as error:
        raise RuleError(folder, "", str(error)) from error
    return [entry.path for entry in entries if entry.name.endswith(".toml")]


def read_rule_text(path: str) -> str:
    """Return the text of a rule file; raises ``RuleError`` when it cannot be read."""
    try:
        return files.read_text(path, RULE_LIMIT)
    except ReadError as error:
        raise RuleError(path, "", str(error)) from error


def _texts(folders: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield path and text of every rule file."""
    for folder in folders:
        for path in rule_paths(folder):
            yield path, read_rule_text(path)
