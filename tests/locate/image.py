"""An unpacked image as a literal tree: a Python in ``/usr`` and a virtual environment that is made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.locate import TargetRequest, locate
from tests.support.trees import Link, Tree, elf_program, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model import Target

SITE = "opt/venv/lib/python3.11/site-packages"


def make_image(folder: Path, *, program: bytes | None = None, cfg: str = "version = 3.11.2\n") -> Path:
    """Write the image: ``/opt/venv`` leads to ``/usr/bin/python3.11`` by links that hold only inside of it."""
    tree: Tree = {
        "opt/venv/pyvenv.cfg": f"home = /usr/bin\n{cfg}",
        "opt/venv/bin/python": Link("/usr/bin/python3"),
        "opt/venv/lib64": Link("lib"),
        SITE: {},
        "usr/bin/python3": Link("/etc/alternatives/python3"),
        "etc/alternatives/python3": Link("/bin/python3.11"),
        "usr/bin/python3.11": elf_program() if program is None else program,
        "usr/lib/python3.11/os.py": "",
        "usr/lib64": {},
        "bin": Link("usr/bin"),
        "lib": Link("/usr/lib"),
        "lib64": Link("/usr/lib64"),
    }
    write_tree(folder, tree)
    (folder / "usr/bin/python3.11").chmod(0o755)
    return folder


def add(image: Path, tree: Tree) -> None:
    """Write more files into an image, but never through one of its links: they would lead to those of this machine."""
    for name in tree:
        parents = [parent for parent in (image / name).parents if image in parent.parents]
        assert not any(parent.is_symlink() for parent in parents), f"{name} lies behind a link"
    write_tree(image, tree)


def find_inside(image: Path, target: str | None = "/opt/venv", python: str | None = None, cwd: str = "/") -> Target:
    """Locate a target in an image, with variables of this machine that must not count."""
    environ = {"HOME": "/", "VIRTUAL_ENV": "/opt/venv", "PATH": "/usr/bin", "LD_LIBRARY_PATH": "/usr/lib"}
    return locate(TargetRequest(target, python), environ, cwd, str(image))
