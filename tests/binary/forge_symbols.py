"""Make ELF files with dynamic symbols, versions and hash tables, in any word size and byte order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from struct import pack

BASE = 0x10000
LOCAL, GLOBAL, WEAK = 0, 1, 2


@dataclass(frozen=True)
class Symbol:
    """A symbol; a section of 0 leaves it undefined, a version of 1 is none."""

    name: str
    section: int = 0
    binding: int = GLOBAL
    visibility: int = 0
    version: int = 1


@dataclass(frozen=True)
class Library:
    """A file with dynamic symbols; ``bytes(library)`` is the file."""

    symbols: tuple[Symbol, ...] = ()
    bits: int = 64
    order: str = "<"
    machine: int = 62
    gnu_hash: bool = True
    sysv_hash: bool = False
    versions: bool = True
    needs: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()  # library, versions with their flags
    defines: tuple[str, ...] = ()
    flags: int = 0  # DT_FLAGS
    stack: int | None = 6  # flags of PT_GNU_STACK
    tls: int = 0
    align: int = 4096

    def __bytes__(self) -> bytes:
        undefined = [one for one in self.symbols if not one.section]
        defined = sorted((one for one in self.symbols if one.section), key=lambda one: gnu(one.name) % 2)
        table = [Symbol("", binding=LOCAL), *undefined, *defined]
        strings = _Strings()
        body = bytearray(0x400)
        tags: list[tuple[int, int]] = []

        def add(tag: int, part: bytes) -> None:
            body.extend(bytes(-len(body) % 16))
            tags.append((tag, BASE + len(body)))
            body.extend(part)

        add(6, b"".join(self._symbol(one, strings.add(one.name)) for one in table))
        if self.versions:
            add(0x6FFFFFF0, b"".join(pack(self.order + "H", one.version) for one in table))
        if self.needs:
            add(0x6FFFFFFE, self._needs(strings))
        if self.defines:
            add(0x6FFFFFFC, self._defines(strings))
        if self.gnu_hash:
            add(0x6FFFFEF5, self._gnu_hash(defined, 1 + len(undefined)))
        if self.sysv_hash:
            form = "4Q" if self.machine == 22 and self.bits == 64 else "4I"
            add(4, pack(self.order + form, 1, len(table), 0, 0))
        add(5, bytes(strings.data))
        tags += [(10, len(strings.data)), (30, self.flags), (0, 0)]
        dynamic = b"".join(pack(self.order + ("QQ" if self.bits == 64 else "II"), *tag) for tag in tags)
        start = len(body)
        body.extend(dynamic)
        self._headers(body, start, len(dynamic))
        return bytes(body)

    def but(self, **changes: object) -> Library:
        """Return a file that differs in some parts."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the fields check themselves

    def _headers(self, body: bytearray, dynamic: int, size: int) -> None:
        """Put ELF header and program headers in front."""
        parts = [(1, 5, 0, len(body), len(body)), (2, 6, dynamic, size, size)]
        parts += [(7, 4, 0, 0, self.tls)] if self.tls else []
        parts += [(0x6474E551, self.stack, 0, 0, 0)] if self.stack is not None else []
        programs = b""
        for kind, flags, offset, length, memory in parts:
            place = (offset, BASE + offset, BASE + offset, length, memory)
            fields = (kind, flags, *place, self.align) if self.bits == 64 else (kind, *place, flags, self.align)
            programs += pack(self.order + ("IIQQQQQQ" if self.bits == 64 else "IIIIIIII"), *fields)
        ident = b"\x7fELF" + bytes([self.bits // 32, 1 if self.order == "<" else 2, 1]) + bytes(9)
        head, entry, section = (64, 56, 64) if self.bits == 64 else (52, 32, 40)
        form = "HHIQQQIHHHHHH" if self.bits == 64 else "HHIIIIIHHHHHH"
        header = pack(self.order + form, 3, self.machine, 1, 0, head, 0, 0, head, entry, len(parts), section, 0, 0)
        front = ident + header + programs
        body[: len(front)] = front

    def _symbol(self, one: Symbol, name: int) -> bytes:
        info, other = one.binding << 4 | 2, one.visibility
        if self.bits == 64:
            return pack(self.order + "IBBHQQ", name, info, other, one.section, 0x1234, 8)
        return pack(self.order + "IIIBBH", name, 0x1234, 8, info, other, one.section)

    def _gnu_hash(self, defined: list[Symbol], first: int) -> bytes:
        """Two buckets, a filter of one word that lets everything through."""
        buckets = [0, 0]
        chain = []
        for number, one in enumerate(defined):
            bucket = gnu(one.name) % 2
            buckets[bucket] = buckets[bucket] or first + number
            last = number + 1 == len(defined) or gnu(defined[number + 1].name) % 2 != bucket
            chain.append(gnu(one.name) & ~1 | last)
        filters = pack(self.order + ("Q" if self.bits == 64 else "I"), (1 << self.bits) - 1)
        words = pack(self.order + "4I", 2, first if defined else 1, 1, 5)
        return words + filters + pack(f"{self.order}{2 + len(chain)}I", *buckets, *chain)

    def _needs(self, strings: _Strings) -> bytes:
        made = b""
        for number, (library, versions) in enumerate(self.needs):
            parts = b""
            for index, (version, flags) in enumerate(versions):
                link = 16 if index + 1 < len(versions) else 0
                parts += pack(self.order + "IHHII", 0, flags, index + 2, strings.add(version), link)
            link = 16 + len(parts) if number + 1 < len(self.needs) else 0
            made += pack(self.order + "HHIII", 1, len(versions), strings.add(library), 16, link) + parts
        return made

    def _defines(self, strings: _Strings) -> bytes:
        made = b""
        for number, version in enumerate(self.defines):
            link = 28 if number + 1 < len(self.defines) else 0
            made += pack(self.order + "HHHHIII", 1, 0, number + 1, 1, 0, 20, link)
            made += pack(self.order + "II", strings.add(version), 0)
        return made


class _Strings:
    """A string table."""

    def __init__(self) -> None:
        self.data = bytearray(1)

    def add(self, name: str) -> int:
        """Return where the name stands."""
        if not name:
            return 0
        place = len(self.data)
        self.data += name.encode() + b"\0"
        return place


def gnu(name: str) -> int:
    """Hash a name, one byte at a time."""
    value = 5381
    for byte in name.encode():
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value
