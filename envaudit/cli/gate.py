"""``envaudit gate``: judge requirement and lock files before anything is installed."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from envaudit.cli.arguments import add_configuration, add_output, add_selection, add_verdict
from envaudit.cli.streams import complain
from envaudit.errors import UsageError

if TYPE_CHECKING:
    from envaudit.cli.parser import Commands

_DESCRIPTION = """\
Judge requirement and lock files as if they were installed: what is declared, built for another NumPy, known to break,
withdrawn or without a wheel. Each FILE is one environment. Open versions are chosen by uv, if there is one and the
index may be asked. Without FILE, all requirement and lock files in this folder.

Read are requirements.txt and .in, constraints, pyproject.toml, pylock.toml, uv.lock, poetry.lock, pdm.lock,
Pipfile.lock, scripts with a '# /// script' block, and the pip part of environment.yml and conda-lock.yml.
"""
_EPILOG = """\
examples:
  envaudit gate requirements.txt                   for this Python
  envaudit gate uv.lock --python-version 3.11 --python-version 3.13
  envaudit gate requirements.txt --base main       only what this branch brings fails
  envaudit gate poetry.lock --offline              no network at all

exit codes:
  0 nothing found at or above --fail-on   1 something found   2 could not be done, such as a file that cannot be read
  3 incomplete: a check failed, or something was not checked under --strict
"""


def add_parser(commands: Commands) -> None:
    """Add the arguments of the command."""
    parser = commands.add_parser(
        "gate",
        help="judge requirement and lock files before anything is installed",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument("files", nargs="*", metavar="FILE", help="requirement and lock files")
    parser.add_argument("--base", metavar="REV", default="", help="fail only for what is new since REV (of git)")
    target = parser.add_argument_group("the target")
    target.add_argument(
        "--python-version", action="append", metavar="X.Y", help="judge for this Python (repeatable; default: this one)"
    )
    target.add_argument(
        "--python-platform", action="append", metavar="NAME", help="such as linux, macos, windows (repeatable)"
    )
    network = parser.add_argument_group("network")
    network.add_argument(
        "--offline", action="store_true", default=None, help="open no connection: files and rules alone"
    )
    network.add_argument(
        "--deep", action="store_true", default=None, help="read the wheels on the index, as if they were installed"
    )
    network.add_argument("--no-resolve", action="store_true", help="leave open versions open, and judge their ranges")
    network.add_argument("--exclude-newer", metavar="DATE", help="the index as it was (passed to uv)")
    counts = parser.add_argument_group("what counts")
    add_selection(counts)
    add_verdict(counts)
    add_output(parser.add_argument_group("output"))
    add_configuration(parser.add_argument_group("configuration"))


def run(options: argparse.Namespace) -> int:
    """Judge, report, and return the exit code of the verdict."""
    from envaudit.cli.outputs import anchor_of, deliver_all, destinations, told_where, written  # noqa: PLC0415
    from envaudit.gate import GateRequest, gate  # noqa: PLC0415
    from envaudit.settings import load_settings  # noqa: PLC0415

    environ, cwd = dict(os.environ), os.getcwd()
    settings = load_settings(vars(options), environ, cwd)
    places = destinations(settings, environ)
    request = GateRequest(
        files=tuple(dict.fromkeys(options.files)) or _files_here(cwd),
        base=options.base,
        offline=settings.offline,
        pythons=settings.python_version,
        platforms=settings.python_platform,
        exclude_newer=settings.exclude_newer,
        resolve=not options.no_resolve,
        deep=settings.deep,
    )
    report = gate(settings, request, environ, cwd)
    deliver_all(written(report, places, settings, environ, cwd=cwd, anchor=anchor_of(places, cwd)))
    said = [] if settings.quiet else [told_where(report, places), *report.remarks]
    for line in filter(None, said):
        complain(line)
    return report.exit_code


def _files_here(cwd: str) -> tuple[str, ...]:
    """Return the requirement and lock files of a folder; raises ``UsageError`` when there is none."""
    from envaudit.requirements import kind_of  # noqa: PLC0415

    names = sorted(os.listdir(cwd))
    found = [
        name
        for name in names
        if kind_of(name) not in {None, "script", "environment", "requirements"}
        or (kind_of(name) == "requirements" and name.startswith(("requirements", "constraints")))
        or name.lower() in {"environment.yml", "environment.yaml"}
    ]
    if not found:
        raise UsageError("there is no requirement or lock file in this folder; name one: envaudit gate FILE")
    return tuple(found)
