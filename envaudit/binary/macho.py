"""Mach-O files of macOS: one slice of them, what the loader reads of it, and where strings and code stand.

A universal ("fat") file holds a whole Mach-O file for each machine; it is read for one of them. Layout:
``mach-o/fat.h`` and ``mach-o/loader.h`` of Apple's XNU. Both byte orders and both word sizes.
"""

from __future__ import annotations

from struct import Struct, unpack
from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary.image import PYTHON_CALLS, Links, Range, Ranges, decode
from envaudit.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.binary.image import RangeKind, Source

_FAT_MAGICS = (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")

_SLICE_LIMIT = 16  # a file with more is a Java class file, which begins with the same bytes
_COMMAND_LIMIT = 2048
_COMMANDS_SIZE_LIMIT = 4 * 1024 * 1024
_SECTION_LIMIT = 512  # of one segment
_STRINGS_LIMIT = 64 * 1024 * 1024
_DATA_LIMIT = 4 * 1024 * 1024

_SEGMENT_32, _SYMBOLS, _SEGMENT_64, _MIN_MACOS, _BUILD_VERSION = 0x1, 0x2, 0x19, 0x24, 0x32
# Commands that hold a name -> what it is: LC_LOAD_DYLIB, LC_REEXPORT_DYLIB, LC_LOAD_UPWARD_DYLIB; LC_LOAD_WEAK_DYLIB,
# LC_LAZY_LOAD_DYLIB; LC_ID_DYLIB; LC_RPATH.
_NAMES = {
    0xC: "needed",
    0x8000001F: "needed",
    0x80000023: "needed",
    0x80000018: "needed_late",
    0x20: "needed_late",
    0xD: "soname",
    0x8000001C: "rpath",
}
_PLATFORM_MACOS = 1
_ZERO_FILL = frozenset({0x1, 0xC, 0x12})  # section types without bytes in the file
_INSTRUCTIONS = 0x80000400

# cputype -> the name that platform.machine() gives such a computer.
_MACHINES = {7: "i386", 12: "arm", 18: "Power Macintosh", 0x01000007: "x86_64", 0x0100000C: "arm64"}
_CONVENTIONS = {"x86_64": "x86_64", "arm64": "aarch64-apple"}
_SAME_MACHINE = {"aarch64": "arm64", "amd64": "x86_64", "i686": "i386"}


class _Layout(NamedTuple):
    """How numbers are stored: in one byte order and word size."""

    order: str
    bits: int
    segment: Struct  # after command and size
    section: Struct


def _layout(order: str, bits: int) -> _Layout:
    """Make the layout for a byte order and a word size."""
    forms = ("16sQQQQiiII", "16s16sQQIIIIIIII") if bits == 64 else ("16sIIIIiiII", "16s16sIIIIIIIII")
    return _Layout(order, bits, Struct(order + forms[0]), Struct(order + forms[1]))


_LAYOUTS = {
    b"\xcf\xfa\xed\xfe": _layout("<", 64),
    b"\xce\xfa\xed\xfe": _layout("<", 32),
    b"\xfe\xed\xfa\xcf": _layout(">", 64),
    b"\xfe\xed\xfa\xce": _layout(">", 32),
}


class MachImage:
    """What the load commands of one slice say; an ``envaudit.binary.image.Image``. Raises ``ReadError``.

    ``machine`` chooses the slice of a universal file; without it, or when there is none for it, the first for x86_64
    or arm64 is taken, else the first.
    """

    __slots__ = (
        "_base",
        "_commands_at",
        "_layout",
        "_ranges",
        "_size",
        "_source",
        "bits",
        "convention",
        "flags",
        "format",
        "links",
        "machine",
        "may_use_numpy",
        "truncated",
    )

    def __init__(self, source: Source, machine: str = "") -> None:
        self.format = "macho"
        self._source = source
        self._base, self._size = _slice(source, machine)
        # A slice that begins or ends behind the end of the file.
        self.truncated = self._base + self._size > source.size
        self._ranges: list[Range] = []
        self.links = Links()
        self.may_use_numpy = False
        head = source.read(self._base, min(32, max(source.size - self._base, 0)))
        layout = _LAYOUTS.get(head[:4])
        if layout is None:
            raise ReadError("a slice of the universal file is no Mach-O file")
        if len(head) < 28:
            raise ReadError("the file ends inside its Mach-O header")
        self._layout = layout
        self.bits = layout.bits
        kind, _, _, count, size = unpack(layout.order + "5I", head[4:24])
        self.flags = head[24:28]
        self.machine = _MACHINES.get(kind, f"machine-{kind}")
        self.convention = _CONVENTIONS.get(self.machine, "")
        start = self._base + (32 if layout.bits == 64 else 28)
        if count > _COMMAND_LIMIT or size > _COMMANDS_SIZE_LIMIT:
            raise ReadError(f"{count} load commands of {size} bytes, more than are read")
        self._commands_at = (start, size, count)
        if start + size > source.size:
            self.truncated = True
        else:
            self._read_commands(source.read(start, size), count)

    @property
    def order(self) -> str:
        """The byte order of its numbers, as ``struct`` writes it."""
        return self._layout.order

    def read(self, offset: int, size: int) -> bytes:
        """Read a part of the slice; raises ``ReadError``."""
        return self._source.read(self._base + offset, size)

    def commands(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and content of each load command; raises ``ReadError``."""
        start, size, count = self._commands_at
        yield from self._commands(self._source.read(start, size), count)

    def name_in(self, body: bytes) -> str:
        """Return the name in a load command that holds one; raises ``ReadError``."""
        return self._name(body)

    def ranges(self) -> Ranges:
        """Return what is mapped where."""
        return Ranges(
            text=tuple(part for part in self._ranges if part.kind == "ro"),
            data=tuple(part for part in self._ranges if part.kind == "rw" and part.size <= _DATA_LIMIT),
            code=tuple(part for part in self._ranges if part.kind == "x"),
        )

    def _read_commands(self, data: bytes, count: int) -> None:
        """Read the load commands that matter."""
        names: dict[str, list[str]] = {kind: [] for kind in _NAMES.values()}
        min_os = ""
        symbols: bytes | None = None
        for command, body in self._commands(data, count):
            if command in {_SEGMENT_32, _SEGMENT_64}:
                self._read_segment(body)
            elif command in _NAMES:
                names[_NAMES[command]].append(self._name(body))
            elif command == _SYMBOLS:
                symbols = body
            elif command in {_MIN_MACOS, _BUILD_VERSION}:
                min_os = self._min_os(command, body) or min_os
        if self.truncated:
            return
        self.links = Links(
            soname="".join(names["soname"][:1]),
            needed=tuple(names["needed"]),
            needed_late=tuple(names["needed_late"]),
            rpath=tuple(names["rpath"]),
            min_os=min_os,
        )
        self.may_use_numpy = self._asks_for_python(symbols)

    def _commands(self, data: bytes, count: int) -> Iterator[tuple[int, bytes]]:
        """Yield number and content of each command."""
        place = 0
        for _ in range(count):
            if place + 8 > len(data):
                raise ReadError("a load command lies outside the load commands")
            command, size = unpack(self._layout.order + "2I", data[place : place + 8])
            if size < 8 or place + size > len(data):
                raise ReadError(f"a load command of {size} bytes where {len(data) - place} are left")
            yield command, data[place + 8 : place + size]
            place += size

    def _read_segment(self, body: bytes) -> None:
        """Remember the sections of a segment, and whether the file holds all of it."""
        form, section = self._layout.segment, self._layout.section
        if len(body) < form.size:
            raise ReadError("a segment command is too short")
        segment, _, _, offset, size, _, _, count, _ = form.unpack_from(body)
        if offset + size > min(self._size, self._source.size - self._base):
            self.truncated = True
            return
        if count > _SECTION_LIMIT or form.size + count * section.size > len(body):
            raise ReadError(f"{count} sections in one segment, more than it holds or are read")
        for fields in section.iter_unpack(body[form.size : form.size + count * section.size]):
            _, owner, address, length, start, _, _, _, flags, *_ = fields
            if flags & 0xFF in _ZERO_FILL or not length or self._base + start + length > self._source.size:
                continue
            # In object files all sections are in one segment without a name: the section says where it belongs.
            is_text = (segment.rstrip(b"\0") or owner.rstrip(b"\0")) == b"__TEXT"
            kind: RangeKind = "x" if flags & _INSTRUCTIONS else "ro" if is_text else "rw"
            self._ranges.append(Range(address, self._base + start, length, kind))

    def _name(self, body: bytes) -> str:
        """Return the string of a command, whose place its first number tells."""
        offset = int.from_bytes(body[:4], "little" if self._layout.order == "<" else "big") - 8
        if not 4 <= offset <= len(body):
            raise ReadError("the name in a load command lies outside it")
        return decode(body[offset:].split(b"\0", 1)[0])

    def _min_os(self, command: int, body: bytes) -> str:
        """Return the oldest macOS of a command: ``11.0``; empty when it is about another system."""
        if len(body) < 8:
            raise ReadError("a version command is too short")
        first, second = unpack(self._layout.order + "2I", body[:8])
        if command == _BUILD_VERSION and first != _PLATFORM_MACOS:
            return ""
        version = second if command == _BUILD_VERSION else first
        patch = f".{version & 0xFF}" if version & 0xFF else ""
        return f"{version >> 16}.{version >> 8 & 0xFF}{patch}"

    def _asks_for_python(self, symbols: bytes | None) -> bool:
        """Whether the names of its symbols leave open that it uses NumPy's C API."""
        if symbols is None or len(symbols) < 16:
            return True
        _, _, offset, size = unpack(self._layout.order + "4I", symbols[:16])
        if size > _STRINGS_LIMIT:
            return True
        strings = self._source.read(self._base + offset, size)
        return PYTHON_CALLS.search(strings) is not None


def _slice(source: Source, machine: str) -> tuple[int, int]:
    """Return offset and size of the Mach-O file for a machine."""
    head = source.start(8)
    if head[:4] not in _FAT_MAGICS:
        return 0, source.size
    if len(head) < 8:
        raise ReadError("the file ends inside its universal header")
    count = int.from_bytes(head[4:], "big")
    if not 0 < count <= _SLICE_LIMIT:
        raise ReadError(f"a universal file of {count} slices, or a Java class file")
    form = Struct(">IIIII" if head[:4] == _FAT_MAGICS[0] else ">IIQQII")
    if 8 + count * form.size > source.size:
        raise ReadError("the file ends inside its universal header")
    slices: dict[str, tuple[int, int]] = {}
    for kind, _, offset, size, *_ in form.iter_unpack(source.read(8, count * form.size)):
        slices.setdefault(_MACHINES.get(kind, f"machine-{kind}"), (offset, size))
    wanted = _SAME_MACHINE.get(machine.lower(), machine)
    common = [name for name in slices if name in _CONVENTIONS]
    return slices[wanted if wanted in slices else (common or list(slices))[0]]
