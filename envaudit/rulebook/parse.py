"""From the text of a rule file to a ``Rule``, with every problem of the file."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, cast

from envaudit.errors import RuleError
from envaudit.model import Severity
from envaudit.rulebook.fields import Table
from envaudit.rulebook.rule import (
    SCHEMA,
    Condition,
    Expected,
    Match,
    Reproducer,
    Rule,
    RuleEvidence,
    RuleFix,
    Signature,
    Withdrawn,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from typing import Any

    from packaging.utils import NormalizedName

    from envaudit.rulebook.rule import Basis, Category, EvidenceType, SignatureKind, Status

STATUSES: tuple[Status, ...] = ("draft", "active", "withdrawn")
CATEGORIES: tuple[Category, ...] = (
    "abi",
    "api-removal",
    "behaviour",
    "native-lib",
    "file-conflict",
    "packaging",
    "platform",
)
IMPACTS = (
    "import-error",
    "crash",
    "exception",
    "wrong-result",
    "performance",
    "install-error",
    "install-corruption",
    "warning",
)
_SEVERITIES = ("error", "warning", "note")
_BASES: tuple[Basis, ...] = ("reproduced", "imported", "derived")
_SIGNATURES: tuple[SignatureKind, ...] = ("exception", "stderr", "exit")
_EVIDENCE: tuple[EvidenceType, ...] = ("issue", "pr", "commit", "docs", "changelog", "patch", "scan", "reproduced")

_CONDITION = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*((?:[<>=!~].*)?)")
_SEPARATORS = re.compile(r"[-_.]+")


def parse_rule(text: str, file: str) -> tuple[Rule | None, tuple[RuleError, ...]]:
    """Return the rule in ``text``, or None, and all that is wrong with the form of it.

    A rule is returned only when nothing is wrong. ``file`` is for the messages.
    """
    try:
        data = loads(text)
    except (ValueError, RecursionError) as error:
        return None, (RuleError(file, "", f"not TOML: {error}"),)
    return parse_table(data, file)


def parse_table(data: Mapping[str, Any], file: str) -> tuple[Rule | None, tuple[RuleError, ...]]:
    """Return the rule in a table of TOML values, or None, and all that is wrong with the form of it."""
    table = Table(data, file)
    schema = table.number("schema")
    if schema > SCHEMA:
        return None, (RuleError(file, "schema", f"format {schema} is newer than this program: update envaudit"),)
    if schema != SCHEMA and "schema" in table:
        table.note("schema", f"{SCHEMA} is expected")
    rule = _rule(table, file)
    table.finish()
    return (None if table.problems else rule), tuple(table.problems)


def parse_condition(text: str) -> Condition | None:
    """Split ``"numpy>=2.0.0a0"`` into the normalised name and the specifier; None when it has another form.

    Extras, markers and addresses have no place in a condition. The specifier is not parsed.
    """
    found = _CONDITION.fullmatch(text.strip())
    if found is None or ";" in text or "@" in text:
        return None
    name = cast("NormalizedName", _SEPARATORS.sub("-", found[1]).lower())
    return Condition(name, found[2].strip())


def loads(text: str) -> dict[str, Any]:
    """Parse TOML with whatever this Python has; both raise a subclass of ``ValueError``."""
    if sys.version_info >= (3, 11):
        import tomllib as toml  # noqa: PLC0415
    else:
        import tomli as toml  # noqa: PLC0415
    return toml.loads(text)


def _rule(table: Table, file: str) -> Rule:
    severity = table.choice("severity", _SEVERITIES)
    return Rule(
        id=table.text("id"),
        title=table.text("title"),
        summary=table.text("summary").strip(),
        symptom=table.text("symptom"),
        status=table.choice("status", STATUSES),
        published=table.date("published"),
        modified=table.date("modified"),
        category=table.choice("category", CATEGORIES),
        severity=Severity(severity),
        impact=_impact(table),
        basis=table.choice("basis", _BASES),
        origin=table.text("origin"),
        match=table.table("match", _match),
        signatures=table.tables("signature", _signature),
        fixes=table.tables("fix", _fix, required=True),
        reproducer=_reproducer_of(table),
        evidence=table.tables("evidence", _evidence, required=True),
        file=file,
        license=table.text("license", ""),
        aliases=table.texts("aliases"),
        related=table.texts("related"),
        withdrawn=table.table("withdrawn", _withdrawn) if "withdrawn" in table else None,
    )


def _impact(table: Table) -> tuple[str, ...]:
    impact = table.texts("impact", required=True)
    for number, value in enumerate(impact):
        if value not in IMPACTS:
            table.note(f"impact[{number}]", f"{value!r} is not one of {', '.join(IMPACTS)}")
    return impact


def _match(table: Table) -> Match:
    return Match(
        all=_conditions(table, "all", required=True),
        none=_conditions(table, "none", required=False),
        env=table.text("env", ""),
        subject=table.text("subject", ""),
        facts=table.texts("facts"),
        fallback=table.texts("fallback"),
    )


def _conditions(table: Table, key: str, *, required: bool) -> tuple[Condition, ...]:
    conditions = []
    for number, text in enumerate(table.texts(key, required=required)):
        condition = parse_condition(text)
        if condition is None:
            table.note(f"{key}[{number}]", f"{text!r} is not a name and versions such as numpy>=2.0.0a0")
        else:
            conditions.append(condition)
    return tuple(conditions)


def _signature(table: Table) -> Signature:
    return Signature(
        kind=table.choice("kind", _SIGNATURES),
        regex=table.text("regex"),
        exception=table.text("exception", ""),
        context=table.text("context", ""),
    )


def _fix(table: Table) -> RuleFix:
    return RuleFix(
        constraints=table.texts("constraints"),
        remove=table.texts("remove"),
        upgrade=table.text("upgrade", ""),
        note=table.text("note", ""),
    )


def _reproducer_of(table: Table) -> Reproducer | None:
    """Read how to see the break; only a bound taken from elsewhere, which nobody has seen happen, has none."""
    if "reproducer" not in table and table.text("basis") == "imported":
        return None
    return table.table("reproducer", _reproducer)


def _reproducer(table: Table) -> Reproducer:
    exclude_newer: dt.date | None = table.date("exclude_newer") if "exclude_newer" in table else None
    return Reproducer(
        python=table.text("python"),
        platform=table.text("platform"),
        bad=table.texts("bad", required=True),
        good=table.text_lists("good"),
        probe=table.text("probe"),
        expect=table.table("expect", _expected),
        exclude_newer=exclude_newer,
        good_python=table.text("good_python", ""),
        from_source=table.texts("from_source"),
    )


def _expected(table: Table) -> Expected:
    return Expected(exit=table.number_or_text("exit"), signature=table.numbers("signature"))


def _evidence(table: Table) -> RuleEvidence:
    return RuleEvidence(
        type=table.choice("type", _EVIDENCE),
        url=table.text("url", ""),
        note=table.text("note", ""),
    )


def _withdrawn(table: Table) -> Withdrawn:
    return Withdrawn(date=table.date("date"), reason=table.text("reason"), superseded_by=table.texts("superseded_by"))
