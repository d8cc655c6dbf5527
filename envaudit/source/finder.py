"""Where the modules of a target are, by its folders: the order of ``sys.path`` and of Python's own finder."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import each_entry, is_file, is_folder, read_bytes
from envaudit.source.parse import SIZE_LIMIT
from envaudit.source.stdlib import is_standard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envaudit.model import Target

_DEPTH = 12  # parts of a dotted name
_HELD = 4 * 1024 * 1024


class Place(NamedTuple):
    """Where a module is. ``path`` is empty for a folder without ``__init__``; ``folders`` hold what lies below it."""

    name: str
    path: str
    folders: tuple[str, ...]
    compiled: bool = False
    standard: bool = False

    @property
    def is_package(self) -> bool:
        """Whether modules can lie below it."""
        return bool(self.folders)


class Finder:
    """Finds modules and reads their sources, nearly all of them once."""

    def __init__(self, target: Target, extra: Mapping[str, str] | None = None) -> None:
        """``extra`` are import names with their folder or file, as an editable install has them."""
        self.version = target.version_info
        self.library = library_folder(target)
        self._extra = dict(extra or {})
        self._site = tuple(site.path for site in target.site_dirs)
        self._standard = (self.library, f"{self.library}/lib-dynload") if self.library else ()
        self._folders: dict[str, frozenset[str]] = {}
        self._told = 0
        self._compiled_in: dict[str, dict[str, str]] = {}
        self._places: dict[str, Place | None] = {}
        self._texts: dict[str, bytes | None] = {}
        self._held = 0
        # The names that somebody has looked for, also where the answer was known; who keeps answers empties it.
        self.touched: set[str] = set()

    def find(self, name: str) -> Place | None:
        """Return where a module is; ``None`` when no file of that name is where Python looks."""
        self.touched.add(name)
        if name not in self._places:
            self._places[name] = None  # against modules that lead to themselves
            self._places[name] = self._find(name)
        return self._places[name]

    def packages_below(self, name: str) -> tuple[str, ...]:
        """Return the names of the packages directly in a package."""
        place = self.find(name)
        folders = place.folders if place is not None else ()
        return tuple(
            sorted(
                inner
                for folder in folders
                for inner in self._list(folder)
                if inner.isidentifier() and "__init__.py" in self._list(f"{folder}/{inner}")
            )
        )

    def modules_below(self, name: str) -> tuple[str, ...]:
        """Return the names of the single source files directly in a package."""
        place = self.find(name)
        folders = place.folders if place is not None else ()
        files = (file.removesuffix(".py") for folder in folders for file in self._list(folder) if file.endswith(".py"))
        return tuple(sorted(file for file in files if file.isidentifier() and file != "__init__"))

    def text(self, place: Place, *, keep: bool = True) -> bytes | None:
        """Return the source of a module, ``None`` when it has none that can be read."""
        if place.path in self._texts:
            return self._texts[place.path]
        try:
            text = read_bytes(place.path, SIZE_LIMIT) if place.path else None
        except ReadError:
            text = None
        if keep:
            self._texts[place.path] = text
            self._held += len(text or b"")
            while self._held > _HELD:  # the oldest go, and are read again if need be
                self._held -= len(self._texts.pop(next(iter(self._texts))) or b"")
        return text

    def files_in(self, folder: str) -> frozenset[str]:
        """Return the names in a folder in which modules are looked for."""
        return self._list(folder)

    def is_compiled(self, path: str) -> bool:
        """Whether a compiled file stands in for a source file; any suffix will do."""
        folder, _, name = path.rpartition("/")
        return bool(self._compiled(folder, name.removesuffix(".py")))

    def newly_listed(self) -> list[str]:
        """Return the folders that were listed since the last time this was asked."""
        new = list(self._folders)[self._told :]
        self._told += len(new)
        return new

    def _take_distutils(self) -> None:
        """Put the ``distutils`` of setuptools in the place of Python's, as its hook does from the start."""
        for folder in self._site:
            if "distutils-precedence.pth" in self._list(folder) and is_folder(f"{folder}/setuptools/_distutils"):
                self._extra["distutils"] = f"{folder}/setuptools/_distutils"

    def _find(self, name: str) -> Place | None:  # noqa: PLR0911  one line for each place
        parent, _, last = name.rpartition(".")
        if name.count(".") > _DEPTH or not last.isidentifier():
            return None
        if not parent:
            if name == "distutils" and "distutils" not in self._extra:
                self._take_distutils()
            if name in self._extra:
                return self._from_path(name, self._extra[name])
            if self._standard:
                found = self._look(name, self._standard)
                if found is not None and found.path:
                    return found._replace(standard=True)
            elif is_standard(name, self.version):
                return Place(name, "", (), compiled=True, standard=True)
            return self._look(name, self._site)
        above = self.find(parent)
        if above is None or not above.folders:
            return None
        found = self._look(last, above.folders)
        return found._replace(name=name, standard=above.standard) if found is not None else None

    def _look(self, name: str, folders: tuple[str, ...]) -> Place | None:
        """Look for a module in folders, in the order of Python's own finder."""
        portions = []
        for folder in folders:
            names = self._list(folder)
            base = f"{folder}/{name}"
            inner = self._list(base) if name in names else frozenset()
            if "__init__.py" in inner:
                return Place(name, f"{base}/__init__.py", (base,))
            compiled = self._compiled(base, "__init__") if inner else ""
            if compiled:
                return Place(name, f"{base}/{compiled}", (base,), compiled=True)
            compiled = self._compiled(folder, name)
            if compiled:
                return Place(name, f"{folder}/{compiled}", (), compiled=True)
            if f"{name}.py" in names:
                return Place(name, f"{base}.py", ())
            if f"{name}.pyc" in names:
                return Place(name, f"{base}.pyc", (), compiled=True)
            if inner or (name in names and is_folder(base)):
                portions.append(base)
        return Place(name, "", tuple(portions)) if portions else None

    def _from_path(self, name: str, path: str) -> Place | None:
        if path.endswith(".py"):
            return Place(name, path, ())
        return Place(name, f"{path}/__init__.py" if "__init__.py" in self._list(path) else "", (path,))

    def _compiled(self, folder: str, module: str) -> str:
        """Return the compiled file of a module in a folder; any suffix will do."""
        known = self._compiled_in.get(folder)
        if known is None:
            known = {}
            for name in sorted(self._list(folder), reverse=True):  # of several the shortest suffix stays
                if name.endswith((".so", ".pyd")):
                    known[name.partition(".")[0]] = name
            self._compiled_in[folder] = known
        return known.get(module, "")

    def _list(self, folder: str) -> frozenset[str]:
        names = self._folders.get(folder)
        if names is None:
            try:
                names = frozenset(entry.name for entry in each_entry(folder))
            except ReadError:
                names = frozenset()
            self._folders[folder] = names
        return names


def absolute_name(module: str, written: str, *, is_package: bool) -> str:
    """Return the absolute name of ``..a.b`` in a module; empty when it leaves the top."""
    name = written.lstrip(".")
    level = len(written) - len(name)
    if not level:
        return written
    parts = module.split(".")
    keep = len(parts) - level + (1 if is_package else 0)
    return ".".join([*parts[:keep], *([name] if name else [])]) if keep > 0 else ""


def library_folder(target: Target) -> str:
    """Return the folder of the target's standard library, empty when it is not there."""
    name = "pypy" if target.implementation == "PyPy" else "python"
    short = f"{name}{target.version_info[0]}.{target.version_info[1]}{'t' if target.free_threaded else ''}"
    for prefix in dict.fromkeys((target.base_prefix, target.prefix)):
        for folder in (f"{prefix}/lib/{short}", f"{prefix}/lib64/{short}", f"{prefix}/Lib"):
            if prefix and is_file(f"{folder}/os.py") and is_file(f"{folder}/collections/__init__.py"):
                return folder
    return ""
