"""The arguments of all commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NoReturn

from envaudit import __version__
from envaudit.cli import baseline, cache, check, explain, gate, inventory, link, rules, running
from envaudit.cli.streams import PROGRAM
from envaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - what add_subparsers returns

_COMMANDS = (check, gate, baseline, explain, inventory, link, running, rules, cache)
_NAMES = ("check", "gate", "baseline", "explain", "inspect", "link", "run", "rules", "cache")

_EXAMPLES = """\
examples:
  envaudit check .venv          audit an environment
  envaudit explain ABI001       what a code means, and how to fix it
  envaudit check --help         all settings of a command
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints end like every other error: one sentence, exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command; ``run`` among them is its function.

    Raises ``UsageError``, and ``SystemExit`` when help or the version was asked for and has been printed.
    """
    parser = _Parser(
        prog=PROGRAM,
        description="Link a Python environment before you trust it: find what pip check cannot see.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for command in _COMMANDS:
        command.add_parser(commands)
    _reject_unknown_command(arguments)
    return parser.parse_args(arguments)


def _reject_unknown_command(arguments: Sequence[str]) -> None:
    """Say what to type instead to those who leave ``check`` out or misspell a command."""
    if not arguments or arguments[0].startswith("-") or arguments[0] in _NAMES:
        return
    import difflib  # noqa: PLC0415 - only on the way to an error

    near = difflib.get_close_matches(arguments[0], _NAMES, n=1)
    instead = near[0] if near else f"check {arguments[0]}"
    raise UsageError(f"there is no command {arguments[0]!r}; did you mean: {PROGRAM} {instead}")
