"""Find and read the rules database: a folder of TOML files, one rule each, and a VERSION."""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING

from envaudit import files
from envaudit.errors import ReadError, RuleError
from envaudit.model import RulesInfo
from envaudit.plain_versions import holds
from envaudit.rulebook.match import condition_holds, parse_version
from envaudit.rulebook.parse import parse_condition, parse_rule
from envaudit.rulebook.rule import Rulebook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from envaudit.rulebook.rule import Condition, Rule

    _Hash = hashlib._Hash  # noqa: SLF001 - what hashlib.sha256 returns has no public name
    # Each rule with its id and the file to name when it is wrong; ``None`` for one that cannot apply: it is not parsed.
    _Found = Iterator[tuple[str, Rule | None, str]]

RULES_PACKAGE = "pyenvaudit_rules"
BUILT_FILE = "rules.json"
DERIVED_FILE = "derived/numpy2.json"
BUILT_LIMIT = 64 * 1024 * 1024  # bytes; 100 rules are 250 KiB
RULE_LIMIT = 256 * 1024  # bytes; the longest rule is a few KiB
VERSION_FILE = "VERSION"
_UNKNOWN = "unknown"
_STATUS = re.compile(r'^status = "(\w+)"$', re.MULTILINE)
_NEEDS = re.compile(r'^\[match\]\nall = \[((?:"[^"\\\n]*"(?:, )?)+)\]$', re.MULTILINE)


def default_folder() -> str:
    """Return the folder of the rules that ship with envaudit.

    An installed package has them inside (``_rules``), a checkout of the project beside the package (``rules``).
    """
    package = _package()
    packaged = os.path.join(package, "_rules")
    return packaged if files.is_folder(packaged) else os.path.join(os.path.dirname(package), "rules")


def default_rules() -> str:
    """Return the rules that are used: those that ship with envaudit, or newer ones installed beside it.

    A newer database comes as a distribution of its own, ``pyenvaudit-rules``: one built file and no code. It counts
    only in the folder that envaudit itself is installed in, never where somebody works.
    """
    bundled = default_folder()
    beside = os.path.join(os.path.dirname(_package()), RULES_PACKAGE, BUILT_FILE)
    if not files.exists(beside):
        return bundled
    newer = _calendar(read_version(beside)) > _calendar(read_version(bundled))
    return beside if newer else bundled


def _package() -> str:
    """Return the folder of the program."""
    return os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def load_rules(places: Sequence[str], installed: Mapping[str, str] | None = None) -> Rulebook:
    """Read the rules of the places, folders of TOML or built files; the version is that of the first place.

    With ``installed``, the version of each installed distribution by its normalised name, rules of the first
    place that cannot apply are counted but not parsed: most of a database speaks of what a target does not have,
    and parsing it would take longer than all checks together. That place is the one that ships and is
    linted; rules of the others are always parsed, so that a mistake in them is told.

    Raises ``RuleError`` for the first thing wrong: a place that cannot be read, a file that is not a rule, an id
    that is there twice. ``lint.lint_rules`` tells all of them.
    """
    digest = hashlib.sha256()
    found: dict[str, Rule | None] = {}
    version = _UNKNOWN
    for number, place in enumerate(places):
        known = installed if number == 0 else None
        version_here, rules = _of_folder(place, known, digest) if _is_folder(place) else _of_file(place, known, digest)
        version = version_here if number == 0 else version
        for rule_id, rule, path in rules:
            if rule_id in found:
                raise RuleError(path, "id", f"{rule_id} is also the id of another rule file")
            found[rule_id] = rule
    parsed = tuple(rule for _, rule in sorted(found.items()) if rule is not None)
    skipped = tuple(sorted(rule_id for rule_id, rule in found.items() if rule is None))
    count = len(skipped) + sum(rule.status == "active" for rule in parsed)
    return Rulebook(parsed, RulesInfo(version, count, f"sha256:{digest.hexdigest()}"), skipped)


def _of_folder(folder: str, installed: Mapping[str, str] | None, digest: _Hash) -> tuple[str, _Found]:
    return read_version(folder), _texts_of_folder(folder, installed, digest)


def _texts_of_folder(folder: str, installed: Mapping[str, str] | None, digest: _Hash) -> _Found:
    digest.update(derived_text(folder).encode())
    for path in rule_paths(folder):
        text = read_rule_text(path)
        name = os.path.basename(path)
        digest.update(f"{name}\0{len(text)}\0{text}".encode())
        passed_over = installed is not None and _text_cannot_apply(text, installed)
        rule = None if passed_over else _parsed(text, path)
        yield rule.id if rule else name.removesuffix(".toml"), rule, path


def _of_file(path: str, installed: Mapping[str, str] | None, digest: _Hash) -> tuple[str, _Found]:
    from envaudit.rulebook.built import read_built  # noqa: PLC0415  few runs use such a file

    text = _built_text(path)
    digest.update(text.encode())
    version, tables = read_built(text, path)
    return version, _tables_of_file(tables, path, installed)


def _tables_of_file(tables: dict[str, dict[str, Any]], path: str, installed: Mapping[str, str] | None) -> _Found:
    from envaudit.rulebook.built import parse_built  # noqa: PLC0415

    for rule_id, table in tables.items():
        match = table.get("match")
        needs = match.get("all") if isinstance(match, dict) else None
        passed_over = (
            installed is not None
            and table.get("status") == "active"
            and isinstance(needs, list)
            and _cannot_apply(needs, installed)
        )
        rule = None if passed_over else parse_built(table, rule_id, path)
        yield rule.id if rule else rule_id, rule, path


def _parsed(text: str, path: str) -> Rule:
    rule, problems = parse_rule(text, path)
    if rule is None:
        raise problems[0]
    return rule


def _text_cannot_apply(text: str, installed: Mapping[str, str]) -> bool:
    """Say whether this is an active rule that needs a distribution, or a version of it, which is not installed.

    Only the plain way of writing is understood, each key on a line of its own; anything else is parsed.
    """
    status = _STATUS.search(text)
    needs = _NEEDS.search(text)
    if status is None or needs is None or status[1] != "active":
        return False
    return _cannot_apply(needs[1].split('"')[1::2], installed)


def _cannot_apply(needs: Iterable[object], installed: Mapping[str, str]) -> bool:
    """Say whether one of the conditions speaks of a distribution, or a version of it, that is not installed."""
    conditions = (parse_condition(text) for text in needs if isinstance(text, str))
    return any(
        condition.name not in installed or _is_another_version(condition, installed[condition.name])
        for condition in conditions
        if condition is not None
    )


def _is_another_version(condition: Condition, version: str) -> bool:
    """Say whether an installed version is certainly none of those meant."""
    held = holds(condition.specifier, version)
    return condition_holds(condition, parse_version(version)) is None if held is None else not held


def _is_folder(place: str) -> bool:
    """Say whether rules are looked for in files below; raises ``RuleError`` when there is no such place."""
    if not files.exists(place):
        raise RuleError(place, "", "no such file or folder")
    return files.is_folder(place)


def built_tables(path: str) -> dict[str, Any]:
    """Return everything in a built file; raises ``RuleError``."""
    from envaudit.rulebook.built import tables_of  # noqa: PLC0415

    return tables_of(_built_text(path), path)


def derived_text(folder: str) -> str:
    """Return the derived table of a rules folder as text, empty when it has none; raises ``RuleError``."""
    path = os.path.join(folder, DERIVED_FILE)
    if not files.exists(path):
        return ""
    try:
        return files.read_text(path, BUILT_LIMIT)
    except ReadError as error:
        raise RuleError(path, "", str(error)) from error


def _built_text(path: str) -> str:
    try:
        return files.read_text(path, BUILT_LIMIT)
    except ReadError as error:
        raise RuleError(path, "", str(error)) from error


def _calendar(version: str) -> tuple[int, ...]:
    """Return ``2026.11.1`` as numbers that can be compared; nothing is older than any version."""
    parts = version.split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()


def read_version(folder: str) -> str:
    """Return the version of a rules folder or built file, ``unknown`` when it does not say."""
    if folder.endswith(".json"):
        from envaudit.rulebook.built import read_built  # noqa: PLC0415

        return read_built(_built_text(folder), folder)[0]
    try:
        return files.read_text(os.path.join(folder, VERSION_FILE), RULE_LIMIT).strip() or _UNKNOWN
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
