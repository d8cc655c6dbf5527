"""``envaudit inspect``: what is installed, as a table or as JSON that holds all of ``pip inspect`` and more."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from envaudit.cli.streams import check_destination, is_terminal, width_of, write_file, write_out
from envaudit.errors import EXIT_CLEAN, UsageError

if TYPE_CHECKING:
    from envaudit.cli.parser import Commands

_DESCRIPTION = """\
List every installed distribution: where it came from, what it takes on disk, who needs it, what its files need.
Nothing is judged (see envaudit check), and nothing of the environment is run.
"""
_EXAMPLES = """\
examples:
  envaudit inspect                       the active environment, or the nearest .venv
  envaudit inspect .venv --sort size     the largest first
  envaudit inspect -f json -o env.json   for programs; the JSON Schema is envaudit/report/inspect.schema.json
  envaudit inspect /opt/venv --root img  an unpacked image

JSON: all keys of pip inspect (version, pip_version, environment, installed: metadata, metadata_location, direct_url,
installer, requested), and for each distribution origin, site, size, files, missing_files, binaries, requires,
required_by, top_level, wheel and facts.
"""
_FORMATS = ("text", "json")
_ORDERS = ("name", "size")


def add_parser(commands: Commands) -> None:
    """Add the arguments of the command."""
    parser = commands.add_parser(
        "inspect",
        help="list what is installed, with origin, size and who needs it",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument("target", nargs="?", metavar="TARGET", help="environment, interpreter or site-packages folder")
    parser.add_argument("-p", "--python", metavar="PYTHON", help="the interpreter whose environment is listed")
    parser.add_argument("--root", default="", metavar="DIR", help="look up everything inside this unpacked image")
    parser.add_argument("-f", "--format", default="text", metavar="FORMAT", help="text (default) or json")
    parser.add_argument("-o", "--output", default="", metavar="FILE", help="write to a file")
    parser.add_argument("--sort", default="name", metavar="ORDER", help="name (default) or size")


def run(options: argparse.Namespace) -> int:
    """Write the inventory; whatever is in it, the exit code is 0."""
    if options.format not in _FORMATS:
        raise UsageError(f"--format {options.format}: choose text or json")
    if options.sort not in _ORDERS:
        raise UsageError(f"--sort {options.sort}: choose name or size")
    if options.output:
        check_destination(options.output)
    import sys  # noqa: PLC0415

    from envaudit.asked import Asked  # noqa: PLC0415
    from envaudit.cli.inventory_data import as_json, inventory  # noqa: PLC0415 - --help needs none of it
    from envaudit.cli.inventory_text import as_text  # noqa: PLC0415
    from envaudit.gather import gather_facts  # noqa: PLC0415
    from envaudit.locate import TargetRequest, locate  # noqa: PLC0415

    cwd = str(Path.cwd())
    target = locate(TargetRequest(options.target, options.python), os.environ, cwd, options.root)
    items = inventory(gather_facts(target, asked=Asked(symbols=False)), by_size=options.sort == "size")
    if options.format == "json":
        text = as_json(items)
    else:
        stream = None if options.output else sys.stdout
        text = as_text(items, width_of(stream) if is_terminal(stream) else 0)
    if options.output:
        write_file(options.output, text)
    else:
        write_out(text)
    return EXIT_CLEAN
