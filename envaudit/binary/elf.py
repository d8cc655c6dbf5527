"""ELF files: what the loader reads of them, and where strings and code stand.

Section headers are read only when strings or code are searched, and may be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.binary.elf_headers import (
    DT_STRTAB,
    MAGIC,
    PF_W,
    PF_X,
    PT_DYNAMIC,
    PT_GNU_STACK,
    PT_LOAD,
    PT_TLS,
    STRINGS_LIMIT,
    ElfHeaders,
    string,
)
from envaudit.binary.elf_versions import needed_versions
from envaudit.binary.image import PYTHON_CALLS, Links, Range, Ranges

if TYPE_CHECKING:
    from envaudit.binary.elf_headers import Segment
    from envaudit.binary.image import RangeKind, Source

__all__ = ["MAGIC", "ElfImage", "read_interpreter"]

_DATA_LIMIT = 4 * 1024 * 1024  # writable data larger than this holds tables, not the strings looked for
_DT_SONAME, _DT_RPATH, _DT_RUNPATH, _DT_FLAGS = 14, 15, 29, 30
_DF_STATIC_TLS = 0x10
_SHT_PROGBITS = 1
_SHF_WRITE, _SHF_ALLOC, _SHF_EXECINSTR = 1, 2, 4

# Where glibc takes a missing PT_GNU_STACK for a wish for an executable stack (DEFAULT_STACK_PERMS of its stackinfo.h).
_EXECUTABLE_BY_DEFAULT = frozenset({"x86_64", "i686"})


class ElfImage:
    """What the headers of an ELF file say; an ``envaudit.binary.image.Image``. Raises ``ReadError``.

    ``strings`` is the table that ``headers.strings`` returns, empty without one. Without ``versions`` it is not read
    which symbol versions the file asks for.
    """

    __slots__ = ("bits", "convention", "format", "headers", "links", "machine", "may_use_numpy", "strings", "truncated")

    def __init__(self, source: Source, *, versions: bool = True) -> None:
        self.format = "elf"
        headers = self.headers = ElfHeaders(source)
        self.bits = headers.layout.bits
        self.machine = headers.machine
        self.convention = self.machine if self.bits == 64 else ""
        self.truncated = headers.truncated
        self.links = Links()
        self.may_use_numpy = False
        self.strings = b""
        if not headers.truncated and headers.segment(PT_DYNAMIC):
            self._read_links(versions=versions)

    def ranges(self) -> Ranges:
        """Return what is mapped where: by section headers, by segments when these tell too little."""
        return self._ranges_of_sections() or self._ranges_of_segments()

    def _read_links(self, *, versions: bool) -> None:
        """Read what the dynamic section and the segments ask of the loader."""
        headers = self.headers
        needed, single = headers.dynamic
        strings = b""
        if DT_STRTAB in single:
            strings = self.strings = headers.strings()
            self.may_use_numpy = PYTHON_CALLS.search(strings) is not None
        else:
            self.may_use_numpy = True  # nothing rules it out
            single, needed = {}, ()
        tls = headers.segment(PT_TLS)
        self.links = Links(
            soname=string(strings, single.get(_DT_SONAME)),
            needed=tuple([string(strings, index) for index in needed]),
            rpath=_folders(string(strings, single.get(_DT_RPATH))),
            runpath=_folders(string(strings, single.get(_DT_RUNPATH))),
            versions_needed=needed_versions(headers, strings) if strings and versions else (),
            exec_stack=self._wants_executable_stack(),
            static_tls=tls.memory if tls and single.get(_DT_FLAGS, 0) & _DF_STATIC_TLS else 0,
            min_align=min([part.align for part in headers.segments if part.type == PT_LOAD], default=0),
        )

    def _wants_executable_stack(self) -> bool:
        """Whether the loader has to make the stack executable for this file."""
        stack = self.headers.segment(PT_GNU_STACK)
        return self.machine in _EXECUTABLE_BY_DEFAULT if stack is None else bool(stack.flags & PF_X)

    def _ranges_of_sections(self) -> Ranges | None:
        """Return the ranges that the section headers name, ``None`` without strings or code among them."""
        source = self.headers.source
        table = self.headers.section_table()
        if not table:
            return None
        names_offset, names_size = table[self.headers.sections[3]][4:6]
        if names_size > STRINGS_LIMIT or names_offset + names_size > source.size:
            return None
        names = source.read(names_offset, names_size)
        text, data, code = [], [], []
        loaded = [each for each in table if each[1] == _SHT_PROGBITS and each[2] & _SHF_ALLOC]
        for name, _, flags, address, start, length, *_ in loaded:
            if not length or start + length > source.size:
                continue
            if flags & _SHF_EXECINSTR:
                code.append(Range(address, start, length, "x"))
            elif flags & _SHF_WRITE:
                data.append(Range(address, start, length, "rw"))
            elif names.startswith(b".rodata", name):
                text.append(Range(address, start, length, "ro"))
        data = [part for part in data if part.size <= _DATA_LIMIT]
        return Ranges(tuple(text), tuple(data), tuple(code)) if text and code else None

    def _ranges_of_segments(self) -> Ranges:
        """Return the loadable segments as ranges.

        Strings are searched in code segments too: older linkers put read-only data and code into one segment.
        """
        parts = [_range(part) for part in self.headers.segments if part.type == PT_LOAD and part.size]
        return Ranges(
            text=tuple(part for part in parts if part.kind != "rw"),
            data=tuple(part for part in parts if part.kind == "rw" and part.size <= _DATA_LIMIT),
            code=tuple(part for part in parts if part.kind == "x"),
        )


def read_interpreter(source: Source) -> tuple[str, int, str]:
    """Return machine, bits and the wanted loader of an ELF executable; raises ``ReadError``."""
    headers = ElfHeaders(source)
    return headers.machine, headers.layout.bits, "" if headers.truncated else headers.interpreter()


def _range(part: Segment) -> Range:
    """Turn a segment into a range."""
    kind: RangeKind = "x" if part.flags & PF_X else "rw" if part.flags & PF_W else "ro"
    return Range(part.address, part.offset, part.size, kind)


def _folders(text: str) -> tuple[str, ...]:
    """Split a search path."""
    return tuple([part for part in text.split(":") if part])
