"""Which of its own compiled modules a distribution imports when it is imported, by reading its sources.

A compiled module that cannot be loaded breaks ``import pandas`` when it is on this path; otherwise it breaks only the
part that needs it. Only files that are reached are read. What a compiled module imports in turn cannot be read.
"""

from __future__ import annotations

import warnings
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import each_entry, exists, is_folder, read_bytes
from envaudit.files_seen import doubt
from envaudit.model import ImportPath
from envaudit.scan.reach_conditions import names_of_target
from envaudit.scan.reach_guards import Guard
from envaudit.scan.reach_kept import SourceReader
from envaudit.scan.reach_quick import QuickReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envaudit.model import Distribution, Target
    from envaudit.scan.reach_kept import Memory
    from envaudit.scan.reach_syntax import Request, Source

# The largest packages (sympy, torch) reach about 1,500 files; generated tables are the largest files, below 3 MB.
FILE_LIMIT = 3000
_SIZE_LIMIT = 4 * 1024 * 1024
_TOTAL_LIMIT = 32 * 1024 * 1024
_FOLDER_LIMIT = 20_000
# Longer names are no modules: Linux allows 255 bytes for each part.
_NAME_LIMIT = 1000
# What is certain is read first, what may never run last.
_ORDER = (Guard.NONE, Guard.IMPORT_ERROR, Guard.PERHAPS)
# Left in site-packages by accident; nobody imports a distribution by these names.
_BESIDE = frozenset(("test", "tests", "testing", "doc", "docs", "example", "examples", "benchmarks", "scripts"))


class _Module(NamedTuple):
    """Where a module is: ``path`` is relative to the site folder, empty for a folder without ``__init__``."""

    folder: str
    path: str
    is_package: bool
    compiled: bool


def import_time_modules(
    site_dir: str,
    dist: Distribution,
    target: Target,
    wanted: Sequence[frozenset[str]] = (),
    memory: Memory | None = None,
) -> ImportPath:
    """Follow what the top-level packages and modules of a distribution import of their own.

    ``site_dir`` is the folder they lie in. ``wanted`` are groups of paths relative to it, compiled modules or
    ``.py`` files; reading ends as soon as one path of each group was reached, and without groups when everything was.
    """
    if wanted and not _may_reach_any(site_dir, dist, target, wanted):
        return ImportPath(dist.info_path, frozenset())
    reader = SourceReader(names_of_target(target), memory)
    walk = _Walk(site_dir, dist, target, wanted, reader)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the sources' own, as of "\d" in a plain string
        walk.run()
    reader.save()
    return ImportPath(
        dist.info_path,
        frozenset(path for path, guard in walk.reached.items() if guard is Guard.NONE),
        complete=walk.complete,
        past_guards=frozenset(path for path, guard in walk.reached.items() if guard is Guard.IMPORT_ERROR),
        perhaps=frozenset(path for path, guard in walk.reached.items() if guard is Guard.PERHAPS),
    )


def _may_reach_any(site_dir: str, dist: Distribution, target: Target, wanted: Sequence[frozenset[str]]) -> bool:
    """Say whether reading the sources could lead to a module of interest; false only when it is certain that not."""
    walk = _QuickWalk(site_dir, dist, target, wanted, QuickReader())
    walk.run()
    return bool(walk.reached) or not walk.complete


class _Walk:
    """One walk over the modules of a distribution; ``reached`` are those of interest, with what is caught around."""

    def __init__(
        self,
        site_dir: str,
        dist: Distribution,
        target: Target,
        wanted: Sequence[frozenset[str]],
        reader: SourceReader | QuickReader,
    ) -> None:
        self.reached: dict[str, Guard] = {}
        self.complete = True
        self._site_dir = site_dir
        self._dist = dist
        self._reader = reader
        self._tag = _suffix_of(target)
        self._wanted = list(wanted)
        self._sources_wanted = frozenset(path for group in wanted for path in group if path.endswith(".py"))
        self._all_wanted = bool(wanted)
        self._folders: dict[str, frozenset[str] | None] = {}
        self._modules: dict[str, _Module | None] = {}
        self._sources: dict[str, Source | None] = {}
        self._stars: dict[str, tuple[str, ...]] = {}
        self._seen: set[tuple[str, Guard]] = set()
        self._waiting: dict[Guard, deque[str]] = {guard: deque() for guard in _ORDER}
        self._bytes = 0

    def run(self) -> None:
        """Walk: first what nothing guards, then what goes on behind ``except ImportError``."""
        starts = self._starts()
        if not starts:
            self.complete = False
        for name in starts:
            self._want(name, Guard.NONE)
        for guard, waiting in self._waiting.items():
            while waiting:
                if self._is_done():
                    return
                self._enter(waiting.popleft(), guard)

    def _is_done(self) -> bool:
        return self._all_wanted and not self._wanted

    def _starts(self) -> list[str]:
        """Return the modules somebody imports: the public ones, and below namespaces the first real packages."""
        tops = [name for name in self._dist.top_level if self._find(name) is not None]
        public = [name for name in tops if not name.startswith("_") and name not in _BESIDE]
        starts: list[str] = []
        for name in public or tops:
            module = self._find(name)
            if module is not None and module.path:
                starts.append(name)
            else:
                starts += self._below_namespace(name)
        return starts

    def _below_namespace(self, top: str) -> Iterable[str]:
        """Return the first importable module on the way to each compiled file in a folder without ``__init__``."""
        found: dict[str, None] = {}
        paths = [entry.path for entry in self._dist.binaries]
        paths += self._sources_wanted
        for path in paths:
            parts = path.split("/")
            if parts[0] != top:
                continue
            parts[-1] = parts[-1].partition(".")[0]
            for count in range(2, len(parts) + 1):
                module = self._find(".".join(parts[:count]))
                if module is not None and module.path:
                    found[".".join(parts[:count])] = None
                    break
        return found

    def _want(self, name: str, guard: Guard) -> None:
        """Import a module and the packages around it, as Python does."""
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            inner = ".".join(parts[:count])
            if (inner, Guard.NONE) in self._seen or (inner, guard) in self._seen:
                continue
            if self._find(inner) is None:
                return
            self._seen.add((inner, guard))
            self._waiting[guard].append(inner)

    def _enter(self, name: str, guard: Guard) -> None:
        """Note a module as reached, and take up what it imports."""
        module = self._find(name)
        if module is None or not module.path or (guard is not Guard.NONE and (name, Guard.NONE) in self._seen):
            return
        if module.compiled or module.path in self._sources_wanted:
            self.reached.setdefault(module.path, guard)
            if guard is Guard.NONE:
                self._wanted = [group for group in self._wanted if module.path not in group]
        if module.compiled:
            return
        source = self._source(name)
        if source is None:
            return
        if source.unknown and guard is Guard.NONE:
            self.complete = False
        for request in source.requests:
            both = guard | request.guard
            if both in _ORDER:
                self._take(name, module, request, both)

    def _take(self, name: str, module: _Module, request: Request, guard: Guard) -> None:
        """Take up one import statement of a module."""
        origin = _absolute(name, module.is_package, request)
        if not origin or self._find(origin) is None:
            return
        self._want(origin, guard)
        for wanted in request.names:
            for inner in self._star(origin) if wanted == "*" else (wanted,):
                if not self._binds(origin, inner):
                    self._want(f"{origin}.{inner}", guard)

    def _star(self, name: str) -> tuple[str, ...]:
        """Return what ``from name import *`` asks for, as far as ``__all__`` is written out."""
        source = self._source(name)
        return source.exported if source is not None else ()

    def _binds(self, name: str, wanted: str) -> bool:
        """Say whether a module has a name of its own, so that no submodule is imported for it."""
        module = self._find(name)
        if module is None or not module.is_package:
            return True
        if not module.path:
            return False
        source = self._source(name)
        if source is None or wanted in source.bound:
            return True
        if name not in self._stars:
            origins = (_absolute(name, True, request) for request in source.requests if "*" in request.names)  # noqa: FBT003
            self._stars[name] = tuple(
                dict.fromkeys(origin for origin in origins if origin != name and self._find(origin))
            )
        return any(self._binds_star(origin, wanted) for origin in self._stars[name])

    def _binds_star(self, name: str, wanted: str) -> bool:
        """Say whether ``from name import *`` brings a name."""
        source = self._source(name)
        if source is None:
            return False
        return wanted in (source.exported or source.bound)

    def _source(self, name: str) -> Source | None:
        """Read and parse the source of a module once; one that cannot be read leaves the walk incomplete."""
        if name in self._sources:
            return self._sources[name]
        source: Source | None = None
        module = self._find(name)
        if module is not None and module.path and not module.compiled:
            source = self._read(name, module.path)
        self._sources[name] = source
        return source

    def _read(self, name: str, path: str) -> Source | None:
        if len(self._sources) >= FILE_LIMIT or self._bytes > _TOTAL_LIMIT:
            self.complete = False
            return None
        try:
            text = read_bytes(f"{self._site_dir}/{path}", _SIZE_LIMIT)
            self._bytes += len(text)
            return self._reader.read(text, name)
        except MemoryError:
            doubt("there was not enough memory")
            self.complete = False
        except (ReadError, SyntaxError, ValueError, RecursionError):
            self.complete = False
        return None

    def _find(self, name: str) -> _Module | None:
        """Find a module below the site folder; ``None`` when it is not there."""
        if len(name) > _NAME_LIMIT:
            return None
        if name not in self._modules:
            folder, _, last = name.rpartition(".")
            if folder:
                parent = self._find(folder)
            else:
                # Other distributions lie in the same folder; they are not followed.
                parent = _Module("", "", is_package=True, compiled=False) if name in self._dist.top_level else None
            usable = parent is not None and parent.is_package and last.isidentifier()
            self._modules[name] = self._look(parent.folder, last) if usable and parent is not None else None
        return self._modules[name]

    def _look(self, folder: str, name: str) -> _Module | None:
        """Look for a module in a folder, in the order of Python's own finder."""
        names = self._list(folder)
        if names is None:
            return None
        inside = f"{folder}/{name}" if folder else name
        inner = self._list(inside) if name in names else None
        if inner is not None:
            compiled = next(self._compiled(inner, "__init__"), "")
            if compiled or "__init__.py" in inner:
                return _Module(
                    inside, f"{inside}/{compiled or '__init__.py'}", is_package=True, compiled=bool(compiled)
                )
        for file in self._compiled(names, name):
            return _Module(inside, f"{folder}/{file}" if folder else file, is_package=False, compiled=True)
        if f"{name}.py" in names:
            return _Module(inside, f"{inside}.py", is_package=False, compiled=False)
        return None if inner is None else _Module(inside, "", is_package=True, compiled=False)

    def _compiled(self, names: frozenset[str], module: str) -> Iterator[str]:
        """Yield the compiled files of a module that the target's interpreter would take."""
        for suffix in (*(f".{tag}" for tag in self._tag), ".abi3.so", ".so", ".pyd"):
            if suffix.endswith("*"):
                start = module + suffix[:-1]
                yield from sorted(name for name in names if name.startswith(start) and name.endswith((".so", ".pyd")))
            elif module + suffix in names:
                yield module + suffix

    def _list(self, folder: str) -> frozenset[str] | None:
        """Return the names in a folder, ``None`` when it is none or holds more than any package does."""
        if folder not in self._folders:
            names: set[str] = set()
            listed = True
            path = f"{self._site_dir}/{folder}" if folder else self._site_dir
            try:
                for entry in each_entry(path):
                    names.add(entry.name)
                    if len(names) > _FOLDER_LIMIT:
                        self.complete = False
                        break
            except ReadError:
                listed = False
                if is_folder(path) or not exists(path):
                    self.complete = False
            self._folders[folder] = frozenset(names) if listed else None
        return self._folders[folder]


class _QuickWalk(_Walk):
    """A walk along everything that looks like an import; it ends where it finds that parsing may find something."""

    def _is_done(self) -> bool:
        return bool(self.reached) or not self.complete


def _suffix_of(target: Target) -> tuple[str, ...]:
    """Return how suffixes of compiled modules begin that name the target's interpreter."""
    short = f"{target.version_info[0]}{target.version_info[1]}{'t' if target.free_threaded else ''}"
    if target.implementation != "CPython":
        return (f"pypy{short}*", f"pypy{target.version_info[0]}*")
    return (f"cpython-{short}-*", f"cp{short}-*")


def _absolute(name: str, is_package: bool, request: Request) -> str:  # noqa: FBT001
    """Return the absolute name of what an import starts from; empty when it leaves the top."""
    if not request.level:
        return request.module
    parts = name.split(".")
    keep = len(parts) - request.level + (1 if is_package else 0)
    if keep < 1:
        return ""
    return ".".join([*parts[:keep], *([request.module] if request.module else [])])
