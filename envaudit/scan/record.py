"""RECORD: which compiled files and import packages a wheel installed.

A large environment lists 100,000 files and 1 % of them are compiled. Looking for their suffixes in the bytes and
splitting only the lines found is several times faster than the csv module over all lines.
"""

from __future__ import annotations

import re
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError
from envaudit.model import MetadataProblem, RecordEntry
from envaudit.scan.names import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SUFFIXES = (".so", ".pyd", ".dylib", ".dll")
# A compiled file, or a step to the folder above. Hashes hold no dot, so that few bytes are looked at closely: one pass
# with this pattern takes a third of the time of five searches for suffixes.
_INTERESTING = re.compile(rb"\.(?:so[,.]|pyd,|dll,|dylib,|PYD,|DLL,|\.[/\\])")
# What protobuf's compiler writes.
_GENERATED = "_pb2.py"
# Compiled files of top-level modules, and what setuptools writes for an editable install.
_NOT_IMPORTED = ("__pycache__", "__editable__")
# More bad lines than this are one broken file, not so many findings.
_PROBLEM_LIMIT = 10
# A wheel installs a few folders; a file that claims thousands is read line by line, without searches over all of it.
_BLOCK_LIMIT = 100
# pip install --target writes "../../bin/x" for scripts that it then puts elsewhere.
_TARGET_CLIMB = 2
# Linux allows 4096 bytes.
_PATH_LIMIT = 4096
# The largest wheels list 30,000 files.
_LINE_LIMIT = 1_000_000
# One of these is in every path that is not followed and does not start with a slash.
_ODD = ("..", ":", "\\", "\0")
# What stands for a comma in a path that was in quotes.
_COMMA = "\ufffc"
_BYTECODE = (".pyc", ".pyo")
# What compilers and type checkers read.
_NOT_FOR_RUNNING = (
    *_BYTECODE,
    *[".h", ".hpp", ".hh", ".cuh", ".c", ".cc", ".cpp", ".pyi", ".pxd", ".pyx", ".pxi", ".d.ts"],
)


class Listed(NamedTuple):
    """The lines of RECORD in three columns, as written."""

    paths: list[str]
    hashes: list[str]
    sizes: list[str]

    def where(self, keep: list[bool]) -> Listed:
        """Return those lines for which there is a true value."""
        return self if all(keep) else Listed(*(list(compress(column, keep)) for column in self))


class Record(NamedTuple):
    """What a RECORD says; ``modules`` are the first parts of its paths that can be imported.

    ``generated`` are the paths of what protobuf's compiler writes, ``_pb2.py``.
    """

    binaries: tuple[RecordEntry, ...]
    modules: tuple[str, ...]
    problems: tuple[MetadataProblem, ...]
    generated: tuple[str, ...] = ()


def depth_below_prefix(path: str) -> int:
    """Return how many folders a site folder lies below its prefix: 3 for ``lib/python3.11/site-packages``.

    A folder that is none of a known layout may not be left at all: 0.
    """
    parts = path.replace("\\", "/").rstrip("/").split("/")
    if len(parts) < 3 or parts[-1] not in {"site-packages", "dist-packages"}:
        return 0
    return 3 if parts[-2].startswith(("python", "pypy")) else 2


def is_binary_name(name: str) -> bool:
    """Say whether a file name is one of a compiled file: ``.so``, ``.so.1.2``, ``.pyd``, ``.dylib``, ``.dll``."""
    lower = name.lower()
    if lower.endswith(_SUFFIXES):
        return True
    _, found, version = lower.rpartition(".so.")
    # OpenSSL counts with letters: libcrypto.so.1.1.1k.
    return bool(found) and all(part.isdigit() or part[:-1].isdigit() for part in version.split("."))


def parse_record(data: bytes, path: str, depth: int) -> Record:
    """Read RECORD; ``path`` is its own for messages.

    ``depth`` is how many folders the site folder lies below the prefix: a path may climb that far (scripts are
    ``../../../bin/x``) and no farther. A path that is absolute, holds a NUL or climbs out is a problem, not an entry.
    """
    problems: list[MetadataProblem] = []
    data = _normal(data)
    parts = tuple(_first_parts(data))
    binaries: list[RecordEntry] = []
    for start in _interesting(data, {part for part, _ in parts}):
        line = _decode(_line_from(data, start))
        name = line.partition(",")[0]
        compiled = is_binary_name(name)
        detail = outside(name, depth if compiled else max(depth, _TARGET_CLIMB))
        if compiled and not detail:
            entry, detail = _entry(line)
            binaries.append(entry)
        if detail and len(problems) < _PROBLEM_LIMIT:
            problems.append(MetadataProblem("bad-record", path, detail, data.count(b"\n", 0, start)))
    return Record(tuple(binaries), _modules(parts), tuple(problems), tuple(_generated(data, depth)))


def list_files(data: bytes, depth: int, *, everything: bool = False) -> Listed:
    """Return every file that RECORD lists, that may be followed, and that a program can miss.

    Bytecode is never among them: every interpreter makes and throws it away as it likes. What only compilers and type
    checkers read, a third of all files, is there when ``everything`` is wanted. Raises ``ReadError`` for a file of too
    many lines.
    """
    data = _normal(data)
    if data.count(b"\n") > _LINE_LIMIT:
        raise ReadError(f"more than {_LINE_LIMIT:,} lines")
    text = _decode(data[1:].removesuffix(b"\n"))
    listed = _columns(text.replace("\n", ",").split(","))
    # A comma too many or too few anywhere, and a size is none; then each line is looked at.
    if data.count(b",") != 2 * data.count(b"\n", 0, -1) or not "".join(listed.sizes).isdecimal():
        lines = [line if line.count(",") == 2 else f"{line.partition(',')[0]},," for line in text.split("\n")]
        listed = _columns(",".join(lines).split(","))
    left_out = _BYTECODE if everything else _NOT_FOR_RUNNING
    listed = listed.where([not path.endswith(left_out) for path in listed.paths])
    if not {path[:1] for path in listed.paths}.isdisjoint(("", "/")):
        listed = listed.where([path[:1] not in {"", "/"} for path in listed.paths])
    for mark in _ODD:
        if mark.encode() in data:
            listed = listed.where([not (mark in path and _is_odd(path, depth)) for path in listed.paths])
    if _COMMA.encode() in data:
        listed = listed._replace(paths=[path.replace(_COMMA, ",") for path in listed.paths])
    return listed


def _columns(fields: list[str]) -> Listed:
    return Listed(fields[0::3], fields[1::3], fields[2::3])


def _is_odd(path: str, depth: int) -> bool:
    """Say whether a path is none of a file, or none that may be followed."""
    return path[-1] in "/\\" or bool(outside(path, depth))


def size_of(text: str) -> int | None:
    """Return the size that RECORD states, ``None`` when it states none."""
    return int(text) if _is_size(text) else None


def outside(path: str, depth: int) -> str:
    """Say in words why a path of RECORD is not followed; empty when it may be."""
    if len(path) > _PATH_LIMIT:
        return f"a path of {len(path)} characters"
    if "\0" in path:
        return f"the path {short(path)!r} holds a NUL"
    if path.startswith(("/", "\\")) or path[1:3] in {":/", ":\\"}:
        return f"the path {short(path)!r} is absolute"
    level = depth
    for part in path.replace("\\", "/").split("/"):
        if part == "..":
            level -= 1
            if level < 0:
                return f"the path {short(path)!r} leaves the environment"
        elif part not in {"", "."}:
            level += 1
    return ""


def _normal(data: bytes) -> bytes:
    """Return RECORD with a line feed before every line, and without quotes and marks."""
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    data = b"\n" + data
    return _unquoted(data) if b'"' in data else data


def _unquoted(data: bytes) -> bytes:
    """Take the quotes off the lines that have some; a comma in a path becomes U+FFFC until the entry is made."""
    import csv  # noqa: PLC0415  # few files have quotes, and csv takes 11 ms

    pieces = []
    done = 0
    for start in _lines_with(data, (b'"',)):
        line = _line_from(data, start)
        pieces.append(data[done:start])
        done = start + len(line)
        text = _decode(line).replace("\0", "\ufffd")
        try:
            fields = next(csv.reader([text]), [])
        except csv.Error:  # a field of more than 131,072 characters is no path
            fields = ["\ufffd" * (_PATH_LIMIT + 1)]
        pieces.append(",".join(field.replace(",", "\ufffc") for field in fields).encode("utf-8", "surrogateescape"))
    pieces.append(data[done:])
    return b"".join(pieces)


def _interesting(data: bytes, first: set[bytes]) -> list[int]:
    """Return where lines start that list a compiled file, or whose path may be absolute, climb or hold a NUL.

    ``first`` are the first parts of all paths. The search goes on behind a line, so that one line of 10 MB that is
    full of suffixes is not read again and again.
    """
    starts = []
    end = 0
    for match in _INTERESTING.finditer(data):
        position = match.start()
        if position >= end:
            starts.append(data.rfind(b"\n", 0, position) + 1)
            end = data.find(b"\n", position)
            if end == -1:
                break
    rare = [b"\0"]
    if b"" in first:
        rare.append(b"\n/")
    if b"\\" in data:
        rare += (b"\n\\", b":\\")
    if any(len(part) == 2 and part.endswith(b":") for part in first):
        rare.append(b":/")
    return sorted({*starts, *_lines_with(data, rare)})


def _lines_with(data: bytes, needles: Iterable[bytes]) -> Iterator[int]:
    """Yield where lines start that hold one of the needles, in the order of the needles; each at most once a needle.

    As there, the search goes on behind the line.
    """
    for needle in needles:
        position = data.find(needle)
        while position != -1:
            inside = position + 1
            yield data.rfind(b"\n", 0, inside) + 1
            end = data.find(b"\n", inside)
            position = data.find(needle, end) if end != -1 else -1


def _line_from(data: bytes, start: int) -> bytes:
    """Return the line that starts at a position."""
    end = data.find(b"\n", start)
    return data[start : end if end != -1 else len(data)]


def _entry(line: str) -> tuple[RecordEntry, str]:
    """Return the entry that a line makes, and in words what is wrong with the line, or nothing."""
    name, comma, rest = line.partition(",")
    digest, _, size = rest.rpartition(",")
    entry = RecordEntry(name.replace("\ufffc", ","), digest, int(size) if _is_size(size) else None)
    wrong = not comma or (size and entry.size is None)
    return entry, f"not 'path,hash,size': {short(line)!r}" if wrong else ""


def _generated(data: bytes, depth: int) -> Iterator[str]:
    """Yield the paths of what protobuf's compiler wrote, in the order of the file; few wheels have any."""
    for start in _lines_with(data, (f"{_GENERATED},".encode(),)):
        name = _decode(_line_from(data, start).partition(b",")[0])
        if name.endswith(_GENERATED) and not outside(name, depth):
            yield name.replace("\ufffc", ",")


def _is_size(text: str) -> bool:
    """Say whether a text is a size: digits of ASCII, few enough to be one."""
    return text.isascii() and text.isdigit() and len(text) < 20


def _first_parts(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield ``(first part of a path, whether it is a folder)``, each at least once.

    Installers sort RECORD, so the lines of one folder stand together. The last line that starts with ``numpy/`` is
    found with one search; when as many line feeds as ``numpy/`` lie in between, none of those lines is another's.
    """
    seen: set[bytes] = set()
    position = 0
    while position != -1 and position < len(data) - 1:
        start = position + 1
        stop = data.find(b"\n", start)
        first, slash, _ = _line_from(data, start).partition(b",")[0].partition(b"/")
        if first not in seen:
            seen.add(first)
            yield first, bool(slash)
            if slash and len(seen) <= _BLOCK_LIMIT:
                needle = b"\n" + first + b"/"
                last = data.rfind(needle)
                if data.count(needle, position, last) == data.count(b"\n", position, last):
                    stop = data.find(b"\n", last + 1)
        position = stop


def _modules(parts: Iterable[tuple[bytes, bool]]) -> tuple[str, ...]:
    """Return the import names among the first parts of paths."""
    names: dict[str, None] = {}
    for raw, folder in parts:
        name = importable(_decode(raw), folder=folder)
        if name:
            names[name] = None
    return tuple(sorted(names))


def importable(name: str, *, folder: bool) -> str:
    """Return the name under which a file or folder of a site folder is imported; empty when it cannot be."""
    if not folder:
        stem, dot, suffix = name.partition(".")
        if not dot or not (suffix == "py" or (is_binary_name(name) and not suffix.startswith("so."))):
            return ""
        name = stem
    return name if name.isidentifier() and not name.startswith(_NOT_IMPORTED) else ""


def _decode(data: bytes) -> str:
    """Decode a path; bytes that are not UTF-8 are kept the way Python keeps them in file names."""
    return data.decode("utf-8", "surrogateescape")
