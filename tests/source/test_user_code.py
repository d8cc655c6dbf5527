"""The user's own files against an environment: what is not there is named with its place, and nothing else is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.asked import Asked
from envaudit.errors import UsageError
from envaudit.gather import gather_facts
from envaudit.locate import TargetRequest, locate
from envaudit.source.user_code import link_user_code
from envaudit.source.user_files import read_user_files
from tests.source.test_notebook import code, notebook
from tests.support.trees import Dist, Fifo, Link, make_venv, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model_code import CodeNeed
    from envaudit.source.user_code import CodeFacts

# A package whose names can be read, and one that makes them when asked, as NumPy does.
LIB = Dist(
    "lib",
    "2.0",
    files={"lib/__init__.py": "def new(): ...\nclass Frame: ...\n__version__ = '2.0'\n", "lib/inner.py": "there = 1\n"},
)
PANDAS = Dist("pandas", "2.2.3", files={"pandas/__init__.py": "class DataFrame:\n    def concat(self): ...\n"})
MAKER = Dist("maker", "1.0", files={"maker/__init__.py": "import sys\nsys.modules['maker.extra'] = sys\n"})
NUMPY = Dist("numpy", "2.1.0", files={"numpy/__init__.py": "def __getattr__(name): ...\ndef zeros(): ...\n"})


@pytest.fixture
def env(tmp_path: Path) -> Path:
    return make_venv(tmp_path, distributions=[LIB, NUMPY, PANDAS, MAKER])


def link(env: Path, *paths: Path) -> CodeFacts:
    target = locate(TargetRequest(str(env), None), {}, "/", "")
    facts = gather_facts(target, asked=Asked(symbols=False))
    return link_user_code(target, tuple(facts.visible().values()), read_user_files([str(path) for path in paths]))


def script(env: Path, text: str, **beside: Any) -> tuple[CodeNeed, ...]:
    folder = write_tree(env.parent / "own", {"script.py": text, **beside})
    facts = link(env, folder / "script.py")
    assert facts.gaps == ()
    return facts.needs


@pytest.mark.parametrize(
    ("text", "kind", "name", "at_import"),
    [
        ("from lib import old", "name", "lib.old", True),
        ("import lib\nlib.old()", "name", "lib.old", True),
        ("import lib as l\nx = [l.old for _ in ()]\nl.old", "name", "lib.old", True),
        ("import lib.outer", "module", "lib.outer", True),
        ("from lib.outer import x", "module", "lib.outer", True),
        ("from lib import inner\ninner.gone", "name", "lib.inner.gone", True),
        ("def f():\n    from lib import old", "name", "lib.old", False),
        ("import lib\ndef f():\n    return lib.old", "name", "lib.old", False),
        ("import lib\nif __name__ == '__main__':\n    lib.old()", "name", "lib.old", True),
        ("import nothing", "top", "nothing", True),
        ("def f():\n    import nothing", "top", "nothing", False),
        ("import numpy as np\nnp.float", "name", "numpy.float", True),
        ("import pandas as pd\npd.DataFrame.append", "name", "pandas.DataFrame.append", True),
        ("from pandas import DataFrame\nDataFrame.append", "name", "pandas.DataFrame.append", True),
        ("from numpy import product", "name", "numpy.product", True),
        ("from collections import Mapping", "name", "collections.Mapping", True),
        ("import collections\nx = collections.Mapping", "name", "collections.Mapping", True),
        ("from unittest import TestCase\nTestCase.assertEquals", "", "", True),  # gone in 3.12, and this is 3.11
        ("import asyncio\n@asyncio.coroutine\ndef f(): ...", "name", "asyncio.coroutine", True),
    ],
)
def test_what_is_not_there_is_found(env: Path, text: str, kind: str, name: str, at_import: bool) -> None:
    found = [(need.kind, need.name, need.at_import) for need in script(env, text)]
    assert found == ([(kind, name, at_import)] if kind else [])


@pytest.mark.parametrize(
    "text",
    [
        "from lib import new, Frame, inner\nimport lib.inner\nlib.inner.there",
        "try:\n    from lib import old\nexcept ImportError:\n    old = None",
        "import lib\nif hasattr(lib, 'old'):\n    lib.old",
        "import lib\ntry:\n    lib.old\nexcept AttributeError:\n    pass",
        "try:\n    import nothing\nexcept ImportError:\n    nothing = None",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lib import old",
        "import sys\nif sys.version_info < (3, 8):\n    from collections import Mapping",
        "import lib\nif lib.__version__ < '2':\n    lib.old",
        "import lib\nlib.old = 1\nlib.old",
        "import lib\nlib.Frame.old",  # attributes of classes cannot be read
        "def f(lib):\n    return lib.old",
        "import lib\ndef f(lib):\n    return lib.old",
        "import numpy as np\nnp.zeros, np.whatever",
        "from lib import *\nold()",
        "import maker.extra\nfrom maker.extra import x",
        "from . import sibling\nfrom .sibling import x",
        "from __future__ import nothing",
        "import sys\nsys.path.append('..')\nimport nothing",
        "",
    ],
)
def test_what_is_there_or_guarded_is_let_alone(env: Path, text: str) -> None:
    assert script(env, text) == ()


def test_a_removed_name_comes_with_what_is_known_of_it(env: Path) -> None:
    (need,) = script(env, "import numpy as np\n\nx = np.float\ny = np.float(3)\n")
    assert [place.line for place in need.places] == [3, 4]
    assert need.provider == "numpy"
    assert need.removal is not None
    assert (need.removal.first_without, need.removal.sure) == ("1.24.0", True)


def test_modules_beside_the_script_are_the_users_own(env: Path) -> None:
    beside: dict[str, Any] = {"helpers.py": "", "pkg/__init__.py": "", "space/part.py": "", "numpy.py": "x = 1"}
    text = "import helpers, pkg.tools, space.part\nfrom helpers import anything\nimport numpy\nnumpy.float"
    assert script(env, text, **beside) == ()


def test_modules_of_a_folder_find_each_other(env: Path) -> None:
    tree = {
        "src/app/__init__.py": "from app.core import run\nimport conftest",
        "src/app/core.py": "import app\nimport nothing_at_all",
        "tests/test_app.py": "import app, helper\nimport missing_in_tests",
        "tests/tools/helper.py": "",
        "conftest.py": "",
    }
    found = {(need.inside, need.name): need.beside for need in link(env, write_tree(env.parent / "p", tree)).needs}
    assert found == {("src/app/core.py", "nothing_at_all"): False, ("tests/test_app.py", "missing_in_tests"): True}


def test_of_a_folder_everything_but_environments_and_copies_is_read(env: Path) -> None:
    bad = "import nothing"
    tree: dict[str, Any] = {
        "a.py": bad,
        "deep/er/b.py": bad,
        "c.ipynb": notebook(code(bad)),
        "no.txt": bad,
        ".hidden/d.py": bad,
        ".git/hooks/e.py": bad,
        "node_modules/f.py": bad,
        "__pycache__/g.py": bad,
        "myenv/pyvenv.cfg": "",
        "myenv/lib/h.py": bad,
        "conda/conda-meta/history": "",
        "conda/i.py": bad,
        "loop": Link("."),
    }
    facts = link(env, write_tree(env.parent / "p", tree))
    assert [need.inside for need in facts.needs] == ["a.py", "c.ipynb", "deep/er/b.py"]
    assert facts.gaps == ()


def test_a_notebook_is_one_program(env: Path) -> None:
    data = notebook(
        code("%matplotlib inline", "import lib", "import IPython, google.colab", execution_count=4),
        code("!ls", "lib.old()", "%timeit lib.old()"),
    )
    (need,) = link(env, write_tree(env.parent, {"n.ipynb": data}) / "n.ipynb").needs
    (place,) = need.places
    assert place.cell == "code cell 2, line 2"
    assert place.line is not None
    assert "lib.old()" in data.decode().split("\n")[place.line - 1]


def test_a_notebook_that_installs_what_it_needs_is_believed(env: Path) -> None:
    data = notebook(code("%pip install nothing"), code("import nothing", "from lib import old"))
    needs = link(env, write_tree(env.parent, {"n.ipynb": data}) / "n.ipynb").needs
    assert [need.name for need in needs] == ["lib.old"]


def test_a_cell_that_is_no_python_is_a_gap(env: Path) -> None:
    data = notebook(code("print 1"), code("from lib import old"))
    facts = link(env, write_tree(env.parent, {"n.ipynb": data}) / "n.ipynb")
    assert [need.name for need in facts.needs] == ["lib.old"]
    assert [gap.what for gap in facts.gaps] == [f"{env.parent}/n.ipynb, code cell 1"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("n.ipynb", b"{"), ("n.ipynb", b"[" * 100_000), ("n.ipynb", json.dumps([]).encode()), ("pipe.py", Fifo())],
    ids=["cut", "deep", "list", "pipe"],
)
def test_what_cannot_be_read_is_an_error_if_it_was_named_else_a_gap(env: Path, name: str, content: Any) -> None:
    folder = write_tree(env.parent / "p", {name: content})
    with pytest.raises(UsageError, match=name):
        link(env, folder / name)
    facts = link(env, folder)
    assert (facts.needs, [gap.what for gap in facts.gaps]) == ((), [str(folder / name)])


def test_what_is_not_there_is_an_error(env: Path) -> None:
    with pytest.raises(UsageError, match=r"no file or folder .*nowhere"):
        link(env, env.parent / "nowhere.py")


@pytest.mark.parametrize(
    "text",
    [
        b"print 'python 2'",
        b"\0",
        b"\xff\xfe",
        b"(" * 100_000,
        b"x = " + b"-" * 200_000 + b"1",
        b"# coding: nothing\nx = '\xff'",
    ],
    ids=["old", "nul", "bytes", "brackets", "signs", "coding"],
)
def test_a_hostile_source_is_a_gap(env: Path, text: bytes) -> None:
    path = write_tree(env.parent, {"x.py": text}) / "x.py"
    facts = link(env, path)
    assert (facts.needs, [gap.what for gap in facts.gaps]) == ((), [str(path)])


def test_the_same_file_is_read_once(env: Path) -> None:
    folder = write_tree(env.parent / "p", {"a.py": "import nothing"})
    assert len(link(env, folder, folder / "a.py", folder).needs) == 1
