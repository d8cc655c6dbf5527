"""Where macOS looks for a library (``man dyld``).

A file asks for a path, or for one that begins with ``@loader_path`` (the folder of the file that asks),
``@executable_path`` (that of the interpreter) or ``@rpath``: then each LC_RPATH of the file that asks is tried, and of
those that led to it. What is not there is looked for by its last part in ``/usr/local/lib``. A library that is loaded
already serves everybody who asks for it by its own name (LC_ID_DYLIB). ``/usr/lib`` and ``/System`` are not looked at:
since macOS 11 their libraries are no files.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envaudit.linker.other import Found

if TYPE_CHECKING:
    from envaudit.files_root import Root
    from envaudit.linker.library import Library, Shelf
    from envaudit.model import Target

_SYSTEM = ("/usr/lib/", "/System/")
_INTERPRETER = re.compile(
    r"(?:^|/)(?:Python\.framework/.*|Python3?|libpython3[.\d]*t?\.dylib|libpypy3[.\d]*-c\.dylib)$"
)
_FALLBACK = "/usr/local/lib"
_FOLDERS_LIMIT = 64
_CHAIN_LIMIT = 256
_TOKENS = ("@loader_path", "@executable_path")


class MachSearch:
    """The search for one target. ``seen`` says that the target's machine is at hand, all of it."""

    def __init__(self, target: Target, root: Root, shelf: Shelf, program: Library | None, *, seen: bool) -> None:
        self._shelf = shelf
        self._machine = target.machine
        self._seen = seen
        self._inside = tuple(root.inside(path) + "/" for path in (target.prefix, *(s.path for s in target.site_dirs)))
        self._program = os.path.dirname(root.real(program.path)) if program else ""
        self._folders: dict[str, tuple[str, ...]] = {}
        self.chain = self.inherited(program, ()) if program else ()
        if program is None and target.kind == "conda":
            self.chain = (f"{root.inside(target.prefix)}/lib",)

    def find(self, name: str, asking: Library, chain: tuple[str, ...], module: Library) -> Found | None:
        """Look for what a file asks for; ``None`` when it is nowhere."""
        if name.startswith(_SYSTEM):
            return Found(None, "system")
        outside = ""
        for how, path in self._places(name, asking, chain):
            if path.startswith(_SYSTEM):
                continue
            library = self._fitting(path) if path.startswith("/") else None
            if library is not None:
                return Found(library, how)
            if not self._seen and not path.startswith(self._inside) and not outside:
                outside = path
        loaded = self._loaded(name, module)
        if loaded is not None:
            return Found(loaded, "loaded", early=True)
        if _INTERPRETER.search(name):
            return Found(None, "system")
        return Found(None, "unseen", outside) if outside else self._fallback(name)

    def inherited(self, library: Library, chain: tuple[str, ...]) -> tuple[str, ...]:
        """Return the folders for ``@rpath`` in what this library loads."""
        own = self._own_folders(library)
        return tuple(dict.fromkeys(own + chain))[:_CHAIN_LIMIT] if own else chain

    def of_interpreter(self, name: str) -> Library | None:  # noqa: ARG002
        """Return nothing: modules take Python's names from the running program, whichever library has them."""
        return None

    def _places(self, name: str, asking: Library, chain: tuple[str, ...]) -> list[tuple[str, str]]:
        """Return the rule and the path of each place where a name may lie."""
        if name.startswith("@rpath/"):
            folders = self.inherited(asking, chain)
            return [("rpath", _normal(f"{folder}/{name[7:]}")) for folder in folders]
        path = self._expand(name, asking)
        return [("path", _normal(path))] if path else []

    def _own_folders(self, library: Library) -> tuple[str, ...]:
        known = self._folders.get(library.path)
        if known is None:
            rpath = library.facts.rpath[:_FOLDERS_LIMIT] if library.facts else ()
            known = tuple(folder for each in rpath if (folder := self._expand(each, library)))
            self._folders[library.path] = known
        return known

    def _expand(self, path: str, asking: Library) -> str:
        """Put folders for the two tokens; that of an interpreter that is not known stays what it is.

        A relative path depends on where a process is started and leads nowhere.
        """
        for token, folder in zip(_TOKENS, (os.path.dirname(asking.path), self._program), strict=True):
            if path == token or path.startswith(token + "/"):
                return (folder or token) + path[len(token) :]
        return path if path.startswith("/") else ""

    def _fitting(self, path: str) -> Library | None:
        found = self._shelf.get(path)
        if found is None or found.facts is None:
            return found
        return found if found.facts.machine == self._machine else None

    def _loaded(self, name: str, module: Library) -> Library | None:
        """Return an installed library of this very name; by its last part only one of the module's own distribution.

        Two packages often bring libraries whose file names are the same, and the one does not find that of the other.
        """
        exact = self._shelf.named(name, module.owner)
        if exact is not None and _fits(exact, self._machine):
            return exact
        if name.startswith(("@loader_path/", "/")) or not module.owner:
            return None
        last = name.rpartition("/")[2]
        own = (each for each in self._shelf.owned_by(module.owner) if each.path.rpartition("/")[2] == last)
        return next((each for each in own if _fits(each, self._machine)), None)

    def _fallback(self, name: str) -> Found | None:
        if not self._seen:
            return None
        library = self._fitting(f"{_FALLBACK}/{name.rpartition('/')[2]}")
        return Found(library, "default") if library else None


def _normal(path: str) -> str:
    """Return a path without dots; one from a folder that is not known stays as it is."""
    return os.path.normpath(path) if path.startswith("/") else path


def _fits(library: Library, machine: str) -> bool:
    return library.facts is not None and library.facts.machine == machine
