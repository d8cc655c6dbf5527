"""ELF files: the headers that the loader reads, and no more of the file than they ask for.

Both byte orders and both word sizes. The layout is that of the System V ABI (gABI chapters 4 and 5). Program headers
come first: they alone decide whether a file is cut short, and the loader needs nothing else. Section headers are read
only when strings or code are searched, and may be missing.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary.image import Links, Range, Ranges
from envaudit.errors import ReadError

if TYPE_CHECKING:
    from envaudit.binary.image import RangeKind, Source

MAGIC = b"\x7fELF"

_COUNT_LIMIT = 4096  # program headers, sections; real files have a few dozen
_STRINGS_LIMIT = 64 * 1024 * 1024
_DYNAMIC_LIMIT = 64 * 1024
_NAME_LIMIT = 4096
_DATA_LIMIT = 4 * 1024 * 1024  # writable data larger than this holds tables, not the strings looked for

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 5, 10, 14, 15, 29
_SHT_PROGBITS = 1
_SHF_WRITE, _SHF_ALLOC, _SHF_EXECINSTR = 1, 2, 4
_PF_X, _PF_W = 1, 2
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

# A user of NumPy's C API fetches a capsule; a Cython module with a size check imports and reads attributes. All of
# these names stand in the dynamic string table, because the interpreter provides the functions.
_PYTHON_CALLS = (b"PyCapsule_", b"PyImport_", b"PyObject_GetAttrString")


class _Layout(NamedTuple):
    """How numbers are stored: in one byte order and word size."""

    bits: int
    header: Struct  # after the 16 bytes of identification
    program: Struct
    section: Struct
    dynamic: Struct


def _layout(bits: int, order: str) -> _Layout:
    """Make the layout for a word size and a byte order (``<`` or ``>``)."""
    if bits == 64:
        forms = ("HHIQQQIHHHHHH", "IIQQQQQQ", "IIQQQQIIQQ", "QQ")
    else:
        forms = ("HHIIIIIHHHHHH", "IIIIIIII", "IIIIIIIIII", "II")
    return _Layout(bits, *(Struct(order + form) for form in forms))


# By the bytes EI_CLASS and EI_DATA.
_LAYOUTS = {
    b"\x01\x01": _layout(32, "<"),
    b"\x01\x02": _layout(32, ">"),
    b"\x02\x01": _layout(64, "<"),
    b"\x02\x02": _layout(64, ">"),
}


class _Segment(NamedTuple):
    """A program header."""

    type: int
    flags: int
    offset: int
    address: int
    size: int  # in the file


class ElfImage:
    """What the headers of an ELF file say; an ``envaudit.binary.image.Image``.

    Raises ``ReadError`` when they contradict each other or the file. A file that ends before its program headers or
    before its last segment is not an error: it is ``truncated``, and nothing else of it is read.
    """

    __slots__ = (
        "_layout",
        "_sections",
        "_segments",
        "_source",
        "bits",
        "format",
        "links",
        "machine",
        "may_use_numpy",
        "truncated",
    )

    def __init__(self, source: Source) -> None:
        self.format = "elf"
        self.links = Links()
        self.may_use_numpy = False
        self._source = source
        self._segments: list[_Segment] = []
        head = source.start(1024)
        layout = self._layout = _layout_of(head)
        self.bits = layout.bits
        if len(head) < 16 + layout.header.size:
            raise ReadError("the file ends inside its ELF header")
        fields = layout.header.unpack_from(head, 16)
        self.machine = _machine(fields[1], self.bits, little=head[5] == 1)
        self._sections = (fields[5], fields[10], fields[11], fields[12])
        table = self._program_table(head, offset=fields[4], size=fields[8], count=fields[9])
        self.truncated = table is None
        if table is None:
            return
        self._segments = [_segment(entry, self.bits) for entry in layout.program.iter_unpack(table)]
        ends = [part.offset + part.size for part in self._segments if part.type == _PT_LOAD]
        self.truncated = max(ends, default=0) > source.size
        if not self.truncated:
            self._read_dynamic()

    def interpreter(self) -> str:
        """Return the path of the loader that the file asks for (``PT_INTERP``), empty when it asks for none."""
        for part in self._segments:
            if part.type == _PT_INTERP:
                raw = self._source.read(part.offset, min(part.size, _NAME_LIMIT))
                return _decode(raw.split(b"\0", 1)[0])
        return ""

    def ranges(self) -> Ranges:
        """Return what is mapped where: by section headers, by segments when these tell too little."""
        return self._ranges_of_sections() or self._ranges_of_segments()

    def _program_table(self, head: bytes, *, offset: int, size: int, count: int) -> bytes | None:
        """Return the bytes of the program headers, ``None`` when the file ends before they do."""
        if count == 0:
            return b""
        if size != self._layout.program.size:
            raise ReadError(f"program headers of {size} bytes, not {self._layout.program.size}")
        if count == _PN_XNUM or count > _COUNT_LIMIT:
            raise ReadError(f"{count} program headers, more than the {_COUNT_LIMIT} that are read")
        end = offset + size * count
        if end > self._source.size:
            return None
        return head[offset:end] if end <= len(head) else self._source.read(offset, size * count)

    def _read_dynamic(self) -> None:
        """Read the dynamic section and the strings it names."""
        for part in self._segments:
            if part.type == _PT_DYNAMIC:
                break
        else:
            return
        dynamic = self._layout.dynamic
        data = self._source.read(part.offset, min(part.size, _DYNAMIC_LIMIT))
        single: dict[int, int] = {}
        needed: list[int] = []
        for tag, value in dynamic.iter_unpack(data[: len(data) // dynamic.size * dynamic.size]):
            if tag == 0:
                break
            if tag == _DT_NEEDED:
                needed.append(value)
            else:
                single[tag] = value
        if _DT_STRTAB not in single:
            self.may_use_numpy = True  # nothing rules it out
            return
        size = single.get(_DT_STRSZ, 0)
        if size > _STRINGS_LIMIT:
            raise ReadError(f"a string table of {size} bytes, more than the {_STRINGS_LIMIT} that are read")
        strings = self._source.read(self._offset_of(single[_DT_STRTAB]), size)
        self.may_use_numpy = any(call in strings for call in _PYTHON_CALLS)
        self.links = Links(
            soname=_string(strings, single.get(_DT_SONAME)),
            needed=tuple(_string(strings, index) for index in needed),
            rpath=_folders(_string(strings, single.get(_DT_RPATH))),
            runpath=_folders(_string(strings, single.get(_DT_RUNPATH))),
        )

    def _offset_of(self, address: int) -> int:
        """Translate an address into an offset in the file."""
        for part in self._segments:
            if part.type == _PT_LOAD and part.address <= address < part.address + part.size:
                return address - part.address + part.offset
        raise ReadError(f"address 0x{address:x} is not in any segment of the file")

    def _ranges_of_sections(self) -> Ranges | None:
        """Return the ranges that the section headers name, ``None`` without strings or code among them."""
        offset, size, count, names_index = self._sections
        form = self._layout.section
        fits = size == form.size and 0 < count <= _COUNT_LIMIT and names_index < count
        if not fits or offset + size * count > self._source.size:
            return None
        headers = list(form.iter_unpack(self._source.read(offset, size * count)))
        names_offset, names_size = headers[names_index][4:6]
        if names_size > _STRINGS_LIMIT or names_offset + names_size > self._source.size:
            return None
        names = self._source.read(names_offset, names_size)
        text, data, code = [], [], []
        for name, kind, flags, address, start, length, *_ in headers:
            if kind != _SHT_PROGBITS or not flags & _SHF_ALLOC or not length or start + length > self._source.size:
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
        parts = [_range(part) for part in self._segments if part.type == _PT_LOAD and part.size]
        return Ranges(
            text=tuple(part for part in parts if part.kind != "rw"),
            data=tuple(part for part in parts if part.kind == "rw" and part.size <= _DATA_LIMIT),
            code=tuple(part for part in parts if part.kind == "x"),
        )


def read_interpreter(source: Source) -> tuple[str, int, str]:
    """Return machine, bits and the wanted loader of an ELF executable; raises ``ReadError``."""
    image = ElfImage(source)
    return image.machine, image.bits, "" if image.truncated else image.interpreter()


def _layout_of(head: bytes) -> _Layout:
    """Choose the layout by the identification bytes."""
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


def _segment(entry: tuple[int, ...], bits: int) -> _Segment:
    """Put the fields of a program header in one order: the flags stand elsewhere in 32-bit files."""
    if bits == 64:
        return _Segment(entry[0], entry[1], entry[2], entry[3], entry[5])
    return _Segment(entry[0], entry[6], entry[1], entry[2], entry[4])


def _range(part: _Segment) -> Range:
    """Turn a segment into a range."""
    kind: RangeKind = "x" if part.flags & _PF_X else "rw" if part.flags & _PF_W else "ro"
    return Range(part.address, part.offset, part.size, kind)


def _string(strings: bytes, index: int | None) -> str:
    """Return the NUL-terminated string at ``index`` of the string table, empty for no index."""
    if index is None:
        return ""
    if index >= len(strings):
        raise ReadError(f"string {index} lies outside the string table of {len(strings)} bytes")
    end = strings.find(b"\0", index, index + _NAME_LIMIT)
    if end < 0:
        raise ReadError(f"string {index} of the string table has no end")
    return _decode(strings[index:end])


def _folders(text: str) -> tuple[str, ...]:
    """Split a search path."""
    return tuple(part for part in text.split(":") if part)


def _decode(raw: bytes) -> str:
    """Make text of bytes that need not be UTF-8, so that it can always be printed."""
    return raw.decode("utf-8", "backslashreplace")
