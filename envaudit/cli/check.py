"""``envaudit check``: audit an environment and report."""

from __future__ import annotations

import argparse
import os
import sys
from itertools import takewhile
from typing import TYPE_CHECKING

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
    parser.add_argument("target", nargs="?", metavar="TARGET", help="environment, interpreter or site-packages folder")
    parser.add_argument("-p", "--python", metavar="PYTHON", help="the interpreter whose environment is audited")
    parser.add_argument("--root", metavar="DIR", help="TARGET lies in this unpacked image: look everything up inside")
    parser.add_argument(
        "--code", action="append", metavar="PATH", help="also link this file, folder or notebook of yours (repeatable)"
    )
    parser.add_argument("--list", action="store_true", dest="list_checks", help="list checks and smoke tests, and stop")
    _add_choice(parser.add_argument_group("what counts"))
    _add_smoke(parser.add_argument_group("smoke tests"))
    _add_output(parser.add_argument_group("output"))
    configuration = parser.add_argument_group("configuration")
    configuration.add_argument(
        "--no-cache", action="store_false", default=None, dest="cache", help="read every file, and keep nothing"
    )
    files = configuration.add_mutually_exclusive_group()
    files.add_argument(
        "--config", metavar="FILE", help="read this file, not the nearest envaudit.toml or pyproject.toml"
    )
    files.add_argument("--no-config", action="store_true", help="read no configuration file")


def _add_choice(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--select", action="append", metavar="CODES", help="only these, such as ABI,DEP001 (repeatable)")
    group.add_argument(
        "--ignore", action="append", metavar="CODES", help="not these; also CODE:distribution (repeatable)"
    )
    group.add_argument(
        "--fail-on", metavar="SEVERITY", help="error (default), warning or note: exit with 1 from here on"
    )
    group.add_argument("--strict", action="store_true", default=None, help="exit with 3 if anything was not checked")
    group.add_argument("--exit-zero", action="store_true", default=None, help="exit with 0 in spite of findings")
    group.add_argument(
        "--rules", action="append", metavar="PATH", help="also use the rules in this folder or built file (repeatable)"
    )
    group.add_argument(
        "--rules-only", action="store_true", default=None, help="use only those, not the rules that ship with envaudit"
    )
    group.add_argument(
        "--verify", action="store_true", default=None, help="read every installed file and compare it with its digest"
    )


def _add_smoke(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--smoke", action=argparse.BooleanOptionalAction, default=None, help="run small computations (default: yes)"
    )
    group.add_argument("--timeout", metavar="SECONDS", help="for each test (default: 60)")
    group.add_argument("--memory-limit", metavar="SIZE", help="for each test, such as 512M or 4G (default: 2G)")
    group.add_argument("--jobs", metavar="N", help="tests at a time (default: one for each processor)")


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-f", "--format", metavar="FORMAT", help="text (default), json, sarif, junit, github, gitlab or markdown"
    )
    group.add_argument(
        "-o",
        "--output",
        action="append",
        metavar="FILE",
        help="write the report to a file instead; FORMAT:FILE writes it there as well, in that format (repeatable)",
    )
    group.add_argument(
        "--step-summary", action="store_true", default=None, help="add it to the summary of a GitHub Actions step"
    )
    group.add_argument("--color", metavar="WHEN", help="auto (default), always or never")
    amount = group.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", default=None, help="only errors and the verdict")
    amount.add_argument(
        "-v", "--verbose", action="store_true", default=None, help="all evidence, and what was left out"
    )


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
    with Seen(busy=(cwd,)) as seen:
        keeper = Keeper(options.arguments, environ, seen)
        settings = load_settings(vars(options), environ, cwd)
        places = destinations(settings, keeper.variables)
        anchor = anchor_of(places, cwd)
        report = _audit(settings, keeper.variables, cwd)
    deliver_all(written(report, places, settings, environ, cwd=cwd, anchor=anchor))
    said = [] if settings.quiet else [line for line in (told_where(report, places), *_remarks(report)) if line]
    for line in said:
        complain(line)
    if settings.cache and keeper.may_keep():
        # What the next run is to write if it finds nothing changed: this report, and since when it holds.
        later = written(
            replace(report, unchanged_since=keeper.started), places, settings, environ, cwd=cwd, anchor=anchor
        )
        keeper.keep(later, report.exit_code, "\n".join(said), _same_until(report))
    return report.exit_code


def _remarks(report: Report) -> Iterator[str]:
    """Yield what is said beside the report: that the rules are old."""
    import datetime as dt  # noqa: PLC0415

    from envaudit.rulebook.age import age_note  # noqa: PLC0415

    yield age_note(report.rules.version, dt.datetime.now(dt.timezone.utc).date())


def _same_until(report: Report) -> float:
    """Return the time (seconds since 1970) until which the same is said of the age of the rules."""
    import datetime as dt  # noqa: PLC0415

    from envaudit.rulebook.age import age_note  # noqa: PLC0415

    today = dt.datetime.now(dt.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    notes = (age_note(report.rules.version, (today + dt.timedelta(days)).date()) for days in range(_LONGEST))
    first = next(notes)
    return (today + dt.timedelta(1 + sum(1 for _ in takewhile(first.__eq__, notes)))).timestamp()


def _audit(settings: Settings, environ: Mapping[str, str], cwd: str) -> Report:
    from envaudit.audit import audit  # noqa: PLC0415 - nothing of it is needed to refuse wrong settings

    if settings.quiet or not is_terminal(sys.stderr) or environ.get("TERM") == "dumb":
        return audit(settings, environ, cwd)
    from envaudit.cli.progress import shown_progress  # noqa: PLC0415

    with shown_progress() as progress:
        return audit(settings, environ, cwd, progress)
