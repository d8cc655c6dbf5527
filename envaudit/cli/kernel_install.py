"""``envaudit kernel install``, ``uninstall`` and ``last``: kernels that say why they died."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from envaudit.cli.streams import width_of, write_out
from envaudit.errors import EXIT_CLEAN, EnvauditError, TargetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Target

    Actions = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - what add_subparsers returns

_INSTALL = """\
Write a kernelspec with which Jupyter starts the Python kernel of an environment under the watch of envaudit. When the
kernel dies, the reason (out of memory, a crash with its library, a signal), the cell and the line are shown below that
cell, at the next start, and by "envaudit kernel last". envaudit need not be installed in the environment.
"""
_UNINSTALL = """\
Remove a kernelspec that "envaudit kernel install" has written, and put back what it replaced. Others are left alone.
"""
# Folders that are called the same in every project.
_NO_NAMES = {"venv", "env", "virtualenv", ""}


def add_actions(actions: Actions) -> None:
    """Add the actions that change something or look back."""
    installing = _action(actions, "install", install, "add a kernel that says why it died", _INSTALL)
    installing.add_argument("-p", "--python", metavar="TARGET", help="environment or interpreter (default: the active)")
    installing.add_argument("--name", default="", metavar="NAME", help="of the kernelspec (default: watched-FOLDER)")
    installing.add_argument("--display-name", default="", metavar="TEXT", help="what Jupyter shows")
    installing.add_argument("--memory-limit", default="", metavar="SIZE", help="such as 2G (default: the machine's)")
    installing.add_argument(
        "--on-limit",
        default="interrupt",
        metavar="interrupt|kill",
        help="at the limit stop the cell, so that the kernel and its variables survive (default), or stop the kernel",
    )
    installing.add_argument("--replace", action="store_true", help="put aside a kernelspec that somebody else wrote")
    _add_places(installing, "write it")
    removing = _action(actions, "uninstall", uninstall, "remove a watched kernel", _UNINSTALL)
    removing.add_argument("name", metavar="NAME", help="of the kernelspec")
    removing.add_argument("-p", "--python", metavar="TARGET", help="the environment of --sys-prefix")
    _add_places(removing, "look")
    looking = _action(actions, "last", last, "show why watched kernels died", "Show why watched kernels died.")
    looking.add_argument(
        "-n", default="1", dest="count", metavar="COUNT", help="how many, the newest first (default: 1)"
    )
    looking.add_argument("-f", "--format", default="text", metavar="FORMAT", help="text (default) or json")


def _action(actions: Actions, name: str, function: object, about: str, text: str) -> argparse.ArgumentParser:
    action = actions.add_parser(
        name,
        help=about,
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    action.set_defaults(run=function)
    return action


def _add_places(action: argparse.ArgumentParser, verb: str) -> None:
    places = action.add_mutually_exclusive_group()
    places.add_argument("--user", action="store_true", help=f"{verb} in this user's Jupyter folder (default)")
    places.add_argument("--sys-prefix", action="store_true", help=f"{verb} in the environment itself")
    places.add_argument("--prefix", default="", metavar="DIR", help=f"{verb} in DIR/share/jupyter/kernels")


def install(options: argparse.Namespace) -> int:
    """Write the kernelspec."""
    from envaudit.cli.kernel_spec import Wanted, check_name, metadata_of  # noqa: PLC0415 - --help needs none of it
    from envaudit.cli.kernel_spec import install as write  # noqa: PLC0415
    from envaudit.report.plain import plain  # noqa: PLC0415

    if sys.platform != "linux":
        raise EnvauditError("a kernel can be watched on Linux only so far")
    if options.on_limit not in {"interrupt", "kill"}:
        raise UsageError(f"--on-limit {options.on_limit}: choose interrupt or kill")
    if options.name:
        check_name(options.name)
    memory = _memory(options.memory_limit)
    target = _target(options.python)
    logos = _logos(target)
    label = _label(target.prefix)
    name = options.name or f"watched-{label}"
    wanted = Wanted(
        name,
        options.display_name or f"Python {target.python.rpartition('.')[0] or target.python} ({label}, watched)",
        target.executable,
        target.python,
        memory,
        options.on_limit,
        logos,
        metadata_of(target.prefix),
    )
    place = write(_folder(options, target), wanted, replace=options.replace)
    write_out(f"Jupyter now offers {plain(wanted.display)!r}: {plain(place)}\n")
    return EXIT_CLEAN


def uninstall(options: argparse.Namespace) -> int:
    """Remove the kernelspec."""
    from envaudit.cli.kernel_spec import check_name  # noqa: PLC0415
    from envaudit.cli.kernel_spec import uninstall as remove  # noqa: PLC0415
    from envaudit.files import is_folder  # noqa: PLC0415
    from envaudit.report.plain import plain  # noqa: PLC0415

    check_name(options.name)
    place = os.path.join(_folder(options, None), options.name)
    if not is_folder(place):
        raise TargetError(f"there is no kernel {options.name} in {os.path.dirname(place)}")
    left = remove(place)
    write_out(f"removed {plain(place)}{f' ({plain(left)})' if left else ''}\n")
    return EXIT_CLEAN


def last(options: argparse.Namespace) -> int:
    """Show the newest verdicts."""
    from envaudit.watch.kernel_verdicts import kept, read, verdict_folder  # noqa: PLC0415

    if options.format not in {"text", "json"}:
        raise UsageError(f"--format {options.format}: choose text or json")
    if not options.count.isdigit() or not int(options.count):
        raise UsageError(f"-n {options.count}: give a number from 1 on")
    folder = verdict_folder(os.environ)
    found = [verdict for path in kept(folder)[: int(options.count)] if (verdict := read(path))]
    if options.format == "json":
        write_out(json.dumps([{**each, "display": None} for each in found], indent=2) + "\n")
    elif not found:
        write_out(f"no watched kernel has died, as far as {folder} knows\n")
    else:
        write_out("\n".join(_text(verdict, width_of(sys.stdout)) for verdict in found))
    return EXIT_CLEAN


def _text(verdict: dict[str, Any], width: int) -> str:
    from envaudit.report.layout import Entry, Span, entries, join, paragraph  # noqa: PLC0415
    from envaudit.report.plain import plain  # noqa: PLC0415

    rows = verdict.get("rows")
    pairs = [(str(row[0]), str(row[1])) for row in rows if len(row) == 2] if isinstance(rows, list) else []
    notebook = verdict.get("notebook")
    pairs = [*([("notebook", str(notebook))] if notebook else []), ("kernel", str(verdict.get("kernel"))), *pairs]
    whole = {"where", "library", "native", "python"}
    told = [Entry(plain(label), plain(text), whole=label in whole) for label, text in pairs]
    head = f"{verdict.get('when')}  {verdict.get('verdict')}: "
    return join(
        [*paragraph((Span(plain(head)),), plain(str(verdict.get("headline"))), width), *entries(told, width)],
        color=False,
    )


def _memory(text: str) -> int:
    from envaudit.setting_kinds import KEYS  # noqa: PLC0415

    if not text:
        return 0
    try:
        wanted: int = KEYS["memory-limit"].accept(text)
    except ValueError as error:
        raise UsageError(f"--memory-limit {error}") from error
    return wanted


def _target(place: str | None) -> Target:
    from envaudit.locate import TargetRequest, locate  # noqa: PLC0415

    target = locate(TargetRequest(place, None), os.environ, os.getcwd())
    if not target.executable:
        raise UsageError(f"{place or target.prefix} has no interpreter that could run a kernel")
    return target


def _logos(target: Target) -> str:
    """Return the folder of ipykernel's pictures; raises ``UsageError`` when the environment has no ipykernel."""
    from envaudit.scan import scan_target  # noqa: PLC0415

    for dist in scan_target(target, compare=False).distributions:
        if dist.key == "ipykernel":
            return os.path.join(dist.site_dir, "ipykernel", "resources")
    raise UsageError(
        f"{target.prefix} has no ipykernel, which a kernel is made of; "
        f"add it: uv pip install --python {target.executable} ipykernel"
    )


def _folder(options: argparse.Namespace, target: Target | None) -> str:
    from envaudit.cli.kernel_spec import user_folder  # noqa: PLC0415

    if options.prefix:
        base = os.path.join(os.path.abspath(options.prefix), "share", "jupyter")
    elif options.sys_prefix:
        base = os.path.join((target or _target(options.python)).prefix, "share", "jupyter")
    else:
        base = user_folder(os.environ)
    return os.path.join(base, "kernels")


def _label(prefix: str) -> str:
    """Return what tells an environment from others: its folder's name, or that of the project around it."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in next(_names(prefix))).lower()


def _names(prefix: str) -> Iterator[str]:
    folder = prefix
    while folder != os.path.dirname(folder):
        name = os.path.basename(folder).strip(".-_")
        if name.lower() not in _NO_NAMES and name.isascii():
            yield name
        folder = os.path.dirname(folder)
    yield "python"
