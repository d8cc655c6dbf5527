"""Find the environment to audit and describe it from its files.

Nothing of the target is run, unless no file says which Python it is: then its interpreter is asked, without any of
its packages.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envaudit.errors import TargetError
from envaudit.files import is_executable, is_file, is_folder, looking_inside, open_regular
from envaudit.locate.choose import TargetRequest, choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envaudit.model import Target

__all__ = ["TargetRequest", "can_start", "locate", "program_at_a_glance"]


def locate(request: TargetRequest, environ: Mapping[str, str], cwd: str, image: str = "") -> Target:
    """Return the environment that a request, the variables and the working folder lead to.

    ``image`` is the folder of an unpacked image or a mounted system, empty for this machine: everything is then looked
    up in it, no variable counts, and nothing is started. Raises ``TargetError`` with one sentence when there is no
    environment or nothing in it can be audited; what is wrong with the rest is in ``Target.problems``.
    """
    from envaudit.locate.describe import describe  # noqa: PLC0415 - takes as long to load as Python to start

    if image and not is_folder(os.path.join(cwd, image)):
        raise TargetError(f"--root {image}: there is no such folder")
    with looking_inside(os.path.join(cwd, image) if image else ""):
        return describe(request, environ, cwd)


def program_at_a_glance(request: TargetRequest, environ: Mapping[str, str], cwd: str) -> str:
    """Return the interpreter that ``locate`` would find, empty unless two or three files are enough to know it.

    That is the one of a virtual environment, or a program that is named itself. For those who only want to start it.
    Raises ``TargetError`` as ``locate`` does where nothing says which environment is meant.
    """
    path = choose(request, environ, cwd).path
    program = f"{path}/bin/python" if is_file(f"{path}/pyvenv.cfg") else path
    named = os.path.basename(program).startswith("python") and is_file(program) and is_executable(program)
    return program if named and _is_elf(program) else ""


def _is_elf(program: str) -> bool:
    """Say whether a program is one for Linux, and no script that stands in for it."""
    with open_regular(program) as (descriptor, _):
        return os.read(descriptor, 4) == b"\x7fELF"


def can_start(target: Target) -> bool:
    """Whether this machine can start the interpreter of a target: it is not in an image, nor for another machine."""
    from envaudit.locate.machine import Machine, runs_here  # noqa: PLC0415

    system = {"macosx": "darwin", "win": "win32", "win32": "win32"}.get(target.platform.partition("-")[0], "linux")
    return not target.root and runs_here(Machine(system, target.machine))
