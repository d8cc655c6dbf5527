"""Machine, operating system and C library of a target, by the first bytes of its interpreter."""

from __future__ import annotations

import os
import re
import sys
from typing import NamedTuple

from envaudit.errors import ReadError
from envaudit.files import exists, open_regular, read_bytes, real, target_root

_MACHO_MAGIC = {b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe"}
_MACHO_FAT = b"\xca\xfe\xba\xbe"
# cputype of a Mach-O header: 0x01000000 is added for 64 bits.
_MACHO_MACHINES = {0x01000007: "x86_64", 0x0100000C: "arm64", 7: "i386"}
# Machine of a PE header.
_PE_MACHINES = {0x8664: "AMD64", 0xAA64: "ARM64", 0x14C: "x86"}
_SAME_MACHINE = {"amd64": "x86_64", "i386": "i686", "x86": "i686"}
_MUSL_VERSION = re.compile(rb"\0(1\.\d{1,2})\.\d{1,3}\0")
# Programs of the first that a system for the second may start as well.
_ALSO_RUNS = {("i686", "x86_64"), ("x86_64", "arm64"), ("arm", "aarch64")}
_HOST_FOLDERS = ("/lib", "/usr/lib")


class Machine(NamedTuple):
    """``system`` is ``linux``, ``darwin`` or ``win32``; ``libc`` is ``glibc 2.36``, ``musl 1.2``, a name or empty.

    ``machine`` is empty when nothing tells it.
    """

    system: str
    machine: str
    libc: str = ""

    @property
    def platform(self) -> str:
        """The platform by sysconfig's name: ``linux-x86_64``, ``macosx-arm64``, ``win-amd64``."""
        if not self.machine:
            return ""
        if self.system == "win32" and self.machine == "x86":
            return "win32"
        prefix = {"darwin": "macosx", "win32": "win"}.get(self.system, self.system)
        return f"{prefix}-{self.machine.lower() if self.system == 'win32' else self.machine}"


def machine_of_program(path: str) -> Machine:
    """Read the header of an executable; raises ``ReadError`` when it is none."""
    with open_regular(path) as (descriptor, _):
        try:
            head = os.read(descriptor, 4096)
        except OSError as error:
            raise ReadError(str(error)) from error
    if head[:4] == b"\x7fELF":
        from envaudit.binary import read_interpreter  # noqa: PLC0415  # not for a target of another system

        machine, _, loader = read_interpreter(path)
        return Machine("linux", _SAME_MACHINE.get(machine, machine), _libc(loader, machine))
    if head[:4] in _MACHO_MAGIC:
        return Machine("darwin", _MACHO_MACHINES.get(int.from_bytes(head[4:8], "little"), "x86_64"))
    if head[:4] == _MACHO_FAT:  # several machines in one file: the host decides which is run
        return Machine("darwin", host_machine().machine if sys.platform == "darwin" else "arm64")
    if head[:2] == b"MZ":
        start = int.from_bytes(head[60:64], "little")
        return Machine("win32", _PE_MACHINES.get(int.from_bytes(head[start + 4 : start + 6], "little"), "AMD64"))
    raise ReadError("not an executable of Linux, macOS or Windows")


def machine_of_suffix(name: str) -> Machine | None:
    """Read a suffix such as ``.cpython-311-x86_64-linux-gnu.so`` or ``.cp311-win_amd64.pyd``; ``None`` without one."""
    match = re.search(r"\.(?:cpython|pypy)[^.]*-([a-z0-9_]+)-linux-(gnu|musl)[a-z]*\.so$", name)
    if match:
        # The version of a C library stands nowhere in the files that use it.
        host, own = host_machine(), {"gnu": "glibc", "musl": "musl"}[match[2]]
        machine = _SAME_MACHINE.get(match[1], match[1])
        known = machine == host.machine and host.libc.startswith(own) and not target_root().foreign
        return Machine("linux", machine, host.libc if known else "")
    if name.endswith("-darwin.so"):
        return Machine("darwin", "arm64")
    match = re.search(r"\.cp\d+-win(32|_amd64|_arm64)\.pyd$", name)
    return Machine("win32", {"32": "x86", "_amd64": "AMD64", "_arm64": "ARM64"}[match[1]]) if match else None


def usual_machine() -> Machine:
    """Return the best guess where no file of the target says its machine: this one, or that of the image."""
    if not target_root().foreign:
        return host_machine()
    from envaudit.locate.libc import libc_of_files, loader_of_image  # noqa: PLC0415  only for images

    loader = loader_of_image()
    if loader is None:
        return Machine("linux", "")
    return Machine("linux", _SAME_MACHINE.get(loader.machine, loader.machine), libc_of_files(*loader))


def runs_here(machine: Machine) -> bool:
    """Whether this machine may be able to start programs of another: only what surely fails is refused."""
    host = host_machine()
    theirs, ours = _family(machine.machine), _family(host.machine)
    return machine.system == host.system and (theirs == ours or (theirs, ours) in _ALSO_RUNS)


def _family(machine: str) -> str:
    """Return one name for processors that run the same programs, whether a kernel or a file names them."""
    name = machine.lower()
    if name.startswith(("armv", "mips")):
        return name[:3] if name.startswith("armv") else "mips"
    return "i686" if re.fullmatch(r"i[3-6]86|x86", name) else _SAME_MACHINE.get(name, name)


def host_machine() -> Machine:
    """Return the machine this program runs on."""
    try:
        machine = os.uname().machine
    except AttributeError:  # Windows
        machine = os.environ.get("PROCESSOR_ARCHITECTURE", "AMD64")
    system = "linux" if sys.platform.startswith("linux") else sys.platform
    return Machine(system, machine, _host_glibc() if system == "linux" else "")


def _libc(loader: str, machine: str) -> str:
    """Name the C library by the loader an executable asks for.

    That of an image or of another machine is read from its files. Here a version is only known for the libraries of
    this machine: a loader elsewhere (of Nix, say) has one of its own.
    """
    if loader and (target_root().foreign or _SAME_MACHINE.get(machine, machine) != host_machine().machine):
        from envaudit.locate.libc import libc_of_files  # noqa: PLC0415  few targets are of another machine

        return libc_of_files(loader, machine)
    if not loader or not real(loader).startswith(_HOST_FOLDERS) or not exists(loader):
        return ""
    if "ld-musl" in loader:
        try:
            match = _MUSL_VERSION.search(read_bytes(loader))
        except ReadError:
            match = None
        return f"musl {match[1].decode()}" if match else "musl 1.2"
    return _host_glibc()


def _host_glibc() -> str:
    """Return the C library of this machine as glibc itself names it: ``glibc 2.36``."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        return ""
