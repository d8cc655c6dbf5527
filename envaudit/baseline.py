"""A baseline: the findings that are known and accepted, kept in a file, so that only new ones fail.

A finding is recognised by its fingerprint, which holds no versions and no lines: it stays known through upgrades that
do not touch it. The code, the distribution and the message beside it are for people who review a change of the file. It
is described by ``baseline.schema.json`` beside this file; whatever does not fit is an error, because a baseline that
is misread would let new defects pass.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit import __version__
from envaudit.errors import ConfigError, ReadError
from envaudit.files import read_text
from envaudit.setting_kinds import meant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from envaudit.model import Finding

SCHEMA_VERSION = 1
_LIMIT = 32 * 1024 * 1024  # bytes; that of an environment with 10,000 findings takes 3 MiB
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_CODE = re.compile(r"[A-Z]{3}[0-9]{3}|EA-[0-9]{4}-[0-9a-z-]+")


class Known(NamedTuple):
    """What a baseline says of one finding, beside its fingerprint."""

    code: str
    distribution: str
    message: str


class Baseline(NamedTuple):
    """The known findings by fingerprint, and the file they stand in."""

    path: str
    known: Mapping[str, Known]


def dump_baseline(findings: Iterable[Finding]) -> str:
    """Return the file for these findings, in an order that makes a change of it easy to review."""
    entries = sorted((each.code, each.distribution, each.fingerprint, each.message) for each in findings)
    document = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "envaudit", "version": __version__},
        "findings": [
            {"code": code, "distribution": _sound(name), "fingerprint": fingerprint, "message": _sound(message)}
            for code, name, fingerprint, message in entries
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def read_baseline(path: str) -> Baseline:
    """Read a baseline; raises ``ConfigError`` with the file and the key for all that is not as it is written here."""
    try:
        document: object = json.loads(read_text(path, _LIMIT), object_pairs_hook=_once)
    except ReadError as error:
        raise ConfigError(path, "", f"cannot be read: {error}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(path, "", f"is not valid JSON: {error}") from error
    try:
        return Baseline(path, _known(document))
    except _DamageError as error:
        raise ConfigError(path, error.key, error.reason) from error


class _DamageError(Exception):
    """Something in the file is not as it must be."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason


def _known(document: object) -> dict[str, Known]:
    version = document.get("schema_version") if isinstance(document, dict) else None
    if type(version) is int and version > SCHEMA_VERSION:
        raise _DamageError("schema_version", f"{version} is newer than {SCHEMA_VERSION}: update envaudit")
    top = _table(document, "", ("schema_version", "tool", "findings"))
    if type(version) is not int or version != SCHEMA_VERSION:
        raise _DamageError("schema_version", f"must be {SCHEMA_VERSION}, not {_shown(version)}")
    tool = _table(top["tool"], "tool", ("name", "version"))
    if tool["name"] != "envaudit":
        raise _DamageError("tool.name", f"must be envaudit, not {_shown(tool['name'])}")
    _text(tool["version"], "tool.version")
    if not isinstance(top["findings"], list):
        raise _DamageError("findings", f"must be a list, not {_shown(top['findings'])}")
    known: dict[str, Known] = {}
    for number, each in enumerate(top["findings"]):
        where = f"findings[{number}]"
        entry = _table(each, where, ("code", "distribution", "fingerprint", "message"))
        fingerprint = _text(entry["fingerprint"], f"{where}.fingerprint", _FINGERPRINT, "16 hexadecimal digits")
        if fingerprint in known:
            raise _DamageError(f"{where}.fingerprint", f"{fingerprint} stands in the file twice")
        known[fingerprint] = Known(
            _text(entry["code"], f"{where}.code", _CODE, "the code of a finding"),
            _text(entry["distribution"], f"{where}.distribution"),
            _text(entry["message"], f"{where}.message"),
        )
    return known


def _table(value: object, where: str, keys: Sequence[str]) -> dict[str, Any]:
    """Return a value that must be a table with exactly these keys."""
    if not isinstance(value, dict):
        raise _DamageError(where, f"must be a table, not {_shown(value)}")
    for key in value:
        if key not in keys:
            raise _DamageError(_inside(where, str(key)), f"there is no such key{meant(str(key), keys)}")
    for key in keys:
        if key not in value:
            raise _DamageError(_inside(where, key), "is missing")
    return value


def _text(value: object, where: str, form: re.Pattern[str] | None = None, what: str = "a text") -> str:
    if not isinstance(value, str) or (form is not None and not form.fullmatch(value)):
        raise _DamageError(where, f"must be {what}, not {_shown(value)}")
    return value


def _inside(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands in a table twice, as the merge of two changes may leave it."""
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands in one table twice")
    return table


def _sound(text: str) -> str:
    """Replace lone surrogates, which stand for bytes of a file name that is no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
