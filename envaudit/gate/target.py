"""Targets that do not exist yet, described by a version of Python and a platform."""

from __future__ import annotations

import platform
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import UsageError
from envaudit.locate.library import Release
from envaudit.locate.machine import Machine, host_machine
from envaudit.locate.markers import marker_environment
from envaudit.model import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERSION = re.compile(r"3\.(\d{1,2})(?:\.\d{1,3})?")
_MANYLINUX = re.compile(r"(\w+?)[-_](manylinux|musllinux)_?(\d+)_(\d+)")
# glibc of a plain "linux": that of manylinux_2_28, which uv takes as well.
_USUAL_GLIBC = "glibc 2.28"
_SYSTEMS = {"linux": "linux", "macos": "darwin", "macosx": "darwin", "darwin": "darwin", "windows": "win32",
            "win": "win32", "win32": "win32"}  # fmt: skip
_USUAL_MACHINES = {"linux": "x86_64", "darwin": "arm64", "win32": "AMD64"}
_MACHINES = {"x86_64", "aarch64", "arm64", "amd64", "i686", "ppc64le", "s390x", "riscv64", "armv7l"}
_TRIPLES = {
    "x86_64-unknown-linux-gnu": ("linux", "x86_64", _USUAL_GLIBC),
    "aarch64-unknown-linux-gnu": ("linux", "aarch64", _USUAL_GLIBC),
    "x86_64-unknown-linux-musl": ("linux", "x86_64", "musl 1.2"),
    "aarch64-unknown-linux-musl": ("linux", "aarch64", "musl 1.2"),
    "aarch64-apple-darwin": ("darwin", "arm64", ""),
    "x86_64-apple-darwin": ("darwin", "x86_64", ""),
    "x86_64-pc-windows-msvc": ("win32", "AMD64", ""),
}


class Wish(NamedTuple):
    """A target as the user describes it."""

    python: str
    machine: Machine


def wishes(versions: Sequence[str], platforms: Sequence[str]) -> tuple[Wish, ...]:
    """Return every combination of Pythons and platforms; without any, what this program runs on.

    Raises ``UsageError`` for a version or a platform that is none.
    """
    pythons = [_python(text) for text in versions] or [platform.python_version()]
    machines = [_machine(text) for text in platforms] or [host_machine()]
    return tuple(dict.fromkeys(Wish(python, machine) for python in pythons for machine in machines))


def described_target(wish: Wish, place: str, files: str) -> Target:
    """Return the target; ``place`` is what the file is called, ``files`` how the report says where it comes from."""
    host = sys.implementation.name == "pypy" and wish.python == platform.python_version()
    release = Release(wish.python, "PyPy" if host else "CPython")
    _, minor, *_ = wish.python.split(".")
    return Target(
        kind="described",
        prefix=place,
        base_prefix="",
        executable="",
        python=wish.python,
        version_info=(3, int(minor)),
        implementation=release.implementation,
        free_threaded=False,
        platform=wish.machine.platform,
        machine=wish.machine.machine,
        libc=wish.machine.libc,
        site_dirs=(),
        markers=marker_environment(release, wish.machine),
        chosen_by=files,
    )


def _python(text: str) -> str:
    if not _VERSION.fullmatch(text.strip()):
        raise UsageError(f"--python-version {text}: a version such as 3.11 or 3.11.7 is expected")
    return text.strip()


def _machine(text: str) -> Machine:
    """Understand uv's names, ours (``linux-aarch64``) and those of wheels (``manylinux_2_28_x86_64``)."""
    word = text.strip().lower()
    if word in _TRIPLES:
        system, machine, libc = _TRIPLES[word]
        return Machine(system, machine, libc)
    wheel = re.fullmatch(r"(manylinux|musllinux)_(\d+)_(\d+)_(\w+)", word)
    swapped = _MANYLINUX.fullmatch(word)
    if wheel or swapped:
        kind, major, minor, machine = (
            wheel.groups() if wheel else (swapped[2], swapped[3], swapped[4], swapped[1]) if swapped else ("",) * 4
        )
        if machine in _MACHINES:
            return Machine("linux", machine, f"{'glibc' if kind == 'manylinux' else 'musl'} {major}.{minor}")
    name, _, machine = word.replace("_", "-", 1).partition("-") if word not in _SYSTEMS else (word, "", "")
    machine = machine.replace("-", "_") if machine.replace("-", "_") in _MACHINES else machine
    system = _SYSTEMS.get(name, "")
    if not system or (machine and machine not in _MACHINES):
        known = "linux, linux-aarch64, macos, macos-x86_64, windows, manylinux_2_28_x86_64, musllinux_1_2_x86_64"
        raise UsageError(f"--python-platform {text}: not a platform; write one such as {known}")
    machine = machine or _USUAL_MACHINES[system]
    if system == "win32":
        machine = {"x86_64": "AMD64", "amd64": "AMD64", "aarch64": "ARM64", "arm64": "ARM64"}.get(machine, machine)
    return Machine(system, machine, _USUAL_GLIBC if system == "linux" else "")


def uv_platform(machine: Machine) -> str:
    """Return what uv calls a platform; empty when it has no name for it."""
    if machine.system == "linux":
        kind, _, version = machine.libc.partition(" ")
        numbers = version.split(".")
        if kind == "glibc" and len(numbers) == 2 and machine.machine in {"x86_64", "aarch64"}:
            minor = min(int(numbers[1]), 40) if numbers[1].isdigit() else 28
            return f"{machine.machine}-manylinux_2_{minor}" if minor in _UV_GLIBC else _triple(machine, "gnu")
        return _triple(machine, "musl" if kind == "musl" else "gnu")
    if machine.system == "darwin":
        return "x86_64-apple-darwin" if machine.machine == "x86_64" else "aarch64-apple-darwin"
    return "x86_64-pc-windows-msvc" if machine.machine == "AMD64" else ""


# The versions of glibc that uv has a name for.
_UV_GLIBC = frozenset({17, 28, *range(31, 41)})


def _triple(machine: Machine, libc: str) -> str:
    known = {"x86_64", "aarch64", "riscv64"} if libc == "gnu" else {"x86_64", "aarch64"}
    return f"{machine.machine}-unknown-linux-{libc}" if machine.machine in known else ""
