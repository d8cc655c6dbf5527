"""Bytes of compiled files in, facts out, no judgement. Nothing is imported, loaded or run.

``read_binary`` reads one file, ``running_numpy`` the NumPy it would run with, ``code_for`` tells how closely files
have to be read to compare the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.binary import elf
from envaudit.binary.image import Source
from envaudit.binary.numpy_need import Code, code_for, read_numpy
from envaudit.binary.numpy_releases import first_release
from envaudit.binary.numpy_runtime import running_numpy
from envaudit.errors import ReadError
from envaudit.files import open_regular
from envaudit.model import BinaryFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from envaudit.binary.image import Image

__all__ = ["Code", "code_for", "first_release", "read_binary", "read_interpreter", "running_numpy"]

# Magic bytes -> name of the format and its reader; ``None`` for a format without a reader yet.
_READERS: tuple[tuple[bytes, str, Callable[[Source], Image] | None], ...] = (
    (elf.MAGIC, "ELF", elf.ElfImage),
    (b"\xcf\xfa\xed\xfe", "Mach-O", None),
    (b"\xce\xfa\xed\xfe", "Mach-O", None),
    (b"\xfe\xed\xfa\xcf", "Mach-O", None),
    (b"\xfe\xed\xfa\xce", "Mach-O", None),
    (b"\xca\xfe\xba\xbe", "Mach-O", None),
    (b"\xca\xfe\xba\xbf", "Mach-O", None),
    (b"MZ", "PE", None),
)


def read_binary(path: str, code: Code = "never") -> BinaryFacts:
    """Read one compiled file; raises ``ReadError`` when it cannot be read or has another form than its magic says.

    ``code`` tells how much machine code to look at, see ``code_for``; without it only headers and strings are read,
    which takes about 0.2 ms.
    """
    with open_regular(path) as (descriptor, size):
        source = Source(descriptor, size)
        image = _reader(source)(source)
        numpy = read_numpy(source, image, code)
    return BinaryFacts(
        format=image.format,
        machine=image.machine,
        bits=image.bits,
        truncated=image.truncated,
        numpy=numpy.need,
        numpy_unread=numpy.unread,
        frameworks=numpy.frameworks,
        pybind11=numpy.pybind11,
        **image.links._asdict(),
    )


def read_interpreter(path: str) -> tuple[str, int, str]:
    """Return machine, bits and the path of the loader that an ELF executable asks for; raises ``ReadError``.

    The loader's path tells the C library: ``/lib64/ld-linux-x86-64.so.2`` is glibc's, ``/lib/ld-musl-x86_64.so.1``
    is musl's; it is empty for a static executable.
    """
    with open_regular(path) as (descriptor, size):
        source = Source(descriptor, size)
        if source.start(4) != elf.MAGIC:
            raise ReadError("not an ELF executable")
        return elf.read_interpreter(source)


def _reader(source: Source) -> Callable[[Source], Image]:
    """Choose the reader by the first bytes."""
    start = source.start(4)
    if not start:
        raise ReadError("the file is empty")
    for magic, name, reader in _READERS:
        if start.startswith(magic):
            if reader is None:
                raise ReadError(f"{name} files are not read yet")
            return reader
    raise ReadError(f"neither ELF, Mach-O nor PE: it starts with {start.hex(' ')}")
