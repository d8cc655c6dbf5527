"""Where Windows looks for a library that a module of Python asks for, and which it brings itself.

Since Python 3.8 a module's libraries are looked for in the folder of the module, in that of ``python.exe``, in folders
that a package has named (``os.add_dll_directory``) and in System32; ``PATH`` does not count. A library that is loaded
already serves everybody who asks for its name, without regard to case. (Source: Python's "What's New In Python 3.8",
Microsoft's "Dynamic-Link Library Search Order".) Which folders a package names is not read from its source: all
libraries of its own distribution count as found.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import list_folder
from envaudit.linker.other import Found
from envaudit.linker.pe_system import is_api_set, is_system, is_vc_runtime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envaudit.files_root import Root
    from envaudit.linker.library import Library, Shelf
    from envaudit.model import Target

# What the installer of Python puts beside python.exe, and into DLLs.
_WITH_PYTHON = re.compile(
    r"python3t?\.dll|vcruntime140\.dll|lib(?:crypto|ssl)-(?:1_1|3)(?:-x64|-arm64)?\.dll|libffi-\d\.dll|sqlite3\.dll"
    r"|t(?:cl|k)\d+t?\.dll|libpypy3[.\d]*-c\.dll|zlib1\.dll"
)
_ANY_PYTHON = re.compile(r"python\d{2,3}t?(?:_d)?\.dll")
_VC_RUNTIME = "the Microsoft Visual C++ runtime"


class PeSearch:
    """The search for one target. ``system_folder`` is System32 where it can be seen, else empty."""

    def __init__(
        self, target: Target, root: Root, shelf: Shelf, installed: Iterable[Library], system_folder: str = ""
    ) -> None:
        self._shelf = shelf
        self._machine = target.machine
        major, minor = target.version_info
        self._own_python = f"python{major}{minor}{'t' if target.free_threaded else ''}"
        # vcruntime140_1.dll came with the first release that was built with Visual Studio 2019 for all of its parts.
        self._has_second_runtime = target.version_info >= (3, 9)
        self._is_python = target.implementation.lower() == "cpython"
        prefixes = tuple(dict.fromkeys((target.prefix, target.base_prefix)))
        names = ("", "/DLLs", "/Library/bin", "/Scripts")
        self._folders = [_Folder(f"{prefix}{name}", root) for prefix in prefixes if prefix for name in names]
        self._system = _Folder(system_folder, root) if system_folder else None
        self._by_name: dict[str, list[Library]] = {}
        for library in installed:
            if library.facts is not None and library.facts.machine == self._machine:
                self._by_name.setdefault(_last(library.path), []).append(library)

    def find(self, name: str, asking: Library, chain: tuple[str, ...], module: Library) -> Found | None:  # noqa: ARG002
        """Look for what a file asks for; ``None`` when it is nowhere."""
        lower = name.lower()
        known = self._by_name.get(lower, ())
        beside = [each for each in known if _folder(each) in {_folder(asking), _folder(module)}]
        if beside:
            # Where another package has a library of the same name, its copy may be the one that is loaded first.
            return Found(beside[0], "folder", early=any(each.owner != module.owner for each in known))
        path = next((path for folder in self._folders if (path := folder.find(lower))), "")
        if path:
            return Found(self._shelf.get(path), "path")
        if self._comes_with_python(lower) or self._is_of_system(lower):
            return Found(None, "system")
        loaded = self._loaded(lower, module)
        if loaded is None and self._system is None and is_vc_runtime(lower):
            return Found(None, "unseen", _VC_RUNTIME)
        return loaded

    def inherited(self, library: Library, chain: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG002
        """Return what was given: no file adds a folder."""
        return chain

    def of_interpreter(self, name: str) -> Library | None:
        """Return the library of the interpreter, for a name that it has."""
        lower = name.lower()
        if lower not in {f"{self._own_python}.dll", "python3.dll", "python3t.dll"}:
            return None
        path = next((path for folder in self._folders if (path := folder.find(lower))), "")
        return self._shelf.get(path) if path else None

    def _comes_with_python(self, name: str) -> bool:
        if _ANY_PYTHON.fullmatch(name):
            return name in {f"{self._own_python}.dll", f"{self._own_python}_d.dll"} or not self._is_python
        return bool(_WITH_PYTHON.fullmatch(name)) or (name == "vcruntime140_1.dll" and self._has_second_runtime)

    def _is_of_system(self, name: str) -> bool:
        if self._system is not None:
            return bool(self._system.find(name)) or is_api_set(name)
        return is_system(name)

    def _loaded(self, name: str, module: Library) -> Found | None:
        known = self._by_name.get(name, ())
        own = [each for each in known if each.owner == module.owner]
        if own:
            return Found(own[0], "loaded")
        return Found(known[0], "loaded", early=True) if known else None


class _Folder:
    """The names in a folder, without regard to case."""

    def __init__(self, path: str, root: Root) -> None:
        self._path = path
        self._root = root
        self._names: Mapping[str, str] | None = None

    def find(self, name: str) -> str:
        """Return the path of a file, empty when there is none."""
        if self._names is None:
            try:
                self._names = {entry.name.lower(): entry.name for entry in list_folder(self._path)}
            except ReadError:
                self._names = {}
        return self._root.inside(f"{self._path}/{self._names[name]}") if name in self._names else ""


def _folder(library: Library) -> str:
    return library.path.rpartition("/")[0]


def _last(path: str) -> str:
    return path.rpartition("/")[2].lower()
