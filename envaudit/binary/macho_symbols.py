"""Names that a Mach-O file takes from others, each with the library it expects it in, and those it offers itself.

In files with a two-level namespace, which is every file of today's linker, a name is bound to one library: it is
looked for there and nowhere else. Layout: ``mach-o/nlist.h`` and ``mach-o/loader.h`` of Apple's XNU.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from envaudit.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envaudit.binary.macho import MachImage

_SYMBOLS, _DYNAMIC_SYMBOLS = 0x2, 0xB
_DYLD_INFO, _DYLD_INFO_ONLY, _EXPORTS_TRIE = 0x22, 0x80000022, 0x80000033
# LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_REEXPORT_DYLIB, LC_LAZY_LOAD_DYLIB, LC_LOAD_UPWARD_DYLIB, counted from 1.
_LIBRARIES = frozenset({0xC, 0x80000018, 0x8000001F, 0x20, 0x80000023})
_REEXPORTED = 0x8000001F
_TWO_LEVEL = 0x80  # a flag of the header
_LAST_ORDINAL = 0xFD  # those behind are "looked up anywhere" and "in the program"

_STAB, _TYPE, _EXTERNAL = 0xE0, 0x0E, 0x01
_UNDEFINED = frozenset({0x0, 0xC})
_MAY_BE_ABSENT = 0x40  # N_WEAK_REF
_SHARED = 0x80  # N_REF_TO_WEAK: C++ templates and the like, which any library may provide

_COUNT_LIMIT = 2_000_000
_TABLE_LIMIT = 64 * 1024 * 1024
_STEP_LIMIT = 4_000_000  # branches that are looked at for all names of one question
_NAME_LIMIT = 16_384  # names of C++ templates have been seen with 9,000 characters


class MachSymbols:
    """``asks`` are the names by the library they are expected in, ``reexports`` libraries whose names it passes on.

    ``flat`` says that names are not bound to libraries: then ``asks`` is empty.
    """

    __slots__ = ("_trie", "asks", "flat", "reexports")

    def __init__(self, image: MachImage) -> None:
        order = image.order
        numbers = {"<": "little", ">": "big"}[order]
        libraries: list[str] = []
        reexports: list[str] = []
        symbols = dynamic = b""
        trie = (0, 0)
        for command, body in image.commands():
            if command in _LIBRARIES:
                libraries.append(image.name_in(body))
                if command == _REEXPORTED:
                    reexports.append(libraries[-1])
            elif command == _SYMBOLS:
                symbols = body
            elif command == _DYNAMIC_SYMBOLS:
                dynamic = body
            elif command in {_DYLD_INFO, _DYLD_INFO_ONLY} and len(body) >= 40:
                trie = Struct(order + "II").unpack_from(body, 32)
            elif command == _EXPORTS_TRIE and len(body) >= 8:
                trie = Struct(order + "II").unpack_from(body)
        self.flat = not int.from_bytes(image.flags, numbers) & _TWO_LEVEL  # type: ignore[arg-type]  # one of the two
        self.reexports = tuple(reexports)
        if trie[1] > _TABLE_LIMIT:
            raise ReadError(f"{trie[1]} bytes of exported names, more than are read")
        self._trie = image.read(*trie) if trie[1] else b""
        self.asks: Mapping[str, frozenset[bytes]] = {}
        if not self.flat and len(symbols) >= 16 and len(dynamic) >= 24:
            self.asks = _asked(image, symbols, dynamic, libraries)

    @property
    def is_complete(self) -> bool:
        """Whether all names the file offers are known: an old file has no table of them that can be searched."""
        return bool(self._trie)

    def provides(self, names: frozenset[bytes]) -> frozenset[bytes]:
        """Return those of the names that the file itself exports; raises ``ReadError``."""
        found = set()
        left = _STEP_LIMIT
        for name in names:
            there, steps = _in_trie(self._trie, name)
            if there:
                found.add(name)
            left -= steps
            if left < 0:
                raise ReadError("the tree of exported names takes too long to search")
        return frozenset(found)


def _asked(image: MachImage, symbols: bytes, dynamic: bytes, libraries: list[str]) -> dict[str, frozenset[bytes]]:
    """Read the undefined names that must be found in one library."""
    table, _, strings_at, strings_size = Struct(image.order + "4I").unpack_from(symbols)
    first, count = Struct(image.order + "2I").unpack_from(dynamic, 16)
    form = Struct(image.order + ("IBBHQ" if image.bits == 64 else "IBBHI"))
    if count > _COUNT_LIMIT or strings_size > _TABLE_LIMIT:
        raise ReadError(f"{count} undefined names, or {strings_size} bytes of names, more than are read")
    data = image.read(table + first * form.size, count * form.size)
    strings = image.read(strings_at, strings_size)
    found: dict[str, set[bytes]] = {}
    for place, kind, _, described, _ in form.iter_unpack(data):
        ordinal = described >> 8 & 0xFF
        if kind & _STAB or not kind & _EXTERNAL or kind & _TYPE not in _UNDEFINED:
            continue
        if described & (_MAY_BE_ABSENT | _SHARED) or not 0 < ordinal <= min(len(libraries), _LAST_ORDINAL):
            continue
        end = strings.find(b"\0", place, place + _NAME_LIMIT)
        if end > place:
            found.setdefault(libraries[ordinal - 1], set()).add(strings[place:end])
    return {name: frozenset(names) for name, names in found.items()}


def _in_trie(trie: bytes, name: bytes) -> tuple[bool, int]:
    """Walk the tree of exported names: each branch carries some of the characters, and may carry none of them.

    Return whether the name is there, and how many branches were looked at.
    """
    waiting = [(0, 0)]
    seen = {0}
    steps = 0
    while waiting and steps <= _STEP_LIMIT:
        place, done = waiting.pop()
        size, after = _number(trie, place)
        if done == len(name) and size:
            return True, steps
        for branch, child in _branches(trie, after + size):
            steps += 1
            if name.startswith(branch, done) and child not in seen:
                seen.add(child)
                waiting.append((child, done + len(branch)))
    return False, steps


def _branches(trie: bytes, place: int) -> Iterator[tuple[bytes, int]]:
    """Yield the characters of each branch of a node, and where it leads."""
    if place >= len(trie):
        raise ReadError("a node of the exported names lies outside them")
    count = trie[place]
    place += 1
    for _ in range(count):
        end = trie.find(b"\0", place, place + _NAME_LIMIT)
        if end < 0:
            raise ReadError("an exported name has no end")
        child, after = _number(trie, end + 1)
        yield trie[place:end], child
        place = after


def _number(data: bytes, place: int) -> tuple[int, int]:
    """Read a number of seven bits a byte (ULEB128); return it and the place behind it."""
    value = shift = 0
    while shift < 63:
        if place >= len(data):
            raise ReadError("a number lies outside the exported names")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, place
        shift += 7
    raise ReadError("a number of the exported names is too long")
