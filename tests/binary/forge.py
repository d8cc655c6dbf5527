"""Make ELF files byte by byte, for machines and shapes that no compiler at hand makes.

A forged file has the parts that a reader may look at, at fixed places, and nothing else. It is not meant to be loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from struct import pack

BASE = 0x10000  # where the file is mapped: addresses and offsets must differ
STRINGS = 0x200
DYNAMIC = 0x500
RODATA = 0x800
CODE = 0x1000
DATA = 0x1800
SECTION_NAMES = b"\0.rodata\0.text\0.data\0.shstrtab\0"

X86_64, AARCH64, S390X, I386 = 62, 183, 22, 3


@dataclass(frozen=True)
class Elf:
    """What a forged file holds; ``bytes(elf)`` is the file."""

    bits: int = 64
    order: str = "<"
    machine: int = X86_64
    rodata: bytes = b""
    code: bytes = b"\x90" * 16
    data: bytes = b""
    symbols: tuple[str, ...] = ("PyCapsule_GetPointer", "PyImport_ImportModule")
    needed: tuple[str, ...] = ()
    soname: str = ""
    rpath: str = ""
    runpath: str = ""
    interpreter: str = ""
    sections: bool = True
    one_segment: bool = False  # read-only data inside the code segment, as old linkers did

    def __bytes__(self) -> bytes:
        strings, tags = self._dynamic()
        dynamic = b"".join(pack(self.order + ("QQ" if self.bits == 64 else "II"), *tag) for tag in tags)
        parts = {STRINGS: strings, DYNAMIC: dynamic, RODATA: self.rodata, CODE: self.code, DATA: self.data}
        limits = (*sorted(parts)[1:], DATA + 0x800)
        body = bytearray(DATA + len(self.data))
        for (start, part), limit in zip(sorted(parts.items()), limits, strict=True):
            if start + len(part) > limit:
                raise ValueError(f"part at {start:#x} is too long: {len(part)}")
            body[start : start + len(part)] = part
        programs = self._programs(len(dynamic))
        sections = self._sections(len(body)) if self.sections else ()
        header = self._header(len(programs), len(body) + len(SECTION_NAMES) if sections else 0, len(sections))
        body[: len(header)] = header
        table = b"".join(programs)
        start = len(header)
        body[start : start + len(table)] = table
        if start + len(table) > STRINGS:
            raise ValueError("too many program headers")
        return bytes(body) + (SECTION_NAMES + b"".join(sections) if sections else b"")

    def but(self, **changes: object) -> Elf:
        """Return a file that differs in some parts."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the fields check themselves

    def _dynamic(self) -> tuple[bytes, list[tuple[int, int]]]:
        """Return the string table and the entries of the dynamic section."""
        strings = b"\0"
        tags = []
        named = [(1, name) for name in self.needed]
        named += [(tag, text) for tag, text in ((14, self.soname), (15, self.rpath), (29, self.runpath)) if text]
        for tag, text in named:
            tags.append((tag, len(strings)))
            strings += text.encode() + b"\0"
        strings += b"".join(name.encode() + b"\0" for name in self.symbols)
        strings += self.interpreter.encode() + b"\0"
        return strings, [*tags, (5, BASE + STRINGS), (10, len(strings)), (0, 0)]

    def _programs(self, dynamic: int) -> list[bytes]:
        """Return the program headers."""
        entries = [(2, 6, DYNAMIC, dynamic)]
        if self.one_segment:
            entries.append((1, 5, 0, DATA))
        else:
            entries += [(1, 4, 0, CODE), (1, 5, CODE, len(self.code))]
        if self.data:
            entries.append((1, 6, DATA, len(self.data)))
        if self.interpreter:
            strings, _ = self._dynamic()
            start = strings.rindex(self.interpreter.encode())
            entries.append((3, 4, STRINGS + start, len(self.interpreter) + 1))
        form = "IIQQQQQQ" if self.bits == 64 else "IIIIIIII"
        made = []
        for kind, flags, offset, size in entries:
            place = (offset, BASE + offset, BASE + offset, size, size)
            fields = (kind, flags, *place, 4096) if self.bits == 64 else (kind, *place, flags, 4096)
            made.append(pack(self.order + form, *fields))
        return made

    def _sections(self, names_offset: int) -> tuple[bytes, ...]:
        """Return the section headers."""
        form = self.order + ("IIQQQQIIQQ" if self.bits == 64 else "IIIIIIIIII")
        entries = [
            (0, 0, 0, 0, 0, 0),
            (SECTION_NAMES.index(b".rodata"), 1, 2, BASE + RODATA, RODATA, len(self.rodata)),
            (SECTION_NAMES.index(b".text"), 1, 6, BASE + CODE, CODE, len(self.code)),
            (SECTION_NAMES.index(b".data"), 1, 3, BASE + DATA, DATA, len(self.data)),
            (SECTION_NAMES.index(b".shstrtab"), 3, 0, 0, names_offset, len(SECTION_NAMES)),
        ]
        return tuple(pack(form, *entry, 0, 0, 1, 0) for entry in entries)

    def _header(self, programs: int, section_offset: int, sections: int) -> bytes:
        """Return the ELF header."""
        ident = b"\x7fELF" + bytes([self.bits // 32, 1 if self.order == "<" else 2, 1]) + bytes(9)
        sizes = (64, 56, 64) if self.bits == 64 else (52, 32, 40)
        form = "HHIQQQIHHHHHH" if self.bits == 64 else "HHIIIIIHHHHHH"
        last = sections - 1 if sections else 0
        return ident + pack(
            self.order + form,
            3,
            self.machine,
            1,
            0,
            sizes[0],
            section_offset,
            0,
            sizes[0],
            sizes[1],
            programs,
            sizes[2],
            sections,
            last,
        )


def address(rodata: bytes, text: bytes) -> int:
    """Return the address at which a text stands in read-only data."""
    return BASE + RODATA + rodata.index(text)


def lea(at: int, target: int, register: int = 6) -> bytes:
    """``lea r64, [rip+...]``, for code at offset ``at`` of the code."""
    return bytes([0x48, 0x8D, 0x05 | register << 3]) + pack("<i", target - (BASE + CODE + at + 7))


def adrp(at: int, target: int, register: int) -> bytes:
    """``adrp xN, page of target``, for code at offset ``at`` of the code."""
    pages = (target >> 12) - (BASE + CODE + at >> 12)
    return pack("<I", 0x90000000 | (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5 | register)


def adr(at: int, target: int, register: int) -> bytes:
    """``adr xN, target``, for code at offset ``at`` of the code."""
    distance = target - (BASE + CODE + at)
    return pack("<I", 0x10000000 | (distance & 3) << 29 | (distance >> 2 & 0x7FFFF) << 5 | register)


def add(target: int, register: int, result: int | None = None) -> bytes:
    """``add xM, xN, offset of target in its page``."""
    return pack("<I", 0x91000000 | (target & 0xFFF) << 10 | register << 5 | (register if result is None else result))


def movz(register: int, value: int) -> bytes:
    """``movz wN, value``."""
    return pack("<I", 0x52800000 | value << 5 | register)


def cmp_w(register: int, value: int) -> bytes:
    """``cmp wN, value``."""
    return pack("<I", 0x7100001F | value << 10 | register << 5)


def cmp_x(register: int, value: int) -> bytes:
    """``cmp xN, value``."""
    return pack("<I", 0xF100001F | value << 10 | register << 5)
