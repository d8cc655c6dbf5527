"""Which top-level modules a target can import, by the names in its folders. For few names, looked up one by one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import inside, is_file, list_folder
from envaudit.scan.record import is_binary_name

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from envaudit.model import Distribution, Target

_ARCHIVES = (".egg", ".zip", ".whl")

# Modules of the standard library that are no more, and since when ("What's New" of 3.12 and 3.13).
_REMOVED = {
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), (3, 12)),
    **dict.fromkeys(
        (
            *("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis"),
            *("nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
        ),
        (3, 13),
    ),
}
# Imported before anything else or built into the interpreter: no file of this name is ever looked for.
_LOADED_FIRST = frozenset(
    (
        *("__hello__", "__phello__", "_abc", "_codecs", "_collections_abc", "_sitebuiltins", "abc", "builtins"),
        *("codecs", "encodings", "genericpath", "importlib", "io", "marshal", "ntpath", "os", "posixpath", "runpy"),
        *("site", "stat", "sys", "zipimport"),
    )
)


class Importable:
    """Answers whether a module is there; ``visible`` are the distributions the interpreter finds."""

    def __init__(self, target: Target, visible: Sequence[Distribution], pythonpath: Iterable[str]) -> None:
        self.visible = visible
        self._version = target.version_info
        self._library = library_folder(target)
        self._folders = [*pythonpath, *(site.path for site in target.site_dirs)]
        self._hooked = {name for dist in visible if dist.editable_path for name in dist.top_level}
        self._names: frozenset[str] | None = None

    def has(self, module: str) -> bool:
        """Say whether there is such a top-level module; in doubt it is."""
        if module in _standard_names() and self._version < _REMOVED.get(module, (9, 9)):
            return True
        return module in self._hooked or module in self._everything() or self._zipped()

    def _zipped(self) -> bool:
        """Say whether there may be modules in archives, into which nobody has looked."""
        return any(entry.name.endswith(_ARCHIVES) for folder in self._folders for entry in _entries(folder))

    def _everything(self) -> frozenset[str]:
        """Return the names of all modules and folders on ``sys.path``; listed once, when first asked for."""
        if self._names is None:
            folders = [*self._folders, *((self._library, f"{self._library}/lib-dynload") if self._library else ())]
            self._names = frozenset(name for folder in folders for name in modules_in(folder))
        return self._names


def modules_in(folder: str) -> dict[str, str]:
    """Return what could be imported from a folder: names, and the file or folder of each; empty without a folder.

    A folder comes before a module of the same name, as it does in an import.
    """
    found: dict[str, str] = {}
    for entry in _entries(folder):
        name, dot, suffix = entry.name.partition(".")
        if dot and (suffix in {"py", "pyc"} or is_binary_name(entry.name)) and name.isidentifier():
            found.setdefault(name, f"{folder}/{entry.name}")
        elif not dot and name.isidentifier():
            found[name] = f"{folder}/{entry.name}"
    return found


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        return list_folder(folder)
    except ReadError:
        return []


def library_folder(target: Target) -> str:
    """Return the folder of the target's standard library, empty when it is not known."""
    major, minor = target.version_info
    stem = "pypy" if target.implementation == "PyPy" else "python"
    tag = "t" if target.free_threaded else ""
    for name in (f"lib/{stem}{major}.{minor}{tag}", f"lib64/{stem}{major}.{minor}{tag}", "Lib"):
        folder = f"{target.base_prefix.rstrip('/')}/{name}"
        if inside(target.base_prefix) and is_file(f"{folder}/os.py"):
            return folder
    return ""


def hideable_library(target: Target) -> frozenset[str]:
    """Return the names of the standard library for which Python looks along ``sys.path``.

    What is built in, frozen or imported before ``sys.path`` is complete cannot be hidden by a file.
    """
    folder = library_folder(target)
    names = {*modules_in(folder), *modules_in(f"{folder}/lib-dynload")} if folder else set(_standard_names())
    removed = {name for name, since in _REMOVED.items() if target.version_info >= since}
    return frozenset(names & _standard_names() - removed - _LOADED_FIRST - {"test", "this", "antigravity"})


def _standard_names() -> frozenset[str]:
    """Return the modules of the standard library, of the Python at hand and those that are no more."""
    return sys.stdlib_module_names | frozenset(_REMOVED)
