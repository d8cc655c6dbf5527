"""``envaudit explain`` of an error text: the rules and codes it shows, with the cause and the fix."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import TYPE_CHECKING

from envaudit.cli.streams import width_of
from envaudit.errors import EXIT_CLEAN, EXIT_FINDINGS, ReadError, UsageError
from envaudit.report.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.rulebook.recognise import ErrorText, Recognised
    from envaudit.rulebook.rule import Rulebook

_SHOWN = 5  # causes: a log with more has many problems, and the last ones come first
_LABEL = 10


def read_error_text(place: str) -> str:
    """Return the text of a file, or of standard input for ``-``; of a huge one its end.

    Raises ``UsageError`` when it cannot be read.
    """
    from envaudit.rulebook.error_text import TEXT_LIMIT  # noqa: PLC0415

    if place == "-":
        data = sys.stdin.buffer.read(TEXT_LIMIT) if sys.stdin is not None else b""
        while sys.stdin is not None:
            more = sys.stdin.buffer.read(TEXT_LIMIT // 4)
            if not more:
                break
            data = (data + more)[-TEXT_LIMIT:]
        return data.decode("utf-8", "replace")
    from envaudit.files import open_regular  # noqa: PLC0415

    try:
        with open_regular(place) as (descriptor, size):
            os.lseek(descriptor, max(0, size - TEXT_LIMIT), os.SEEK_SET)
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(TEXT_LIMIT).decode("utf-8", "replace")
    except (ReadError, OSError) as error:
        raise UsageError(f"{place}: {error}") from error


def explain_text(text: str, book: Rulebook, form: str) -> tuple[str, int]:
    """Return what a text shows, as text or JSON, and the exit code: 1 when nothing in it is known."""
    from envaudit.rulebook.recognise import recognise  # noqa: PLC0415

    found = recognise(text, book.active())
    status = EXIT_CLEAN if found.causes else EXIT_FINDINGS
    if form == "json":
        return json.dumps(_data(found, book), indent=2, ensure_ascii=False) + "\n", status
    return "\n".join(_lines(found, min(width_of(sys.stdout), 110))) + "\n", status


def _lines(found: ErrorText, width: int) -> Iterator[str]:
    for cause in found.causes[:_SHOWN]:
        yield from _cause(cause, width)
        yield ""
    more = found.causes[_SHOWN:]
    if more:
        yield f"also in the text: {', '.join(cause.code for cause in more)}"
    if not found.causes:
        yield "nothing in this text is known to envaudit"
        if found.last:
            yield from _row("last error", found.last, width)
    if found.packages:
        yield from _row("packages", f"{', '.join(found.packages[:8])} (in the traceback, innermost first)", width)
    if found.causes:
        yield from _row(
            "next", "envaudit check ENVIRONMENT names the distributions and the command that heals it", width
        )
    else:
        yield from _row("next", "envaudit check ENVIRONMENT looks for the cause in the environment itself", width)


def _cause(cause: Recognised, width: int) -> Iterator[str]:
    title, why, fixes = _words(cause)
    yield f"{cause.code}{'' if cause.sure else ' (perhaps)'}  {title}"
    yield from _row(f"line {cause.number}", cause.line, width)
    if why:
        yield from _row("cause", why, width)
    for number, fix in enumerate(fixes):
        yield from _row("fix" if number == 0 else "or", fix, width)
    yield from _row("more", f"envaudit explain {cause.code}", width)


def _words(cause: Recognised) -> tuple[str, str, list[str]]:
    """Return title, cause and fixes of a rule or of a code, from its own page."""
    from envaudit.rulebook import fix_sentence  # noqa: PLC0415

    if cause.rule is not None:
        first = cause.rule.summary.split("\n\n")[0].replace("\n", " ")
        fixes = [f"{fix_sentence(fix)}: {fix.note}" if fix.note else fix_sentence(fix) for fix in cause.rule.fixes]
        return cause.rule.title, first, fixes
    from envaudit.codes import CODES, page  # noqa: PLC0415

    parts = (part.partition("\n") for part in page(cause.code).split("\n## "))
    sections = {head.strip(): body.strip() for head, _, body in parts}
    first = sections.get("What it detects", "").split("\n\n")[0].replace("\n", " ")
    fix = sections.get("How to fix it", "").split("\n\n")[0].replace("\n", " ")
    return CODES[cause.code], first, [fix] if fix else []


def _row(label: str, text: str, width: int) -> Iterator[str]:
    indent = " " * (4 + _LABEL)
    lines = textwrap.wrap(plain(text), max(20, width - len(indent)), break_on_hyphens=False) or [""]
    yield f"    {label:<{_LABEL}}{lines[0]}"
    yield from (indent + line for line in lines[1:])


def _data(found: ErrorText, book: Rulebook) -> dict[str, object]:
    causes = []
    for cause in found.causes:
        title, why, fixes = _words(cause)
        causes.append(
            {
                "code": cause.code,
                "title": title,
                "sure": cause.sure,
                "line": cause.number,
                "text": cause.line,
                "cause": why,
                "fix": fixes,
                "packages": list(cause.packages),
            }
        )
    return {
        "schema_version": 1,
        "rules": {"version": book.info.version, "digest": book.info.digest},
        "causes": causes,
        "last_error": found.last,
        "packages": list(found.packages),
    }
