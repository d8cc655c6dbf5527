"""What the dynamic loader would do with every compiled file of a target, worked out from the files alone.

``link_target`` is all there is to call. Nothing is loaded: the loader's search, the libraries each file brings with it,
symbol versions and symbols are followed in the headers of the files, on Linux, for glibc and musl.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from envaudit import shared_work
from envaudit.binary.symbols import is_tagged
from envaudit.errors import ReadError
from envaudit.files_root import Root
from envaudit.files_seen import nobody_notes
from envaudit.linker.closure import Closures
from envaudit.linker.judge import Judge, Names, Versions
from envaudit.linker.known import has_operators
from envaudit.linker.library import Shelf
from envaudit.linker.process import Offered, Process, host_page_size
from envaudit.model import Gap, LinkedFile, Resolved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from envaudit.binary.stored import Stored
    from envaudit.binary.symbols import Symbols
    from envaudit.linker.closure import Closure
    from envaudit.linker.library import Library
    from envaudit.model import Binary, Target

__all__ = ["Links", "Offered", "link_target", "offered_by_interpreter"]

_TAG = re.compile(r"[^.]+\.(?:cpython-(\d+t?)d?|pypy(\d+)-pp\d+)(-[A-Za-z0-9_-]+)?\.so")
_ENOUGH_FILES = 300  # they take 20 ms to link; the second process takes 5
_IDENTIFIER = re.compile(r"\w+")


class Links(NamedTuple):
    """What each compiled file loads, and what could not be worked out.

    ``page_size`` is 0, ``os_version`` (of macOS) empty where they are not known.
    """

    files: tuple[LinkedFile, ...] = ()
    gaps: tuple[Gap, ...] = ()
    page_size: int = 0
    os_version: str = ""


def _nothing_stored(_: str) -> Stored | None:
    return None


def offered_by_interpreter(target: Target, environ: Mapping[str, str], root: str = "") -> Offered:
    """Return the names that every module of the target finds, without which its names need not be kept.

    Nothing where they cannot be read: ``link_target`` then says why.
    """
    if not target.platform.startswith("linux"):
        return Offered()
    place = Root(root)
    return Process(target, place, Shelf(place), environ).offered() or Offered()


def link_target(  # noqa: PLR0917  the last three have defaults
    target: Target,
    binaries: Sequence[Binary],
    environ: Mapping[str, str],
    root: str = "",
    symbols: Mapping[str, Symbols] | None = None,
    stored: Callable[[str], Stored | None] = _nothing_stored,
    *,
    judge: bool = True,
    offered: Offered = Offered(),  # noqa: B008  a value that cannot be changed
) -> Links:
    """Follow what the compiled files of a target load.

    ``binaries`` are all its compiled files, ``environ`` the variables its processes get (``LD_LIBRARY_PATH``),
    ``root`` the folder of an unpacked image in which everything is looked up. ``symbols`` are those that have been
    read already, by path; others are read when they are needed. ``stored`` returns what is known of a path from
    earlier runs, ``offered`` what ``offered_by_interpreter`` has returned. Where the interpreter or its C library
    cannot be read, nothing is called missing: one gap says so, and each file says why in ``unread``. Without ``judge``
    libraries are looked for, and symbols and versions not.
    """
    chosen = [binary for binary in binaries if _is_loadable(binary, target)]
    if target.platform.startswith(("macosx", "win")):
        from envaudit.linker.link_other import link_other  # noqa: PLC0415  hardly ever met on Linux

        files_there, gaps_there, version = link_other(target, binaries, environ, root, judge=judge)
        return Links(files_there, gaps_there, os_version=version)
    if not chosen or not target.platform.startswith("linux"):
        return Links()
    place = Root(root)
    shelf = Shelf(place)
    pairs = shelf.add_installed(chosen, symbols or {}, stored)
    process = Process(target, place, shelf, environ)
    if offered.paths and not process.take_exports(offered):  # the symbols lack names of another interpreter
        for _, library in pairs:
            library.forget_symbols()
    gaps = [Gap("LNK", path, why) for path, why in process.search.gaps]
    if process.unknown:
        gaps.append(Gap("LNK", target.prefix, f"what libraries it finds was not checked: {process.unknown}"))
    closures = Closures(process.search, shelf, process.chain, process.loaded)
    work = _Work(process, Judge(process, shelf) if judge else None, place)
    fitting = [
        (binary, library)
        for binary, library in pairs
        if library.facts is not None
        and (library.facts.machine, library.facts.bits) == (process.kind.machine, process.kind.bits)
    ]
    files = _shared(work, closures, fitting) if nobody_notes() else work.link_all(fitting, closures)
    gaps += _gaps(file for file in files if file.unread and file.is_module and not process.unknown and not file.missing)
    return Links(tuple(files), tuple(gaps), host_page_size(target, place))


class _Work(NamedTuple):
    """What is needed to link one file."""

    process: Process
    judge: Judge | None
    root: Root

    def link_all(self, files: Sequence[tuple[Binary, Library]], closures: Closures) -> list[LinkedFile]:
        """Say of each file what is wrong with it, and what it loads."""
        together = [(binary, library, closures.of(library)) for binary, library in files]
        if self.judge and not self.process.unknown:
            self.judge.ask_together(closure for _, library, closure in together if is_tagged(library.path))
        return [self.link(binary, library, closure) for binary, library, closure in together]

    def link(self, binary: Binary, library: Library, closure: Closure) -> LinkedFile:
        """Say what is wrong with one file of the target, and what it loads."""
        process = self.process
        resolved = tuple(
            Resolved(name, found.library.place, found.how, found.library.owner) for name, found in closure.needs
        )
        missing = tuple((name, self.root.outside(asks)) for name, asks in closure.missing)
        if process.unknown:  # what is not found may be where the interpreter is
            resolved += tuple(Resolved(name, "", "system") for name, asks in closure.missing if asks == library.path)
            missing = ()
        unread = process.unknown or closure.unread
        versions, names, is_module = Versions(), Names(), False
        try:
            is_module = _is_module(library)
            if self.judge and not process.unknown:
                versions = self.judge.versions(closure)
            judged = is_module or has_operators(binary.owner, resolved)
            if self.judge and judged and not unread and not closure.missing:
                names = self.judge.names(closure)
        except ReadError as error:
            unread = unread or str(error)
        return LinkedFile(
            path=binary.path,
            site_dir=binary.site_dir,
            owner=binary.owner,
            resolved=resolved,
            missing=missing,
            missing_versions=versions.missing,
            undefined=names.undefined,
            undefined_python=names.python,
            unread=unread,
            is_module=is_module,
            offered=versions.offered,
            related=names.related,
            loads=_loads(closure),
        )


def _shared(work: _Work, closures: Closures, files: Sequence[tuple[Binary, Library]]) -> list[LinkedFile]:
    """Do what ``link_all`` does in two processes, distribution by distribution; what they note is lost.

    Where only libraries are looked for, one process is done before a second could answer.
    """
    if work.judge is None or len(files) < _ENOUGH_FILES or not shared_work.may_fork():
        return work.link_all(files, closures)
    import pickle  # noqa: PLC0415  few targets have so many files

    parts = [list(part) for _, part in groupby(files, key=lambda file: file[0].owner)]

    def do(number: int) -> list[LinkedFile]:
        return work.link_all(parts[number], closures)

    work.process.exports_known()
    # What is read here was written by this program a moment ago, in memory that nobody else can reach.
    done = shared_work.work_shared(do, [len(part) for part in parts], _ENOUGH_FILES, pickle.dumps, pickle.loads)
    return [file for number in range(len(parts)) for file in done[number]]


def _loads(closure: Closure) -> tuple[str, ...]:
    """Return the paths of all installed libraries of a closure but the file itself."""
    return tuple(library.place for library in closure.rest if library.installed)


def _gaps(files: Iterable[LinkedFile]) -> Iterator[Gap]:
    """Yield one gap for each reason why modules could not be judged: one library can be in the way of a hundred."""
    by_reason: dict[str, list[str]] = {}
    for file in files:
        by_reason.setdefault(file.unread, []).append(f"{file.site_dir}/{file.path}")
    for why, paths in by_reason.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield Gap("LNK", f"{paths[0]}{more}", why)


def _is_loadable(binary: Binary, target: Target) -> bool:
    """Leave out what this interpreter never loads: other formats, cut files, the suffix of another Python."""
    if binary.facts is None or binary.facts.format != "elf" or binary.facts.truncated:
        return False
    match = _TAG.fullmatch(binary.path.rsplit("/", 1)[-1])
    if match is None:
        return True
    wanted = f"{target.version_info[0]}{target.version_info[1]}"
    if (match[1] or match[2]) != wanted + ("t" if target.free_threaded and match[1] else ""):
        return False
    libc = target.libc.partition(" ")[0]
    if libc not in {"glibc", "musl"} or not match[3]:
        return True
    # Before 3.11 a CPython on musl called its modules "-linux-gnu" too.
    unnamed = libc == "musl" and target.version_info < (3, 11)
    return unnamed or match[3].endswith("musl") == (libc == "musl")


def _is_module(library: Library) -> bool:
    """Whether Python can import a file: it exports ``PyInit_`` and the name before the first dot."""
    stem, _, suffix = library.path.rpartition("/")[2].partition(".")
    if is_tagged(library.path):
        return True
    if not suffix.endswith("so") or not _IDENTIFIER.fullmatch(stem):
        return False
    return bool(library.provides(frozenset({b"PyInit_" + stem.encode("utf-8", "surrogateescape")})))
