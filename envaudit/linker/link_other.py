"""Link a target of macOS or Windows: put search, libraries and files together."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import read_text
from envaudit.files_root import Root
from envaudit.linker.library import Shelf
from envaudit.linker.macho_search import MachSearch
from envaudit.linker.other import Linker, is_loadable
from envaudit.linker.pe_search import PeSearch
from envaudit.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envaudit.linker.library import Library
    from envaudit.linker.other import Search
    from envaudit.model import Binary, LinkedFile, Target

_PRODUCT = re.compile(r"<key>ProductVersion</key>\s*<string>(\d+(?:\.\d+){0,2})</string>")
_PLIST_LIMIT = 64 * 1024
_UNSEEN = {
    "macho": "the libraries of its macOS, and what they offer, cannot be seen from here",
    "pe": "the libraries of its Windows cannot be seen from here: those that every Windows has are taken for granted",
}


def link_other(
    target: Target, binaries: Sequence[Binary], environ: Mapping[str, str], root: str, *, judge: bool
) -> tuple[tuple[LinkedFile, ...], tuple[Gap, ...], str]:
    """Follow what the compiled files of a target load; the arguments are those of ``link_target``.

    The last value is the version of macOS, empty where it is not known.
    """
    form = "macho" if target.platform.startswith("macosx") else "pe"
    chosen = [binary for binary in binaries if is_loadable(binary, target, form)]
    if not chosen:
        return (), (), ""
    place = Root(root)
    shelf = Shelf(place, target.machine)
    pairs = shelf.add_installed(chosen, {}, lambda _: None)
    search: Search
    chain: tuple[str, ...] = ()
    if form == "macho":
        seen = bool(root) or sys.platform == "darwin"
        search = MachSearch(target, place, shelf, _program(target, place, shelf), seen=seen)
        chain = search.chain
    else:
        system = "" if root or not environ.get("SystemRoot") else f"{environ['SystemRoot']}/System32"
        seen = bool(system)
        search = PeSearch(target, place, shelf, [library for _, library in pairs], system)
    linker = Linker(search, target.machine, chain)
    files = tuple(
        linker.link(binary, library, judge=judge)
        for binary, library in pairs
        if library.facts is not None and library.facts.machine == target.machine
    )
    gaps = (*_unread(files), *(() if seen else (Gap("LNK", target.prefix, _UNSEEN[form]),)))
    return files, gaps, macos_version(target, place)


def macos_version(target: Target, root: Root) -> str:
    """Return the version of macOS the target runs on, empty where that cannot be seen.

    The file tells programs that were built for macOS 10 that it is 10.16, whichever it is: then it is not known.
    """
    if not target.platform.startswith("macosx") or not (root.foreign or sys.platform == "darwin"):
        return ""
    place = root.find("/System/Library/CoreServices/SystemVersion.plist")
    try:
        match = _PRODUCT.search(read_text(place, _PLIST_LIMIT)) if place else None
    except ReadError:
        return ""
    return match[1] if match and not match[1].startswith("10.16") else ""


def _program(target: Target, root: Root, shelf: Shelf) -> Library | None:
    """Return the interpreter if it is a program of macOS that can be read."""
    path = root.real(root.inside(target.executable)) if target.executable else ""
    library = shelf.get(path) if path else None
    return library if library is not None and library.facts and library.facts.format == "macho" else None


def _unread(files: Sequence[LinkedFile]) -> Iterator[Gap]:
    """Yield one gap for each reason why modules could not be judged."""
    by_reason: dict[str, list[str]] = {}
    for file in files:
        if file.unread and file.is_module and not file.missing:
            by_reason.setdefault(file.unread, []).append(f"{file.site_dir}/{file.path}")
    for why, paths in by_reason.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield Gap("LNK", f"{paths[0]}{more}", why)
