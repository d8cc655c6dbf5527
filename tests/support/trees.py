"""Folders of installed packages as literals, for tests of everything that reads a target.

``write_tree`` turns a dict into files; ``make_distribution`` writes one installed wheel; ``make_venv`` writes a virtual
environment with an interpreter that is only a file header. Nothing here runs or installs anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Link:
    """A symbolic link; ``to`` is written as given, whether it exists or not."""

    to: str


@dataclass(frozen=True)
class Fifo:
    """A named pipe that nobody writes to: whoever opens it carelessly waits for ever."""


Tree = Mapping[str, Union[str, bytes, Link, Fifo, "Tree"]]

_MACHINES = {"x86_64": 62, "aarch64": 183, "ppc64le": 21, "s390x": 22, "riscv64": 243}
GLIBC_X86_64 = "/lib64/ld-linux-x86-64.so.2"


def write_tree(root: Path, tree: Tree) -> Path:
    """Write files (str or bytes), links, named pipes and folders (a dict) below ``root``; return ``root``.

    A key may hold slashes: ``{"a/b.txt": "text"}`` is ``{"a": {"b.txt": "text"}}``.
    """
    root.mkdir(parents=True, exist_ok=True)
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_bytes(content.encode("utf-8"))
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, Link):
            path.symlink_to(content.to)
        elif isinstance(content, Fifo):
            os.mkfifo(path)
        else:
            write_tree(path, content)
    return root


def elf_program(machine: str = "x86_64", interpreter: str = GLIBC_X86_64) -> bytes:
    """Return a minimal 64-bit ELF program: a header, one PT_INTERP and the name of its loader. It cannot run."""
    order = ">" if machine == "s390x" else "<"
    loader = interpreter.encode() + b"\0"
    ident = b"\x7fELF" + bytes((2, 2 if order == ">" else 1, 1)) + bytes(9)
    # e_type 3 (position independent), one program header directly after this header, no sections.
    header = struct.pack(order + "HHIQQQIHHHHHH", 3, _MACHINES[machine], 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    program = struct.pack(order + "IIQQQQQQ", 3, 4, 120, 120, 120, len(loader), len(loader), 1)
    return ident + header + program + loader


@dataclass(frozen=True)
class Dist:
    """An installed wheel, to be written by ``make_distribution`` or ``make_venv``.

    ``files`` are what it installs, relative to the site folder; without any, a package with an empty
    ``__init__.py``. ``metadata``, ``record`` and ``wheel`` replace the generated file when they are given, and leave
    it out when they are ``None``. ``headers`` are further lines of METADATA, ``info`` further files of the info
    folder (or other content for the usual ones).
    """

    name: str
    version: str
    requires: Sequence[str] = ()
    extras: Sequence[str] = ()
    requires_python: str = ""
    tags: Sequence[str] = ("py3-none-any",)
    files: Mapping[str, str | bytes] | None = None
    installer: str = "pip"
    requested: bool = False
    direct_url: Mapping[str, object] | None = None
    entry_points: str = ""
    headers: Sequence[str] = ()
    metadata: str | bytes | None = ""
    record: str | bytes | None = ""
    wheel: str | bytes | None = ""
    info: Tree = field(default_factory=dict)

    def info_folder(self) -> str:
        """Name of the ``.dist-info`` folder."""
        return f"{self.name.replace('-', '_')}-{self.version}.dist-info"

    def metadata_text(self) -> str:
        """METADATA as a build backend would write it."""
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        if self.requires_python:
            lines.append(f"Requires-Python: {self.requires_python}")
        lines += [f"Provides-Extra: {extra}" for extra in self.extras]
        lines += [f"Requires-Dist: {requirement}" for requirement in self.requires]
        lines += self.headers
        return "\n".join(lines) + "\n\nA description.\n"

    def wheel_text(self) -> str:
        """WHEEL as a build backend would write it."""
        pure = all(tag.endswith("-any") for tag in self.tags)
        lines = ["Wheel-Version: 1.0", "Generator: trees", f"Root-Is-Purelib: {str(pure).lower()}"]
        return "\n".join([*lines, *(f"Tag: {tag}" for tag in self.tags)]) + "\n"


def make_distribution(site: Path, name: str | Dist, version: str = "", **fields: Any) -> Path:
    """Write an installed wheel into a site folder and return its ``.dist-info`` folder.

    ``make_distribution(site, "pandas", "2.0.3", requires=["numpy>=1.20.3"])``: the fields are those of ``Dist``.
    """
    dist = name if isinstance(name, Dist) else Dist(name, version, **fields)
    package = dist.name.replace("-", "_").lower()
    files = {f"{package}/__init__.py": ""} if dist.files is None else dist.files
    write_tree(site, files)
    info = site / dist.info_folder()
    tree: dict[str, Any] = {}
    for file, given, generated in (
        ("METADATA", dist.metadata, dist.metadata_text),
        ("WHEEL", dist.wheel, dist.wheel_text),
    ):
        if given is not None:
            tree[file] = given if given != "" else generated()
    if dist.installer:
        tree["INSTALLER"] = dist.installer + "\n"
    if dist.requested:
        tree["REQUESTED"] = ""
    if dist.direct_url is not None:
        tree["direct_url.json"] = json.dumps(dist.direct_url)
    if dist.entry_points:
        tree["entry_points.txt"] = dist.entry_points
    tree.update(dist.info)
    write_tree(info, tree)
    if dist.record is not None and "RECORD" not in tree:
        listed = [
            *files,
            *(f"{info.name}/{file}" for file, content in tree.items() if isinstance(content, (str, bytes))),
        ]
        text = dist.record if dist.record != "" else record_text(site, listed, f"{info.name}/RECORD")
        write_tree(info, {"RECORD": text})
    return info


def record_text(site: Path, paths: Iterable[str], record: str) -> str:
    """RECORD for the files at ``paths`` (relative to ``site``): hash and size, sorted, itself last and unhashed."""
    lines = []
    for path in sorted(paths):
        data = (site / path).read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(data)}")
    return "\n".join([*lines, f"{record},,"]) + "\n"


def make_python(prefix: Path, version: str = "3.11.7", *, program: bytes | None = None) -> Path:
    """Write what files tell of an installed CPython: program, a landmark of its library, patchlevel.h.

    Returns the program, ``prefix/bin/python3.11``; ``python3`` and ``python`` are links to it.
    """
    short = ".".join(version.split(".")[:2])
    write_tree(
        prefix,
        {
            f"bin/python{short}": elf_program() if program is None else program,
            "bin/python3": Link(f"python{short}"),
            "bin/python": Link("python3"),
            f"lib/python{short}/os.py": "",
            f"lib/python{short}/site-packages": {},
            f"include/python{short}/patchlevel.h": f'#define PY_VERSION      "{version}"\n',
        },
    )
    executable = prefix / "bin" / f"python{short}"
    executable.chmod(0o755)
    return executable


def make_venv(
    tmp_path: Path,
    *,
    version: str = "3.11.7",
    distributions: Iterable[Dist] = (),
    system_site_packages: bool = False,
    name: str = "venv",
    base: Path | None = None,
    cfg: str | None = None,
    program: bytes | None = None,
) -> Path:
    """Write a virtual environment ``tmp_path/name`` and, unless ``base`` is given, its Python in ``tmp_path/base``.

    Returns the venv; its packages are in ``site_packages(venv)``. ``cfg`` replaces the text of pyvenv.cfg.
    """
    short = ".".join(version.split(".")[:2])
    if base is None:
        base = tmp_path / "base"
        if not base.exists():
            make_python(base, version, program=program)
    if cfg is None:
        flag = str(system_site_packages).lower()
        cfg = f"home = {base / 'bin'}\ninclude-system-site-packages = {flag}\nversion = {version}\n"
    venv = write_tree(
        tmp_path / name,
        {
            "pyvenv.cfg": cfg,
            "bin/python": Link(str(base / "bin" / f"python{short}")),
            "bin/python3": Link("python"),
            f"bin/python{short}": Link("python"),
            f"lib/python{short}/site-packages": {},
        },
    )
    for dist in distributions:
        make_distribution(site_packages(venv), dist)
    return venv


def site_packages(prefix: Path) -> Path:
    """Return the one ``lib/python3.X/site-packages`` of a prefix that ``make_venv`` or ``make_python`` wrote."""
    (found,) = (prefix / "lib").glob("python3*/site-packages")
    return found
