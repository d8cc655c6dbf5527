"""``envaudit rules``: list, show and check the rules, see them happen, compare and ship databases."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from envaudit.cli import rules_data, rules_verify
from envaudit.cli.explain import rule_folders, rule_text
from envaudit.cli.streams import write_out
from envaudit.errors import EXIT_CLEAN, EXIT_ERROR
from envaudit.report.plain import number, plain, plain_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.cli.parser import Commands

_EXAMPLES = """\
examples:
  envaudit rules list                    the rules that are used
  envaudit rules show EA-2026-0001       one of them, with its evidence
  envaudit rules lint my-rules           look for mistakes in your own
  envaudit rules verify EA-2026-0001     see it happen on real wheels (needs uv and the index)
  envaudit rules diff old-rules rules    which known environments are judged differently
  envaudit rules build my-rules -o my-rules.json
"""


def add_parser(commands: Commands) -> None:
    """Add the arguments of the command and its actions."""
    parser = commands.add_parser(
        "rules",
        help="list, show, lint, verify, compare and build rules of known-bad combinations",
        description="Rules are known-bad combinations of distributions, written down as data.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list all rules", description="List all rules.", allow_abbrev=False)
    listing.set_defaults(run=run_list)
    show = actions.add_parser("show", help="show one rule", description="Show the page of a rule.", allow_abbrev=False)
    show.set_defaults(run=run_show)
    show.add_argument("id", metavar="ID", help="the id of the rule, such as EA-2026-0001")
    for action in (listing, show):
        action.add_argument(
            "--rules", action="append", metavar="PATH", help="also the rules in this folder or file (repeatable)"
        )
    lint = actions.add_parser(
        "lint",
        help="look for mistakes",
        description="Tell all mistakes in a folder of rules; exit with 2 if there is one.",
        allow_abbrev=False,
    )
    lint.set_defaults(run=run_lint)
    lint.add_argument("folder", nargs="?", default="", metavar="DIR", help="default: the rules that ship with envaudit")
    rules_verify.add_action(actions)
    rules_data.add_actions(actions)


def run_list(options: argparse.Namespace) -> int:
    """Write one line for each rule: id, severity, title, status unless active; and which nobody has seen happen."""
    from envaudit.rulebook import load_rules  # noqa: PLC0415

    book = load_rules(rule_folders(options.rules))
    rows = []
    for rule in book.rules:
        words = [rule.status] * (rule.status != "active") + ["imported"] * (rule.basis == "imported")
        status = f" ({', '.join(words)})" if words else ""
        rows.append(f"{rule.id}  {rule.severity.value:<7}  {rule.title}{status}")
    _write((*rows, f"{number(book.info.count, 'active rule')}, version {book.info.version}"))
    return EXIT_CLEAN


def run_show(options: argparse.Namespace) -> int:
    """Write the page of one rule."""
    text = rule_text(options.id.strip().upper(), options.rules)
    write_out("".join(f"{line}\n" for line in plain_lines(text)))
    return EXIT_CLEAN


def run_lint(options: argparse.Namespace) -> int:
    """Write every mistake in a folder of rules; 2 if there is one."""
    from envaudit.rulebook import default_folder  # noqa: PLC0415
    from envaudit.rulebook.lint import lint_rules  # noqa: PLC0415

    folder = options.folder or default_folder()
    problems = lint_rules(folder)
    if not problems:
        _write([f"no mistakes in {folder}"])
        return EXIT_CLEAN
    _write((*(str(problem) for problem in problems), f"{number(len(problems), 'mistake')} in {folder}"))
    return EXIT_ERROR


def _write(lines: Iterable[str]) -> None:
    write_out("".join(f"{plain(line)}\n" for line in lines))
