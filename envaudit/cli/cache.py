"""``envaudit cache``: say what the cache holds, or delete it."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from envaudit.cli.streams import write_out
from envaudit.errors import EXIT_CLEAN, EnvauditError
from envaudit.report.plain import number, plain

if TYPE_CHECKING:
    from envaudit.cli.parser import Commands

_DESCRIPTION = """\
What was read of compiled files is kept in a folder of yours, so that the next audit need not read them again, and so is
the report of an audit without smoke tests, with the status of all it has looked at: while nothing changes it is shown
again. Deleting all of it costs nothing but time.
"""


def add_parser(commands: Commands) -> None:
    """Add the arguments of the command and its two actions."""
    parser = commands.add_parser(
        "cache",
        help="show or delete what is kept between runs",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    info = actions.add_parser("info", help="show where it is", description="Show where it is.", allow_abbrev=False)
    info.set_defaults(run=run_info)
    clear = actions.add_parser("clear", help="delete it", description="Delete it.", allow_abbrev=False)
    clear.set_defaults(run=run_clear)


def run_info(_: argparse.Namespace) -> int:
    """Write folder, number of files and reports and size, and why it is not used if it is not."""
    from envaudit.cache.database import Cache, default_folder  # noqa: PLC0415

    cache = Cache(default_folder(os.environ))
    info = cache.info()
    cache.close()
    entries = f"{info.entries:,} {'entry' if info.entries == 1 else 'entries'}"  # of files, and tables of many files
    lines = [
        f"folder  {info.folder}",
        f"holds   {entries}, {number(info.reports, 'report')}, {info.size / 1024**2:.1f} MiB",
    ]
    if info.unused:
        lines.append(f"unused  {info.unused}")
    write_out("".join(f"{plain(line)}\n" for line in lines))
    return EXIT_CLEAN


def run_clear(_: argparse.Namespace) -> int:
    """Delete the cache, and what package indexes have said."""
    from envaudit.cache.database import clear, default_folder  # noqa: PLC0415
    from envaudit.index.kept import clear as clear_pages  # noqa: PLC0415

    folder = default_folder(os.environ)
    try:
        there = [clear(folder), clear_pages(folder)]
    except OSError as error:
        raise EnvauditError(f"cannot delete the cache in {folder}: {error.strerror}") from error
    write_out(plain(f"deleted the cache in {folder}" if any(there) else f"there is no cache in {folder}") + "\n")
    return EXIT_CLEAN
