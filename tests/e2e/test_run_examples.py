"""Three reasons why a kernel dies, as a script and as a notebook under 2 GiB: what ``envaudit run`` says of each."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.cli import main
from envaudit.watch.brake import can_look
from tests.support.environments import build_environment, python_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.network, pytest.mark.skipif(bool(can_look()), reason="the library cannot be read here")]

# Cells; as a script, one behind the other.
EXHAUSTED = ("import numpy as np", "shape = (10000, 10000, 100)\ndata = np.random.rand(*shape)")
LARGE = (
    "import pandas as pd",
    "df = pd.read_csv('large_dataset.csv')",
    "def derive(df):\n    for n in range(1000):\n        df[f'ratio_{n}'] = df['a'] / (df['b'] + n)\n\nderive(df)",
)
SOLVED = (
    "import numpy as np\nfrom scipy import linalg",
    "a = np.asfortranarray([[0.0, 1.0], [1.0, 0.0]])\nb = np.array([1.0, 2.0])",
    "x = linalg.solve(a, b)\nprint(x)",
)
SOLVED_IN_PLACE = (*SOLVED[:2], "x = linalg.solve(a, b, overwrite_a=True)\nprint(x)")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("examples") / "env"
    build_environment(folder, "3.12", ["scipy==1.18.1", "numpy", "pandas"])
    yield folder
    shutil.rmtree(folder)


def run(
    cells: tuple[str, ...], how: str, environment: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """Run the cells and return the verdict; lines of a script are given as the cell and the line in it."""
    if how == "script":
        name, text = "example.py", "\n".join(cells) + "\n"
    else:
        made = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
        name, text = "example.ipynb", json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})
    (folder / name).write_text(text)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    words = ["run", "-p", python_of(environment), "--memory-limit", "2G", "--json", "-o", "verdict.json", name]
    assert main(words) in {0, 1}
    told: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
    first = [0, *(sum(cell.count("\n") + 1 for cell in cells[: number + 1]) for number in range(len(cells)))]
    own = [frame for frame in told["frames"] if frame["cell"] or frame["path"] == name]
    told["own"] = [
        (frame["cell"], frame["line"]) if how == "notebook" else (cell + 1, frame["line"] - first[cell])
        for frame in own
        for cell in [max(number for number, start in enumerate(first) if start < frame["line"])]
    ]
    return told


@pytest.mark.parametrize("how", ["script", "notebook"])
def test_an_array_that_does_not_fit(
    how: str, environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = run(EXHAUSTED, how, environment, tmp_path, monkeypatch)
    assert (told["verdict"], told["sure"], told["own"]) == ("out-of-memory", True, [(2, 2)])
    assert "Unable to allocate 74.5 GiB" in told["headline"]
    assert told["cell"] == (2 if how == "notebook" else 0)


@pytest.mark.parametrize("how", ["script", "notebook"])
def test_columns_that_add_up(how: str, environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "large_dataset.csv", "w", encoding="ascii") as file:
        file.write("a,b\n")
        file.writelines(f"{number % 97},{number % 89 + 1}\n" for number in range(2_000_000))
    told = run(LARGE, how, environment, tmp_path, monkeypatch)
    assert (told["verdict"], told["sure"]) == ("out-of-memory", True)
    assert told["own"] == [(3, 5), (3, 3)]
    assert told["memory"]["peak"] > 1.5 * 1024**3
    assert told["cell"] == (3 if how == "notebook" else 0)


@pytest.mark.parametrize("how", ["script", "notebook"])
def test_solve_as_it_is_and_where_it_crashes(
    how: str, environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(SOLVED, how, environment, tmp_path, monkeypatch)["verdict"] == "ok"
    told = run(SOLVED_IN_PLACE, how, environment, tmp_path, monkeypatch)
    assert (told["verdict"], told["signal"], told["sure"]) == ("segfault", "SIGSEGV", True)
    assert (told["library"]["distribution"], told["library"]["version"]) == ("scipy", "1.18.1")
    assert told["own"] == [(3, 1)]
    assert told["cell"] == (3 if how == "notebook" else 0)


@pytest.mark.parametrize("how", ["script", "notebook"])
def test_a_library_that_is_cut_short(
    how: str, environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (library,) = environment.glob("lib/python3.*/site-packages/scipy/linalg/_flapack.*.so")
    whole = library.read_bytes()
    library.unlink()  # it may be one file with the one in the cache of the installer
    library.write_bytes(whole[: len(whole) // 2])
    try:
        told = run(SOLVED, how, environment, tmp_path, monkeypatch)
    finally:
        library.unlink()
        library.write_bytes(whole)
    assert (told["verdict"], told["signal"], told["sure"]) == ("bus-error", "SIGBUS", True)
    assert told["library"]["path"] == str(library)
    assert (told["library"]["distribution"], told["library"]["version"]) == ("scipy", "1.18.1")
    assert "cut short" in told["headline"]
    assert told["own"][0] == (1, 2)
    assert told["change"] == [f"install again what {library.name} belongs to"]
