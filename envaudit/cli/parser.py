"""The arguments of all commands."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from envaudit import __version__
from envaudit.cli.streams import PROGRAM
from envaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - what add_subparsers returns

# The module of each command, in the order of the help.
_COMMANDS = {
    "check": "check",
    "gate": "gate",
    "baseline": "baseline",
    "explain": "explain",
    "inspect": "inventory",
    "link": "link",
    "run": "running",
    "kernel": "kernel",
    "rules": "rules",
    "cache": "cache",
}

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
    # With the name of the program nobody looks up the width of the terminal for it.
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands", prog=PROGRAM)
    _reject_unknown_command(arguments)
    for name in _shown(arguments):
        import_module(f"envaudit.cli.{_COMMANDS[name]}").add_parser(commands)
    return parser.parse_args(arguments)


def _shown(arguments: Sequence[str]) -> Iterable[str]:
    """Return the commands whose arguments have to be known: importing all takes longer than many a command."""
    first = arguments[0] if arguments else ""
    return () if first in {"-V", "--version"} else (first,) if first in _COMMANDS else _COMMANDS


def _reject_unknown_command(arguments: Sequence[str]) -> None:
    """Say what to type instead to those who leave ``check`` out or misspell a command."""
    if not arguments or arguments[0].startswith("-") or arguments[0] in _COMMANDS:
        return
    import difflib  # noqa: PLC0415 - only on the way to an error

    near = difflib.get_close_matches(arguments[0], _COMMANDS, n=1)
    instead = near[0] if near else f"check {arguments[0]}"
    raise UsageError(f"there is no command {arguments[0]!r}; did you mean: {PROGRAM} {instead}")
