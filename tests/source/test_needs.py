"""What a source file needs: where each name stands, and whether the file goes on without it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envaudit.errors import ReadError
from envaudit.source.needs import Form, Need, read_imports, read_needs
from envaudit.source.offers import read_offer

VALUES = {"sys.version_info": (3, 11, 4), "sys.platform": "linux", "TYPE_CHECKING": False, "__name__": ""}


def needs(text: str, module: str = "pkg.mod") -> dict[str, Need]:
    found = read_needs(text.encode(), module, VALUES).needs
    return {f"{need.module}:{need.name}": need for need in found}


def unguarded(text: str) -> set[str]:
    return {name for name, need in needs(text).items() if need.at_import and not need.guarded()}


def test_each_form_of_an_import_is_a_need_with_its_line() -> None:
    found = needs(
        "import a.b\nfrom c import (d,\n    e as f)\nfrom . import g\nfrom ..h import i\nimport j as k\nk.l.m\n"
    )
    assert {name: (need.line, need.form) for name, need in found.items()} == {
        "a.b:": (1, Form.IMPORT),
        "c:d": (2, Form.FROM),
        "c:e": (2, Form.FROM),
        "pkg:g": (4, Form.FROM),
        "j:": (6, Form.IMPORT),
        "j:l.m": (7, Form.ATTRIBUTE),
    }


def test_a_package_is_the_start_of_its_relative_imports() -> None:
    found = read_needs(b"from . import a\nfrom .b import c\n", "pkg", VALUES, is_package=True).needs
    assert [(need.module, need.name) for need in found] == [("pkg", "a"), ("pkg.b", "c")]


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    from a import b\nexcept ImportError:\n    b = None\n",
        "try:\n    from a import b\nexcept Exception:\n    pass\n",
        "try:\n    from a import b\nexcept:\n    pass\n",
        "try:\n    from a import b\nexcept (ValueError, ImportError) as e:\n    pass\n",
        "try:\n    import x\nexcept ImportError:\n    from a import b\n",
        "try:\n    import x\nexcept ValueError:\n    pass\nelse:\n    from a import b\n",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    from a import b\n",
        "with lazy():\n    from a import b\n",
        "if TYPE_CHECKING:\n    from a import b\n",
        "import sys\nif sys.version_info < (3, 8):\n    from a import b\n",
        "import sys\nif sys.platform == 'win32':\n    from a import b\n",
        "if something():\n    from a import b\n",
        "for each in things():\n    from a import b\n",
        "if __name__ == '__main__':\n    from a import b\n",
        "def f():\n    from a import b\n",
        "import a\nhasattr(a, 'b') and a.b\n",
        "import a\nx = a.b if hasattr(a, 'b') else None\n",
        "import a\nx = lambda: a.b\n",
        "import a\nx = [a.b for i in ()]\n",
        "from __future__ import annotations\nimport a\ndef f(x: a.b) -> a.b: pass\n",
        "import sys\nsys.exit()\nfrom a import b\n",
        "raise ImportError\nfrom a import b\n",
        "match x:\n    case 1:\n        from a import b\n",
        "try:\n    text = unicode\n    from a import b\nexcept NameError:\n    text = str\n",
        "try:\n    text = unicode\n    from a import b\nexcept (KeyError, NameError):\n    text = str\n",
        '"""\nfrom a import b\n"""\n',
    ],
)
def test_what_may_not_run_or_is_caught_is_guarded(text: str) -> None:
    assert "a:b" not in unguarded(text)
    assert "a:b" not in {
        f"{need.module}:{need.name}" for need in read_imports(text.encode(), "m", VALUES) if not need.guarded()
    }


@pytest.mark.parametrize(
    "text",
    [
        "from a import b\n",
        "try:\n    from a import b\nexcept ValueError:\n    pass\n",
        "try:\n    from a import b\nexcept ImportError:\n    raise RuntimeError('no')\n",
        "try:\n    from a import b\nfinally:\n    pass\n",
        "import sys\nif sys.version_info >= (3, 8):\n    from a import b\nelse:\n    from c import d\n",
        "import sys\nPY3 = sys.version_info[0] >= 3\nif PY3:\n    from a import b\n",
        "class C:\n    from a import b\n",
        "import warnings\nwith warnings.catch_warnings():\n    from a import b\n",
        "import a\nx = a.b\n",
        "import a\n@a.b\ndef f(): pass\n",
        "import a\ndef f(x=a.b): pass\n",
        "import a\ndef f(x: a.b): pass\n",
        "import a\nclass C(a.b): pass\n",
        "import a\nfor x in (1, 2):\n    a.b\n",
        "try:\n    import a\n    a.b\nexcept ImportError:\n    pass\n",
    ],
)
def test_what_certainly_runs_is_not_guarded(text: str) -> None:
    assert "a:b" in unguarded(text)


def test_a_missing_module_is_caught_where_a_missing_name_is_not() -> None:
    need = needs("try:\n    from a import b\nexcept ModuleNotFoundError:\n    pass\n")["a:b"]
    assert need.guarded(module_missing=True)
    assert not need.guarded()


@pytest.mark.parametrize(
    "body",
    [
        "if np.__version__ < '2':\n        return np.gone",
        "if NUMPY_GE_2:\n        return np.gone",
        "if hasattr(np, 'gone'):\n        return np.gone",
        "if np_major() > 1:\n        return 1\n    else:\n        return np.gone",
        "if sqla_14:\n        return 1\n    else:\n        return np.gone",
        "if np_version >= 2:\n        return 1\n    return np.gone",
        "if np_version >= 2:\n        raise ImportError('not with this one')\n    return np.gone",
        "assert NUMPY_LT_2_4\n    return np.gone",
        "try:\n        return np.gone\n    except AttributeError:\n        return 1",
    ],
)
def test_a_function_that_asks_for_the_version_is_guarded(body: str) -> None:
    assert needs(f"import numpy as np\ndef f():\n    {body}\n")["numpy:gone"].guarded()


@pytest.mark.parametrize("body", ["if x:\n        return np.gone", "assert x\n    return np.gone"])
def test_a_function_that_asks_for_something_else_is_not(body: str) -> None:
    found = needs(f"import numpy as np\ndef f(x):\n    {body}\n")["numpy:gone"]
    assert not found.at_import
    assert not found.guarded()


def test_a_module_that_refuses_a_version_is_not_guarded_by_that() -> None:
    text = "import numpy as np\nif np.__version__ < '1.20':\n    raise ImportError\nnp.gone\n"
    assert not needs(text)["numpy:gone"].guarded()


@pytest.mark.parametrize(
    "text",
    ["import a\ndef f(a): return a.b\n", "import a\na = 1\na.b\n", "import a\ntry: pass\nexcept E as a: a.b\n"],
)
def test_a_name_that_is_also_a_variable_is_no_module(text: str) -> None:
    assert "a:b" not in needs(text)


def test_a_name_that_the_file_makes_itself_is_patched() -> None:
    assert read_needs(b"import numpy as np\nnp.float = float\n", "m", VALUES).patched == {"numpy.float"}


@pytest.mark.parametrize(
    "text",
    [
        b"print 'Python 2'\n",
        b"\0",
        b"# coding: no-such\nimport a\n",
        b"x = '\xff'\n",
        b"(" * 300 + b"\n",
        b"if 1:\n" * 3,
        b"-" * 100_000 + b"1",
        b"a" + b".a" * 60_000,
        b"x = 1\n" * 1_000_000,
    ],
)
def test_what_cannot_be_parsed_is_an_error_of_reading(text: bytes) -> None:
    with pytest.raises(ReadError):
        read_needs(text, "m", VALUES)
    with pytest.raises(ReadError):
        read_offer(text, "m", VALUES)


def test_a_long_chain_of_conditions_is_read_or_refused() -> None:
    text = b"if a: pass\n" + b"elif b: pass\n" * 3000
    for read in (read_needs, read_offer):
        try:
            read(text, "m", VALUES)
        except ReadError as error:
            assert "nested" in str(error) or "Python" in str(error)  # noqa: PT017  either is right


_PIECES = st.sampled_from(
    (
        *(
            "import a",
            "from a import b",
            "from . import *",
            "try:",
            "except ImportError:",
            "else:",
            "finally:",
            "def f():",
        ),
        *(
            "class C(a.b):",
            "    ",
            "\n",
            "if TYPE_CHECKING:",
            "with suppress(ImportError):",
            "a.b.c",
            "a.b = 1",
            "del a",
        ),
        *("global g", "(", ")", "[", "]", "'''", "\\\n", "lambda: a.b", "yield", "match x:", "    case [*y]:", ":="),
        *("async def g():", "await x", "@a.b", "for a in b:", "while 1:", "return", "\x00", "\xff", "\t", "exec('')"),
        *("__all__ = ['x']", "\f", "\r", "#", ";", "%time", "print x"),
    )
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_PIECES, max_size=40).map("".join))
def test_no_text_breaks_the_readers(text: str) -> None:
    data = text.encode("latin-1")
    for read in (read_needs, read_imports, read_offer):
        try:
            read(data, "pkg.mod", VALUES)
        except ReadError:
            continue


def test_what_a_class_binds_is_no_condition_outside() -> None:
    text = b"class C:\n    NEW = False\nif NEW:\n    import gone\nelse:\n    import other\n"
    assert all(need.guarded() for need in read_needs(text, "app", {}).needs)


def test_what_follows_an_import_that_worked_runs() -> None:
    text = (
        b"def f():\n    try:\n        import lib\n    except ImportError:\n        pass\n    else:\n        lib.gone\n"
    )
    assert [need.name for need in read_needs(text, "app", {}).needs if not need.guarded()] == ["gone"]
    asked = text.replace(b"import lib\n", b"lib = load()\n")
    assert all(need.guarded() for need in read_needs(asked, "app", {}).needs)
