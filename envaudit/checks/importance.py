"""What a file of a distribution is for, by its path: what is lost with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envaudit.model import Target

    Use = Literal["module", "library", "data", "spare"]

_COMPILED = re.compile(r"\.(?:so|pyd|dylib|dll)$|\.so\.[0-9.]+[a-z]?$", re.IGNORECASE)
# People remove tests, documentation and examples to make images smaller: numpy/_core/_rational_tests.so.
_SPARE = re.compile(
    r"(?:^|/)(?:tests?|testing|_?test_data|docs?|examples?|benchmarks?|samples?|licen[sc]es?)/"
    r"|(?:^|/)_?test_?[^/]*$|_tests?\.[^/]*$|(?:^|/)conftest\.py$"
    r"|(?:^|/)(?:LICEN[SC]E|README|CHANGELOG|AUTHORS|NOTICE)[^/]*$"
    r"|\.(?:pyi|pyx|pxd|pxi|h|hpp|hh|cuh|c|cc|cpp|d\.ts|md|rst|map|typed)$",
    re.IGNORECASE,
)
_OTHER_SYSTEMS = {"linux": (".pyd", ".dll", ".dylib"), "macosx": (".pyd", ".dll"), "win": (".so", ".dylib")}
_TAG = re.compile(r"\.(?:cpython-|cp|pypy)(\d{2,3}t?)[-_.]")


def is_compiled(path: str) -> bool:
    """Say whether a path is one of an extension module or a shared library."""
    return _COMPILED.search(path) is not None


def use_of(path: str, target: Target) -> Use:
    """Return what a file is for; ``spare`` is what a program does without.

    A ``module`` can be imported, a ``library`` is loaded by modules, anything else is ``data``.
    """
    # What lies beside the site folder are programs, manuals and the like: images often leave them behind.
    if path.startswith("..") or ".dist-info/" in path or _SPARE.search(path):
        return "spare"
    if is_compiled(path):
        tag = _TAG.search(path)
        own = f"{target.version_info[0]}{target.version_info[1]}"
        if path.endswith(_OTHER_SYSTEMS.get(target.platform.partition("-")[0], ())):
            return "spare"
        if tag is not None:
            return "module" if tag[1].rstrip("t") == own else "spare"
        return "library" if ".libs/" in path or "/lib" in f"/{path}" else "module"
    folders = path.split("/")[:-1]
    return "module" if path.endswith(".py") and all(part.isidentifier() for part in folders) else "data"


_NAMES: dict[str, tuple[str, str]] = {
    "module": ("module", "modules"),
    "library": ("shared library", "shared libraries"),
    "data": ("data file", "data files"),
    "spare": ("file that programs do without", "files that programs do without"),
}


def counted(uses: Sequence[Use]) -> str:
    """Say how many files of each use there are: ``2 modules and 1 data file``."""
    parts = []
    for use, (one, many) in _NAMES.items():
        number = sum(each == use for each in uses)
        if number:
            parts.append(f"{number:,} {one if number == 1 else many}")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
