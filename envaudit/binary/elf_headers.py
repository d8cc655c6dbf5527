"""The headers of ELF files that the loader reads, in both byte orders and both word sizes.

The layout is that of the System V ABI (gABI chapters 4 and 5). Program headers come first: they alone decide whether
a file is cut short, and the loader needs nothing else.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary.image import decode
from envaudit.errors import ReadError

if TYPE_CHECKING:
    from envaudit.binary.image import Source

MAGIC = b"\x7fELF"
COUNT_LIMIT = 4096  # program headers, sections; real files have a few dozen
STRINGS_LIMIT = 256 * 1024 * 1024  # 82 MiB in TensorFlow
_DYNAMIC_LIMIT = 64 * 1024
_NAME_LIMIT = 4096
_NAMES_USUAL = 512  # bytes of the names of sections

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS, PT_GNU_STACK = 1, 2, 3, 7, 0x6474E551
PF_X, PF_W = 1, 2
DT_NEEDED, DT_STRTAB, DT_STRSZ = 1, 5, 10
_PN_XNUM = 0xFFFF

# e_machine -> the name that platform.machine() gives such a computer.
_MACHINES = {
    2: "sparc",
    3: "i686",
    8: "mips",
    20: "ppc",
    21: "ppc64",
    22: "s390x",
    40: "armv7l",
    43: "sparc64",
    50: "ia64",
    62: "x86_64",
    183: "aarch64",
    243: "riscv",
    258: "loongarch",
}


class Layout(NamedTuple):
    """How numbers are stored: in one byte order (``<`` or ``>``) and word size."""

    bits: int
    order: str
    header: Struct  # after the 16 bytes of identification
    program: Struct
    section: Struct
    dynamic: Struct


def _layout(bits: int, order: str) -> Layout:
    """Make the layout for a word size and a byte order."""
    if bits == 64:
        forms = ("HHIQQQIHHHHHH", "IIQQQQQQ", "IIQQQQIIQQ", "QQ")
    else:
        forms = ("HHIIIIIHHHHHH", "IIIIIIII", "IIIIIIIIII", "II")
    return Layout(bits, order, *(Struct(order + form) for form in forms))


# By the bytes EI_CLASS and EI_DATA.
_LAYOUTS = {
    b"\x01\x01": _layout(32, "<"),
    b"\x01\x02": _layout(32, ">"),
    b"\x02\x01": _layout(64, "<"),
    b"\x02\x02": _layout(64, ">"),
}


class Segment(NamedTuple):
    """A program header, its fields in the order of 64-bit files."""

    type: int
    flags: int
    offset: int
    address: int
    physical: int  # never used
    size: int  # in the file
    memory: int  # when loaded
    align: int


class Dynamic(NamedTuple):
    """The dynamic section: the names of needed libraries as string offsets, and the last value of each other tag."""

    needed: tuple[int, ...] = ()
    single: dict[int, int] = {}  # noqa: RUF012  never changed


class ElfHeaders:
    """ELF header, program headers and dynamic section of a file.

    Raises ``ReadError`` when they contradict each other or the file. A file that ends before its program headers or
    before its last segment is not an error: it is ``truncated``, and nothing else of it is read.
    ``sections`` are offset, entry size and number of the section headers, and the index of the one with their names.
    """

    __slots__ = ("dynamic", "layout", "machine", "sections", "segments", "source", "truncated")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.segments: list[Segment] = []
        self.dynamic = Dynamic()
        head = source.start(1024)
        layout = self.layout = _layout_of(head)
        if len(head) < 16 + layout.header.size:
            raise ReadError("the file ends inside its ELF header")
        fields = layout.header.unpack_from(head, 16)
        self.machine = _machine(fields[1], layout.bits, little=layout.order == "<")
        self.sections: tuple[int, int, int, int] = (fields[5], fields[10], fields[11], fields[12])
        table = self._program_table(head, offset=fields[4], size=fields[8], count=fields[9])
        self.truncated = table is None
        if table is None:
            return
        self.segments = list(map(Segment._make if layout.bits == 64 else _segment, layout.program.iter_unpack(table)))
        ends = [part.offset + part.size for part in self.segments if part.type == PT_LOAD]
        self.truncated = max(ends, default=0) > source.size
        if not self.truncated:
            self.dynamic = self._read_dynamic()

    def segment(self, kind: int) -> Segment | None:
        """Return the first segment of a type."""
        for part in self.segments:
            if part.type == kind:
                return part
        return None

    def offset_of(self, address: int) -> int:
        """Translate an address into an offset in the file."""
        for part in self.segments:
            if part.type == PT_LOAD and part.address <= address < part.address + part.size:
                return address - part.address + part.offset
        raise ReadError(f"address 0x{address:x} is not in any segment of the file")

    def strings(self) -> bytes:
        """Return the table of the names that the dynamic section and the dynamic symbols mention."""
        single = self.dynamic.single
        size = single.get(DT_STRSZ, 0)
        if size > STRINGS_LIMIT:
            raise ReadError(f"a string table of {size} bytes, more than the {STRINGS_LIMIT} that are read")
        return self.source.read(self.offset_of(single[DT_STRTAB]), size)

    def interpreter(self) -> str:
        """Return the path of the loader that the file asks for (``PT_INTERP``), empty when it asks for none."""
        part = self.segment(PT_INTERP)
        if part is None:
            return ""
        return decode(self.source.read(part.offset, min(part.size, _NAME_LIMIT)).split(b"\0", 1)[0])

    def section_table(self) -> list[tuple[int, ...]]:
        """Return the section headers; empty when there are none, or not where the ELF header says."""
        offset, size, count, names_index = self.sections
        form = self.layout.section
        fits = size == form.size and 0 < count <= COUNT_LIMIT and names_index < count
        if not fits or offset + size * count > self.source.size:
            return []
        # Linkers put the names right before: both are read at once.
        before = min(offset, _NAMES_USUAL)
        self.source.keep(offset - before, before + size * count)
        return list(form.iter_unpack(self.source.read(offset, size * count)))

    def _program_table(self, head: bytes, *, offset: int, size: int, count: int) -> bytes | None:
        """Return the bytes of the program headers, ``None`` when the file ends before they do."""
        if count == 0:
            return b""
        if size != self.layout.program.size:
            raise ReadError(f"program headers of {size} bytes, not {self.layout.program.size}")
        if count == _PN_XNUM or count > COUNT_LIMIT:
            raise ReadError(f"{count} program headers, more than the {COUNT_LIMIT} that are read")
        end = offset + size * count
        if end > self.source.size:
            return None
        return head[offset:end] if end <= len(head) else self.source.read(offset, size * count)

    def _read_dynamic(self) -> Dynamic:
        """Read the dynamic section."""
        part = self.segment(PT_DYNAMIC)
        if part is None:
            return Dynamic()
        form = self.layout.dynamic
        data = self.source.read(part.offset, min(part.size, _DYNAMIC_LIMIT))
        if data and data.count(0) == len(data):
            raise ReadError("there are only zeros where its dynamic section should be")
        entries = list(form.iter_unpack(data[: len(data) // form.size * form.size]))
        tags = [tag for tag, _ in entries]
        if 0 in tags:  # the end
            del entries[tags.index(0) :]
        single = dict(entries)
        single.pop(DT_NEEDED, None)
        return Dynamic(tuple([value for tag, value in entries if tag == DT_NEEDED]), single)


def string(strings: bytes, index: int | None) -> str:
    """Return the NUL-terminated string at ``index`` of the string table, empty for no index."""
    if index is None:
        return ""
    if index >= len(strings):
        raise ReadError(f"string {index} lies outside the string table of {len(strings)} bytes")
    end = strings.find(b"\0", index, index + _NAME_LIMIT)
    if end < 0:
        raise ReadError(f"string {index} of the string table has no end")
    return decode(strings[index:end])


def _layout_of(head: bytes) -> Layout:
    """Choose the layout by the identification bytes."""
    if not head.startswith(MAGIC):
        raise ReadError("not an ELF file")
    layout = _LAYOUTS.get(head[4:6])
    if layout is None:
        raise ReadError("neither a 32-bit nor a 64-bit ELF file" if len(head) >= 6 else "the file ends in its magic")
    return layout


def _machine(number: int, bits: int, *, little: bool) -> str:
    """Name the machine of ``e_machine``."""
    name = _MACHINES.get(number)
    if name is None:
        return f"machine-{number}"
    if name == "ppc64" and little:
        return "ppc64le"
    if name in {"riscv", "loongarch"}:
        return f"{name}{bits}"
    return name


def _segment(entry: tuple[int, ...]) -> Segment:
    """Bring the fields of a 32-bit program header, whose flags stand elsewhere, into the order of 64-bit files."""
    kind, offset, address, physical, size, memory, flags, align = entry
    return Segment(kind, flags, offset, address, physical, size, memory, align)
