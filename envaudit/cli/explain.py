"""``envaudit explain``: what a code, a rule or an error text means, why it matters, and how to fix it."""

from __future__ import annotations

import argparse
import os
import stat
import sys
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
  envaudit explain < build.log    what broke, from a traceback or the log of a kernel or of CI
  envaudit explain -f json - < build.log
"""


def add_parser(commands: Commands) -> None:
    """Add the arguments of the command."""
    parser = commands.add_parser(
        "explain",
        help="say what a code or an error text means and how to fix it",
        description="Show the page of a code or a rule, in Markdown; or name the causes that an error text shows.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "code",
        nargs="?",
        default="",
        metavar="CODE",
        help="a code, a family, the id of a rule, an error message, or - for a text on standard input",
    )
    parser.add_argument(
        "-f", "--format", choices=("text", "json"), default="text", help="of the causes of an error text"
    )
    parser.add_argument("--rules", action="append", metavar="PATH", help="also the rules in this folder or file")


def run(options: argparse.Namespace) -> int:
    """Write the page, or the list of what has one."""
    from envaudit.codes import families, page  # noqa: PLC0415

    if options.code == "-" or (not options.code and _something_is_piped()):
        from envaudit.cli.explain_text import read_error_text  # noqa: PLC0415

        text = read_error_text("-")
        if text.strip() or options.code:
            return _causes(text, options)
    elif " " in options.code.strip():
        return _causes(options.code, options)
    code = options.code.strip().upper()
    if code.startswith("EA-"):
        text = rule_text(code, options.rules)
    elif not code or code in families():
        text = _titles(code)
    else:
        text = page(code)
    write_out("".join(f"{line}\n" for line in plain_lines(text)))
    return EXIT_CLEAN


def _something_is_piped() -> bool:
    """Say whether standard input is a file or a pipe: then it is the text to explain."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode if sys.stdin is not None else 0
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _causes(text: str, options: argparse.Namespace) -> int:
    """Write the causes that a text shows; 1 when none is known."""
    from envaudit.cli.explain_text import explain_text  # noqa: PLC0415
    from envaudit.rulebook import load_rules  # noqa: PLC0415

    shown, status = explain_text(text, load_rules(rule_folders(options.rules)), options.format)
    write_out(shown)
    return status


def _titles(family: str) -> str:
    """List the codes of a family, or all."""
    from envaudit.codes import CODES  # noqa: PLC0415

    if family == "EA":
        return "EA codes are rules, known-bad combinations of distributions; `envaudit rules list` lists them."
    return "\n".join(f"{code}  {title}" for code, title in CODES.items() if code.startswith(family))


def rule_text(rule_id: str, folders: list[str] | None) -> str:
    """Return the page of a rule; raises ``UsageError`` with near matches for one that does not exist."""
    from envaudit.rulebook import load_rules, rule_page  # noqa: PLC0415

    rules = {rule.id.upper(): rule for rule in load_rules(rule_folders(folders)).rules}
    if rule_id not in rules:
        import difflib  # noqa: PLC0415 - only on the way to an error

        near = difflib.get_close_matches(rule_id, rules, n=1)
        hint = f"did you mean {rules[near[0]].id}?" if near else "`envaudit rules list` lists them"
        raise UsageError(f"there is no rule {rule_id}; {hint}")
    return rule_page(rules[rule_id])


def rule_folders(given: list[str] | None) -> tuple[str, ...]:
    """Return where rules are read from: what ships with envaudit, and what flags and settings add."""
    from envaudit.rulebook import default_rules  # noqa: PLC0415
    from envaudit.settings import load_settings  # noqa: PLC0415

    settings = load_settings({"rules": given}, os.environ, str(Path.cwd()))
    return settings.rules if settings.rules_only else (default_rules(), *settings.rules)
