"""Which modules smoke tests import, and in which processes they are imported once for several tests.

The tests are laid out as a tree: what most tests import comes first, so that ``numpy`` is imported once, ``scipy`` once
in a fork of that process, and what needs both in a fork of the second. See ``zygote.py``, which runs such a tree.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

# Seconds that the slow ones take to import, roughly: only to share the work out evenly.
_SLOW = {"torch": 2.0, "sklearn": 1.5, "numba": 1.5, "onnxruntime": 1.0, "skimage": 1.0, "dask": 1.0}
# What packages import by themselves: a test that names only the first of them still hangs below the others.
_BRINGS = {
    "scipy": ("numpy",),
    "pandas": ("numpy",),
    "torch": ("numpy",),
    "sklearn": ("numpy", "scipy"),
    "statsmodels": ("numpy", "scipy", "pandas"),
    "xarray": ("numpy", "pandas"),
    "matplotlib": ("numpy",),
    "skimage": ("numpy", "scipy"),
    "geopandas": ("numpy", "pandas", "shapely"),
    "shapely": ("numpy",),
    "dask": ("numpy", "pandas"),
    "lightgbm": ("numpy", "scipy"),
}
_USUAL = 0.25
_TEST = 0.1


class Planned(NamedTuple):
    """A test with the file that holds it and the modules it imports, in the order of the file."""

    name: str
    path: str
    modules: tuple[str, ...]


def modules_of(path: Path) -> tuple[str, ...]:
    """Return the modules a file of the catalogue imports in any case, without those of the standard library."""
    names: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, (ast.Try, ast.If)):
            return  # an older release may not have it
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_bytes()))
    return tuple(dict.fromkeys(name for name in names if _top(name) not in sys.stdlib_module_names))


def shared_out(tests: Sequence[Planned], parts: int) -> tuple[tuple[Planned, ...], ...]:
    """Divide tests into at most ``parts`` lists that take about the same time; what belongs together stays together."""
    chains = _chains(tests)
    units: dict[tuple[str, ...], list[Planned]] = {}
    for test in tests:
        units.setdefault(chains[test][:2], []).append(test)
    bins: list[tuple[float, list[Planned]]] = [(0.0, []) for _ in range(max(1, parts))]
    for unit in sorted(units.values(), key=lambda each: -_cost(each)):
        least = min(range(len(bins)), key=lambda number: bins[number][0])
        bins[least] = (bins[least][0] + _cost(unit), bins[least][1] + unit)
    return tuple(tuple(held) for _, held in bins if held)


def tree_of(tests: Sequence[Planned]) -> dict[str, Any]:
    """Return the tree for tests, as ``zygote.py`` reads it."""
    chains = _chains(tests)
    root = _node()
    for test in tests:
        node = root
        for top in chains[test]:
            node = node["below"].setdefault(top, _node())
            node["imports"] += [name for name in test.modules if _top(name) == top and name not in node["imports"]]
        node["tests"].append([test.name, test.path, list(test.modules)])
    return _plain(root)


def _node() -> dict[str, Any]:
    return {"imports": [], "tests": [], "below": {}}


def _plain(node: dict[str, Any]) -> dict[str, Any]:
    nodes = [_plain(below) for below in node["below"].values()]
    return {"imports": node["imports"], "tests": node["tests"], "nodes": nodes}


def _chains(tests: Sequence[Planned]) -> dict[Planned, tuple[str, ...]]:
    """Return for each test the packages it imports, those that most tests import first."""
    often = Counter(top for test in tests for top in _tops(test))
    brought = {test: {name for top in _tops(test) for name in _BRINGS.get(top, ()) if name in often} for test in tests}
    often.update(top for test in tests for top in brought[test] - set(_tops(test)))
    return {test: tuple(sorted({*_tops(test), *brought[test]}, key=lambda top: (-often[top], top))) for test in tests}


def _tops(test: Planned) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_top(name) for name in test.modules))


def _cost(tests: Iterable[Planned]) -> float:
    held = tuple(tests)
    return sum(_SLOW.get(top, _USUAL) for top in {top for test in held for top in _tops(test)}) + _TEST * len(held)


def _top(name: str) -> str:
    return name.partition(".")[0]
