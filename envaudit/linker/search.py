"""Where the loader looks for a library, in its order: glibc's, or musl's.

glibc: a name with a slash is a path. Otherwise DT_RPATH of the file that asks and of those that led to it, unless the
file that asks has a DT_RUNPATH; ``LD_LIBRARY_PATH``; the DT_RUNPATH of the file that asks, which is not inherited;
``/etc/ld.so.cache``; the default folders (``man 8 ld.so``). A file for another machine is passed over.

musl: ``LD_LIBRARY_PATH``; DT_RUNPATH or DT_RPATH of the file that asks and of those that led to it, without a
difference between the two; the folders of ``/etc/ld-musl-ARCH.path``, else three defaults (``ldso/dynlink.c``). The
names of its own parts (``libc.``, ``libm.`` ...) are not looked for: they are all in the loader.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import read_text
from envaudit.linker.ldcache import read_ld_cache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envaudit.files_root import Root
    from envaudit.linker.library import Library, Shelf

_TOKEN = re.compile(r"\$(?:\{(\w+)\}|([A-Z]+))")
_MUSL_ITSELF = re.compile(r"lib(?:c|pthread|rt|m|dl|util|xnet)\.")
_FOLDERS_LIMIT = 64  # of one search path; the longest seen (NVIDIA's libraries in torch) has 15
_CHAIN_LIMIT = 256  # folders that a file inherits; real ones inherit a handful
_TRIPLETS = {"i686": "i386-linux-gnu", "armv7l": "arm-linux-gnueabihf", "ppc64le": "powerpc64le-linux-gnu"}
_PATH_FILE_LIMIT = 1024 * 1024


class Found(NamedTuple):
    """A library and the rule by which it was found, in the words of ``envaudit.model.Resolved``."""

    library: Library
    how: str


class Kind(NamedTuple):
    """What the interpreter is: ``libc`` is ``glibc`` or ``musl``; files of another machine or size do not count."""

    libc: str
    machine: str
    bits: int
    loader: str = ""


class Search:
    """The loader's search for one target. All answers are kept: a thousand modules ask the same questions."""

    def __init__(self, root: Root, kind: Kind, shelf: Shelf, library_path: str, origin: str) -> None:
        self._kind = kind
        self._shelf = shelf
        self._musl = kind.libc == "musl"
        self.gaps: list[tuple[str, str]] = []
        self._variable = self._expand(tuple(part for part in re.split("[:;]", library_path) if part), origin)
        self._cache: Mapping[str, tuple[str, ...]] = {}
        self._defaults = self._musl_folders(root) if self._musl else _default_folders(kind)
        if not self._musl:
            self._read_cache(root)
        self._folders: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self._in_folder: dict[tuple[str, str], Library | None] = {}
        self._answers: dict[tuple[str, tuple[str, ...], tuple[str, ...]], Found | None] = {}

    def inherited(self, library: Library, chain: tuple[str, ...]) -> tuple[str, ...]:
        """Return the folders that what this library loads inherits; ``chain`` is what it has inherited itself."""
        rpath, runpath = self._own_folders(library)
        own = (runpath or rpath) if self._musl else rpath
        return tuple(dict.fromkeys(own + chain))[:_CHAIN_LIMIT] if own else chain

    def find(self, name: str, library: Library, chain: tuple[str, ...]) -> Found | None:
        """Look for a name that a library asks for; ``chain`` are the folders the library has inherited."""
        if "/" in name:
            (path,) = self._expand((name,), library.path.rpartition("/")[0])[:1] or ("",)
            found = self._fitting(path) if path else None
            return Found(found, "path") if found else None
        if self._musl and _MUSL_ITSELF.match(name):
            itself = self._shelf.get(self._kind.loader)
            return Found(itself, "default") if itself else None
        own = self.inherited(library, chain)
        runpath = self._own_folders(library)[1]
        # With a RUNPATH of its own a file looks at no RPATH at all, not even at those it would pass on.
        before = own if self._musl or not runpath else ()
        key = (name, before, runpath)
        if key not in self._answers:
            self._answers[key] = self._look(name, before, runpath)
        return self._answers[key]

    def _look(self, name: str, rpath: tuple[str, ...], runpath: tuple[str, ...]) -> Found | None:
        steps: tuple[tuple[str, tuple[str, ...]], ...]
        if self._musl:
            steps = (("LD_LIBRARY_PATH", self._variable), ("runpath" if runpath else "rpath", rpath))
        else:
            steps = (("rpath", rpath), ("LD_LIBRARY_PATH", self._variable), ("runpath", runpath))
        for how, folders in steps:
            for folder in folders:
                found = self._at(folder, name)
                if found:
                    return Found(found, how)
        for path in self._cache.get(name, ()):
            found = self._fitting(path)
            if found:
                return Found(found, "cache")
        for folder in self._defaults:
            found = self._at(folder, name)
            if found:
                return Found(found, "default")
        return None

    def _at(self, folder: str, name: str) -> Library | None:
        key = (folder, name)
        if key not in self._in_folder:
            self._in_folder[key] = self._fitting(f"{folder}/{name}")
        return self._in_folder[key]

    def _fitting(self, path: str) -> Library | None:
        """Return the file at a path unless it is for another machine; one that cannot be read is returned."""
        found = self._shelf.get(path)
        if found is None or found.facts is None:
            return found
        return found if (found.facts.machine, found.facts.bits) == (self._kind.machine, self._kind.bits) else None

    def _own_folders(self, library: Library) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return RPATH and RUNPATH of a library as folders; the first counts only without the second."""
        known = self._folders.get(library.path)
        if known is None:
            facts = library.facts
            origin = library.path.rpartition("/")[0]
            runpath = self._expand(facts.runpath, origin) if facts else ()
            rpath = self._expand(facts.rpath, origin) if facts and not facts.runpath else ()
            known = self._folders[library.path] = (rpath, runpath)
        return known

    def _expand(self, folders: tuple[str, ...], origin: str) -> tuple[str, ...]:
        """Put folders for ``$ORIGIN``, ``$LIB`` and ``$PLATFORM``.

        An unknown token stands for itself in glibc; musl then ignores the whole search path. A folder that is not
        absolute is left out: what it means depends on where the process is started.
        """
        values = {"ORIGIN": origin, "PLATFORM": self._kind.machine}
        expanded: list[str] = []
        for folder in folders[:_FOLDERS_LIMIT]:
            tokens = {match[1] or match[2] for match in _TOKEN.finditer(folder)} if "$" in folder else set()
            if self._musl and tokens - {"ORIGIN"}:
                return ()
            # What $LIB means was decided when glibc was built: the forms of Debian, of Fedora and of everybody else.
            forms = (_triplet_folder(self._kind), "lib64", "lib") if "LIB" in tokens else ("",)
            expanded += (_substitute(folder, {**values, "LIB": lib}) if tokens else folder for lib in forms)
        return tuple(dict.fromkeys(folder for folder in expanded if folder.startswith("/")))

    def _read_cache(self, root: Root) -> None:
        place = root.find("/etc/ld.so.cache")
        # A glibc that lives elsewhere (Nix, Guix) was built with a cache and default folders of its own.
        if not place or not self._kind.loader.startswith(("/lib", "/usr/lib")):
            return
        try:
            self._cache = read_ld_cache(place)
        except ReadError as error:
            self.gaps.append((place, f"{error}: libraries that only the cache knows are not found"))

    def _musl_folders(self, root: Root) -> tuple[str, ...]:
        machine = {"i686": "i386", "armv7l": "armhf", "ppc64le": "powerpc64le"}.get(
            self._kind.machine, self._kind.machine
        )
        place = root.find(f"/etc/ld-musl-{machine}.path")
        if place:
            try:
                text = read_text(place, _PATH_FILE_LIMIT)
                return tuple(part.strip() for part in re.split("[:\n]", text) if part.strip())[:_FOLDERS_LIMIT]
            except ReadError as error:
                self.gaps.append((place, str(error)))
        return ("/lib", "/usr/local/lib", "/usr/lib")


def _substitute(folder: str, values: Mapping[str, str]) -> str:
    return _TOKEN.sub(lambda match: values.get(match[1] or match[2], match[0]), folder)


def _default_folders(kind: Kind) -> tuple[str, ...]:
    triplet = _triplet_folder(kind)
    own = kind.loader.rpartition("/")[0]
    folders = (own, f"/{triplet}", f"/usr/{triplet}", "/lib64", "/usr/lib64", "/lib", "/usr/lib")
    if own and not own.startswith(("/lib", "/usr/lib")):
        return (own,)
    return tuple(dict.fromkeys(folder for folder in folders[1:] if folder))


def _triplet_folder(kind: Kind) -> str:
    return f"lib/{_TRIPLETS.get(kind.machine, f'{kind.machine}-linux-gnu')}"
