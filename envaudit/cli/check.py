"""``envaudit check``: audit an environment and report."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import nullcontext
from itertools import takewhile
from typing import TYPE_CHECKING

from envaudit.cli.arguments import (
    add_configuration,
    add_output,
    add_selection,
    add_smoke,
    add_target,
    add_verdict,
)
from envaudit.cli.streams import complain, is_terminal, write_out
from envaudit.errors import EXIT_CLEAN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envaudit.cli.parser import Commands
    from envaudit.model import Report
    from envaudit.settings import Settings

_LONGEST = 60  # days; an unchanged environment is looked at again after that
_DESCRIPTION = """\
Read every installed distribution and compiled file of an environment, say which of them cannot work together, and
try out in a sandbox what cannot be decided by reading. Without TARGET, the active environment or the nearest .venv.
"""
_EXIT_CODES = """\
examples:
  envaudit check                          the active environment
  envaudit check .venv --no-smoke         only read, run nothing of it
  envaudit check -f json -o report.json   for programs
  envaudit check -o sarif:report.sarif    also as a file that code scanning reads
  envaudit check --ignore DEP002:pandas   leave out what you know about
  envaudit check --baseline known.json    fail only for what is new (envaudit baseline write)
  envaudit check --code src --code a.ipynb   also link your own code and notebooks
  envaudit check /opt/venv --root img     an unpacked image; nothing of it is run

exit codes:
  0 nothing found at or above --fail-on   1 something found   2 could not be done
  3 incomplete: a check failed, or something was not checked under --strict
"""


def add_parser(commands: Commands) -> None:
    """Add the arguments of the command. Defaults are ``None``: what is not given comes from the settings."""
    parser = commands.add_parser(
        "check",
        help="audit an environment",
        description=_DESCRIPTION,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    add_target(parser)
    parser.add_argument("--list", action="store_true", dest="list_checks", help="list checks and smoke tests, and stop")
    counts = parser.add_argument_group("what counts")
    counts.add_argument("--online", action="store_true", default=None, help="also ask the package index (IDX)")
    add_selection(counts)
    add_verdict(counts)
    add_smoke(parser.add_argument_group("smoke tests"))
    add_output(parser.add_argument_group("output"))
    add_configuration(parser.add_argument_group("configuration"))


def run(options: argparse.Namespace) -> int:
    """Audit, report, and return the exit code of the verdict."""
    from envaudit.cli.keep import Keeper  # noqa: PLC0415 - --help needs none of it
    from envaudit.cli.outputs import anchor_of, deliver_all, destinations, told_where, written  # noqa: PLC0415
    from envaudit.files_seen import Seen  # noqa: PLC0415
    from envaudit.model import replace  # noqa: PLC0415
    from envaudit.settings import load_settings  # noqa: PLC0415

    if options.list_checks:
        from envaudit.cli.listing import lines  # noqa: PLC0415

        write_out("".join(f"{line}\n" for line in lines()))
        return EXIT_CLEAN
    environ, cwd = os.environ, os.getcwd()
    seen = Seen(busy=(cwd,))
    keeper = Keeper(options.arguments, environ, seen)
    with nullcontext() if options.cache is False else seen:  # what is not kept needs no notes of what it hangs on
        settings = load_settings(vars(options), environ, cwd)
        places = destinations(settings, keeper.variables)
        anchor = anchor_of(places, cwd)
        report = audited(settings, keeper.variables, cwd)
    deliver_all(written(report, places, settings, environ, cwd=cwd, anchor=anchor))
    said = [] if settings.quiet else [line for line in (told_where(report, places), *_remarks(report)) if line]
    for line in said:
        complain(line)
    if settings.cache and keeper.may_keep():
        # What the next run is to write if it finds nothing changed: this report, and since when it holds.
        later = written(
            replace(report, unchanged_since=keeper.started()), places, settings, environ, cwd=cwd, anchor=anchor
        )
        keeper.keep(later, report.exit_code, "\n".join(said), _same_until(report, settings))
    return report.exit_code


def _remarks(report: Report) -> Iterator[str]:
    """Yield what is said beside the report: of settings that have no effect, and that the rules are old."""
    import datetime as dt  # noqa: PLC0415

    from envaudit.rulebook.age import age_note  # noqa: PLC0415

    yield from report.remarks
    yield age_note(report.rules.version, dt.datetime.now(dt.timezone.utc).date())


def _same_until(report: Report, settings: Settings) -> float:
    """Return the time (seconds since 1970) until which the same is said of the age of rules, and is ignored."""
    import datetime as dt  # noqa: PLC0415

    from envaudit.rulebook.age import age_note  # noqa: PLC0415

    today = dt.datetime.now(dt.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    notes = (age_note(report.rules.version, (today + dt.timedelta(days)).date()) for days in range(_LONGEST))
    first = next(notes)
    same = 1 + sum(1 for _ in takewhile(first.__eq__, notes))
    ends = (
        dt.date.fromisoformat(each.until) for each in settings.ignores if each.entry in settings.ignore and each.until
    )
    left = ((end - today.date()).days + 1 for end in ends)
    return (today + dt.timedelta(min((same, *left)))).timestamp()


def audited(settings: Settings, environ: Mapping[str, str], cwd: str) -> Report:
    """Audit, and show on a terminal how far it is."""
    from envaudit.audit import audit  # noqa: PLC0415 - nothing of it is needed to refuse wrong settings

    if settings.quiet or not is_terminal(sys.stderr) or environ.get("TERM") == "dumb":
        return audit(settings, environ, cwd)
    from envaudit.cli.progress import shown_progress  # noqa: PLC0415

    with shown_progress() as progress:
        return audit(settings, environ, cwd, progress)
