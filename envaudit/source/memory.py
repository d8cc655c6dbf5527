"""How much memory the user's own code is going to ask for, where that can be read: arrays of constant shape, CSV files.

Nothing is guessed: a size counts only if every part of it is a constant, or a name that the whole file binds once, to a
constant. What lies in a ``try`` is left out: somebody has thought of it.
"""

from __future__ import annotations

import ast
import os
import warnings
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from envaudit.files import size_of
from envaudit.model_host import MemoryDemand
from envaudit.source.constants import Constants, item_size
from envaudit.source.notebook import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.source.user_files import UserFile

_LEAST = 64 * 1024**2  # bytes; nobody runs out of memory by less
_RANDOM = "numpy.random."
# The position of the shape, and of the dtype (None: always float64), in functions that fill what they take.
_SHAPED: dict[str, tuple[int, int | None]] = {
    "numpy.zeros": (0, 1),
    "numpy.empty": (0, 1),
    "numpy.ones": (0, 1),
    "numpy.full": (0, 2),
    **{f"{_RANDOM}{name}": (0, None) for name in ("random", "random_sample", "ranf", "sample", "standard_normal")},
    **{f"{_RANDOM}{name}": (2, None) for name in ("normal", "uniform")},
}
_GENERATOR = {
    "random": (0, 1),
    "standard_normal": (0, 1),
    "normal": (2, None),
    "uniform": (2, None),
}
_SPREAD = frozenset((f"{_RANDOM}rand", f"{_RANDOM}randn"))
_LAZY = frozenset(("numpy.zeros", "numpy.empty"))
_KEYWORDS = frozenset(("shape", "size", "dtype", "order", "fill_value", "loc", "scale", "low", "high"))
# With these, read_csv reads a part of the file, or keeps little of it.
_PARTS = frozenset(("chunksize", "iterator", "nrows", "usecols", "skiprows", "dtype", "compression", "storage_options"))
_PACKED = (".gz", ".bz2", ".zip", ".xz", ".zst", ".tar")
# What pandas takes at its peak for a byte of the file: measured 2.9 (decimal fractions) to 6.7 (small whole numbers).
CSV_FACTOR = 3


class _Call(NamedTuple):
    node: ast.Call
    always: bool


def memory_demands(files: Sequence[UserFile]) -> Iterator[MemoryDemand]:
    """Yield what is asked for, file by file in the order of their lines; nothing for a file that is no Python."""
    for file in files:
        if b"numpy" not in file.text and b"pandas" not in file.text:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(file.text)
            yield from _demands(file, tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # the linker of names says so


def _demands(file: UserFile, tree: ast.Module) -> Iterator[MemoryDemand]:
    known = Constants(tree)
    for call, always in _calls(tree.body, always=True):
        name = known.full_name(call.func)
        if name == "pandas.read_csv":
            yield from _csv(file, call, known, always=always)
            continue
        size = _size(name, call, known) if name else None
        if size is not None and size >= _LEAST:
            yield _demand(file, call, f"{name}({_arguments(call)})", size, lazy=name in _LAZY, always=always)


def _calls(body: Sequence[ast.AST], *, always: bool) -> Iterator[_Call]:
    """Yield every call that no ``try`` watches over, with whether it runs each time the file does."""
    for node in body:
        if isinstance(node, ast.Try | getattr(ast, "TryStar", ast.Try)) and node.handlers:
            yield from _calls([*node.orelse, *node.finalbody], always=False)
            continue
        inner = always and not isinstance(
            None if _is_main(node) else node,
            ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.If | ast.IfExp | ast.While | ast.For | ast.BoolOp
            | ast.Match | ast.ListComp | ast.GeneratorExp | ast.DictComp | ast.SetComp,
        )  # fmt: skip
        if isinstance(node, ast.Call):
            yield _Call(node, inner)
        yield from _calls(list(ast.iter_child_nodes(node)), always=inner)


def _is_main(node: ast.AST) -> bool:
    """Whether this is ``if __name__ == "__main__":``, which holds when the file is run."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"__name__ == '__main__'", "'__main__' == __name__"}


def _size(name: str, call: ast.Call, known: Constants) -> int | None:
    """Return the bytes that a call asks for, ``None`` when they cannot be told."""
    if any(isinstance(each, ast.Starred) for each in call.args) or any(
        word.arg not in _KEYWORDS for word in call.keywords
    ):
        return None
    words = {word.arg: word.value for word in call.keywords}
    if name in _SPREAD:
        shape = [known.value(each) for each in call.args]
        return _bytes(tuple(shape), 8) if shape and not words else None
    generator = name.removeprefix(f"{Constants.GENERATOR}.")
    places = _SHAPED.get(name) or (_GENERATOR.get(generator) if generator != name else None)
    if places is None:
        return None
    at, dtype_at = places
    given = words.get("shape", words.get("size", call.args[at] if len(call.args) > at else None))
    dtype = words.get("dtype")
    if dtype is None and dtype_at is not None and len(call.args) > dtype_at:
        dtype = call.args[dtype_at]
    if name == "numpy.full" and dtype is None:
        filled = known.value(words.get("fill_value", call.args[1] if len(call.args) > 1 else None))
        if type(filled) not in {int, float}:
            return None
    item = 8 if dtype is None else item_size(known, dtype)
    return _bytes(known.value(given), item)


def _bytes(shape: object, item: int | None) -> int | None:
    sides = shape if isinstance(shape, tuple) else (shape,)
    if item is None or not sides or not all(type(side) is int and side >= 0 for side in sides):
        return None
    return prod(sides) * item


def _arguments(call: ast.Call) -> str:
    text = ", ".join(
        [
            *(ast.unparse(each) for each in call.args),
            *(f"{word.arg}={ast.unparse(word.value)}" for word in call.keywords),
        ]
    )
    return text if len(text) <= 60 else f"{text[:57]}..."


def _csv(file: UserFile, call: ast.Call, known: Constants, *, always: bool) -> Iterator[MemoryDemand]:
    """Yield what reading a whole file of this machine takes; its name is looked up beside the script or notebook."""
    path = known.value(call.args[0]) if call.args else None
    if not isinstance(path, str) or "://" in path or path.startswith("~") or path.lower().endswith(_PACKED):
        return
    if any(word.arg is None or word.arg in _PARTS for word in call.keywords):
        return
    place = os.path.join(os.path.dirname(file.path) or ".", path)
    size = size_of(place)
    if size is not None and size * CSV_FACTOR >= _LEAST:
        demand = _demand(
            file, call, f"pandas.read_csv({_arguments(call)})", size * CSV_FACTOR, lazy=False, always=always
        )
        yield demand._replace(sure=False, source=place, source_size=size)


def _demand(file: UserFile, call: ast.Call, text: str, size: int, *, lazy: bool, always: bool) -> MemoryDemand:
    line: int | None = call.lineno
    place = ""
    if file.notebook is not None:
        cell, inner = file.notebook.place(call.lineno)
        line = cell.file_line + inner - 1 if cell.file_line is not None else None
        place = shown(cell, inner)
    inside = file.path[len(file.base) :].lstrip("/")
    return MemoryDemand(file.path, inside, line, place, text, size, lazy=lazy, always=always)
