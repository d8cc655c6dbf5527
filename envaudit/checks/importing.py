"""What a compiled module that cannot be loaded takes with it: its whole package, or a part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from envaudit.model import Binary, Facts, ImportPath

# So many names are said; the rest is counted.
_NAMED = 3


class Imports:
    """The import paths of all distributions, to be asked about one compiled file at a time."""

    def __init__(self, facts: Facts) -> None:
        self._paths: dict[str, list[ImportPath]] = {}
        for path in facts.import_paths:
            self._paths.setdefault(path.owner, []).append(path)
        self._binaries = facts.binaries
        self._loaded: dict[str, frozenset[str]] = {}

    def breaks(self, binary: Binary, *, value_error: bool = False, perhaps: bool = False) -> bool:
        """Say whether its package cannot be imported when this file cannot be used.

        ``value_error`` says that it fails with Cython's ``ValueError``, which ``except ImportError`` lets pass.
        ``perhaps`` counts imports under conditions that reading cannot decide, such as what the processor can do. True
        as well when the import path is not known: then nobody can promise that the import works.
        """
        paths = self._paths.get(binary.owner, ())
        if not binary.owner or not paths or not all(path.complete for path in paths):
            return True
        return binary.path in self._libraries(binary.owner) or any(
            binary.path in path.modules
            or (value_error and binary.path in path.past_guards)
            or (perhaps and binary.path in path.perhaps)
            for path in paths
        )

    def guards(self, binary: Binary) -> bool:
        """Say whether the package imports this file in a way that goes on when the import fails."""
        return any(binary.path in path.past_guards for path in self._paths.get(binary.owner, ()))

    def breaks_source(self, owner: str, path: str, *, value_error: bool = False) -> bool:
        """Say the same of a ``.py`` file, which may fail with something else than an ``ImportError`` as well."""
        paths = self._paths.get(owner, ())
        if not paths or not all(known.complete for known in paths):
            return True
        return any(path in known.modules or (value_error and path in known.past_guards) for known in paths)

    def _libraries(self, owner: str) -> frozenset[str]:
        """Return the libraries of a distribution that the modules on its path are linked with.

        Libraries of others, which a repair tool put into ``NAME.libs``, only fail when somebody calls them.
        """
        if owner not in self._loaded:
            own = [binary for binary in self._binaries if binary.owner == owner and binary.facts is not None]
            named: dict[str, str] = {}
            for binary in own:
                if ".libs/" not in binary.path and binary.facts is not None:
                    named[binary.path.rpartition("/")[2]] = binary.path
                    if binary.facts.soname:
                        named[binary.facts.soname] = binary.path
            needed = {binary.path: binary.facts.needed for binary in own if binary.facts is not None}
            waiting = [path for known in self._paths.get(owner, ()) for path in known.modules]
            found: set[str] = set()
            while waiting:
                for name in needed.get(waiting.pop(), ()):
                    library = named.get(name, "")
                    if library and library not in found:
                        found.add(library)
                        waiting.append(library)
            self._loaded[owner] = frozenset(found)
        return self._loaded[owner]


def what_stops(paths: Sequence[str]) -> str:
    """Say what works and what does not when files fail that are not on the import path; paths as in ``Binary``."""
    top = paths[0].partition("/")[0]
    return f"importing {top} works; what needs {_enumerate(_public(path) for path in paths)} fails"


def _public(path: str) -> str:
    """Return the name under which a user knows a module: that of its package when its own begins with ``_``."""
    folders = path.split("/")
    module = folders.pop().partition(".")[0]
    if len(folders) > 1 and module.startswith("_"):
        return ".".join(folders)
    return ".".join([*folders, module])


def _enumerate(names: Iterable[str]) -> str:
    """Join names: ``a, b and c``, ``a, b, c or one of 12 more``."""
    different = list(dict.fromkeys(names))
    if len(different) > _NAMED:
        return f"{', '.join(different[:_NAMED])} or one of {len(different) - _NAMED} more"
    return " or ".join(", ".join(different).rsplit(", ", 1))
