"""Attributes that objects have lost: named where it is certain what the object is, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.locate import TargetRequest, locate
from envaudit.scan import scan_target
from envaudit.source.link_all import link_names
from envaudit.source.methods import Members
from envaudit.source.modules import Modules
from envaudit.source.objects import uses_of_tree
from envaudit.source.parse import parse
from tests.support.trees import Dist, make_venv

if TYPE_CHECKING:
    from pathlib import Path

# As much of two libraries as their sources say about the objects in question; what is removed, the tables say.
PANDAS: dict[str, str] = {
    "pandas/__init__.py": (
        "from pandas.core.frame import DataFrame\nfrom pandas.core.series import Series\n"
        "from pandas.io import read_csv, read_json, concat, unknown\nfrom pandas.core.index import Index\n"
    ),
    "pandas/core/__init__.py": "",
    "pandas/core/generic.py": (
        "class NDFrame:\n    def __getattr__(self, name): ...\n    def copy(self) -> Self: ...\n    @property\n"
        "    def T(self) -> Self:\n        return self\n"
    ),
    "pandas/core/frame.py": (
        "from pandas.core.generic import NDFrame\nfrom pandas.core.series import Series\n\n"
        "class DataFrame(NDFrame):\n    '''A table.\n\n    append : what is no attribute\n    '''\n"
        "    @overload\n    def drop(self, inplace: Literal[True]) -> None: ...\n"
        "    def drop(self, inplace: bool = False) -> DataFrame | None:\n        append = 1\n"
        "    def set_index(\n        self,\n        append: bool = False,\n    ) -> 'DataFrame':\n        return self\n"
        "    def __getitem__(self, key): ...\n"
    ),
    "pandas/core/series.py": "from pandas.core.generic import NDFrame\nclass Series(NDFrame):\n    pass\n",
    "pandas/core/index.py": "class Index:\n    pass\nclass Sub(Index):\n    def is_integer(self): ...\n",
    "pandas/io.py": (
        "from pandas.core.frame import DataFrame\n\n"
        "class Reader:\n    def get_chunk(self) -> DataFrame: ...\n\n"
        "class Adder:\n    def append(self, x): ...\n\n"
        "def read_csv(path) -> DataFrame | Reader: ...\ndef read_json(path) -> DataFrame | Adder: ...\n"
        "def unknown(path): ...\nasync def later() -> DataFrame: ...\n"
        "def concat(parts) -> DataFrame: ...\n"
    ),
}
SQLALCHEMY: dict[str, str] = {
    "sqlalchemy/__init__.py": "from .engine import create_engine as create_engine\n",
    "sqlalchemy/engine/__init__.py": (
        "from .base import Connection as Connection\nfrom .base import Engine as Engine\n"
        "from .base import create_engine\nfrom .interfaces import Connectable as Connectable\n"
    ),
    "sqlalchemy/engine/interfaces.py": "class Target:\n    dispatch: int\n\nConnectable = Target\n",
    "sqlalchemy/engine/base.py": (
        "from __future__ import annotations\nfrom .interfaces import Target\n\n"
        "class Connection(Target):\n    def execution_options(self, **opt: Any) -> Connection: ...\n"
        "    def execute(self, text): ...\n\n"
        "class Engine(Target):\n    def execution_options(self, **opt: Any) -> OptionEngine: ...\n"
        "    def connect(self) -> Connection: ...\n\n"
        "class OptionEngine(Engine):\n    pass\n\ndef create_engine(url, **more) -> Engine: ...\n"
    ),
}


def used(tmp_path: Path, text: str, pandas: str = "2.2.3") -> list[tuple[str, int]]:
    """Return what a script uses in vain, with the lines."""
    dists = [Dist("pandas", pandas, files=dict(PANDAS)), Dist("SQLAlchemy", "2.0.36", files=dict(SQLALCHEMY))]
    target = locate(TargetRequest(str(make_venv(tmp_path, distributions=dists)), None), {}, "/", "")
    modules = Modules(target)
    members = Members(modules, {"pandas": pandas, "sqlalchemy": "2.0.36"}, "3.12.1")
    names = members.names_lost({"pandas", "sqlalchemy", "python"})
    uses = uses_of_tree(parse(text.encode()), "", {"sys.version_info": (3, 12)}, members, names)
    return [(f"{use.lost.owner}.{use.lost.name}", use.line) for use in uses if not use.guarded]


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("import pandas as pd\ndf = pd.DataFrame()\ndf = df.append(1)", "pandas.DataFrame.append", 3),
        ("from pandas import DataFrame\nDataFrame().append(1)", "pandas.DataFrame.append", 2),
        ("import pandas as pd\npd.read_csv('x').append(1)", "pandas.DataFrame.append", 2),
        ("from pandas.io import Reader\nReader().get_chunk().append(1)", "pandas.DataFrame.append", 2),
        ("import pandas as pd\ndf = pd.DataFrame()\nfor x in y:\n    df = df.append(x)", "pandas.DataFrame.append", 4),
        ("import pandas as pd\ndef f(df: pd.DataFrame):\n    df.copy().append(1)", "pandas.DataFrame.append", 3),
        ("import pandas as pd\ndef f(df: 'pd.DataFrame | None'):\n    df.T.append(1)", "pandas.DataFrame.append", 3),
        ("import pandas as pd\ndef f(df: pd.DataFrame):\n    df.drop(1).iteritems()", "pandas.DataFrame.iteritems", 3),
        (
            "import pandas as pd\ndef f(x):\n    assert isinstance(x, pd.Series)\n    x.append(1)",
            "pandas.Series.append",
            4,
        ),
        (
            "import pandas as pd\ndef f(x):\n    if not isinstance(x, pd.DataFrame):\n        return\n    x.append(1)",
            "pandas.DataFrame.append",
            5,
        ),
        (
            "import sqlalchemy as sa\ne = sa.create_engine('x')\ndef f():\n    e.execute('')",
            "sqlalchemy.engine.Engine.execute",
            4,
        ),
        (
            (
                "from helpers import import_optional_dependency\n"
                "class A:\n    def __init__(self, x):\n        self.x = x\n"
                "    def run(self):\n        return self.x.execution_options().execute('')\n"
                "def make(con):\n    sa = import_optional_dependency('sqlalchemy', errors='ignore')\n"
                "    if sa is not None and isinstance(con, sa.engine.Connectable):\n        return A(con, more=1)\n"
            ),
            "sqlalchemy.engine.base.OptionEngine.execute",
            6,
        ),
        (
            (
                "import pandas as pd\nclass A:\n    def __init__(self):\n        self.df = pd.DataFrame()\n"
                "    def add(self, row):\n        self.df = self.df\n"
                "class B:\n    def __init__(self):\n        self.frame = pd.DataFrame()\n"
                "    def add(self, row):\n        return self.frame.append(row)\n"
            ),
            "pandas.DataFrame.append",
            11,
        ),
    ],
)
def test_what_an_object_has_lost_is_named(tmp_path: Path, text: str, name: str, line: int) -> None:
    assert used(tmp_path, text) == [(name, line)]


@pytest.mark.parametrize(
    "text",
    [
        "import pandas as pd\nrows = []\nrows.append(1)",
        "import pandas as pd\ndf = pd.DataFrame()\ndf = df[df.x > 1]\ndf.append(1)",
        "import pandas as pd\ndf = pd.unknown('x')\ndf.append(1)",
        "import pandas as pd\ndf = pd.read_json('x')\ndf.append(1)",
        "import pandas as pd\ndf = pd.DataFrame()\nx = df.append",  # a column of that name cannot be called
        "import pandas as pd\ndf = pd.DataFrame()\ndf.set_index('a', append=True)",
        "import pandas as pd\ndf = pd.DataFrame() if x else []\ndf.append(1)",
        "import pandas as pd\nif x:\n    df = pd.DataFrame()\nelse:\n    df = []\ndf.append(1)",
        "import pandas as pd\ndf = pd.DataFrame()\nif hasattr(df, 'append'):\n    df.append(1)",
        "import pandas as pd\ndf = pd.DataFrame()\ntry:\n    df.append(1)\nexcept AttributeError:\n    pass",
        "import pandas as pd\ndf = pd.DataFrame()\nif pd.__version__ < '2':\n    df.append(1)",
        "import pandas as pd\npd.DataFrame.append = lambda *x: 1\npd.DataFrame().append(1)",
        "import pandas as pd\nsetattr(pd.DataFrame, 'append', 1)\npd.DataFrame().append(1)",
        "import pandas as pd\ndf = pd.DataFrame()\n[df.append(1) for df in y]",
        "import pandas as pd\ndf = pd.DataFrame()\ndef f(df):\n    df.append(1)",
        (
            "import pandas as pd\ndef f():\n    df = pd.DataFrame()\n"
            "    def g():\n        nonlocal df\n        df = []\n    df.append(1)"
        ),
        "import pandas as pd\ndf = pd.DataFrame()\ndef g():\n    global df\n    df = []\ng()\ndf.append(1)",
        "import pandas as pd\ndef f(x: pd.DataFrame):\n    if isinstance(x, list):\n        x.append(1)",
        "import pandas as pd\ndef f(x: pd.DataFrame):\n    with x as x:\n        x.append(1)",
        (
            "import pandas as pd\nclass D(pd.DataFrame):\n"
            "    def append(self, x): ...\n    def g(self):\n        self.append(1)"
        ),
        (
            "import pandas as pd\nclass A:\n    def __init__(self, x):\n"
            "        self.x = x\n    def f(self):\n        self.x.append(1)\nA([])"
        ),
        (
            "import pandas as pd\nclass A:\n    def __init__(self):\n        self.x = pd.DataFrame()\n"
            "    def f(self):\n        self.x.append(1)\na = A()\na.x = []"
        ),
        (
            "import sqlalchemy as sa\ndef f(c):\n"
            "    if isinstance(c, sa.engine.Connectable):\n        c.connect().execute('')"
        ),
        (
            "import sqlalchemy as sa\ne = sa.create_engine('x')\n"
            "with e.connect() as c:\n    c.execute('')\ne.connect().execute('')"
        ),
        "import sqlalchemy as sa\ndef f(c: sa.engine.Connectable):\n    c.execute('')",
        "import pandas as pd\ndef f(i: pd.Index):\n    i.is_integer()",  # a class below has it
        "import pandas as pd\nasync def f():\n    (await pd.io.later()).append(1)",
    ],
)
def test_of_an_object_that_is_not_certain_nothing_is_said(tmp_path: Path, text: str) -> None:
    assert used(tmp_path, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pandas as pd\nx = pd.DataFrame()\nx" + ".copy()" * 60 + ".append(1)",
        "import pandas as pd\nx = unknown\nx" + ".copy()" * 60 + ".append(1)",
        "import pandas as pd\ndef f(x: '" + "A | " * 60 + "B'):\n    x.append(1)",
        "import pandas as pd\nclass A(A):\n    def f(self):\n        self.append(1)",
        "import pandas as pd\n" + "".join(f"{' ' * at}if x:\n" for at in range(80)) + " " * 80 + "x.append(1)",
        "class A0: ...\n"
        + "".join(f"class A{at + 1}(A{at}, A{at}): ...\n" for at in range(45))
        + "class B(A45):\n    def f(self):\n        self.append(self.x.append(1))",
    ],
    ids=["long", "long and unknown", "many", "own base", "deep", "diamonds"],
)
def test_hostile_sources_end(tmp_path: Path, text: str) -> None:
    assert used(tmp_path, text) == []


def test_what_the_installed_release_has_is_not_missed(tmp_path: Path) -> None:
    assert used(tmp_path, "import pandas as pd\npd.DataFrame().append(1)", pandas="1.5.3") == []


APP = (
    "def frame():\n    import pandas as pd\n    df = pd.DataFrame()\n    return df.append(1)\n"
)  # fmt: skip


def _linked(tmp_path: Path, *, requires: str = "") -> list[tuple[str, str, int, str]]:
    app = Dist("app", "1.0", requires=[requires] if requires else [], files={"app/__init__.py": APP})
    dists = [Dist("pandas", "2.2.3", files=dict(PANDAS)), app]
    target = locate(TargetRequest(str(make_venv(tmp_path, distributions=dists)), None), {}, "/", "")
    found = link_names(target, [dist for dist in scan_target(target).distributions if not dist.hidden_by])
    return [(each.path, each.dotted, each.line, each.form) for each in found]


def test_distributions_are_linked_with_the_objects_of_others(tmp_path: Path) -> None:
    assert _linked(tmp_path) == [("app/__init__.py", "pandas.DataFrame.append", 4, "member")]


def test_who_asks_for_a_release_without_it_cannot_use_it(tmp_path: Path) -> None:
    assert _linked(tmp_path, requires="pandas>=2.1") == []
