"""The C library of an image or of another machine, by its files: what this machine has says nothing about it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import is_file, outside, read_bytes, real

if TYPE_CHECKING:
    from collections.abc import Iterator

_GLIBC = re.compile(r"GLIBC_2\.(\d{1,3})")
# What libc.so.6 prints when it is run: "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36."
_BANNER = re.compile(rb"GNU C Library [^\n\0]{0,120} version 2\.(\d{1,3})\b")
_MUSL = re.compile(rb"\0(1\.\d{1,2})\.\d{1,3}\0")
_MUSL_MACHINES = {"i686": "i386", "armv7l": "armhf", "ppc64le": "powerpc64le"}
_FOLDERS = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
# Where the loaders of Linux stand, by the agreement of each machine; every program of an image names one of them.
_LOADERS = (
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
    "/lib64/ld64.so.2",
    "/lib/ld64.so.1",
    "/lib/ld-linux-riscv64-lp64d.so.1",
    "/lib/ld-linux-armhf.so.3",
    "/lib/ld-linux.so.2",
)


class Loader(NamedTuple):
    """A loader that is there: its path as a program would name it, and the machine it is for."""

    path: str
    machine: str


def loader_of_image() -> Loader | None:
    """Return the loader of an image, ``None`` when there is none in its usual place."""
    from envaudit.binary import read_interpreter  # noqa: PLC0415  only for images without an interpreter

    for path in _LOADERS:
        if is_file(outside(path)):
            try:
                return Loader(path, read_interpreter(outside(path))[0])
            except ReadError:
                continue
    return None


def libc_of_files(loader: str, machine: str) -> str:
    """Name the C library that a loader belongs to: ``glibc 2.36``, ``musl 1.2``.

    ``glibc`` or ``musl`` alone is the answer when only the name of the loader tells, empty when not even that does.
    """
    name = os.path.basename(loader)
    if name.startswith("ld-musl"):
        return _musl(loader, machine)
    return _glibc(loader, machine) if name.startswith(("ld-linux", "ld64.so", "ld.so.1")) else ""


def _musl(loader: str, machine: str) -> str:
    """Read the version out of musl's only file, which is loader and library in one."""
    name = f"libc.musl-{_MUSL_MACHINES.get(machine, machine)}.so.1"
    for path in (loader, f"/lib/{name}", f"/usr/lib/{name}"):
        try:
            match = _MUSL.search(read_bytes(outside(path)))
        except ReadError:
            continue
        return f"musl {match[1].decode()}" if match else "musl"
    return "musl"


def _glibc(loader: str, machine: str) -> str:
    """Read the version out of the ``libc.so.6`` that lies beside the loader or in one of the default folders."""
    for path in _libraries(loader, machine):
        try:
            minor = _glibc_minor(path, machine)
        except ReadError:
            continue
        if minor:
            return f"glibc 2.{minor}"
    return "glibc"


def _libraries(loader: str, machine: str) -> Iterator[str]:
    """Yield where ``libc.so.6`` may lie on this machine."""
    yield f"{os.path.dirname(real(outside(loader)))}/libc.so.6"
    triplets = [f"{folder}/{machine}-linux-gnu" for folder in ("/lib", "/usr/lib")]
    for folder in (*triplets, *_FOLDERS):
        yield outside(f"{folder}/libc.so.6")


def _glibc_minor(path: str, machine: str) -> int:
    """Return 36 for glibc 2.36: the newest version it defines, or what it says of itself; 0 for another machine's.

    A release without new symbols defines no version of its own, so its words may be ahead of its versions.
    """
    from envaudit.binary import read_binary  # noqa: PLC0415  only for targets of another machine
    from envaudit.binary.symbols import read_symbols  # noqa: PLC0415

    if read_binary(path).machine != machine:
        return 0
    minors = [int(match[1]) for name in read_symbols(path).defined_versions if (match := _GLIBC.fullmatch(name))]
    banner = _BANNER.search(read_bytes(path))
    return max([*minors, int(banner[1]) if banner else 0])
