"""``envaudit kernel``: list the kernels that Jupyter offers, and say what is wrong with each."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from envaudit.cli.kernel_install import add_actions
from envaudit.cli.streams import write_out
from envaudit.errors import EXIT_CLEAN, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.cli.parser import Commands
    from envaudit.model import Distribution, Facts, Kernel, Target

_DESCRIPTION = """\
The kernels that Jupyter offers this user: those of the environment, of JUPYTER_PATH, of the user and of the system.
A watched kernel says why it died: in the notebook, and in a file.
"""
_EXAMPLES = """\
examples:
  envaudit kernel check                              what is wrong with each, and does it start?
  envaudit kernel install --memory-limit 4G          a watched kernel of the active environment
  envaudit kernel install -p .venv --name analysis   one of another
  envaudit kernel last                               why the last one died
"""


def add_parser(commands: Commands) -> None:
    """Add the arguments of the command and its actions."""
    parser = commands.add_parser(
        "kernel",
        help="list, check and watch the kernels that Jupyter offers",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, function, about in (
        ("list", run_list, "Show every kernel and the environment it leads to."),
        ("check", run_check, "Say what is wrong with each kernel, from files, and try to start it."),
    ):
        action = actions.add_parser(name, help=about.rstrip(".").lower(), description=about, allow_abbrev=False)
        action.set_defaults(run=function)
        action.add_argument("target", nargs="?", metavar="TARGET", help="the environment of Jupyter (default: active)")
        if name == "check":
            action.add_argument(
                "--start", action=argparse.BooleanOptionalAction, default=True, help="start each (default: yes)"
            )
            action.add_argument("-f", "--format", metavar="FORMAT", help="text (default), json and those of check")
            action.add_argument("-v", "--verbose", action="store_true", default=None, help="all evidence")
            action.add_argument("--strict", action="store_true", default=None, help="exit with 3 if one was not tried")
    add_actions(actions)


def run_list(options: argparse.Namespace) -> int:
    """Write a table of the kernels."""
    from envaudit.kernels import read_kernels  # noqa: PLC0415 - --help needs none of it

    target = None
    if options.target:
        target = _target(options.target)
    else:
        with suppress(TargetError):  # then there are those of the user alone
            target = _target(None)
    kernels = tuple(read_kernels(target, _distributions(target), os.environ))
    write_out("".join(f"{line}\n" for line in _table(kernels)))
    return EXIT_CLEAN


def _target(place: str | None) -> Target:
    from envaudit.locate import TargetRequest, locate  # noqa: PLC0415

    return locate(TargetRequest(place, None), os.environ, os.getcwd())


def _distributions(target: Target | None) -> tuple[Distribution, ...]:
    from envaudit.scan import scan_target  # noqa: PLC0415

    return scan_target(target, compare=False).distributions if target is not None else ()


def _table(kernels: Sequence[Kernel]) -> Iterator[str]:
    from envaudit.report.plain import plain  # noqa: PLC0415

    if not kernels:
        yield "no kernels"
        return
    rows = [(plain(each.name), each.origin, plain(_leads_to(each)), plain(each.folder)) for each in kernels]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, (*widths, 0), strict=True)).rstrip()


def _leads_to(kernel: Kernel) -> str:
    if kernel.fault:
        return "cannot be used"
    if kernel.missing:
        return f"{kernel.interpreter} {kernel.missing}"
    if kernel.installed is None:
        return kernel.argv[0]
    version = dict(kernel.installed).get("ipykernel")
    return f"Python {kernel.python}, {f'ipykernel {version}' if version else 'no ipykernel'}, {kernel.prefix}"


def run_check(options: argparse.Namespace) -> int:
    """Report on the kernels as ``envaudit check`` does on an environment, and return the same exit codes."""
    from envaudit.kernels import read_kernels  # noqa: PLC0415
    from envaudit.model import Facts, Gap  # noqa: PLC0415

    target = _target(options.target)
    distributions = _distributions(target)
    kernels = tuple(read_kernels(target, distributions, os.environ))
    gaps: list[Gap] = []
    if options.start:
        from envaudit.smoke.kernel import start_kernels  # noqa: PLC0415

        names = {str(dist.key) for dist in distributions}
        kernels, tried = start_kernels(target, names, kernels)
        gaps += tried
    return _report(Facts(target, distributions, kernels=kernels, gaps=tuple(gaps)), options)


def _report(facts: Facts, options: argparse.Namespace) -> int:
    from envaudit.checks.registry import CHECKS, run_checks  # noqa: PLC0415
    from envaudit.cli.outputs import anchor_of, deliver_all, destinations, written  # noqa: PLC0415
    from envaudit.model import Timings  # noqa: PLC0415
    from envaudit.rulebook import default_rules, load_rules  # noqa: PLC0415
    from envaudit.settings import load_settings  # noqa: PLC0415
    from envaudit.verdict import decide  # noqa: PLC0415

    environ, cwd = os.environ, os.getcwd()
    flags = {"format": options.format, "verbose": options.verbose, "strict": options.strict, "no_config": True}
    settings = load_settings(flags, environ, cwd)
    rulebook = load_rules((default_rules(),), {})
    checks = tuple(check for check in CHECKS if "JUP001" in check.codes)
    judged = run_checks(facts, rulebook, checks)
    report = decide(facts, rulebook.info, judged.findings, judged.gaps, settings, Timings(0.0), crashed=judged.crashed)
    places = destinations(settings, environ)
    deliver_all(written(report, places, settings, environ, cwd=cwd, anchor=anchor_of(places, cwd)))
    return report.exit_code
