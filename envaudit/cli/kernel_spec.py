"""Write and remove the kernelspecs of kernels that envaudit watches."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit import __version__
from envaudit.errors import EnvauditError, ReadError, UsageError
from envaudit.files import is_file, is_link, is_there, listed_names, read_bytes, read_text
from envaudit.kernels import MARKER

if TYPE_CHECKING:
    from collections.abc import Mapping

_LAUNCH = "launch.py"
_REPLACED = "kernel.json.replaced"
_LOGOS = ("logo-32x32.png", "logo-64x64.png", "logo-svg.svg")
_ABLE = ("debugger", "supported_encryption")
_LARGEST = 1024 * 1024
_OLDEST = (3, 10)  # the Python that the supervisor runs on
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")


class Wanted(NamedTuple):
    """A kernel to be installed: ``python`` is the interpreter it runs, ``version`` that of its Python.

    ``memory`` is the limit in bytes (0: what the machine has) and ``on_limit`` what happens at it, ``interrupt`` or
    ``kill``. ``logos`` is the folder with ipykernel's pictures, if any, and ``metadata`` what ipykernel says of itself.
    """

    name: str
    display: str
    python: str
    version: str
    memory: int = 0
    on_limit: str = "interrupt"
    logos: str = ""
    metadata: Mapping[str, Any] = {"debugger": True}


def check_name(name: str) -> None:
    """Raise ``UsageError`` when Jupyter would not accept a name for a kernel."""
    if not name or not set(name.lower()) <= _LETTERS or name.strip(".") == "":
        raise UsageError(f"--name {name}: use letters, digits, dots, hyphens and underscores")


def user_folder(environ: Mapping[str, str]) -> str:
    """Return the folder of this user's Jupyter data; raises ``UsageError`` when there is none."""
    home = environ.get("HOME", "")
    data = environ.get("XDG_DATA_HOME") or (f"{home}/.local/share" if home else "")
    found = environ.get("JUPYTER_DATA_DIR") or (f"{data}/jupyter" if data else "")
    if not found:
        raise UsageError("there is no home folder for --user; choose --sys-prefix or --prefix")
    return found


def install(folder: str, wanted: Wanted, *, replace: bool) -> str:
    """Write the kernelspec into ``folder/NAME`` and return that; what somebody else wrote only with ``replace``."""
    check_name(wanted.name)
    place = os.path.join(os.path.abspath(folder), wanted.name)
    path = os.path.join(place, "kernel.json")
    before = _marker(place)
    foreign = before is None and is_there(place)
    if foreign and not replace:
        raise EnvauditError(f"{place} is there and was not written by envaudit; --replace puts it aside")
    try:
        os.makedirs(place, exist_ok=True)
        if foreign and is_there(path):
            os.replace(path, os.path.join(place, _REPLACED))
        own = [_LAUNCH, *(name for name in _LOGOS if _copy_logo(wanted.logos, place, name, _files(before)))]
        source = read_bytes(os.path.join(_PACKAGE, "watch", "kernel_launch.py"), _LARGEST)
        _write(os.path.join(place, _LAUNCH), source)
        _write(path, (json.dumps(_spec(place, wanted, own), indent=1) + "\n").encode())
    except OSError as error:
        raise EnvauditError(f"{place} cannot be written: {error.strerror}") from error
    return place


def _spec(place: str, wanted: Wanted, files: list[str]) -> dict[str, Any]:
    # The kernel's own Python runs the supervisor too, unless it is too old for it.
    young = tuple(int(part) for part in wanted.version.split(".")[:2]) >= _OLDEST
    supervisor = wanted.python if young else sys.executable
    options = ["--name", wanted.name, "--memory-limit", str(wanted.memory), "--on-limit", wanted.on_limit]
    command = [wanted.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    launch = [supervisor, "-I", "-S", os.path.join(place, _LAUNCH), os.path.dirname(_PACKAGE)]
    return {
        "argv": [*launch, *options, "--", *command],
        "display_name": wanted.display,
        "language": "python",
        "interrupt_mode": "signal",
        "metadata": {**wanted.metadata, MARKER: {"version": __version__, "files": files}},
    }


def _copy_logo(folder: str, place: str, name: str, ours: tuple[str, ...]) -> bool:
    """Copy one picture, unless somebody else's is there already."""
    source, target = os.path.join(folder, name), os.path.join(place, name)
    if not folder or not is_file(source) or (is_there(target) and name not in ours):
        return False
    with suppress(ReadError):
        _write(target, read_bytes(source, _LARGEST))
        return True
    return False


def _write(path: str, data: bytes) -> None:
    beside = f"{path}.{os.getpid()}.tmp"
    with open(beside, "xb") as file:
        file.write(data)
    os.replace(beside, path)


def metadata_of(prefix: str) -> dict[str, Any]:
    """Return what the kernelspec that came with ipykernel says the kernel can do."""
    spec = _read(os.path.join(prefix, "share", "jupyter", "kernels", "python3"))
    found = spec.get("metadata")
    return {k: found[k] for k in _ABLE if k in found} if isinstance(found, dict) else {"debugger": True}


def is_ours(place: str) -> bool:
    """Whether the kernelspec in a folder was written by ``install``."""
    return _marker(place) is not None


def _read(place: str) -> dict[str, Any]:
    try:
        spec: Any = json.loads(read_text(os.path.join(place, "kernel.json"), _LARGEST))
    except (ReadError, ValueError, RecursionError):
        return {}
    return spec if isinstance(spec, dict) else {}


def _marker(place: str) -> dict[str, Any] | None:
    metadata = _read(place).get("metadata")
    marker = metadata.get(MARKER) if isinstance(metadata, dict) else None
    return marker if isinstance(marker, dict) else None


def _files(marker: dict[str, Any] | None) -> tuple[str, ...]:
    """Return the files beside kernel.json that were written, of those that can have been."""
    listed = (marker or {}).get("files")
    return tuple(name for name in (_LAUNCH, *_LOGOS) if isinstance(listed, list) and name in listed)


def uninstall(place: str) -> str:
    """Remove what ``install`` wrote, put back what it put aside, and say what is left; raises ``EnvauditError``."""
    marker = _marker(place)
    if marker is None:
        raise EnvauditError(f"{place} was not written by envaudit and is left alone")
    path, replaced = os.path.join(place, "kernel.json"), os.path.join(place, _REPLACED)
    try:
        for name in _files(marker):
            _remove(os.path.join(place, name))
        if is_there(replaced):
            os.replace(replaced, path)
            return "what was there before is back"
        _remove(path)
        left = listed_names(place)
        if left:
            return f"left in place: {', '.join(sorted(left))}"
        if not is_link(place):
            os.rmdir(place)
    except OSError as error:
        raise EnvauditError(f"{place} cannot be removed: {error.strerror}") from error
    return ""


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
