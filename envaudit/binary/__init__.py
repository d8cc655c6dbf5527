"""Bytes of compiled files in, facts out, no judgement. Nothing is imported, loaded or run.

``read_binary`` reads one file, ``running_numpy`` the NumPy it would run with, ``code_for`` tells how closely files
have to be read to compare the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary import elf
from envaudit.binary.image import Source
from envaudit.binary.numpy_need import Code, NumpyFinding, code_for, read_numpy
from envaudit.binary.numpy_releases import first_release
from envaudit.binary.numpy_runtime import running_numpy
from envaudit.errors import ReadError
from envaudit.files import open_regular
from envaudit.model import BinaryFacts

if TYPE_CHECKING:
    from envaudit.binary.image import Image
    from envaudit.binary.symbols import Symbols

__all__ = [
    "Closely",
    "Code",
    "code_for",
    "first_release",
    "read_binary",
    "read_both",
    "read_interpreter",
    "running_numpy",
]

# Four bytes for each byte order and word size, and two for universal files; see envaudit.binary.macho.
_MACHO_MAGICS = frozenset(
    bytes.fromhex(magic) for magic in ("cffaedfe", "cefaedfe", "feedfacf", "feedface", "cafebabe", "cafebabf")
)


class Closely(NamedTuple):
    """How closely a compiled file is read; what is left out is empty in its facts, and takes no time.

    ``code`` tells how much machine code to look at, see ``code_for``. ``numpy`` is what the file needs of NumPy,
    ``pybind11`` the name of its pybind11 internals, ``versions`` are the symbol versions and ``symbols`` the names that
    it expects of others, without those that are ``offered`` to every file.
    """

    code: Code = "never"
    numpy: bool = True
    pybind11: bool = True
    versions: bool = True
    symbols: bool = True
    offered: frozenset[bytes] = frozenset()


_ALL = Closely()


def read_binary(path: str, code: Code = "never", machine: str = "") -> BinaryFacts:
    """Read one compiled file; raises ``ReadError`` when it cannot be read or has another form than its magic says.

    ``code`` tells how much machine code to look at, see ``code_for``; without it only headers and strings are read,
    which takes about 0.2 ms. ``machine`` chooses the part of a universal file of macOS: ``arm64``, ``x86_64``; the
    facts say which part they are about.
    """
    with open_regular(path) as (descriptor, size):
        source = Source(descriptor, size)
        return _facts(source, _image(source, machine), Closely(code))


def read_both(path: str, closely: Closely = _ALL) -> tuple[BinaryFacts, Symbols | None]:
    """Read one compiled file as ``read_binary`` does, and the names it expects of others while it is open.

    Its frameworks are not searched for beyond what tells good from bad: six searches through all strings are for those
    who explain what is wrong with a file, and they call ``read_binary``.
    There are no symbols of other formats than ELF, of a file that is cut short, and where they cannot be read:
    ``read_symbols`` then says why. Those that are not wanted are read when they are asked for.
    """
    with open_regular(path) as (descriptor, size):
        source = Source(descriptor, size)
        image = _image(source, "", versions=closely.versions)
        facts = _facts(source, image, closely, made_by=False)
        if not isinstance(image, elf.ElfImage) or image.truncated:
            return facts, None
        from envaudit.binary.symbols import INIT, Symbols, is_tagged, symbols_of  # noqa: PLC0415  not every run links

        if not closely.symbols:
            no_module = bool(image.strings) and not is_tagged(path) and INIT not in image.strings
            return facts, Symbols(path, no_module=no_module)
        try:
            return facts, symbols_of(path, image.headers, image.strings, closely.offered, lazy=True)
        except ReadError:
            return facts, None


def _facts(source: Source, image: Image, closely: Closely, *, made_by: bool = True) -> BinaryFacts:
    """Put together what headers and strings say."""
    numpy = NumpyFinding()
    if closely.numpy or closely.pybind11:
        numpy = read_numpy(source, image, closely.code, made_by=made_by, numpy=closely.numpy, pybind11=closely.pybind11)
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


def _image(source: Source, machine: str, *, versions: bool = True) -> Image:
    """Read the headers with the reader that the first bytes ask for; ``versions`` are those of ELF symbols."""
    start = source.start(4)
    if start == elf.MAGIC:
        return elf.ElfImage(source, versions=versions)
    # The other formats are hardly ever met on Linux: their readers are loaded when they are.
    if start.startswith(b"MZ"):
        from envaudit.binary.pe import PeImage  # noqa: PLC0415

        return PeImage(source)
    if start in _MACHO_MAGICS:
        from envaudit.binary.macho import MachImage  # noqa: PLC0415

        return MachImage(source, machine)
    if not start:
        raise ReadError("the file is empty")
    raise ReadError(f"neither ELF, Mach-O nor PE: it starts with {start.hex(' ')}")
