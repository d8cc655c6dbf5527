"""``envaudit explain``: what a code or a rule means, why it matters, and how to fix it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from envaudit.cli.streams import write_out
from envaudit.errors import EXIT_CLEAN, UsageError
from envaudit.report.plain import plain_lines

if TYPE_CHECKING:
    from envaudit.cli.parser import Commands

_EXAMPLES = """\
examples:
  envaudit explain ABI001         a code
  envaudit explain EA-2026-0001   a rule
  envaudit explain ABI            the codes of a family
  envaudit explain                all codes
"""


def add_parser(commands: Commands) -> None:
    """Add the arguments of the command."""
    parser = commands.add_parser(
        "explain",
        help="say what a code means and how to fix it",
        description="Show the page of a code or a rule, in Markdown.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument("code", nargs="?", default="", metavar="CODE", help="a code, a family or the id of a rule")
    parser.add_argument("--rules", action="append", metavar="DIR", help="also look in this folder (repeatable)")


def run(options: argparse.Namespace) -> int:
    """Write the page, or the list of what has one."""
    from envaudit.codes import families, page  # noqa: PLC0415

    code = options.code.strip().upper()
    if code.startswith("EA-"):
        text = _rule(code, options.rules)
    elif not code or code in families():
        text = _titles(code)
    else:
        text = page(code)
    write_out("".join(f"{line}\n" for line in plain_lines(text)))
    return EXIT_CLEAN


def _titles(family: str) -> str:
    """List the codes of a family, or all."""
    from envaudit.codes import CODES  # noqa: PLC0415

    if family == "EA":
        return "EA codes are rules, known-bad combinations of distributions; `envaudit rules list` lists them."
    return "\n".join(f"{code}  {title}" for code, title in CODES.items() if code.startswith(family))


def _rule(rule_id: str, folders: list[str] | None) -> str:
    from envaudit.rulebook import load_rules, rule_page  # noqa: PLC0415

    rules = {rule.id.upper(): rule for rule in load_rules(rule_folders(folders)).rules}
    if rule_id not in rules:
        import difflib  # noqa: PLC0415 - only on the way to an error

        near = difflib.get_close_matches(rule_id, rules, n=1)
        hint = f"did you mean {rules[near[0]].id}?" if near else "`envaudit rules list` lists them"
        raise UsageError(f"there is no rule {rule_id}; {hint}")
    return rule_page(rules[rule_id])


def rule_folders(given: list[str] | None) -> tuple[str, ...]:
    """Return the folder of the rules that ship with envaudit, and those that flags and settings add."""
    from envaudit.rulebook import default_folder  # noqa: PLC0415
    from envaudit.settings import load_settings  # noqa: PLC0415

    return (default_folder(), *load_settings({"rules": given}, os.environ, str(Path.cwd())).rules)
