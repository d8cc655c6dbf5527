"""Make Mach-O and PE files byte by byte, with the same places for strings and code as the ELF files of ``forge``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from struct import pack
from typing import SupportsBytes

from tests.binary.forge import BASE, CODE, DATA, RODATA

X86_64, ARM64, I386 = 0x01000007, 0x0100000C, 7
AMD64, WIN_ARM64, WIN_X86 = 0x8664, 0xAA64, 0x14C
PYTHON_CALLS = ("PyCapsule_GetPointer", "PyImport_ImportModule")


@dataclass(frozen=True)
class Mach:
    """What a thin Mach-O file holds; ``bytes(mach)`` is the file. Names are ``(command, name)``."""

    cpu: int = X86_64
    bits: int = 64
    order: str = "<"
    rodata: bytes = b""
    code: bytes = b"\x90" * 16
    data: bytes = b""
    names: tuple[tuple[int, str], ...] = ()
    build_version: tuple[int, int] | None = None  # platform, version
    min_macos: int | None = None
    symbols: tuple[str, ...] | None = PYTHON_CALLS

    def __bytes__(self) -> bytes:
        strings = b"\0" + b"".join(b"_" + name.encode() + b"\0" for name in self.symbols or ())
        commands = [
            self._segment(
                b"__TEXT", 0, DATA, [(b"__const", RODATA, self.rodata, 0), (b"__text", CODE, self.code, 0x80000400)]
            ),
            self._segment(
                b"__DATA", DATA, len(self.data), [(b"__data", DATA, self.data, 0), (b"__bss", DATA, b"x" * 99, 1)]
            ),
        ]
        for command, name in self.names:
            fixed = 4 if command == 0x8000001C else 16
            text = name.encode() + b"\0"
            commands.append(self._command(command, pack(self.order + "I", 8 + fixed) + bytes(fixed - 4) + text))
        if self.build_version:
            commands.append(self._command(0x32, pack(self.order + "4I", *self.build_version, 0, 0)))
        if self.min_macos is not None:
            commands.append(self._command(0x24, pack(self.order + "2I", self.min_macos, 0)))
        if self.symbols is not None:
            commands.append(self._command(2, pack(self.order + "4I", 0, 0, DATA + len(self.data), len(strings))))
        magic = 0xFEEDFACF if self.bits == 64 else 0xFEEDFACE
        table = b"".join(commands)
        head = pack(self.order + "7I", magic, self.cpu, 3, 6, len(commands), len(table), 0)
        head += bytes(4 if self.bits == 64 else 0)
        body = bytearray(DATA) + self.data + strings
        for start, part in ((0, head + table), (RODATA, self.rodata), (CODE, self.code)):
            body[start : start + len(part)] = part
        return bytes(body)

    def but(self, **changes: object) -> Mach:
        """Return a file that differs in some parts."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the fields check themselves

    def _command(self, number: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 8)
        return pack(self.order + "2I", number, 8 + len(body)) + body

    def _segment(self, name: bytes, offset: int, size: int, sections: list[tuple[bytes, int, bytes, int]]) -> bytes:
        wide = self.bits == 64
        body = pack(
            self.order + ("16sQQQQiiII" if wide else "16sIIIIiiII"),
            *(name, BASE + offset, size, offset, size, 7, 5, len(sections), 0),
        )
        for section, start, part, flags in sections:
            fields = (section, name, BASE + start, len(part), start, 0, 0, 0, flags, 0, 0, 0)
            form = "16s16sQQIIIIIIII" if wide else "16s16sIIIIIIIII"
            body += pack(self.order + form, *(fields if wide else fields[:-1]))
        return self._command(0x19 if wide else 1, body)


def fat(*slices: Mach, wide: bool = False) -> bytes:
    """Return a universal file."""
    place = 0x100
    heads = b""
    body = b""
    for one in slices:
        part = bytes(one)
        body += bytes(place - 0x100 - len(body)) + part
        heads += pack(">IIQQII" if wide else ">IIIII", one.cpu, 3, place, len(part), 4, *((0,) if wide else ()))
        place = 0x100 + (len(body) + 0xFFF & ~0xFFF)
    head = pack(">II", 0xCAFEBABF if wide else 0xCAFEBABE, len(slices)) + heads
    return head + bytes(0x100 - len(head)) + body


@dataclass(frozen=True)
class Pe:
    """What a PE file holds; ``bytes(pe)`` is the file. Libraries are ``(name, functions)``, a number for an ordinal."""

    machine: int = AMD64
    bits: int = 64
    rodata: bytes = b""
    code: bytes = b"\x90" * 16
    data: bytes = b""
    libraries: tuple[tuple[str, tuple[str | int, ...]], ...] = (("python311.dll", PYTHON_CALLS),)
    delayed: tuple[tuple[str, tuple[str | int, ...]], ...] = ()
    delayed_by_address: bool = False  # as very old linkers wrote it
    exports: tuple[str, ...] = ()

    def __bytes__(self) -> bytes:
        tables = _Tables(self.bits, DATA + len(self.data))
        imports = tables.add(self._imports(tables))
        delayed = tables.add(self._delayed(tables)) if self.delayed else 0
        exported = tables.add(self._exported(tables)) if self.exports else 0
        sections = [
            (b".rdata", RODATA, self.rodata, 0x40000040),
            (b".text", CODE, self.code, 0x60000020),
            (b".data", DATA, self.data, 0xC0000040),
            (b".idata", DATA + len(self.data), bytes(tables.body), 0xC0000040),
        ]
        directories = [0] * 32
        directories[0], directories[2], directories[26] = exported, imports, delayed
        wide = self.bits == 64
        optional = pack("<H22x", 0x20B if wide else 0x10B)
        optional += pack("<Q", BASE) if wide else pack("<II", 0, BASE)
        optional += bytes((108 if wide else 92) - len(optional)) + pack("<33I", 16, *directories)
        head = b"MZ" + bytes(58) + pack("<I", 64) + b"PE\0\0"
        head += pack("<HHIIIHH", self.machine, len(sections), 0, 0, 0, len(optional), 0x2022) + optional
        for name, start, part, flags in sections:
            head += pack("<8s4I12xI", name, len(part), start, len(part), start, flags)
        body = bytearray(DATA) + self.data + tables.body
        for start, part in ((0, head), (RODATA, self.rodata), (CODE, self.code)):
            body[start : start + len(part)] = part
        return bytes(body)

    def but(self, **changes: object) -> Pe:
        """Return a file that differs in some parts."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the fields check themselves

    def _imports(self, tables: _Tables) -> bytes:
        entries = b""
        for name, functions in self.libraries:
            entries += pack("<5I", tables.functions(functions), 0, 0, tables.add(name.encode() + b"\0"), 0)
        return entries + bytes(20)

    def _exported(self, tables: _Tables) -> bytes:
        places = [tables.add(name.encode() + b"\0") for name in self.exports]
        table = tables.add(pack(f"<{len(places)}I", *places))
        return pack("<10I", 0, 0, 0, 0, 1, len(places), len(places), 0, table, 0)

    def _delayed(self, tables: _Tables) -> bytes:
        entries = b""
        base = BASE if self.delayed_by_address else 0
        for name, functions in self.delayed:
            text, calls = tables.add(name.encode() + b"\0"), tables.functions(functions)
            entries += pack("<8I", 0 if self.delayed_by_address else 1, text + base, 0, 0, calls + base, 0, 0, 0)
        return entries + bytes(32)


class _Tables:
    """The section with the import tables."""

    def __init__(self, bits: int, address: int) -> None:
        self.body = bytearray(16)
        self._bits = bits
        self._address = address

    def add(self, part: bytes) -> int:
        """Put bytes at the end, and return their address."""
        place = self._address + len(self.body)
        self.body += part
        return place

    def functions(self, names: tuple[str | int, ...]) -> int:
        """Put a list of functions at the end, and return its address."""
        ordinal = 1 << self._bits - 1
        entries = [
            name | ordinal if isinstance(name, int) else self.add(b"\0\0" + name.encode() + b"\0") for name in names
        ]
        return self.add(pack(f"<{len(names) + 1}{'Q' if self._bits == 64 else 'I'}", *entries, 0))


def content(made: SupportsBytes) -> bytearray:
    """Return a file that can be changed."""
    return bytearray(bytes(made))
