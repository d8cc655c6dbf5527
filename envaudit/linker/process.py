"""The process that modules are loaded into: the interpreter, its libraries, and what they export."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary import read_interpreter
from envaudit.errors import ReadError
from envaudit.linker.closure import close
from envaudit.linker.search import Kind, Search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envaudit.files_root import Root
    from envaudit.linker.closure import Closure
    from envaudit.linker.library import Library, Shelf
    from envaudit.model import Target

_SAME_MACHINE = {"amd64": "x86_64", "i386": "i686"}


class Offered(NamedTuple):
    """The names that an interpreter and its libraries offer to every module, and the paths of these files."""

    paths: tuple[str, ...] = ()
    names: frozenset[bytes] = frozenset()


class Process:
    """A running interpreter of the target.

    ``unknown`` says why nothing can be said about what is missing: there is no interpreter, or not its C library.
    ``chain`` are the folders that modules inherit from the interpreter (its own DT_RPATH).
    """

    def __init__(self, target: Target, root: Root, shelf: Shelf, environ: Mapping[str, str]) -> None:
        start = _start(target, root, shelf)
        self.unknown = start.unknown
        kind = start.kind
        self.kind = kind
        origin = start.program.path.rpartition("/")[0] if start.program else ""
        self.search = Search(root, kind, shelf, environ.get("LD_LIBRARY_PATH", ""), origin)
        self.chain: tuple[str, ...] = ()
        self.loaded: Mapping[str, Library] = {}
        self._closure: Closure | None = None
        self._exports: frozenset[bytes] | None = None
        self._digest: str | None = None
        if start.program is not None and not self.unknown:
            self._closure = close(start.program, self.search, shelf)
            self.loaded = self._closure.by_name
            self.chain = self._passed_on(self._closure)
            if self._closure.missing:
                name, asking = self._closure.missing[0]
                self.unknown = f"{name}, which {asking} needs, is not found: this is not the machine it runs on"

    def take_exports(self, offered: Offered) -> bool:
        """Use names that were read before, if they are those of the same files; say whether they are."""
        same = self._paths() == offered.paths
        if same and offered.paths:
            self._exports = offered.names
        return same

    def offered(self) -> Offered | None:
        """Return what the interpreter and its libraries offer, ``None`` where that is not known for certain."""
        try:
            return None if self.unknown else Offered(self._paths(), self.exports())
        except ReadError:
            return None

    def exports_known(self) -> bool:
        """Read what the interpreter and its libraries offer, so that processes made of this one need not."""
        try:
            return bool(self.exports())
        except ReadError:
            return False

    def _paths(self) -> tuple[str, ...]:
        return tuple(library.path for library in self._closure.libraries) if self._closure is not None else ()

    def exports(self) -> frozenset[bytes]:
        """Return every name that the interpreter and its libraries offer; raises ``ReadError``."""
        if self._exports is None:
            if self._closure is None:
                raise ReadError("no interpreter is known")
            if self._closure.unread:
                raise ReadError(self._closure.unread)
            exports = frozenset().union(*(each.symbols().exports() for each in self._closure.libraries))
            if not any(name.startswith((b"Py", b"_Py")) for name in exports):
                raise ReadError("the program of the interpreter has no names of Python: it starts another one")
            self._exports = exports
        return self._exports

    def exports_digest(self) -> str:
        """Return a digest of all names that the interpreter and its libraries offer, empty if they cannot be read."""
        if self._digest is None:
            from hashlib import sha256  # noqa: PLC0415  only what is kept needs it

            try:
                self._digest = sha256(b"\0".join(sorted(self.exports()))).hexdigest()[:32]
            except ReadError:
                self._digest = ""
        return self._digest

    def _passed_on(self, closure: Closure) -> tuple[str, ...]:
        """Return the RPATH folders that modules inherit: those of libpython, which loads them, and of the program."""
        program = closure.libraries[0]
        chain = self.search.inherited(program, ())
        for library in closure.libraries[1:]:
            if library.path.rpartition("/")[2].startswith("libpython"):
                return self.search.inherited(library, chain)
        return chain


class _Start(NamedTuple):
    program: Library | None
    kind: Kind
    unknown: str = ""


def _start(target: Target, root: Root, shelf: Shelf) -> _Start:
    """Find the interpreter's program, the machine it is for and its C library."""
    libc = target.libc.partition(" ")[0] or "glibc"
    guess = Kind(libc, _SAME_MACHINE.get(target.machine, target.machine), 64, "/lib/ld-linux.so")
    path, place = _program(target, root)
    if not place:
        why = f"the interpreter {target.executable} does not exist" if target.executable else "no interpreter is known"
        return _Start(None, guess, why)
    try:
        machine, bits, loader = read_interpreter(place)
    except ReadError as error:
        return _Start(None, guess, f"the interpreter {place}: {error}")
    kind = Kind("musl" if "ld-musl" in loader else "glibc", machine, bits, loader)
    program = shelf.get(path)
    unknown = ""
    if program is None or program.facts is None:
        unknown = f"the interpreter {place}: {program.error if program else 'not a file'}"
    elif not loader:
        unknown = f"the interpreter {place} is static: it loads no modules"
    elif not root.find(loader):
        unknown = f"its loader {loader} does not exist here"
    return _Start(program, kind, unknown)


def _program(target: Target, root: Root) -> tuple[str, str]:
    """Return the path of the interpreter inside the root, without links, and its place on this machine.

    In an image the link of a virtual environment leads to a path of the image, which nobody could follow so far.
    """
    names = [target.executable] if target.executable else []
    if root.foreign:
        names += [f"{target.prefix}/bin/{name}" for name in ("python", "python3")]
    for name in names:
        path = root.real(root.inside(name))
        place = root.find(path)
        if place:
            return path, place
    return "", ""


def host_page_size(target: Target, root: Root) -> int:
    """Return the page size of the machine the target runs on, 0 where that is another than this one."""
    own = os.uname().machine if hasattr(os, "uname") else ""
    if root.foreign or _SAME_MACHINE.get(target.machine, target.machine) != own:
        return 0
    try:
        return os.sysconf("SC_PAGESIZE")
    except (AttributeError, OSError, ValueError):
        return 0
