"""The keys of the configuration, and how the value of each is read and checked.

A value comes as text (a flag, a variable) or as TOML gives it. Text is first turned into what TOML would hold, then
both take the same way; whatever is not understood is a ``ValueError`` with half a sentence for the user.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.model import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FORMATS = ("text", "json", "sarif", "junit", "github", "gitlab", "markdown")
COLOR_CHOICES = ("auto", "always", "never")

_GIB = 1024**3
_SMALLEST_MEMORY = 64 * 1024**2  # less than this, and not even ``import numpy`` can succeed


def meant(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" if a known word is near to an unknown one, else nothing."""
    import difflib  # noqa: PLC0415 - only on the way to an error

    words = tuple(known)
    by_folded = {re.sub(r"[-_ ]", "", each).lower(): each for each in words}
    near = difflib.get_close_matches(re.sub(r"[-_ ]", "", word).lower(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean {by_folded[near[0]]}?" if near else ""


class Kind(NamedTuple):
    """How the value of a key is read; ``field`` is its name in ``Settings``."""

    field: str
    from_text: Callable[[str], object]
    accept: Callable[[object], Any]


class Ignore(NamedTuple):
    """An entry of ``ignore`` that says why, and perhaps the last day it holds (``2026-12-31``); empty: for ever."""

    entry: str
    reason: str
    until: str = ""


class Output(NamedTuple):
    """A file that a report is written to, and the format; empty stands for that of ``--format``."""

    format: str
    path: str


def switch_from_text(text: str) -> bool:
    """Return what a word such as ``yes``, ``off`` or ``1`` says; raises ``ValueError``."""
    word = text.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise ValueError(f"must be true or false, not {text!r}")


def _number_from_text(text: str) -> float | int:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"must be a number, not {text!r}") from None
    return int(number) if number.is_integer() else number


def _words_from_text(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", text) if word]


def _paths_from_text(text: str) -> list[str]:
    return [path for path in text.split(os.pathsep) if path]


def _lines_from_text(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")  # noqa: TRY004 - becomes a ConfigError
    return value


def _string(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"must be a text, not {value!r}")
    return value


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ValueError(f"must be a list of texts, not {value!r}")
    return tuple(_string(item) for item in value)


_IGNORE_KEYS = ("code", "package", "reason", "until")


def _ignores(value: object) -> tuple[str | Ignore, ...]:
    """Read texts such as ``DEP002:pandas`` and tables that say why and until when."""
    if not isinstance(value, list):
        raise ValueError(f"must be a list of texts and tables, not {value!r}")  # noqa: TRY004 - becomes a ConfigError
    return tuple(
        _ignore(item, f"[{number}]") if isinstance(item, dict) else _strings([item])[0]
        for number, item in enumerate(value)
    )


def _ignore(table: dict[str, object], where: str) -> Ignore:
    for key in table:
        if key not in _IGNORE_KEYS:
            raise ValueError(f"{where}.{key}: there is no such key{meant(key, _IGNORE_KEYS)}")
    texts = {key: table.get(key, "") for key in ("code", "package", "reason")}
    for key, text in texts.items():
        if not isinstance(text, str) or (key in table and not text.strip()):
            raise ValueError(f"{where}.{key}: must be a text, not {text!r}")
    code, package, reason = (str(text).strip() for text in texts.values())
    if not code:
        raise ValueError(f"{where}.code: is missing")
    if ":" in code:
        raise ValueError(f"{where}.code: must be a code alone, not {code!r}; the distribution stands in package")
    if not reason:
        raise ValueError(f"{where}.reason: is missing; say why {code} is ignored")
    return Ignore(f"{code}:{package}" if package else code, reason, _day(table.get("until", ""), f"{where}.until"))


def _day(value: object, where: str) -> str:
    """Return a day as ``2026-12-31``, from a date of TOML or a text."""
    import datetime as dt  # noqa: PLC0415 - only where something is ignored until a day

    if value == "":
        return ""
    try:
        if isinstance(value, str):
            return dt.date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    raise ValueError(f"{where}: must be a day such as 2026-12-31, not {str(value)!r}")


_FORMAT_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]+(?=:.)")  # of one letter it is the drive of a Windows path


def _outputs(value: object) -> tuple[Output, ...]:
    """Read ``FILE`` and ``FORMAT:FILE``; at most one of them has no format."""
    found = []
    for text in _strings([value] if isinstance(value, str) else value):
        word = _FORMAT_WORD.match(text)
        if word is None:
            found.append(Output("", text))
        elif word[0] in FORMATS:
            found.append(Output(word[0], text[word.end() + 1 :]))
        else:
            raise ValueError(f"{text!r}: there is no format {word[0]}{meant(word[0], FORMATS)} (./{text} is a file)")
    if sum(not each.format for each in found) > 1:
        raise ValueError("of several files each needs its format, such as sarif:report.sarif")
    return tuple(found)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ValueError(f"must be a number of seconds above 0, not {value!r}")
    return float(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"must be a whole number, 0 or more, not {value!r}")
    return value


_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": _GIB, "T": 1024**4}


def _size(value: object) -> int:
    match = None if isinstance(value, bool) else _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"must be a size such as 4G or 512M, not {value!r}")
    size = int(float(match[1]) * _SIZE_UNITS[match[2].upper()])
    if size < _SMALLEST_MEMORY:
        raise ValueError(f"{value!r} is {size} bytes, too little to start anything; write a size such as 4G or 512M")
    return size


def _one_of(words: tuple[str, ...]) -> Callable[[object], str]:
    def accept(value: object) -> str:
        if value not in words:
            choice = f"{', '.join(words[:-1])} or {words[-1]}"
            raise ValueError(f"must be {choice}, not {value!r}{meant(str(value), words)}")
        return str(value)

    return accept


def _severity(value: object) -> Severity:
    return Severity(_one_of(tuple(each.value for each in Severity))(value))


_SMOKE = ("auto", "all", "none")


def _smoke(value: object) -> str:
    """Read which smoke tests are run: a word, or what a switch says; none is empty."""
    if isinstance(value, str) and value not in _SMOKE:
        with contextlib.suppress(ValueError):
            value = switch_from_text(value)
    word = {True: "auto", False: "none"}[value] if isinstance(value, bool) else _one_of(_SMOKE)(value)
    return "" if word == "none" else word


def _keyword(value: object) -> str:
    from envaudit.keywords import Expression  # noqa: PLC0415 - only a run that chooses among tests needs it

    text = _string(value)
    Expression(text)
    return text


KEYS: dict[str, Kind] = {
    "target": Kind("target", str, _string),
    "root": Kind("root", str, _string),
    "python": Kind("python", str, _string),
    "select": Kind("select", _words_from_text, _strings),
    "ignore": Kind("ignore", _words_from_text, _ignores),
    "baseline": Kind("baseline", str, _string),
    "fail-on": Kind("fail_on", str, _severity),
    "strict": Kind("strict", switch_from_text, _switch),
    "exit-zero": Kind("exit_zero", switch_from_text, _switch),
    "smoke": Kind("smoke", str, _smoke),
    "keyword": Kind("keyword", str, _keyword),
    "pairs": Kind("pairs", switch_from_text, _switch),
    "timeout": Kind("smoke_timeout", _number_from_text, _seconds),
    "memory-limit": Kind("smoke_memory", str, _size),
    "jobs": Kind("jobs", _number_from_text, _count),
    "cache": Kind("cache", switch_from_text, _switch),
    "online": Kind("online", switch_from_text, _switch),
    "offline": Kind("offline", switch_from_text, _switch),
    "deep": Kind("deep", switch_from_text, _switch),
    "python-version": Kind("python_version", _words_from_text, _strings),
    "python-platform": Kind("python_platform", _words_from_text, _strings),
    "exclude-newer": Kind("exclude_newer", str, _string),
    "verify": Kind("verify", switch_from_text, _switch),
    "code": Kind("code", _paths_from_text, _strings),
    "rules": Kind("rules", _paths_from_text, _strings),
    "rules-only": Kind("rules_only", switch_from_text, _switch),
    "format": Kind("format", str, _one_of(FORMATS)),
    "output": Kind("outputs", _lines_from_text, _outputs),
    "step-summary": Kind("step_summary", switch_from_text, _switch),
    "color": Kind("color", str, _one_of(COLOR_CHOICES)),
    "quiet": Kind("quiet", switch_from_text, _switch),
    "verbose": Kind("verbose", switch_from_text, _switch),
}
