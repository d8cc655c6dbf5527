"""What a wheel on an index says, without downloading it: its METADATA, its members, its compiled files."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from envaudit.index.failure import RemoteError
from envaudit.index.remote_zip import read_member, read_table

if TYPE_CHECKING:
    from envaudit.index.remote_file import PartedFile
    from envaudit.index.remote_zip import Member
    from envaudit.index.values import IndexFile

METADATA_LIMIT = 8 * 1024 * 1024  # bytes; the longest seen is about 1 MiB (a README pasted whole)
_COMPILED = re.compile(r"\.(so|pyd|dylib)(\.[\d.]+)?$")


def metadata_in(file: PartedFile) -> bytes:
    """Return METADATA out of a wheel; raises ``RemoteError``."""
    found = [
        member
        for member in read_table(file)
        if member.name.endswith(".dist-info/METADATA") and member.name.count("/") == 1
    ]
    if len(found) != 1:
        raise RemoteError(file.address, f"a wheel with {len(found)} files METADATA", "wrong")
    return b"".join(read_member(file, found[0], METADATA_LIMIT))


def check_digest(file: IndexFile, address: str, content: bytes) -> None:
    """Hold the METADATA beside a wheel against the digest that the index gave; raises ``RemoteError``."""
    if file.metadata and hashlib.sha256(content).hexdigest() != file.metadata:
        raise RemoteError(address, "its sha256 is not the one that the index states", "wrong")


def compiled_members(members: tuple[Member, ...]) -> list[Member]:
    """Return the compiled files of a wheel, smallest first, without the libraries that a repair tool bundled."""
    found = [
        member
        for member in members
        if _COMPILED.search(member.name) and ".libs/" not in member.name and ".dylibs/" not in member.name
    ]
    return sorted(found, key=lambda member: (member.compressed, member.name))


def newest_linux_wheel(files: tuple[IndexFile, ...], machine: str = "x86_64") -> IndexFile | None:
    """Return the glibc wheel of a release for the newest CPython, or one that suits all of them.

    Wheels for Python before 3.9 do not count: no NumPy 2 runs there.
    """
    best: tuple[tuple[int, str], IndexFile] | None = None
    for file in files:
        python, abi, platform = file.tags
        if not file.is_wheel or "manylinux" not in platform or not platform.endswith(machine):
            continue
        rank = python_rank(python, abi)
        if rank and (best is None or (rank, file.name) > best[0]):
            best = (rank, file.name), file
    return best[1] if best else None


def python_rank(python: str, abi: str) -> int:
    """Return the minor version of CPython a wheel is for, 1 for one that suits several, 0 for none that counts."""
    if abi == "abi3" or python.endswith("py3"):
        return 1
    minors = [int(tag[3:]) for tag in python.split(".") if re.fullmatch(r"cp3\d{1,2}", tag)]
    plain = abi == python  # not cp313t, which is for the free-threaded build
    return max(minors) if plain and minors and max(minors) >= 9 else 0
