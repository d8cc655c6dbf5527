"""``envaudit link``: which libraries the compiled files of an environment load, and from where."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from envaudit.cli.streams import write_out
from envaudit.errors import EXIT_CLEAN, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.cli.parser import Commands
    from envaudit.model import Facts

_DESCRIPTION = """\
Show which shared libraries every compiled file needs and where the loader would find them, without loading anything.
Without DIST, one paragraph for each distribution; with it, all of its modules. Nothing is judged: see envaudit check.
"""
_EXAMPLES = """\
examples:
  envaudit link                              the active environment
  envaudit link .venv h5py                   one distribution, module by module
  envaudit link h5py -f dot | dot -Tsvg      as a picture
  envaudit link /opt/venv --root img         an unpacked image, with its own libraries

JSON: {"schema_version": 1, "target": {...}, "root", "gaps": [{"code", "what", "why"}], "files": [{"path",
  "distribution", "version", "is_module", "needs": [{"name", "path", "how", "distribution"}], "missing": [{"name",
  "asked_by"}], "unseen": [{"name", "place"}], "missing_versions": [{"library", "version"}], "undefined",
  "undefined_python", "unread"}]}
  "how": rpath, runpath, LD_LIBRARY_PATH, cache, default, path (a name with a slash), folder (of the module, on
  Windows), loaded (by another package, or another file of its own, before), system (with the interpreter)
  "unseen": libraries that must be on the machine of the target, which is not at hand (macOS, Windows)
"""
_FORMATS = ("text", "json", "dot")


def add_parser(commands: Commands) -> None:
    """Add the arguments of the command."""
    parser = commands.add_parser(
        "link",
        help="show which libraries compiled files load, and from where",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument("target", nargs="?", metavar="TARGET", help="environment, interpreter or site-packages folder")
    parser.add_argument("dist", nargs="?", metavar="DIST", help="only this distribution")
    parser.add_argument("-f", "--format", default="text", metavar="FORMAT", help="text (default), json or dot")
    parser.add_argument("--root", default="", metavar="DIR", help="look up everything inside this unpacked image")


def run(options: argparse.Namespace) -> int:
    """Write the links of the target; nothing that is missing changes the exit code."""
    if options.format not in _FORMATS:
        raise UsageError(f"--format {options.format}: choose text, json or dot")
    from envaudit.gather import gather_facts  # noqa: PLC0415 - --help needs none of it
    from envaudit.locate import TargetRequest, locate  # noqa: PLC0415

    cwd = str(Path.cwd())
    place, dist = _arguments(options.target, options.dist)
    target = locate(TargetRequest(place, None), os.environ, cwd, options.root)
    facts = gather_facts(target)
    write_out(_render(facts, _owner(facts, dist), options.format, options.root))
    return EXIT_CLEAN


def _arguments(first: str | None, second: str | None) -> tuple[str | None, str]:
    """Tell a target from a distribution when only one word is given: a target is something that exists."""
    if first is not None and second is None and "/" not in first and not os.path.exists(first):
        return None, first
    return first, second or ""


def _owner(facts: Facts, name: str) -> str:
    """Return the ``info_path`` of a distribution, empty for no name; raises ``UsageError`` when it is not there."""
    if not name:
        return ""
    from packaging.utils import canonicalize_name  # noqa: PLC0415

    visible = facts.visible()
    dist = visible.get(canonicalize_name(name))
    if dist is None:
        raise UsageError(
            f"{name} is neither a folder nor a distribution of {facts.target.prefix}{_near(name, visible)}"
        )
    return dist.info_path


def _near(name: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only on the way to an error

    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _render(facts: Facts, owner: str, form: str, root: str) -> str:
    if form == "text":
        from envaudit.cli.link_text import text  # noqa: PLC0415

        return text(facts, owner)
    from envaudit.cli.link_data import as_dot, as_json  # noqa: PLC0415

    return as_json(facts, owner, root) if form == "json" else as_dot(facts, owner)
