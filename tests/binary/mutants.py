"""Files that are nearly right: the seeds, and what is changed in them. Used by tests and by fixtures/binary/fuzz.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.binary import read_binary, read_interpreter
from envaudit.binary.named import read_names
from envaudit.binary.symbols import read_symbols
from envaudit.errors import ReadError
from tests.binary.conftest import FIXTURES
from tests.binary.forge import AARCH64, Elf, add, address, adrp, lea, movz
from tests.binary.forge_named import mach
from tests.binary.forge_named import pe as forged_pe
from tests.binary.forge_others import AMD64, ARM64, PYTHON_CALLS, WIN_ARM64, WIN_X86, Mach, Pe, fat
from tests.binary.forge_symbols import WEAK, Library, Symbol

if TYPE_CHECKING:
    import random

_RODATA = (
    b"numpy.core.multiarray failed to import\0module compiled against API version 0x%x\0"
    b"size changed, may indicate binary incompat\0dtype\0ndarray\0ufunc\0"
)
_TEXT = address(_RODATA, b"module compiled")
_TYPE = address(_RODATA, b"dtype\0")
_INTEL = lea(0, _TEXT, 2) + b"\xba\x10\0\0\0\x41\xb8\x10\0\0\0" + lea(18, _TYPE) + b"\xb9\x60\0\0\0\x41\xb9\x60\0\0\0"
_ARM = (adrp(0, _TEXT, 1) + add(_TEXT, 1) + movz(2, 16) + adrp(12, _TYPE, 1) + add(_TYPE, 1) + movz(3, 96)) * 3
_LINKED = Elf(rodata=_RODATA, needed=("libm.so.6",), soname="a.so", runpath="$ORIGIN", interpreter="/lib/ld.so")
_SYMBOLS = Library(
    tuple(Symbol(f"undefined{number}", version=number % 3) for number in range(9))
    + tuple(Symbol(f"defined{number}", section=1, binding=1 + number % 2) for number in range(9))
    + (Symbol("weak", binding=WEAK),),
    sysv_hash=True,
    needs=(("libc.so.6", (("GLIBC_2.2.5", 0), ("GLIBC_2.34", 0))), ("libm.so.6", (("M_1", 2),))),
    defines=("me.so", "ME_1"),
    tls=64,
    flags=16,
)
_MACH = Mach(
    rodata=_RODATA,
    code=_INTEL,
    data=b"ufunc\0",
    names=((0xD, "me.dylib"), (0xC, "/usr/lib/libSystem.B.dylib"), (0x80000018, "weak"), (0x8000001C, "@loader_path")),
    build_version=(1, 0x000B0000),
    min_macos=0x000A0900,
)
_MACH_ARM = _MACH.but(cpu=ARM64, code=_ARM)
_PE = Pe(
    rodata=_RODATA, code=_INTEL, data=b"ufunc\0", delayed=(("MSVCP140.dll", ("what",)), ("python3.dll", PYTHON_CALLS))
)


def seeds() -> dict[str, list[bytes]]:
    """Return the seeds of each format."""
    elf = [path.read_bytes() for path in sorted(FIXTURES.glob("*.so"))]
    elf += [bytes(_LINKED.but(code=_INTEL, data=b"ufunc\0")), bytes(_LINKED.but(machine=AARCH64, code=_ARM))]
    elf += [bytes(_LINKED.but(sections=False, one_segment=True))]
    for bits in (32, 64):
        for order in "<>":
            elf += [bytes(_LINKED.but(bits=bits, order=order)), bytes(_SYMBOLS.but(bits=bits, order=order))]
    elf.append(bytes(_SYMBOLS.but(gnu_hash=False)))
    macho = [bytes(_MACH), bytes(_MACH_ARM), bytes(_MACH.but(bits=32, order=">"))]
    macho += [fat(_MACH, _MACH_ARM), fat(_MACH, _MACH_ARM, wide=True)]
    asks = (("malloc", 1), ("free", 1), ("_ZN3foo3bazEi", 2), ("weak", 2 << 8 | 0x40))
    offers = tuple(f"omp_{name}" for name in ("init", "init_lock", "init_lock_with_hint", "set"))
    macho.append(mach((0xC, "/usr/lib/libSystem.B.dylib"), (0x8000001F, "a.dylib"), asks=asks, exports=offers))
    pe = [bytes(_PE), bytes(_PE.but(machine=WIN_ARM64, code=_ARM)), bytes(_PE.but(machine=WIN_X86, bits=32))]
    pe.append(bytes(_PE.but(machine=AMD64, libraries=(), delayed_by_address=True)))
    pe.append(forged_pe(("KERNEL32.dll", ("Sleep", 7)), ("a.dll", ("one", "two")), exports=("PyInit_a", "three")))
    return {"elf": elf, "macho": macho, "pe": pe}


EXTREMES = (b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80")


def mutant(seed: bytes, choose: random.Random) -> bytes:
    """Cut one file in five, change up to 64 places of the others."""
    if choose.random() < 0.2:
        return seed[: choose.randrange(len(seed))]
    data = bytearray(seed)
    reach = min(choose.choice((64, 512, 4096, len(data))), len(data))
    for _ in range(choose.choice((1, 2, 4, 16, 64))):
        place = choose.randrange(reach)
        extreme = choose.choice(EXTREMES)
        width = choose.choice((1, 2, 4, 8))
        new = bytes([choose.randrange(256)]) if width == 1 else (extreme * 8)[:width]
        data[place : place + len(new)] = new
    return bytes(data[: len(seed)])


def read_all(path: str) -> tuple[int, int]:
    """Read a file with every reader; return how many found facts and how many refused with ``ReadError``."""
    read = refused = 0
    for reader in (_first_part, _arm_part, read_interpreter, _symbols, _names):
        try:
            reader(path)
            read += 1
        except ReadError:
            refused += 1
    return read, refused


def _first_part(path: str) -> None:
    facts = read_binary(path, "all")
    # Whatever stands in the file can be printed, and counts are counts.
    repr(facts).encode("utf-8")
    assert min(facts.static_tls, facts.min_align) >= 0, facts


def _arm_part(path: str) -> None:
    read_binary(path, "sizes", "arm64")


def _symbols(path: str) -> None:
    symbols = read_symbols(path)
    asked = {b"defined1", b"defined2", b"PyInit_x", b""}
    found = symbols.provides(asked)
    symbols.exports()
    assert found <= asked, found


def _names(path: str) -> None:
    names = read_names(path, "arm64")
    asked = frozenset({b"_omp_init", b"_omp_init_lock", b"PyInit_a", b"three", b""})
    assert names.provides(asked) <= asked
    repr((names.asks, names.reexports)).encode("utf-8")
