"""The options of requirements files, as pip knows them."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# Options with a value and without; what pip no longer knows is refused by it, and is no option here either.
_VALUED = frozenset({
    "--index-url", "--pypi-url", "--extra-index-url", "--find-links", "--editable", "--requirement", "--constraint",
    "--no-binary", "--only-binary", "--trusted-host", "--use-feature", "--hash", "--global-option", "--config-settings",
    "--config-setting", "--install-option", "--build-constraint", "--default-timeout", "--timeout", "--retries",
    "--uploaded-prior-to",
})  # fmt: skip
_SWITCHES = frozenset({
    "--no-index", "--prefer-binary", "--require-hashes", "--pre", "--always-unzip", "--process-dependency-links",
    "--no-use-wheel", "--use-wheel",
})  # fmt: skip
_SHORT = {
    "-i": "--index-url", "-f": "--find-links", "-e": "--editable", "-r": "--requirement", "-c": "--constraint",
    "-Z": "--always-unzip", "-C": "--config-settings",
}  # fmt: skip
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


class Line(NamedTuple):
    """A line of a requirements file: the requirement, if there is one, and the options with their values."""

    requirement: str
    options: tuple[tuple[str, str], ...]

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of an option."""
        return tuple(value for option, value in self.options if option == name)


def split_line(text: str) -> Line:
    """Take a line apart; raises ``ValueError`` for an option that pip does not know."""
    words = text.split(" ")
    start = next((place for place, word in enumerate(words) if word.startswith("-") and len(word) > 1), len(words))
    rest = " ".join(words[start:])
    return Line(" ".join(words[:start]).strip(), tuple(_options(rest)))


def _options(text: str) -> list[tuple[str, str]]:
    found = []
    words = shlex.split(text)
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if not word.startswith("--") and len(word) > 2:
            name, equals, value = word[:2], "=", word[2:].removeprefix("=")
        name = _full_name(name)
        if name in _SWITCHES:
            if equals:
                raise ValueError(f"{name} takes no value")
            found.append((name, ""))
            continue
        if not equals:
            if not words:
                raise ValueError(f"{name} needs a value")
            value = words.pop(0)
        found.append((name, value))
    return found


def _full_name(name: str) -> str:
    """Return the whole name of an option; pip takes the beginning of one that fits no other."""
    if name in _SHORT:
        return _SHORT[name]
    every = _VALUED | _SWITCHES
    if name in every:
        return name
    near = sorted(each for each in every if name.startswith("--") and len(name) > 3 and each.startswith(name))
    if len(near) == 1:
        return near[0]
    raise ValueError(f"pip knows no option {name[:40]!r} in a requirements file")


def expand(text: str, environ: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Put in the values of ``${VARIABLES}``; return the names of those that are not set and stay as they are."""
    missing = []

    def value(match: re.Match[str]) -> str:
        found = environ.get(match[1])
        if not found:
            missing.append(match[1])
            return match[0]
        return found

    return _VARIABLE.sub(value, text), tuple(missing)
