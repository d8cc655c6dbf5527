"""Which environment is meant: the argument, ``--python``, a variable of an activated environment, or ``.venv``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import TargetError
from envaudit.files import is_executable, is_file, is_folder, is_there, outside, real, target_root
from envaudit.files_seen import doubt

if TYPE_CHECKING:
    from collections.abc import Mapping


_PROGRAM_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin")  # of an image, whose PATH nobody knows


class TargetRequest(NamedTuple):
    """What the user asked for.

    ``target`` is the path of an environment, interpreter or folder of packages. ``python`` is what ``--python`` says:
    a path, a command or a version such as ``3.11``; without a target it is the target, with one it only says which
    Python a folder is for that does not say so itself.
    """

    target: str | None = None
    python: str | None = None


class Choice(NamedTuple):
    """An absolute path, with its links as they are, and in words why it was chosen."""

    path: str
    chosen_by: str


def choose(request: TargetRequest, environ: Mapping[str, str], cwd: str) -> Choice:
    """Return what to audit; raises ``TargetError`` when nothing says so or what is said does not exist."""
    if target_root().foreign:
        return _choose_inside(request, cwd)
    if request.target:
        return Choice(absolute(request.target, cwd), "argument")
    if request.python:
        return find_python(request.python, environ, cwd)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        value = environ.get(variable)
        if value:
            path = absolute(value, cwd)
            if not is_there(path):
                raise TargetError(f"{variable} is set to {value}, which does not exist")
            return Choice(path, variable)
    folder = os.path.abspath(cwd)
    while True:
        found = os.path.join(folder, ".venv")
        if is_file(os.path.join(found, "pyvenv.cfg")):
            return Choice(found, f".venv found in {folder}")
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    raise TargetError(
        "no environment to audit: give its path, activate it, use --python, or run this where a .venv folder is"
    )


def find_python(python: str, environ: Mapping[str, str], cwd: str) -> Choice:
    """Look up what ``--python`` says: an existing path, a version (``3.11``), or a command; raises ``TargetError``."""
    if target_root().foreign:
        return _find_inside(python, cwd)
    path = absolute(python, cwd)
    if os.sep in python or "/" in python or is_there(path):
        return Choice(path, "--python")
    command = f"python{python}" if python[:1].isdigit() else python
    search = environ.get("PATH", os.defpath)
    found = _on_path(command, search)
    if found is None and python.count(".") == 2:  # 3.11.7: the command has no patch version in its name
        command = command.rpartition(".")[0]
        found = _on_path(command, search)
    if found is None:
        raise TargetError(f"--python {python}: there is no {command} on the PATH, and no such file")
    return Choice(absolute(found, cwd), f"--python {python}, {command} on the PATH")


def _on_path(command: str, search: str) -> str | None:
    """Return the first program of this name in the folders of a ``PATH``."""
    if os.name == "nt":  # pragma: no cover  a command may have one of several suffixes there
        import shutil  # noqa: PLC0415

        doubt("a command was looked for on the PATH")
        return shutil.which(command, path=search)
    for folder in search.split(os.pathsep):
        path = os.path.join(folder or os.curdir, command)
        if is_file(path) and is_executable(path):
            return path
    return None


def _choose_inside(request: TargetRequest, cwd: str) -> Choice:
    """Return what to audit in an image: no variable and no folder of this machine says anything about it."""
    if request.target:
        return Choice(_placed(request.target, cwd), "argument")
    if request.python:
        return _find_inside(request.python, cwd)
    raise TargetError("--root needs to know which environment: give its path, such as /opt/venv")


def _find_inside(python: str, cwd: str) -> Choice:
    """Look ``--python`` up in an image: a path, or a command in the folders where interpreters are installed."""
    if "/" in python:
        return Choice(_placed(python, cwd), "--python")
    command = f"python{python}" if python[:1].isdigit() else python
    for name in (command, command.rpartition(".")[0] if command.count(".") == 2 else ""):
        for folder in _PROGRAM_FOLDERS if name else ():
            path = outside(f"{folder}/{name}")
            if is_file(path):
                return Choice(path, f"--python {python}, {name} in {folder}")
    raise TargetError(
        f"--python {python}: there is no {command} in {', '.join(_PROGRAM_FOLDERS)} of {target_root().prefix}"
    )


def _placed(path: str, cwd: str) -> str:
    """Return where a path given for an image is on this machine: one below its folder, or one that begins there."""
    full = absolute(path, cwd)
    within = target_root().inside(full)
    if within == full and not path.startswith("/"):
        raise TargetError(f"{path} does not lie in {target_root().prefix}: give its path there, such as /opt/venv")
    place = outside(within)
    return real(place) if is_folder(place) else place


def absolute(path: str, cwd: str) -> str:
    """Return a path from the root without ``..`` and slash at its end; links stay as they are."""
    if "\0" in path:
        raise TargetError("the path of the environment holds a NUL character")
    full = os.path.abspath(os.path.join(cwd, path))
    return full.replace(os.sep, "/") if os.sep != "/" else full
