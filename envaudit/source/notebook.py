"""Python in a notebook: one source text of all its code cells, and where each line of it comes from.

Formats 3 and 4 of ``.ipynb``. Lines for IPython instead of Python (``%magic``, ``!command``, ``name?``) are left out,
and so are cells in other languages. Line numbers are kept, so that a place in the text is a place in a cell.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CELL_LIMIT = 20_000
_TEXT_LIMIT = 8 * 1024 * 1024
# Cell magics whose cell is still Python, run here.
_PYTHON_CELLS = frozenset(("time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "snakeviz", "pyinstrument"))
_STATEMENT_MAGICS = re.compile(r"%(?:time|prun|memit)\s+(?!-)(?=\S)")
_CELL_MAGIC = re.compile(r"\s*%%(\S*)")
_LINE_MAGIC = re.compile(
    r"\s*(?:%%?[A-Za-z_]|!|\?|,\s*\w|;\s*\w|/\w)|\s*[\w.*]+\?{1,2}\s*$|\s*[\w., ()\[\]]+=\s*(?:!|%[A-Za-z_])"
)
_INSTALLS = re.compile(r"^\s*[!%].*\b(?:install|conda|pip|mamba|poetry|uv)\b.*\binstall\b", re.MULTILINE)
_PART = re.compile(r"#.*|\"\"\"|'''|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|[\[({]|[\])}]|\\$")


class Cell(NamedTuple):
    """A code cell. ``number`` counts the code cells from 1, ``position`` all cells; ``run`` is what ``In [ ]`` shows.

    ``start`` is the line of the text before its first line, ``file_line`` that of the file where its first line
    stands, ``None`` when it could not be found.
    """

    number: int
    position: int
    run: int | None
    start: int
    file_line: int | None


class Notebook(NamedTuple):
    """The Python of a notebook. ``broken`` are cells that are no Python, with the reason; ``installs``: it runs pip."""

    text: bytes
    cells: tuple[Cell, ...]
    broken: tuple[tuple[Cell, str], ...]
    installs: bool

    def place(self, line: int) -> tuple[Cell, int]:
        """Return the cell of a line of the text, and the line within the cell, from 1."""
        for cell in reversed(self.cells):
            if cell.start < line:
                return cell, line - cell.start
        raise ValueError(f"no cell has line {line}")


def read_notebook(data: bytes) -> Notebook:
    """Take a notebook apart; raises ``ReadError`` when it is none."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"not a notebook: {str(error) or 'nested too deeply'}") from error
    raw = data.decode("utf-8", "replace")
    lines: list[str] = []
    cells: list[Cell] = []
    broken: list[tuple[Cell, str]] = []
    installs = False
    size = 0
    finder = _LineFinder(raw)
    for number, (position, plain) in enumerate(_code_cells(document), 1):
        source = _joined(plain)
        size += len(source)
        if number > _CELL_LIMIT or size > _TEXT_LIMIT:
            raise ReadError(f"a notebook of more than {_CELL_LIMIT} cells or {_TEXT_LIMIT} characters")
        cell = Cell(number, position, _count(plain), len(lines), finder.find(plain))
        installs = installs or _INSTALLS.search(source) is not None
        text = python_of(source)
        problem = _problem(text)
        if problem:
            broken.append((cell, problem))
            text = ""
        cells.append(cell)
        lines += text.split("\n")
    text = "\n".join(lines)
    return Notebook(text.encode("utf-8", "surrogatepass"), tuple(cells), tuple(broken), installs)


def _code_cells(document: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield position and content of every code cell in Python; raises ``ReadError`` when there can be none."""
    if not isinstance(document, dict) or not ("cells" in document or "worksheets" in document):
        raise ReadError("not a notebook: it has no cells")
    if not _is_python(document):
        return
    sheets = [document] if "cells" in document else document["worksheets"]
    if not isinstance(sheets, list):
        raise ReadError("not a notebook: its worksheets are no list")
    position = 0
    for sheet in sheets:
        cells = sheet.get("cells") if isinstance(sheet, dict) else None
        if not isinstance(cells, list):
            raise ReadError("not a notebook: its cells are no list")
        for cell in cells:
            position += 1
            if isinstance(cell, dict) and cell.get("cell_type") == "code" and _in_python(cell):
                yield position, cell


def _is_python(document: dict[str, Any]) -> bool:
    """Say whether the kernel of a notebook runs Python; one that names no language does."""
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return True
    for key, inner in (("language_info", "name"), ("kernelspec", "language"), ("kernelspec", "name")):
        table = metadata.get(key)
        language = table.get(inner) if isinstance(table, dict) else None
        if isinstance(language, str) and language:
            # Kernels have names of any kind: without a language beside it, one is taken for Python's.
            return (key, inner) == ("kernelspec", "name") or "python" in language.lower()
    return True


def _in_python(cell: dict[str, Any]) -> bool:
    """Say whether a cell is in Python: format 3 and some editors name a language for each cell."""
    metadata = cell.get("metadata")
    editor = metadata.get("vscode") if isinstance(metadata, dict) else None
    language = cell.get("language") or (editor.get("languageId") if isinstance(editor, dict) else None)
    return not isinstance(language, str) or "python" in language.lower()


def _joined(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source.replace("\r\n", "\n").replace("\r", "\n") if isinstance(source, str) else ""


def _count(cell: dict[str, Any]) -> int | None:
    count = cell.get("execution_count", cell.get("prompt_number"))
    return count if isinstance(count, int) and not isinstance(count, bool) else None


# --- IPython's own syntax --------------------------------------------------------------------------------------------


def python_of(source: str) -> str:
    """Return a cell with everything that is no Python made ``pass``, line by line."""
    lines = source.split("\n")
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    magic = _CELL_MAGIC.match(lines[first]) if lines else None
    if magic is not None:
        if magic[1] not in _PYTHON_CELLS:
            return "\n".join("" for _ in lines)
        lines[first] = ""
    state = _State()
    within_magic = False
    for at, line in enumerate(lines):
        if within_magic:
            within_magic = line.endswith("\\")
            lines[at] = ""
        elif state.fresh and _LINE_MAGIC.match(line):
            within_magic = line.endswith("\\")
            lines[at] = _without_magic(line)
        else:
            state.read(line)
    return "\n".join(lines)


def _without_magic(line: str) -> str:
    bare = line.lstrip()
    indent = line[: len(line) - len(bare)]
    statement = _STATEMENT_MAGICS.match(bare)
    return indent + (bare[statement.end() :] if statement is not None else "pass")


class _State:
    """Whether a line begins a statement: not within brackets, a long text or after a backslash."""

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0
        self._continued = False

    @property
    def fresh(self) -> bool:
        """Whether the next line begins a statement."""
        return not self._quote and not self._depth and not self._continued

    def read(self, line: str) -> None:
        """Take up a line."""
        at = 0
        self._continued = False
        if self._quote:
            at = self._end_of_text(line, 0)
        while 0 <= at < len(line):
            match = _PART.search(line, at)
            if match is None:
                return
            part, at = match[0], match.end()
            if part in {'"""', "'''"}:
                self._quote = part
                at = self._end_of_text(line, at)
            elif part in "[({":
                self._depth += 1
            elif part in "])}":
                self._depth = max(self._depth - 1, 0)
            elif part == "\\":
                self._continued = True

    def _end_of_text(self, line: str, at: int) -> int:
        """Return where a long text ends in a line, -1 when it goes on."""
        end = line.find(self._quote, at)
        while end > 0 and line[end - 1] == "\\":
            end = line.find(self._quote, end + 1)
        if end < 0:
            return -1
        end += len(self._quote)
        self._quote = ""
        return end


def _problem(text: str) -> str:
    """Say why a cell is no Python, empty when it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text.encode("utf-8", "surrogatepass"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        return f"no Python{line}: {error.msg if isinstance(error, SyntaxError) else error}"
    return ""


# --- lines of the file -----------------------------------------------------------------------------------------------


class _LineFinder:
    """Finds the line of the file where the source of a cell begins; cells are asked for in their order."""

    def __init__(self, raw: str) -> None:
        self._raw = raw
        self._at = 0
        self._line = 1

    def find(self, cell: dict[str, Any]) -> int | None:
        """Return the line of the first line of a cell, ``None`` when the file is not laid out in lines."""
        source = cell.get("source", cell.get("input"))
        if not isinstance(source, list) or not source or not isinstance(source[0], str):
            return None
        for ascii_only in (False, True):
            pattern = rf'"(?:source|input)":\s*\[\s*({re.escape(json.dumps(source[0], ensure_ascii=ascii_only))})'
            match = re.compile(pattern).search(self._raw, self._at)
            if match is not None:
                self._line += self._raw.count("\n", self._at, match.start(1))
                self._at = match.start(1)
                return self._line
        return None


def shown(cell: Cell, line: int) -> str:
    """Say where a line is, as people count: the code cells from the top, and what ``In [ ]`` shows when it has run."""
    ran = f", In [{cell.run}]" if cell.run is not None else ""
    counted = "" if cell.number == cell.position else f" (cell {cell.position})"
    return f"code cell {cell.number}{counted}{ran}, line {line}"
