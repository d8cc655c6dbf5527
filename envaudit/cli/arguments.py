"""Arguments that several commands have. Defaults are ``None``: what is not given comes from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add which environment is audited, and the code that is held against it."""
    parser.add_argument("target", nargs="?", metavar="TARGET", help="environment, interpreter or site-packages folder")
    parser.add_argument("-p", "--python", metavar="PYTHON", help="the interpreter whose environment is audited")
    parser.add_argument("--root", metavar="DIR", help="TARGET lies in this unpacked image")
    parser.add_argument(
        "--code", action="append", metavar="PATH", help="also link this file, folder or notebook of yours (repeatable)"
    )


def add_selection(group: argparse._ArgumentGroup) -> None:
    """Add what is looked for."""
    group.add_argument("--select", action="append", metavar="CODES", help="only these, such as ABI,DEP001 (repeatable)")
    group.add_argument(
        "--ignore", action="append", metavar="CODES", help="not these; also CODE:distribution (repeatable)"
    )
    group.add_argument(
        "--rules", action="append", metavar="PATH", help="also use the rules in this folder or built file (repeatable)"
    )
    group.add_argument(
        "--rules-only", action="store_true", default=None, help="use only those, not the rules that ship with envaudit"
    )
    group.add_argument(
        "--verify", action="store_true", default=None, help="compare every installed file with its digest"
    )


def add_verdict(group: argparse._ArgumentGroup) -> None:
    """Add what decides on the exit code."""
    group.add_argument("--baseline", metavar="FILE", help="leave out what `baseline write` has kept")
    group.add_argument("--fail-on", metavar="SEVERITY", help="exit with 1 from here on (default: error)")
    group.add_argument("--strict", action="store_true", default=None, help="exit with 3 if anything was not checked")
    group.add_argument("--exit-zero", action="store_true", default=None, help="exit with 0 in spite of findings")


def add_smoke(group: argparse._ArgumentGroup) -> None:
    """Add whether something is run, and how long and large it may get."""
    group.add_argument(
        "--smoke",
        nargs="?",
        const="auto",
        metavar="MODE",
        help="auto (default: the quick ones), all, or none",
    )
    group.add_argument("--no-smoke", action="store_const", const="none", dest="smoke", help="as --smoke none")
    group.add_argument("-k", metavar="EXPR", dest="keyword", help="such as 'scipy and not fft'")
    group.add_argument("--pairs", action="store_true", default=None, help="import pairs in both orders")
    group.add_argument("--timeout", metavar="SECONDS", help="for each test (default: 60)")
    group.add_argument("--memory-limit", metavar="SIZE", help="for each test, such as 512M or 4G (default: 2G)")
    group.add_argument("--jobs", metavar="N", help="tests at a time (default: one for each processor)")


def add_output(group: argparse._ArgumentGroup) -> None:
    """Add how the report looks and where it goes."""
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


def add_configuration(group: argparse._ArgumentGroup) -> None:
    """Add where settings come from, and whether anything is kept."""
    group.add_argument(
        "--no-cache", action="store_false", default=None, dest="cache", help="read every file, and keep nothing"
    )
    files = group.add_mutually_exclusive_group()
    files.add_argument(
        "--config", metavar="FILE", help="read this file, not the nearest envaudit.toml or pyproject.toml"
    )
    files.add_argument("--no-config", action="store_true", help="read no configuration file")
