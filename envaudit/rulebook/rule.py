"""A rule: a combination of distributions that is known to break, as frozen values.

The words here are the keys of the files in ``rules/``. A rule says when it applies
(``match``), what a user then sees (``symptom``, ``signatures``), what heals it (``fixes``), how anybody can see it
happen (``reproducer``) and why it is believed (``evidence``). One whose ``basis`` is ``imported`` was taken from
another database (``origin``, ``license``) and has not been seen to happen: it has no reproducer, and is never an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator
    from typing import Literal

    from packaging.utils import NormalizedName

    from envaudit.model import RulesInfo, Severity

    Status = Literal["draft", "active", "withdrawn"]
    Category = Literal["abi", "api-removal", "behaviour", "native-lib", "file-conflict", "packaging", "platform"]
    Basis = Literal["reproduced", "imported", "derived"]
    SignatureKind = Literal["exception", "stderr", "exit"]
    EvidenceType = Literal["issue", "pr", "commit", "docs", "changelog", "patch", "scan", "reproduced"]

SCHEMA = 1  # raised by breaking changes of the file format only


class Condition(NamedTuple):
    """One line of ``match``: a distribution, and the versions of it that are meant (``""`` means any).

    The specifier stays text: most rules of a database speak of distributions a target does not have, and parsing
    versions costs more than everything else that is done with them.
    """

    name: NormalizedName
    specifier: str

    def __str__(self) -> str:
        return f"{self.name}{self.specifier}"


class Match(NamedTuple):
    """When a rule applies: every condition of ``all`` holds, none of ``none`` does, and the marker ``env`` is true.

    ``subject``, ``facts`` and ``fallback`` belong to rules that ask for the content of compiled files. The format
    has them, this version of the program does not match by them.
    """

    all: tuple[Condition, ...]
    none: tuple[Condition, ...] = ()
    env: str = ""
    subject: str = ""
    facts: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()


class Signature(NamedTuple):
    """What the break looks like in a traceback; ``context`` is a path that must be mentioned in it."""

    kind: SignatureKind
    regex: str
    exception: str = ""
    context: str = ""

    def recognises(self, text: str) -> bool:
        """Say whether it is in ``text``: the pattern, the name of the exception and the path."""
        return self.context in text and self.fits_message(text)

    def fits_message(self, text: str) -> bool:
        """Say whether pattern and exception are in ``text``, wherever it was raised."""
        return self.exception in text and re.search(self.regex, text, re.DOTALL) is not None


class RuleFix(NamedTuple):
    """One way out, sufficient by itself: requirements to install, or distributions to remove."""

    constraints: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    upgrade: str = ""
    note: str = ""


class Expected(NamedTuple):
    """How the probe ends in a bad environment: exit status or name of a signal, and which signatures it shows."""

    exit: int | str
    signature: tuple[int, ...] = ()


class Reproducer(NamedTuple):
    """How to see the break: sets of pins, and a probe that fails with ``bad`` and passes with each of ``good``.

    ``good_python`` is the Python of the good sets when the break comes with a newer Python. ``exclude_newer`` is
    the date after which no release of an unpinned companion is considered. ``from_source`` are the distributions
    that have no wheel.
    """

    python: str
    platform: str
    bad: tuple[str, ...]
    good: tuple[tuple[str, ...], ...]
    probe: str
    expect: Expected
    exclude_newer: dt.date | None = None
    good_python: str = ""
    from_source: tuple[str, ...] = ()


class RuleEvidence(NamedTuple):
    """Where it can be read: an address, or a note on what was done."""

    type: EvidenceType
    url: str = ""
    note: str = ""


class Withdrawn(NamedTuple):
    """Why a rule no longer applies; its file stays, so that the id keeps its meaning."""

    date: dt.date
    reason: str
    superseded_by: tuple[str, ...] = ()


class Rule(NamedTuple):
    """One known-bad combination; ``file`` is where it was read from."""

    id: str
    title: str
    summary: str
    symptom: str
    status: Status
    published: dt.date
    modified: dt.date
    category: Category
    severity: Severity
    impact: tuple[str, ...]
    basis: Basis
    origin: str
    match: Match
    signatures: tuple[Signature, ...]
    fixes: tuple[RuleFix, ...]
    reproducer: Reproducer | None
    evidence: tuple[RuleEvidence, ...]
    file: str
    license: str = ""
    aliases: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    withdrawn: Withdrawn | None = None

    def recognises(self, text: str) -> bool:
        """Say whether a traceback is one that this rule explains."""
        return any(signature.recognises(text) for signature in self.signatures)


class Rulebook(NamedTuple):
    """The rules that were loaded, sorted by id, and which database they are.

    ``skipped`` are the ids of the active rules that were left unparsed, because they speak of distributions, or
    versions of them, that are not installed.
    """

    rules: tuple[Rule, ...]
    info: RulesInfo
    skipped: tuple[str, ...] = ()

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all rules of the database, parsed or not."""
        return tuple(sorted((*(rule.id for rule in self.rules), *self.skipped)))

    def active(self) -> tuple[Rule, ...]:
        """Return the rules that judge; drafts and withdrawn ones do not."""
        return tuple(rule for rule in self.rules if rule.status == "active")

    def candidates(self, names: Iterable[NormalizedName]) -> Iterator[Rule]:
        """Yield the active rules all of whose distributions are among ``names``; no version is looked at."""
        present = frozenset(names)
        for rule in self.rules:
            if rule.status == "active" and all(condition.name in present for condition in rule.match.all):
                yield rule

    def get(self, rule_id: str) -> Rule | None:
        """Return the rule of this id (or alias), upper or lower case, or None."""
        wanted = rule_id.upper()
        for rule in self.rules:
            if rule.id.upper() == wanted or wanted in (alias.upper() for alias in rule.aliases):
                return rule
        return None
