"""Everything that can be wrong with a rule without installing anything; one problem, one ``RuleError``.

The form of the files is held by ``parse``; here it is whether a rule means what its author thinks: that the set it
calls bad matches it, that the sets it calls good do not, and that each fix leaves the bad set.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from envaudit.errors import RuleError
from envaudit.model import Severity
from envaudit.rulebook.derived import load_derived
from envaudit.rulebook.load import VERSION_FILE, read_rule_text, read_version, rule_paths
from envaudit.rulebook.match import Certainty, condition_holds, match_rule, parse_version
from envaudit.rulebook.parse import parse_condition, parse_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from packaging.utils import NormalizedName

    from envaudit.rulebook.match import Offer
    from envaudit.rulebook.rule import Condition, Reproducer, Rule, RuleFix

    Check = Callable[[Rule], Iterator[tuple[str, str]]]

_ID = re.compile(r"EA-(20\d\d-\d{4}|0000-[a-z0-9-]+)")
_CALENDAR = re.compile(r"20\d\d\.(1[0-2]|[1-9])\.\d+")
_PYTHON = re.compile(r"3\.\d+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SHORTEST_REGEX = 8  # a shorter one would match the tracebacks of others
SHORTEST_SUMMARY = 120  # the summary is the body of the page of the rule
_TITLE = (10, 120)
_IMPORT = "import:"


def lint_rules(folder: str) -> list[RuleError]:
    """Return all that is wrong in a folder of rules, in the order of the files; empty when it is sound.

    Raises ``RuleError`` only when the folder itself cannot be listed.
    """
    problems: list[RuleError] = []
    if not _CALENDAR.fullmatch(read_version(folder)):
        problems.append(RuleError(str(Path(folder, VERSION_FILE)), "", "no version such as 2026.11.1"))
    rules: list[Rule] = []
    for path in rule_paths(folder):
        try:
            rule, found = parse_rule(read_rule_text(path), path)
        except RuleError as error:
            problems.append(error)
            continue
        problems += found
        if rule is not None:
            problems += lint_rule(rule)
            rules.append(rule)
    problems += _across(rules)
    return problems + list(_derived(folder))


def _derived(folder: str) -> Iterator[RuleError]:
    """Find what is wrong with the table of what releases were built for."""
    try:
        load_derived(folder)
    except RuleError as error:
        yield error


def lint_rule(rule: Rule) -> list[RuleError]:
    """Return all that is wrong with one rule of good form."""
    return [RuleError(rule.file, path, reason) for check in _CHECKS for path, reason in check(rule)]


def environment(python: str, platform: str) -> dict[str, str]:
    """Return the markers of a CPython of this version (``3.11``) on ``linux-x86_64`` and the like."""
    system, _, machine = platform.partition("-")
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": system.capitalize(),
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": system,
    }


def pinned(requirements: Sequence[str]) -> dict[NormalizedName, Offer]:
    """Return the versions of a list of pins; what is not a pin is left out."""
    versions: dict[NormalizedName, Offer] = {}
    for text in requirements:
        condition = parse_condition(text)
        if condition is not None and condition.specifier.startswith("=="):
            versions[condition.name] = parse_version(condition.specifier.lstrip("= "))
    return versions


def _across(rules: Sequence[Rule]) -> Iterator[RuleError]:
    """Find what only shows in all rules together."""
    by_id: dict[str, Rule] = {}
    for rule in rules:
        other = by_id.setdefault(rule.id, rule)
        if other is not rule:
            yield RuleError(rule.file, "id", f"{rule.id} is also the id of {Path(other.file).name}")
    for rule in rules:
        named = list(rule.related) + list(rule.withdrawn.superseded_by if rule.withdrawn else ())
        for rule_id in named:
            if rule_id not in by_id:
                yield RuleError(rule.file, "related", f"there is no rule {rule_id}")


def _identity(rule: Rule) -> Iterator[tuple[str, str]]:
    name = Path(rule.file).name
    if not _ID.fullmatch(rule.id):
        yield "id", f"{rule.id!r} is not of the form EA-2026-0001 or EA-0000-some-words"
    if name != f"{rule.id}.toml":
        yield "id", f"{rule.id} must be in the file {rule.id}.toml"


def _prose(rule: Rule) -> Iterator[tuple[str, str]]:
    if not _TITLE[0] <= len(rule.title) <= _TITLE[1]:
        yield "title", f"{len(rule.title)} characters, {_TITLE[0]} to {_TITLE[1]} are expected"
    if len(rule.summary) < SHORTEST_SUMMARY:
        yield "summary", f"{len(rule.summary)} characters, a page needs {SHORTEST_SUMMARY}"
    if not rule.symptom.strip():
        yield "symptom", "empty: write the line a user sees"


def _dates(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.modified < rule.published:
        yield "modified", f"{rule.modified} is before {rule.published}, when it was published"
    if (rule.status == "withdrawn") != (rule.withdrawn is not None):
        yield "status", "a withdrawn rule has a [withdrawn] table, another has none"
    if rule.withdrawn is not None and rule.withdrawn.date < rule.published:
        yield "withdrawn.date", "is before the rule was published"


def _match(rule: Rule) -> Iterator[tuple[str, str]]:
    for key, conditions in (("all", rule.match.all), ("none", rule.match.none)):
        for number, condition in enumerate(conditions):
            if condition.specifier and not _is_specifier(condition.specifier):
                yield f"match.{key}[{number}]", f"{condition.specifier!r} is no version specifier"
    names = [condition.name for condition in rule.match.all]
    if len(set(names)) != len(names):
        yield "match.all", "a distribution is named twice: join the versions with a comma"
    if rule.match.env and not _is_marker(rule.match.env):
        yield "match.env", f"{rule.match.env!r} is no environment marker"
    if bool(rule.match.subject) != bool(rule.match.facts):
        yield "match.subject", "subject and facts belong together"


def _signatures(rule: Rule) -> Iterator[tuple[str, str]]:
    for number, signature in enumerate(rule.signatures):
        where = f"signature[{number}].regex"
        if len(signature.regex) < SHORTEST_REGEX:
            yield where, f"{len(signature.regex)} characters, at least {SHORTEST_REGEX} are needed"
        try:
            re.compile(signature.regex, re.DOTALL)
        except re.error as error:
            yield where, f"no regular expression: {error}"
    for index in rule.reproducer.expect.signature if rule.reproducer else ():
        if not 0 <= index < len(rule.signatures):
            yield "reproducer.expect.signature", f"there is no signature {index}"


def _provenance(rule: Rule) -> Iterator[tuple[str, str]]:
    """Whatever comes from another database must say so, and is no more than a warning until it was seen to happen."""
    taken = rule.origin.startswith(_IMPORT)
    if taken and not rule.license:
        yield "license", f"the one of {rule.origin.removeprefix(_IMPORT)} has to be named"
    if rule.basis != "imported":
        return
    if not taken:
        yield "origin", f"{rule.origin!r}: that of an imported bound names its database ({_IMPORT}...)"
    if rule.severity is Severity.ERROR:
        yield "severity", "an imported bound that nobody has seen to break is a warning or a note"
    if rule.reproducer is not None:
        yield "basis", "a bound with a reproducer is no longer imported but reproduced"


def _reproducer(rule: Rule) -> Iterator[tuple[str, str]]:
    reproducer = rule.reproducer
    if reproducer is None:
        return
    for key, python in (("python", reproducer.python), ("good_python", reproducer.good_python or "3.0")):
        if not _PYTHON.fullmatch(python):
            yield f"reproducer.{key}", f"{python!r} is no Python version such as 3.11"
    if not reproducer.probe.strip():
        yield "reproducer.probe", "empty"
    if reproducer.expect.exit == 0 and not reproducer.expect.signature:
        yield "reproducer.expect", "exit 0 and no signature: nothing would tell bad from good"
    if not isinstance(reproducer.expect.exit, int) and not reproducer.expect.exit.startswith("SIG"):
        yield "reproducer.expect.exit", "an exit status or the name of a signal is expected"
    if not rule.match.facts:
        yield from _sets(rule, reproducer)


def _sets(rule: Rule, reproducer: Reproducer) -> Iterator[tuple[str, str]]:
    """Hold that the rule matches the bad set, and none of the good ones."""
    held = match_rule(rule, pinned(reproducer.bad), environment(reproducer.python, reproducer.platform))
    if held is not Certainty.CERTAIN:
        yield "reproducer.bad", "the rule does not match the set that is said to be bad"
    markers = environment(reproducer.good_python or reproducer.python, reproducer.platform)
    for number, pins in enumerate(reproducer.good):
        if match_rule(rule, pinned(pins), markers) is not None:
            yield f"reproducer.good[{number}]", "the rule matches a set that is said to be good"


def _fixes(rule: Rule) -> Iterator[tuple[str, str]]:
    """Each fix by itself must exclude the bad set: a constraint it does not meet, or a distribution removed.

    Without a bad set, all that the rule matches stands for it.
    """
    bad = pinned(rule.reproducer.bad) if rule.reproducer else _matched(rule)
    for number, fix in enumerate(rule.fixes):
        where = f"fix[{number}]"
        conditions = [parse_condition(text) for text in fix.constraints]
        for text, condition in zip(fix.constraints, conditions, strict=True):
            if condition is None or not _is_specifier(condition.specifier):
                yield f"{where}.constraints", f"{text!r} is no requirement such as numpy<2"
        for name in fix.remove:
            if not _NAME.fullmatch(name):
                yield f"{where}.remove", f"{name!r} is no name of a distribution"
        if not _leaves(fix, [condition for condition in conditions if condition is not None], rule, bad):
            yield where, "does not exclude the set that is said to be bad"


def _matched(rule: Rule) -> dict[NormalizedName, Offer]:
    """Return the versions that a rule speaks of."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415

    known = [condition for condition in rule.match.all if _is_specifier(condition.specifier)]
    return {condition.name: SpecifierSet(condition.specifier) for condition in known}


def _leaves(fix: RuleFix, conditions: Sequence[Condition], rule: Rule, bad: Mapping[NormalizedName, Offer]) -> bool:
    """Say whether a fix gets out of the rule."""
    if fix.upgrade:
        return True
    if not conditions and not fix.remove:
        return bool(rule.match.env and fix.note)  # another Python, said in words
    named = {condition.name for condition in rule.match.all}
    if any(_normal(name) in named for name in fix.remove):
        return True
    missing = {condition.name for condition in rule.match.none if condition.name not in bad}
    return any(condition.name in missing or _excludes(condition, bad.get(condition.name)) for condition in conditions)


def _excludes(condition: Condition, offer: Offer) -> bool:
    """Say whether no version that is offered is among those a fix asks for."""
    return offer is not None and _is_specifier(condition.specifier) and condition_holds(condition, offer) is None


def _normal(name: str) -> str:
    condition = parse_condition(name)
    return condition.name if condition else name


def _evidence(rule: Rule) -> Iterator[tuple[str, str]]:
    for number, evidence in enumerate(rule.evidence):
        if not evidence.url and not evidence.note:
            yield f"evidence[{number}]", "has neither an address nor a note"
        if evidence.url and not evidence.url.startswith("https://"):
            yield f"evidence[{number}].url", "an https address is expected"


def _is_specifier(text: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415

    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True


def _is_marker(text: str) -> bool:
    from packaging.markers import InvalidMarker, Marker  # noqa: PLC0415

    try:
        Marker(text)
    except InvalidMarker:
        return False
    return True


_CHECKS: tuple[Check, ...] = (
    _identity,
    _prose,
    _dates,
    _match,
    _signatures,
    _provenance,
    _reproducer,
    _fixes,
    _evidence,
)
