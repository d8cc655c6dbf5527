"""Sizes that can be read in code are right to the byte, and all others are not told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.source.memory import memory_demands
from envaudit.source.user_files import read_user_files
from tests.source.test_notebook import code, notebook
from tests.support.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model import MemoryDemand

GIB = 1024**3
HEAD = "import numpy as np\nimport numpy\nfrom numpy.random import default_rng, rand\n"


def demands(tmp_path: Path, text: str) -> list[MemoryDemand]:
    """Return what a script asks for."""
    folder = write_tree(tmp_path / "own", {"script.py": text})
    return list(memory_demands(read_user_files([str(folder / "script.py")]).files))


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("np.random.rand(10000, 10000, 100)", 80 * 10**9),
        ("rand(10**5, 10**5)", 80 * 10**9),
        ("np.zeros((1 << 15, 1 << 15))", 8 * GIB),
        ("np.zeros(shape=(1 << 15, 1 << 15), dtype=np.float32)", 4 * GIB),
        ("np.ones([32768, 32768], 'f4', order='F')", 4 * GIB),
        ("np.empty(int(1e10), dtype=bool)", 10**10),
        ("n = 2 * 10**9\nnumpy.full(n, 1.5)", 16 * 10**9),
        ("np.full(10**9, 0, dtype='<i2')", 2 * 10**9),
        ("np.random.normal(0, 1, size=(10**5, 10**5))", 80 * 10**9),
        ("np.random.standard_normal((10**5, 10**5))", 80 * 10**9),
        ("rng = np.random.default_rng(1)\nrng.random((10**5, 10**5), dtype=np.float32)", 40 * 10**9),
        ("rng = default_rng()\nrng.normal(size=10**10)", 80 * 10**9),
    ],
)
def test_sizes(tmp_path: Path, line: str, size: int) -> None:
    (demand,) = demands(tmp_path, HEAD + line)
    assert (demand.size, demand.sure, demand.always) == (size, True, True)
    assert demand.line == 3 + line.count("\n") + 1


@pytest.mark.parametrize(
    "line",
    [
        "np.zeros(n)",
        "n = 10**10\nn = 5\nnp.zeros(n)",
        "n = 10**10\nn += 1\nnp.zeros(n)",
        "n = 10**10\ndef f(n):\n    return np.zeros(n)",
        "n = 10**10\nfor n in (1, 2):\n    np.zeros(n)",
        "def f():\n    global n\nn = 10**10\nnp.zeros(n)",
        "np = object()\nnp.zeros(10**10)",
        "try:\n    np.zeros(10**10)\nexcept MemoryError:\n    pass",
        "np.zeros(10**10, dtype=some)",
        "np.zeros(10**10, dtype='V7')",
        "np.zeros(*shape)",
        "np.zeros(10**10, like=x)",
        "np.full(10**10, value)",
        "np.random.normal(10**10)",
        "np.random.rand()",
        "np.zeros(10**6)",
        "np.zeros(9 ** 9 ** 9 ** 9)",
        "np.zeros(-10**10)",
        "np.zeros(1 << 10**10)",
        "np.zeros(10**10 / 1)",
        "int = str\nnp.zeros(" + "(" * 60 + "10**10" + ")" * 60 + " + x)",
        "unknown(10**10)",
        "np.zeros(10**10",
    ],
)
def test_what_is_not_certain(tmp_path: Path, line: str) -> None:
    assert demands(tmp_path, HEAD + line) == []


def test_what_runs_only_sometimes_and_what_is_only_promised(tmp_path: Path) -> None:
    text = HEAD + "def f():\n    return np.ones(10**10)\nif f:\n    np.zeros(10**10)\n"
    assert [(each.always, each.lazy) for each in demands(tmp_path, text)] == [(False, False), (False, True)]


def test_what_a_script_does_when_it_is_run(tmp_path: Path) -> None:
    (demand,) = demands(tmp_path, HEAD + "if __name__ == '__main__':\n    np.ones(10**10)\n")
    assert demand.always


def test_a_notebook_says_the_cell(tmp_path: Path) -> None:
    cells = notebook(code("import numpy as np"), code("%time", "x = 1", "big = np.random.rand(10000, 10000, 100)"))
    folder = write_tree(tmp_path, {"look.ipynb": cells})
    (demand,) = memory_demands(read_user_files([str(folder)]).files)
    assert (demand.place, demand.inside) == ("code cell 2, line 3", "look.ipynb")
    assert demand.call == "numpy.random.rand(10000, 10000, 100)"


def test_a_file_that_is_read_as_a_whole(tmp_path: Path) -> None:
    write_tree(tmp_path / "own", {"small.csv": "a,b\n"})
    with (tmp_path / "own/big.csv").open("wb") as file:
        file.truncate(GIB)
    for arguments in ("'big.csv'", "'./big.csv', sep=';'"):
        (demand,) = demands(tmp_path, f"import pandas as pd\npd.read_csv({arguments})")
        assert (demand.size, demand.sure, demand.source_size) == (3 * GIB, False, GIB)
    for arguments in ("'big.csv', usecols=[1]", "'big.csv', chunksize=9", "'small.csv'", "'no.csv'", "name", "**all"):
        assert demands(tmp_path, f"import pandas as pd\npd.read_csv({arguments})") == []
