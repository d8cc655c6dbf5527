"""A look at the lines in question: what it does not let pass is caught, quoted or a variable; all else it lets pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envaudit.source.blocks import Blocks, _has_future_annotations, _imports
from envaudit.source.needs import read_needs
from envaudit.source.statements import Statements

VALUES: dict[str, Any] = {"sys.version_info": (3, 11, 0), "TYPE_CHECKING": False}
WANTED = {("lib", "gone"), ("lib.sub", "gone"), ("absent", "")}


def asks(text: str) -> set[str]:
    """Look for what is ``WANTED`` in a text."""
    blocks = Blocks(text.encode(), "app.module", VALUES, is_package=False)
    return blocks.asks_for(WANTED, Statements())


@pytest.mark.parametrize(
    "text",
    [
        "import lib\nlib.gone\n",
        "import lib\ndef f():\n    return lib.gone\n",
        "import lib\n@decorated(1)\ndef f():\n    return lib.gone\n",
        "import lib\n@lib.gone\ndef f():\n    return 1\n",
        "import lib\nclass C:\n    '''Says.\n\n    lib.other\n    '''\n    def f(self):\n        lib.gone()\n",
        "import lib\nclass C:\n    @property\n    def f(self):\n        lib.gone()\n    def g(self): ...\n",
        "import lib\nclass C(lib.gone):\n    def f(self): ...\n",
        "import lib\nclass C:\n    x = lib.gone\n    def f(self): ...\n",
        "import lib\nclass C:\n  def f(self):\n    lib.gone\n",
        'import lib\ndef f():\n    """\nText at the margin.\n    """\n    lib.gone\n',
        "import lib\ndef f(\n    a,\n):\n    lib.gone\n",
        "import lib\ntry:\n    pass\nfinally:\n    def f():\n        lib.gone\n",
        "import lib\nPY3 = sys.version_info >= (3,)\ndef f():\n    if PY3:\n        lib.gone\n",
        "def f():\n    from lib import gone\n",
        "def f():\n    from lib import (\n        a,\n        gone,\n    )\n",
        "from lib import sub\ndef f():\n    sub.gone\n",
        "import lib.sub as s\ndef f():\n    s.gone\n",
        "def f():\n    import absent\n",
        "import lib\nclass C:\n    def lib(self): ...\n    def f(self):\n        lib.gone\n",
        "import lib\ndef f():\n    lib.gone(\x00\n",
    ],
)
def test_what_may_fail_passes(text: str) -> None:
    assert asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import lib\n",
        "import lib\nlib.other\nlib.gone_too\nmylib.gone\nx.lib.gone\n",
        "import lib\n# lib.gone\n",
        "import lib\ndef f():\n    '''It was (lib.gone) once.'''\n",
        "import lib\ntry:\n    lib.gone\nexcept AttributeError:\n    pass\n",
        "import lib\ndef f():\n    try:\n        return lib.gone\n    except Exception:\n        pass\n",
        "import lib\ndef f():\n    if hasattr(lib, 'gone'):\n        return lib.gone\n",
        "import lib\nclass C:\n    def f(self):\n        if lib_version < 2:\n            return lib.gone\n",
        "import lib\nPY2 = sys.version_info[0] == 2\ndef f():\n    if PY2:\n        lib.gone\n",
        "import lib\ndef f(lib):\n    return lib.gone\n",
        "import lib\nclass C:\n    def f(self, lib):\n        return lib.gone\n",
        "def f():\n    try:\n        from lib import gone\n    except ImportError:\n        pass\n",
        "if TYPE_CHECKING:\n    from lib import gone\n",
    ],
)
def test_what_is_caught_or_something_else_does_not(text: str) -> None:
    assert asks(text) == set()


_USES = st.sampled_from(
    [
        "lib.gone",
        "x = lib.gone()",
        "from lib import gone",
        "import absent",
        "s.gone(1)",
        "pass",
        "lib = 1",
        "'lib.gone'",
    ]
)
_AROUND = st.sampled_from(
    [
        "{}",
        "try:\n    {}\nexcept ImportError:\n    pass",
        "try:\n    {}\nexcept AttributeError:\n    pass",
        "if flag:\n    {}",
        "if PY3:\n    {}\nelse:\n    pass",
        "def f(a=1):\n    {}\n    return 2",
        "def g():\n    '''Text.\nMargin lib.gone\n    '''\n    {}",
        "class C:\n    {}\n    def f(self):\n        pass",
        "class D:\n    x = 1\n    def f(self):\n        {}",
        "class E:\n    if x:\n        def f(self):\n            {}\n    else:\n        pass",
        "@d\nclass F(G):\n    @p\n    def f(self):\n        with open(a):\n            {}\n        return 3",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(_AROUND, _USES), min_size=1, max_size=6), st.booleans())
def test_all_that_the_whole_file_shows_passes(parts: list[tuple[str, str]], early: bool) -> None:
    head = "import lib\nimport lib.sub as s\n" + ("PY3 = sys.version_info[0] == 3\n" if early else "")
    text = head + "\n".join(around.format(use) for around, use in parts) + "\n"
    certain = {
        f"{need.module}.{need.name}" if need.name else need.module
        for need in read_needs(text.encode(), "app.module", VALUES).needs
        if not (need.guarded() and need.guarded(module_missing=True))
        and (need.form.value == "attribute" or not need.at_import)
    }
    known = {f"{module}.{name}" if name else module for module, name in WANTED}
    assert certain & known <= asks(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"from __future__ import annotations\n", True),
        (b"'''doc'''\nfrom __future__ import (\n    division,\n    annotations,\n)\n", True),
        (b"from __future__ import division\nannotations = 1\n", False),
        (b"# from __future__ import annotations\n", False),
        (b"# from __future__ import annotations\nfrom __future__ import annotations\n", True),
    ],
)
def test_annotations_of_the_future_begin_a_line(text: bytes, expected: bool) -> None:
    assert _has_future_annotations(text) is expected


@pytest.mark.parametrize(
    ("text", "name", "lines"),
    [
        (b"def f():\n    from a.b import c\n", "c", [2]),
        (b"def f():\n    from a.bc import c\n    from xa.b import c\n", "c", []),
        (b"def f():\n    import os, a.b\n    import a.b.c\n", "", [2]),
        (b"try:\n    from a.b import c\nexcept ImportError:\n    c = None\n", "c", []),
        (b"from a.b import c\n", "c", []),  # at the start of a line
        (b"def f():\n    from a.b import d\n", "c", []),
        (b"def f():\n    from a.b import *\n", "*", [2]),
    ],
)
def test_indented_imports_of_a_module_are_found(text: bytes, name: str, lines: list[int]) -> None:
    assert [text.count(b"\n", 0, place) + 1 for place in _imports(text, "a.b", name)] == lines
