"""What the loaders of Linux, macOS and Windows say, and how sure it is that they will."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.model import Confidence

if TYPE_CHECKING:
    from envaudit.model import Facts


def confidence(facts: Facts) -> Confidence:
    """Return how sure the failure of a module is: what is said of macOS and Windows was never seen to happen."""
    return Confidence.PROVEN if facts.target.platform.startswith("linux") else Confidence.PREDICTED


def not_found(facts: Facts, name: str, path: str) -> str:
    """Return the line for a library that is not found; ``path`` is that of the module."""
    if facts.target.platform.startswith("macosx"):
        return f"ImportError: dlopen({path}, 0x0002): Library not loaded: {name}"
    if facts.target.platform.startswith("win"):
        return f"ImportError: DLL load failed while importing {_module(path)}: The specified module could not be found."
    return f"ImportError: {name}: cannot open shared object file: No such file or directory"


def no_symbol(facts: Facts, name: str, path: str) -> str:
    """Return the line for a name that a library does not have."""
    if facts.target.platform.startswith("macosx"):
        return f"ImportError: dlopen({path}, 0x0002): Symbol not found: {name}"
    if facts.target.platform.startswith("win"):
        return (
            f"ImportError: DLL load failed while importing {_module(path)}: The specified procedure could not be found."
        )
    return f"ImportError: {path}: undefined symbol: {name}"


def short(name: str) -> str:
    """Return the last part of a library's name: macOS asks for ``@loader_path/../.dylibs/libomp.dylib``."""
    return name.rpartition("/")[2]


def _module(path: str) -> str:
    return short(path).partition(".")[0]
