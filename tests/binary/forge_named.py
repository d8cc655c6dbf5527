"""Make Mach-O and PE files that take names from libraries and offer names themselves."""

from __future__ import annotations

from struct import pack

from tests.binary.forge_others import ARM64, Mach, Pe

LOAD, WEAK, REEXPORT, UPWARD, IDENTITY, RPATH = 0xC, 0x80000018, 0x8000001F, 0x80000023, 0xD, 0x8000001C
MAY_BE_ABSENT, SHARED = 0x40, 0x80
ANYWHERE = 0xFE


def trie(names: list[bytes]) -> bytes:
    """Return the tree of exported names as the linker writes it: branches with and without characters."""
    return _tree(sorted(set(names)))


def _tree(names: list[bytes]) -> bytes:
    """Lay the nodes out one after the other; all places take two bytes."""
    nodes: list[tuple[bytes, list[tuple[bytes, int]]]] = []

    def add(group: list[bytes]) -> int:
        number = len(nodes)
        nodes.append((b"", []))
        terminal = b"\x02\x00\x10" if b"" in group else b"\x00"
        rest = [name for name in group if name]
        branches = []
        for first in sorted({name[:1] for name in rest}):
            same = [name for name in rest if name[:1] == first]
            length = 1
            while len({name[:length] for name in same}) == 1 and all(len(name) >= length for name in same):
                length += 1
            prefix = same[0][: length - 1]
            branches.append((prefix, add([name[len(prefix) :] for name in same])))
        nodes[number] = (terminal, branches)
        return number

    add(names)
    sizes = [len(terminal) + 1 + sum(len(text) + 3 for text, _ in branches) for terminal, branches in nodes]
    places = [sum(sizes[:number]) for number in range(len(nodes))]
    body = b""
    for terminal, branches in nodes:
        body += terminal + bytes([len(branches)])
        for text, number in branches:
            body += text + b"\0" + bytes([places[number] & 0x7F | 0x80, places[number] >> 7])
    return body


def mach(
    *commands: tuple[int, str],
    asks: tuple[tuple[str, int], ...] = (),
    exports: tuple[str, ...] | None = (),
    flat: bool = False,
    cpu: int = ARM64,
    minimum: int = 0x000B0000,
    table: bytes | None = None,
) -> bytes:
    """Return a Mach-O file; ``asks`` are ``(name, number of the library, or that with flags in the low byte)``.

    The tables stand behind the file that ``Mach`` makes; ``exports=None`` leaves the table of exported names out.
    """
    body = bytearray(bytes(Mach(cpu=cpu, names=commands, min_macos=minimum, symbols=None)))
    strings = b"\0"
    entries = b""
    for name, described in asks:
        entries += pack("<IBBHQ", len(strings), 1, 0, described if described > 0xFF else described << 8, 0)
        strings += b"_" + name.encode() + b"\0"
    if table is None:
        table = trie([b"_" + name.encode() for name in exports]) if exports else b""
    at = len(body)
    more = pack("<6I", 2, 24, at, len(asks), at + len(entries), len(strings))
    more += pack("<20I", 0xB, 80, 0, 0, 0, 0, 0, len(asks), *([0] * 12))
    count = 2
    if table:
        more += pack("<4I", 0x80000033, 16, at + len(entries) + len(strings), len(table))
        count += 1
    old_count, old_size = (int.from_bytes(body[start : start + 4], "little") for start in (16, 20))
    end = 32 + old_size
    body[end : end + len(more)] = more
    body[16:28] = pack("<3I", old_count + count, old_size + len(more), 0 if flat else 0x80)
    return bytes(body) + entries + strings + table


def pe(
    *libraries: tuple[str, tuple[str | int, ...]],
    exports: tuple[str, ...] = (),
    delayed: tuple[tuple[str, tuple[str | int, ...]], ...] = (),
    machine: int = 0x8664,
) -> bytes:
    """Return a PE file that offers ``exports``; ``libraries`` are names, each with the functions taken from it."""
    return bytes(Pe(machine=machine, libraries=libraries, delayed=delayed, exports=exports))
