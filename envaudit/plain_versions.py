"""Versions and requirements of the plain kind, decided without ``packaging``.

Nearly every installed version is digits and dots, and nearly every requirement a name with bounds of that kind and at
most a simple marker. These are decided here, by the rules of PEP 440 and PEP 508; to everything else the answer is
``None``, and the caller asks ``packaging``, whose import alone takes 20 ms. The tests hold both answers side by side.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from packaging.utils import NormalizedName

    _Token = str | bool | None  # a bracket, "and" or "or"; whether a comparison holds

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_LENGTH = 64  # of a version; no real one is longer
_TOKENS = 64  # of a marker
_VERSION = re.compile(r"(\d+(?:\.\d+)*)(\.post\d+)?(?:\+[a-z0-9]+(?:\.[a-z0-9]+)*)?", re.ASCII)
# One bound. What comes before a release (2.0a1, 2.0.dev3) is below it, and above all that is below the release.
_BOUND = re.compile(
    r"\s*(==|!=|<=|>=|~=|<|>)\s*(\d+(?:\.\d+)*)(\.\*|[-_.]?(?:a|b|rc|dev)[-_.]?\d*)?\s*(?:,|$)", re.ASCII
)
_REQUIREMENT = re.compile(
    r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*"  # name
    r"(?:\[\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\s*,\s*[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)*)\s*\]\s*)?"
    r"(?:\(([^()]*)\)|([<>=!~][^;()]*))?\s*(?:;(.*))?",
    re.ASCII,
)
_TOKEN = re.compile(
    r"""\s*(?:([()])|(and|or)\b|(\w+)\s*(==|!=|<=|>=|<|>)\s*(?:"([^"'\\]*)"|'([^"'\\]*)'))\s*""", re.ASCII
)
_WORD = re.compile(r"[A-UW-Za-uw-z][A-Za-z0-9_.-]*", re.ASCII)  # v1 would be a version
_OF_VERSIONS = frozenset({"python_version", "python_full_version"})
_OF_WORDS = frozenset({"sys_platform", "platform_system", "platform_machine", "os_name", "implementation_name",
                       "platform_python_implementation"})  # fmt: skip


class Release(NamedTuple):
    """A version without its local part: its numbers, and whether it is a post-release of them."""

    numbers: tuple[int, ...]
    post: bool


class Bound(NamedTuple):
    """One bound of a specifier; ``rest`` is ``.*``, or what makes it a version before the release, or empty."""

    operator: str
    numbers: tuple[int, ...]
    rest: str

    def __str__(self) -> str:
        return f"{self.operator}{'.'.join(map(str, self.numbers))}{self.rest}"

    def holds(self, version: Release) -> bool | None:
        """Whether a version is within the bound."""
        operator, numbers, rest = self
        if rest == ".*":
            if operator not in {"==", "!="}:
                return None
            return _starts_with(version.numbers, numbers) == (operator == "==")
        order = _compare(version.numbers, numbers)
        if order == 0 and operator == ">" and version.post:
            return None if rest else False  # by PEP 440 a post-release is not above its release in this sense
        if order == 0 and (rest or version.post):
            order = 1
        if operator != "~=":
            return _HOLDS[operator](order)
        return None if rest or len(numbers) < 2 else order >= 0 and _starts_with(version.numbers, numbers[:-1])


_HOLDS: dict[str, Callable[[int], bool]] = {
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<=": lambda order: order <= 0,
    ">=": lambda order: order >= 0,
    "<": lambda order: order < 0,
    ">": lambda order: order > 0,
}


class PlainRequirement(NamedTuple):
    """A requirement without an address; names and marker as they are written."""

    name: str
    extras: tuple[str, ...]
    bounds: tuple[Bound, ...]
    marker: str


def normalised(name: str) -> NormalizedName:
    """Return the form in which two names of one distribution are equal: lower case, runs of ``-_.`` as one ``-``."""
    key = name.lower().replace("_", "-").replace(".", "-")
    while "--" in key:
        key = key.replace("--", "-")
    return cast("NormalizedName", key)


def name_of(text: str) -> NormalizedName | None:
    """Return the normalised name that a requirement begins with, whatever follows; ``None`` where none stands."""
    match = _NAME.match(text)
    return normalised(match[1]) if match is not None else None


def release_of(version: str) -> Release | None:
    """Read a plain version: a final release or a post-release of one, with or without a local part."""
    match = _VERSION.fullmatch(version) if len(version) <= _LENGTH else None
    return Release(_numbers(match[1]), bool(match[2])) if match else None


def bounds_of(specifier: str) -> tuple[Bound, ...] | None:
    """Return the bounds of a specifier; the empty one has none."""
    found = []
    position = 0
    while position < len(specifier):
        match = _BOUND.match(specifier, position)
        if match is None or len(match[2]) > _LENGTH:
            return None
        found.append(Bound(match[1], _numbers(match[2]), match[3] or ""))
        position = match.end()
    return tuple(found)


def holds(specifier: str, version: str) -> bool | None:
    """Whether a version is within a specifier; versions before a release count like all others."""
    bounds, release = bounds_of(specifier), release_of(version)
    return None if bounds is None or release is None else all_hold(bounds, release)


def all_hold(bounds: tuple[Bound, ...], release: Release) -> bool | None:
    """Whether a version is within all bounds."""
    answers = [bound.holds(release) for bound in bounds]
    return None if None in answers else all(answers)


def requirement_of(text: str) -> PlainRequirement | None:
    """Read a value of ``Requires-Dist``."""
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        return None
    name, extras, inside, plain, marker = match.groups()
    bounds = bounds_of((inside or plain or "").rstrip())
    if bounds is None or (inside is not None and not bounds) or (marker is not None and not marker.strip()):
        return None
    return PlainRequirement(name, tuple(map(str.strip, extras.split(","))) if extras else (), bounds, marker or "")


# --- markers --------------------------------------------------------------------------------------------------------


def marker_holds(marker: str, markers: Mapping[str, str], extra: str = "") -> bool | None:
    """Whether a marker holds on a target, with an extra or without any; the empty one always does.

    All of it must be plain, also where a part would decide: what is left out could be no marker at all.
    """
    if not marker:
        return True
    tokens: list[_Token] = []
    position = 0
    while position < len(marker):
        match = _TOKEN.match(marker, position)
        if match is None or len(tokens) == _TOKENS:
            return None
        bracket, word, variable, operator, value, other = match.groups()
        tokens.append(
            bracket or word or _compared(variable, operator, value if other is None else other, markers, extra)
        )
        position = match.end()
    if None in tokens:
        return None
    tokens.append("")
    answer = _either(tokens)
    return answer if tokens == [""] else None


def _either(tokens: list[_Token]) -> bool | None:
    """Take the terms of an ``or`` from the front of the tokens."""
    answers = [_both(tokens)]
    while tokens[0] == "or":
        del tokens[0]
        answers.append(_both(tokens))
    return None if None in answers else any(answers)


def _both(tokens: list[_Token]) -> bool | None:
    """Take the terms of an ``and``."""
    answers = [_term(tokens)]
    while tokens[0] == "and":
        del tokens[0]
        answers.append(_term(tokens))
    return None if None in answers else all(answers)


def _term(tokens: list[_Token]) -> bool | None:
    """Take a comparison, or what stands in brackets."""
    if tokens[0] == "(":
        del tokens[0]
        answer = _either(tokens)
        return answer if tokens[0] == ")" and tokens.pop(0) else None
    return tokens.pop(0) if isinstance(tokens[0], bool) else None  # type: ignore[return-value]


def _compared(variable: str, operator: str, value: str, markers: Mapping[str, str], extra: str) -> bool | None:
    """Decide one comparison."""
    if variable in _OF_VERSIONS:
        return holds(operator + value, markers.get(variable, ""))
    if operator not in {"==", "!="} or not _WORD.fullmatch(value):
        return None
    if variable == "extra":
        return (normalised(value) == normalised(extra)) == (operator == "==")
    if variable in _OF_WORDS and variable in markers:
        return (markers[variable] == value) == (operator == "==")
    return None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def _compare(version: tuple[int, ...], bound: tuple[int, ...]) -> int:
    """Return -1, 0 or 1 as a release is below, at or above another; missing parts are 0."""
    length = max(len(version), len(bound))
    left, right = version + (0,) * (length - len(version)), bound + (0,) * (length - len(bound))
    return (left > right) - (left < right)


def _starts_with(version: tuple[int, ...], bound: tuple[int, ...]) -> bool:
    """Whether a release begins with the parts of another."""
    return version[: len(bound)] + (0,) * (len(bound) - len(version)) == bound
