"""``envaudit baseline write``: keep what is found today, so that later only what is new fails."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from envaudit.cli.arguments import add_configuration, add_selection, add_smoke, add_target
from envaudit.cli.streams import check_destination, complain, write_file
from envaudit.errors import EXIT_CLEAN, EXIT_INCOMPLETE, UsageError

if TYPE_CHECKING:
    from envaudit.cli.parser import Commands
    from envaudit.model import Report
    from envaudit.settings import Settings

_DESCRIPTION = """\
Audit an environment, or judge a requirement or lock file, and write down what is found. `envaudit check` or `gate` with
`--baseline FILE` then lists these findings as known and fails only for others. A finding stays known through upgrades
that do not touch it.
"""


def add_parser(commands: Commands) -> None:
    """Add the arguments of the command and its action."""
    parser = commands.add_parser(
        "baseline",
        help="write down what is known, so that only new findings fail",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    write = actions.add_parser(
        "write",
        help="audit and write the file",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    write.set_defaults(run=run)
    add_target(write)
    write.add_argument("-o", "--output", required=True, metavar="FILE", dest="file", help="the file to write")
    write.add_argument("-q", "--quiet", action="store_true", default=None, help="say nothing of it")
    gate = write.add_argument_group("when TARGET is a requirement or lock file")
    gate.add_argument("--python-version", action="append", metavar="X.Y", help="judge for this Python (repeatable)")
    gate.add_argument("--python-platform", action="append", metavar="NAME", help="such as linux, macos (repeatable)")
    gate.add_argument("--offline", action="store_true", help="open no connection: the file and the rules alone")
    add_selection(write.add_argument_group("what counts"))
    add_smoke(write.add_argument_group("smoke tests"))
    add_configuration(write.add_argument_group("configuration"))


def run(options: argparse.Namespace) -> int:
    """Audit and write the file; 3 if a check failed, because what it would have found will then be new."""
    from envaudit.baseline import dump_baseline  # noqa: PLC0415 - --help needs none of it
    from envaudit.report.plain import number  # noqa: PLC0415
    from envaudit.settings import load_settings  # noqa: PLC0415

    cwd = os.getcwd()
    settings = load_settings(vars(options), os.environ, cwd)._replace(baseline="", strict=False, exit_zero=True)
    check_destination(options.file)
    report = _judged(settings, options, cwd)
    write_file(options.file, dump_baseline(report.findings))
    is_incomplete = report.exit_code == EXIT_INCOMPLETE
    if not settings.quiet:
        complain(f"{number(len(report.findings), 'finding')} in {options.file}: known from now on")
        if report.gaps:
            complain(f"what is wrong with the {number(len(report.gaps), 'thing')} not checked will be new")
    if is_incomplete:
        complain("not all checks could be completed; what they would have found will be new")
    return EXIT_INCOMPLETE if is_incomplete else EXIT_CLEAN


def _judged(settings: Settings, options: argparse.Namespace, cwd: str) -> Report:
    """Judge a file as the gate does, anything else as ``check`` does."""
    from envaudit.requirements import kind_of  # noqa: PLC0415

    is_file = os.path.isfile(settings.target)
    if is_file and kind_of(os.path.basename(settings.target)) not in {None, "script"}:
        from envaudit.gate import GateRequest, gate  # noqa: PLC0415

        pythons, platforms = tuple(options.python_version or ()), tuple(options.python_platform or ())
        request = GateRequest(
            (settings.target,),
            offline=options.offline,
            pythons=pythons,
            platforms=platforms,
            deep=settings.deep,
        )
        return gate(settings, request, dict(os.environ), cwd)
    if options.python_version or options.python_platform or options.offline:
        raise UsageError(f"{settings.target or 'no TARGET'} is no requirement or lock file, which these flags are for")
    from envaudit.cli.check import audited  # noqa: PLC0415

    return audited(settings, os.environ, cwd)
