"""What a module offers, and in which cases it may offer anything."""

from __future__ import annotations

import pytest

from envaudit.source.offers import Openness, read_offer

VALUES = {"sys.version_info": (3, 11, 4), "sys.platform": "linux", "TYPE_CHECKING": False}


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        "x: int = 1",
        "(x, y), *z = w",
        "def x(): pass",
        "async def x(): pass",
        "class x: pass",
        "import x",
        "import x.y",
        "import a as x",
        "from a import x",
        "from a import b as x",
        "for x in y: pass",
        "for i in y:\n    x = 1",
        "while 1:\n    x = 1\n    break",
        "with a as x: pass",
        "with a as (x, y): pass",
        "try:\n    x = 1\nexcept E:\n    pass",
        "try:\n    pass\nexcept E:\n    x = 1",
        "try:\n    pass\nfinally:\n    x = 1",
        "if unknown():\n    x = 1",
        "if unknown():\n    pass\nelse:\n    x = 1",
        "import sys\nif sys.version_info > (3,):\n    x = 1",
        "(x := 1)",
        "print([x := i for i in y])",
        "match a:\n    case [x, *y]: pass",
        "match a:\n    case {'k': 1, **x}: pass",
        "match a:\n    case 1:\n        x = 1",
        "def f():\n    global x\n    x = 1",
        "x = 1\ndel x\nx = 2",
        "for i in y:\n    x = 1\n    del x",
    ],
)
def test_a_name_is_bound(text: str) -> None:
    offer = read_offer(text.encode(), "m", VALUES)
    assert "x" in offer.names
    assert offer.openness is Openness.CLOSED


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    x = 1",
        "class C:\n    x = 1",
        "y = [x for x in z]",
        "y = lambda x: x",
        "x.y = 1",
        "x[0] = 1",
        "import a.x",
        "if TYPE_CHECKING:\n    from a import x",
        "import sys\nif sys.version_info < (3,):\n    x = 1",
        "import sys\nif sys.platform == 'win32':\n    x = 1",
        "x = 1\ndel x",
        "'''\nx = 1\n'''",
    ],
)
def test_a_name_is_not_bound(text: str) -> None:
    assert "x" not in read_offer(text.encode(), "m", VALUES).names


@pytest.mark.parametrize(
    ("text", "openness"),
    [
        ("def __getattr__(name): pass", Openness.NAMES),
        ("__getattr__, __dir__, __all__ = lazy.attach('a', [])", Openness.NAMES),
        ("from a import __getattr__", Openness.NAMES),
        ("globals()['x'] = 1", Openness.NAMES),
        ("globals().update(y)", Openness.NAMES),
        ("vars()['x'] = 1", Openness.NAMES),
        ("exec(code)", Openness.ALL),
        ("import sys\nsys.modules[__name__] = x", Openness.ALL),
        ("import sys\nsetattr(sys.modules[__name__], 'x', 1)", Openness.ALL),
        ("import apipkg\napipkg.initpkg(__name__, {})", Openness.ALL),
        ("import importlib\nimportlib.import_module(__name__).__dict__['x'] = 1", Openness.ALL),
        ("import sys\nsys.meta_path.append(x)", Openness.ALL),
        ("import m\nm.__dict__['x'] = 1", Openness.NAMES),
        ("def fill(module): module.__dict__.update(y)", Openness.NAMES),
        ("def fill(module):\n    names = module.__dict__\n    names['x'] = 1", Openness.NAMES),
        ("def fill(module): exec(code, module.__dict__)", Openness.ALL),
        ("def fill(module): hand_on(module.__dict__)", Openness.NAMES),
        ("def fill(module): setattr(module, 'x', 1)", Openness.NAMES),
        ("def fill(): setattr(find(), 'x', 1)", Openness.NAMES),
    ],
)
def test_a_module_that_may_gain_names_is_open(text: str, openness: Openness) -> None:
    assert read_offer(text.encode(), "m", VALUES).openness & openness == openness


@pytest.mark.parametrize(
    "text",
    [
        # Who reads the names of an object gives it none.
        "for name in base.__dict__: pass",
        "def names(a): return [x for x in a.__dict__] + list(a.__dict__) + sorted(a.__dict__.keys())",
        "def names(a):\n    for x in a.__dict__.items(): pass",
        "def get(a): return a.__dict__['x'], a.__dict__.get('y'), 'z' in a.__dict__, len(a.__dict__)",
        "def copied(a): return a.__dict__.copy()",
        # That of a module cannot be replaced.
        "def same(a, b): a.__dict__ = b.__dict__.copy()",
        # An object of a class is no module.
        "def copy(self):\n    new = self.__class__.__new__(self.__class__)\n    new.__dict__.update(self.__dict__)",
        "def copy(self):\n    new = type(self)()\n    new.__dict__.update(self.__dict__)",
        "import copy\ndef twin(a):\n    new = copy.copy(a)\n    new.__dict__.update(y)",
        "def fill(self):\n    self.__dict__['x'] = 1\n    setattr(self.parts().first, 'x', 1)",
    ],
)
def test_objects_do_not_open_a_module(text: str) -> None:
    assert read_offer(text.encode(), "m", VALUES).openness is Openness.CLOSED


def test_loggers_do_not_open_a_module() -> None:
    assert read_offer(b"import logging\nlog = logging.getLogger(__name__)\n", "m", VALUES).openness is Openness.CLOSED


def test_stars_and_what_is_exported() -> None:
    offer = read_offer(b"from .a import *\nfrom b import *\n__all__ = ['x']\n__all__ += ('y',)\n", "p.m", VALUES)
    assert offer.stars == ("p.a", "b")
    assert offer.exported == frozenset({"x", "y"})
    assert read_offer(b"__all__ = [s for s in dir()]", "m", VALUES).exported is None
    assert read_offer(b"__all__ = ['a']\n__all__ += other.__all__", "m", VALUES).exported is None
