"""Where a report goes: standard output or a file, files in other formats beside it, the summary of a CI step."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from envaudit.cli.streams import check_destination, deliver, use_color, width_of
from envaudit.errors import UsageError
from envaudit.files import is_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envaudit.model import Report
    from envaudit.report import ReportOptions
    from envaudit.settings import Format, Settings

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
# Of these formats every entry needs a file; what belongs to none is put on the first of these that there is.
_ANCHORED = frozenset({"sarif", "gitlab"})
_ANCHORS = ("pyproject.toml", "requirements.txt", "environment.yml", "setup.cfg", "setup.py")


class Destination(NamedTuple):
    """A place a report is written to, in a format; an empty path is standard output."""

    path: str
    format: Format
    append: bool = False


def destinations(settings: Settings, environ: Mapping[str, str]) -> tuple[Destination, ...]:
    """Return all places a report goes to, files first; raises ``UsageError`` if one of them cannot be written."""
    found = [Destination(each.path, each.format) for each in settings.outputs]  # type: ignore[arg-type]  # one of FORMATS
    main = Destination(settings.output, settings.format)
    if settings.output:
        found.insert(0, main)
    for each in found:
        check_destination(each.path)
    if settings.step_summary:
        summary = environ.get(STEP_SUMMARY, "")
        if not summary:
            raise UsageError(
                f"--step-summary: {STEP_SUMMARY}, which names the file, is not set outside of GitHub Actions"
            )
        check_destination(summary, "--step-summary")
        found.append(Destination(summary, "markdown", append=True))
    real = [os.path.realpath(each.path) for each in found]
    for number, path in enumerate(real):
        if path in real[:number]:
            raise UsageError(f"--output {found[number].path}: two reports cannot go to one file")
    return (*found, *(() if settings.output else (main,)))


def anchor_of(places: Sequence[Destination], cwd: str) -> str:
    """Return the file of the project that findings without a place of their own are put on."""
    if not any(place.format in _ANCHORED for place in places):
        return _ANCHORS[0]
    return next((name for name in _ANCHORS if is_file(os.path.join(cwd, name))), _ANCHORS[0])


def written(
    report: Report,
    places: Sequence[Destination],
    settings: Settings,
    environ: Mapping[str, str],
    *,
    cwd: str,
    anchor: str,
) -> list[tuple[str, bool, str]]:
    """Return for each place whether the text is added to what is there, and the text."""
    from envaudit.report import render  # noqa: PLC0415 - nothing of it is needed to refuse wrong settings

    return [
        (place.path, place.append, render(report, _options(place, settings, environ, cwd)._replace(anchor=anchor)))
        for place in places
    ]


def deliver_all(outputs: Sequence[tuple[str, bool, str]]) -> None:
    """Write everything to where it goes."""
    for path, append, text in outputs:
        deliver(path, text, append=append)


def told_where(report: Report, places: Sequence[Destination]) -> str:
    """Say in which files the report is; nothing if it is on standard output alone."""
    files = [place.path for place in places if place.path and not place.append]
    if not files:
        return ""
    *first, last = files
    listed = f"{', '.join(first)} and {last}" if first else last
    if not all(place.path for place in places):
        return f"the report is also in {listed}"
    return f"{report.verdict}, exit code {report.exit_code}; the report is in {listed}"


def _options(place: Destination, settings: Settings, environ: Mapping[str, str], cwd: str) -> ReportOptions:
    """Decide how the report looks from where it goes: a file never gets colours."""
    from envaudit.report import NORMAL, QUIET, VERBOSE, ReportOptions  # noqa: PLC0415

    stream = None if place.path else sys.stdout
    return ReportOptions(
        format=place.format,
        color=not place.path and use_color(settings.color, stream, environ),
        width=width_of(stream),
        verbosity=QUIET if settings.quiet else VERBOSE if settings.verbose else NORMAL,
        root=cwd,
        fail_on=settings.fail_on,
    )
