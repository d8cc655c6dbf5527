"""Which compiled modules a package imports when it is imported: literal trees, one question each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from envaudit.model import ImportPath, replace
from envaudit.scan import reach, reach_syntax
from envaudit.scan.reach import import_time_modules
from tests.scan.support import scan_one, target_of
from tests.support.trees import Fifo, Link, make_distribution, write_tree

if TYPE_CHECKING:
    from pathlib import Path

EXT = ".cpython-311-x86_64-linux-gnu.so"


def walk(site: Path, files: dict[str, str], *groups: set[str], **changes: object) -> ImportPath:
    """Install a distribution ``pkg`` with these files and follow its imports."""
    make_distribution(site, "pkg", "1", files=files)
    target = replace(target_of(site), **changes)
    return import_time_modules(str(site), scan_one(site), target, [frozenset(group) for group in groups])


def modules(site: Path, init: str, **changes: object) -> set[str]:
    """Return which of ``_a``, ``_b`` and ``sub._c`` a package with this ``__init__.py`` imports."""
    files = {
        "pkg/__init__.py": init,
        f"pkg/_a{EXT}": "",
        f"pkg/_b{EXT}": "",
        "pkg/sub/__init__.py": "",
        f"pkg/sub/_c{EXT}": "",
    }
    found = walk(site, files, **changes)
    assert found.complete, "the sources could not be followed"
    names = {path.removesuffix(EXT).removeprefix("pkg/").replace("/", ".") for path in found.modules}
    assert all(path.endswith(EXT) for path in found.modules)
    return names


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ("", set()),
        ("import pkg._a", {"_a"}),
        ("import pkg._a as x, pkg._b", {"_a", "_b"}),
        ("from pkg import _a", {"_a"}),
        ("from pkg import _a as x", {"_a"}),
        ("from . import _a, _b", {"_a", "_b"}),
        ("from ._a import f", {"_a"}),
        ("from .sub._c import *", {"sub._c"}),
        ("from .sub import _c", {"sub._c"}),
        ("import pkg.sub._c", {"sub._c"}),
        ("from .sub import absent", set()),
        ("from .. import _a", set()),
        ("import numpy\nfrom os import path", set()),
        # What does not run when the package is imported.
        ("def f():\n    from . import _a", set()),
        ("async def f():\n    from . import _a", set()),
        ("def __getattr__(name):\n    from . import _a\n    return _a", set()),
        ("f = lambda: __import__('pkg._a')", set()),
        ("if __name__ == '__main__':\n    from . import _a", set()),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import _a\nelse:\n    from . import _b",
            {"_b"},
        ),
        ("import typing\nif not typing.TYPE_CHECKING:\n    from . import _a", {"_a"}),
        # What does.
        ("class A:\n    from . import _a", {"_a"}),
        ("with open('x') as f:\n    from . import _a", {"_a"}),
        ("for x in (1, 2):\n    from . import _a", {"_a"}),
        ("for x in range(y):\n    from . import _a", set()),
        ("def f():\n    from . import _a\nf()", {"_a"}),
        ("def f():\n    from . import _a\nx = [f()]", {"_a"}),
        ("def f(g=1):\n    from . import _a\n@f\ndef h(): pass\n", set()),
        ("def f(x):\n    if x:\n        return\n    from . import _a\nf(y)", set()),
        ("def f():\n    f()\nf()\nfrom . import _a", {"_a"}),
        ("import importlib\nimportlib.import_module('pkg._a')", {"_a"}),
        ("from importlib import import_module\nimport_module('._a', 'pkg')", {"_a"}),
        ("raise ImportError\nfrom . import _a", set()),
        ("__all__ = names()\nfrom . import _a", {"_a"}),
        ("x: int\nfrom . import _a", {"_a"}),
        ("import importlib\nif x():\n    importlib.import_module(y)\nfrom . import _a", {"_a"}),
        ("if broken:\n    raise ImportError\nfrom . import _a", {"_a"}),
    ],
)
def test_what_runs_at_import_time(tmp_path: Path, init: str, expected: set[str]) -> None:
    assert modules(tmp_path, init) == expected


@pytest.mark.parametrize(
    ("handlers", "expected"),
    [
        ("except ImportError:\n    pass", set()),
        ("except (ValueError, ImportError):\n    pass", set()),
        ("except builtins.ImportError:\n    pass", set()),
        ("except Exception:\n    x = None", set()),
        ("except:\n    pass", set()),
        ("except AttributeError:\n    pass", set()),
        ("except errors.Strange:\n    pass", set()),
        # A module that cannot be loaded is there, so it is no ModuleNotFoundError.
        ("except ModuleNotFoundError:\n    pass", {"_a"}),
        ("except (KeyError, TypeError):\n    pass", {"_a"}),
        ("except ImportError as e:\n    raise ImportError('build it') from e", {"_a"}),
        ("except ImportError:\n    import sys\n    sys.exit(1)", {"_a"}),
        ("except ImportError as e:\n    if e.name:\n        raise\n    else:\n        raise ValueError", {"_a"}),
        ("except ImportError as e:\n    if e.name:\n        raise", set()),
        ("except ImportError:\n    raise\nexcept KeyError:\n    pass", {"_a"}),
        ("except ImportError:\n    raise\nexcept Exception:\n    pass", set()),
        ("except ImportError:\n    from . import _b", set()),
        ("except ImportError:\n    pass\nelse:\n    from . import _b", {"_b"}),
        ("finally:\n    from . import _b", {"_a", "_b"}),
    ],
)
def test_a_guard_is_what_really_catches(tmp_path: Path, handlers: str, expected: set[str]) -> None:
    assert modules(tmp_path, f"try:\n    from . import _a\n{handlers}\n") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("raise ImportError(e)", {"_a"}),
        ("message = 1\n    raise ImportError from e", {"_a"}),
        ("if e.name:\n        return\n    raise e", set()),
        ("return e\n    raise e", set()),
        ("log(e)", set()),
        ("fail(e)", set()),
    ],
)
def test_a_handler_may_raise_by_a_function_of_the_file(tmp_path: Path, body: str, expected: set[str]) -> None:
    """The way of scikit-learn and scikit-image: the handler explains how to build the package."""
    init = f"def fail(e):\n    {body}\ntry:\n    from . import _a\nexcept ImportError as e:\n    fail(e)\n"
    assert modules(tmp_path, init) == expected


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ("import contextlib\nwith contextlib.suppress(ImportError):\n    from . import _a", set()),
        ("with suppress(Exception):\n    from . import _a", set()),
        ("with suppress(KeyError):\n    from . import _a", {"_a"}),
        ("try:\n    from . import _a\nexcept ImportError:\n    with log():\n        raise", {"_a"}),
    ],
)
def test_suppress_is_a_guard(tmp_path: Path, init: str, expected: set[str]) -> None:
    assert modules(tmp_path, init) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("sys.platform == 'linux'", "_a"),
        ("sys.platform.startswith('linux')", "_a"),
        ("sys.platform.startswith(('win', 'cygwin'))", "_b"),
        ("sys.platform in ('win32', 'darwin')", "_b"),
        ("os.name == 'nt'", "_b"),
        ("platform.system() == 'Linux'", "_a"),
        ("sys.version_info >= (3, 8)", "_a"),
        ("sys.version_info[:2] < (3, 11)", "_b"),
        ("sys.version_info[0] == 2", "_b"),
        ("sys.version_info.minor == 11", "_a"),
        ("sys.version_info < (3,)", "_b"),
        ("not sys.version_info < (3, 8) and True", "_a"),
        ("os.name == 'nt' and anything()", "_b"),
        ("os.name == 'posix' or anything()", "_a"),
        ("anything()", ""),
        ("os.name == 'posix' and anything()", ""),
        ("sys.version_info >= '3'", ""),
        ("sys.version_info[99] == 1", ""),
        ("sys.version_info['major'] == 3", ""),
        ("sys.version_info[1:] > (8,)", ""),
        ("sys.version_info[:unknown] > (3,)", ""),
        ("3 < sys.version_info[0] < 4", ""),
        ("sys.platform.startswith(1)", ""),
        ("sys.platform.startswith(('win', 1))", ""),
        ("sys.platform.startswith(unknown)", ""),
        ("sys.platform.startswith('lin', 0)", ""),
        ("sys.platform.endswith('ux')", "_a"),
        ("sys.platform.index('w')", ""),
        ("len(sys.platform) == 5", ""),
        ("names()['x'].y", ""),
        ("platform[0] == 'l'", ""),
        ("platform.python_implementation() == 'PyPy'", "_b"),
        ("not " * 30 + "True", ""),
        ("PY2", "_b"),
        ("BUILDING", "_b"),
    ],
)
def test_conditions_are_decided_for_the_target(tmp_path: Path, condition: str, expected: str) -> None:
    init = (
        "import os, platform, sys\nPY2 = sys.version_info[0] == 2\n"
        "try:\n    BUILDING\nexcept NameError:\n    BUILDING = False\n"
        f"if {condition}:\n    from . import _a\nelse:\n    from . import _b\n"
    )
    assert modules(tmp_path, init) == ({expected} if expected else set())


def test_the_target_decides_and_not_this_machine(tmp_path: Path) -> None:
    init = "if sys.platform == 'win32':\n    from . import _a\nelif sys.version_info < (3, 9):\n    from . import _b"
    assert modules(tmp_path, init, platform="win-amd64") == {"_a"}
    old = {"python": "3.8.1", "version_info": (3, 8)}
    files = {"pkg/__init__.py": init, f"pkg/_b{EXT}": "", "pkg/_b.cpython-38-x86_64-linux-gnu.so": ""}
    assert walk(tmp_path, files, **old).modules == {"pkg/_b.cpython-38-x86_64-linux-gnu.so"}


def test_a_platform_nobody_knows_decides_nothing(tmp_path: Path) -> None:
    init = "import sys\nif sys.platform == 'linux':\n    from . import _a\nelse:\n    from . import _b"
    assert modules(tmp_path, init, platform="plan9-x86_64") == set()


def test_pypy_has_suffixes_of_its_own(tmp_path: Path) -> None:
    pypy = {"implementation": "PyPy", "version_info": (3, 10), "python": "3.10"}
    files = {
        "pkg/__init__.py": "from . import _a, _b",
        f"pkg/_a{EXT}": "",
        "pkg/_b.pypy310-pp73-x86_64-linux-gnu.so": "",
    }
    assert walk(tmp_path, files, **pypy).modules == {"pkg/_b.pypy310-pp73-x86_64-linux-gnu.so"}


def test_a_name_that_is_reassigned_has_no_known_value(tmp_path: Path) -> None:
    init = "X = False\nif unknown:\n    X = True\nif X:\n    from . import _a\nelse:\n    from . import _b"
    assert modules(tmp_path, init) == set()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (f"_a{EXT}", True),
        ("_a.abi3.so", True),
        ("_a.so", True),
        ("_a.cpython-310-x86_64-linux-gnu.so", False),
        ("_a.cpython-311t-x86_64-linux-gnu.so", False),
        ("_a.so.1", False),
    ],
)
def test_only_a_file_the_interpreter_takes_is_the_module(tmp_path: Path, name: str, *, found: bool) -> None:
    files = {"pkg/__init__.py": "from . import _a", f"pkg/{name}": "", "pkg/_a.py": ""}
    assert walk(tmp_path, files).modules == ({f"pkg/{name}"} if found else set())


def test_packages_around_a_module_run_first(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "import pkg.x.y.z",
        "pkg/x/__init__.py": "from ..one import f",
        "pkg/x/y/__init__.py": "from . import two",
        "pkg/x/y/z.py": "from ...three import f",
        f"pkg/one{EXT}": "",
        f"pkg/x/y/two{EXT}": "",
        f"pkg/three{EXT}": "",
        f"pkg/four{EXT}": "",
    }
    assert walk(tmp_path, files).modules == {f"pkg/one{EXT}", f"pkg/x/y/two{EXT}", f"pkg/three{EXT}"}


def test_a_name_a_package_has_is_not_the_module_of_that_name(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "from .sub import fast, slow, star, late",
        "pkg/sub/__init__.py": "def fast(): pass\nfrom .other import *\n",
        "pkg/sub/other.py": "star = 1\n",
        **{f"pkg/sub/{name}{EXT}": "" for name in ("fast", "slow", "star", "late")},
    }
    assert walk(tmp_path, files).modules == {f"pkg/sub/slow{EXT}", f"pkg/sub/late{EXT}"}


def test_a_star_imports_the_modules_that_all_names(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "from .sub import *",
        "pkg/sub/__init__.py": "__all__ = ['fast', 'name']\n__all__ += ('more',)\nname = 1\n",
        **{f"pkg/sub/{name}{EXT}": "" for name in ("fast", "more", "name", "left")},
    }
    assert walk(tmp_path, files).modules == {f"pkg/sub/fast{EXT}", f"pkg/sub/more{EXT}"}


def test_what_only_a_size_check_gets_past_is_kept_apart(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "try:\n    from . import _a, part\nexcept ImportError:\n    pass\nfrom . import _b\n",
        "pkg/part.py": "from . import _b, _c\n",
        **{f"pkg/{name}{EXT}": "" for name in ("_a", "_b", "_c")},
    }
    found = walk(tmp_path, files)
    assert found.modules == {f"pkg/_b{EXT}"}
    assert found.past_guards == {f"pkg/_a{EXT}", f"pkg/_c{EXT}"}


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ("if fast():\n    from . import _a\nelse:\n    from . import _b", {"_a", "_b"}),
        ("for x in y():\n    from . import _a\nelse:\n    from . import _b", {"_a", "_b"}),
        ("while x():\n    import pkg._a", {"_a"}),
        ("if x():\n    from . import part", {"_a"}),
        # The way in when the first module is not there, or is refused.
        ("try:\n    import fast\nexcept ImportError:\n    from . import _a", {"_a"}),
        ("try:\n    if x():\n        from . import _a\nexcept ImportError:\n    pass", set()),
        ("if x():\n    try:\n        from . import _a\n    except ImportError:\n        pass", set()),
        ("if x():\n    from . import _a\nfrom . import _a", set()),
        ("def f():\n    if x():\n        from . import _a", set()),
        ("if x():\n    def f():\n        from . import _a\nf()", set()),
        ("if x():\n    def f():\n        from . import _a\n    f()", {"_a"}),
        ("class A:\n    def f():\n        from . import _a\nf()", set()),
    ],
)
def test_what_may_run_is_kept_apart_as_well(tmp_path: Path, init: str, expected: set[str]) -> None:
    names = ("_a", "_b")
    files = {"pkg/__init__.py": init, "pkg/part.py": "from . import _a", **{f"pkg/{name}{EXT}": "" for name in names}}
    found = walk(tmp_path, files)
    assert found.complete
    assert found.perhaps == {f"pkg/{name}{EXT}" for name in expected}
    assert found.modules == ({f"pkg/_a{EXT}"} if init.endswith("\nfrom . import _a") else set())


def test_a_compiled_top_level_module_is_its_own_import(tmp_path: Path) -> None:
    assert walk(tmp_path, {f"fast{EXT}": "", "slow.py": ""}).modules == {f"fast{EXT}"}


def test_a_private_top_level_module_is_only_what_others_import(tmp_path: Path) -> None:
    files = {
        "pkg.py": "try:\n    import _pkg\nexcept ImportError: pass\n",
        f"_pkg{EXT}": "",
        "tests/__init__.py": "import _pkg",
    }
    assert walk(tmp_path, files).modules == set()
    assert walk(tmp_path, {**files, "pkg.py": "import _pkg"}).modules == {f"_pkg{EXT}"}


def test_a_compiled_package_is_found(tmp_path: Path) -> None:
    files = {f"pkg/__init__{EXT}": "", f"pkg/_a{EXT}": ""}
    found = walk(tmp_path, files)
    assert (set(found.modules), found.complete) == ({f"pkg/__init__{EXT}"}, True)


def test_below_a_namespace_the_first_package_is_imported(tmp_path: Path) -> None:
    files = {
        "ns/part/__init__.py": "from . import _a",
        f"ns/part/_a{EXT}": "",
        f"ns/part/_b{EXT}": "",
        f"ns/_c{EXT}": "",
    }
    assert walk(tmp_path, files).modules == {f"ns/part/_a{EXT}", f"ns/_c{EXT}"}


def test_other_distributions_are_not_followed(tmp_path: Path) -> None:
    write_tree(tmp_path, {"other/__init__.py": "import pkg._a"})
    assert modules(tmp_path, "import other") == set()


def test_reading_ends_when_each_group_is_decided(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "from . import _a, rest, _b\n",
        "pkg/rest.py": "not Python at all",
        f"pkg/_a{EXT}": "",
        f"pkg/_b{EXT}": "",
    }
    first, second = f"pkg/_a{EXT}", f"pkg/_b{EXT}"
    assert walk(tmp_path, files, {first, second}) == ImportPath(scan_one(tmp_path).info_path, frozenset((first,)))
    both = walk(tmp_path, files, {first}, {second})
    assert (set(both.modules), both.complete) == ({first, second}, False)


def test_a_source_file_that_is_asked_for_is_noted(tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "from . import a_pb2, b", "pkg/a_pb2.py": "", "pkg/b.py": ""}
    assert walk(tmp_path, files, {"pkg/a_pb2.py"}).modules == {"pkg/a_pb2.py"}


@pytest.mark.parametrize(
    "init",
    [
        "print 'Python 2'",
        "x = (",
        "a\0b",
        "# coding: nonsense\n",
        "(" * 5000,
        "x = " + "-" * 100_000 + "1",
        "import importlib\nimportlib.import_module(name)",
        "import importlib\nimportlib.import_module('pkg')",
        "__import__(f'pkg.{x}')",
        "def load():\n    import importlib\n    sys.modules.pop('pkg')\n    importlib.import_module('pkg')\nload()",
    ],
)
def test_what_cannot_be_followed_is_said(tmp_path: Path, init: str) -> None:
    assert walk(tmp_path, {"pkg/__init__.py": init, f"pkg/_a{EXT}": ""}).complete is False


def test_strange_escapes_of_the_sources_warn_nobody(tmp_path: Path) -> None:
    assert modules(tmp_path, "x = '\\d'\nfrom . import _a") == {"_a"}


def test_deep_blocks_end(tmp_path: Path) -> None:
    deep = "".join(f"{' ' * depth}if True:\n" for depth in range(80)) + " " * 80 + "from . import _a\n"
    assert walk(tmp_path, {"pkg/__init__.py": deep, f"pkg/_a{EXT}": ""}) == ImportPath(
        scan_one(tmp_path).info_path, frozenset(), complete=False
    )


def test_hostile_files_end_the_walk_and_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_distribution(tmp_path, "pkg", "1", files={"pkg/__init__.py": "from . import fifo, loop"})
    write_tree(tmp_path / "pkg", {"fifo.py": Fifo(), "loop.py": Link("loop.py")})
    dist, target = scan_one(tmp_path), target_of(tmp_path)
    assert import_time_modules(str(tmp_path), dist, target).complete is False
    write_tree(tmp_path / "big", {})
    files = {"pkg/__init__.py": "from . import _a", f"pkg/_a{EXT}": ""}
    make_distribution(tmp_path / "big", "pkg", "1", files=files)
    monkeypatch.setattr(reach, "_SIZE_LIMIT", 5)
    assert import_time_modules(str(tmp_path / "big"), scan_one(tmp_path / "big"), target).complete is False


def test_a_folder_with_too_many_files_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "_FOLDER_LIMIT", 10)
    files = {"pkg/__init__.py": "", **{f"pkg/m{number}.py": "" for number in range(20)}}
    assert walk(tmp_path, files).complete is False


def test_a_folder_that_cannot_be_listed_is_not_known(tmp_path: Path) -> None:
    make_distribution(tmp_path, "pkg", "1", files={"pkg/__init__.py": "from . import sub"})
    write_tree(tmp_path / "pkg", {"sub": Link("sub")})
    assert import_time_modules(str(tmp_path), scan_one(tmp_path), target_of(tmp_path)).complete is False


@pytest.mark.parametrize(
    "init",
    [
        # A thousand calls of a function that calls another one a thousand times, and so on.
        "".join(f"def f{n}():\n" + f" f{n + 1}()\n" * 1000 for n in range(5)) + "def f5(): pass\nf0()\n",
        "import " + ".".join(["a"] * 2_000),
        "from " + "." * 200_000 + " import a",
        "X0 = Y0 = (1, 2)\n"
        + "".join(f"X{n} = X{n - 1}, X{n - 1}\nY{n} = Y{n - 1}, Y{n - 1}\n" for n in range(1, 60))
        + "if X59 == Y59: pass\n",
        f"X = {'a' * 1_000_000!r}\n" + "if 'b' in X: pass\n" * 20_000,
    ],
    ids=["calls", "long name", "dots", "tuples", "texts"],
)
def test_files_made_to_take_long_do_not(tmp_path: Path, init: str) -> None:
    started = time.process_time()
    assert modules(tmp_path, f"{init}\nfrom . import _a\n") == {"_a"}
    assert time.process_time() - started < 5


@pytest.mark.parametrize("dot", [".", " . ", "\\\n.\\\n"])
def test_a_name_of_very_many_parts_is_not_parsed(tmp_path: Path, dot: str) -> None:
    started = time.process_time()
    assert (
        walk(tmp_path, {"pkg/__init__.py": f"import {dot.join(['a'] * 500_000)}", f"pkg/_a{EXT}": ""}).complete is False
    )
    assert time.process_time() - started < 5


def test_too_many_names_and_blocks_end_the_reading(tmp_path: Path) -> None:
    init = "".join(f"x{number} = 1\n" for number in range(20_000)) + "if x():\n    pass\n" * 20_000
    started = time.process_time()
    assert walk(tmp_path, {"pkg/__init__.py": init, f"pkg/_a{EXT}": ""}).complete is False
    assert time.process_time() - started < 5


def test_too_many_files_end_the_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "FILE_LIMIT", 3)
    chain = {f"pkg/m{number}.py": f"from . import m{number + 1}" for number in range(6)}
    files = {"pkg/__init__.py": "from . import m0", **chain, f"pkg/m6{EXT}": ""}
    found = walk(tmp_path, files)
    assert (found.modules, found.complete) == (frozenset(), False)


def test_a_distribution_whose_packages_are_elsewhere_is_not_known(tmp_path: Path) -> None:
    make_distribution(tmp_path, "pkg", "1", files={"pkg/__init__.py": ""})
    dist = replace(scan_one(tmp_path), top_level=("absent",))
    assert import_time_modules(str(tmp_path), dist, target_of(tmp_path)).complete is False


def test_modules_that_import_each_other_end(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "from . import a",
        "pkg/a.py": "import pkg.b",
        "pkg/b.py": "from . import a, _c",
        f"pkg/_c{EXT}": "",
    }
    assert walk(tmp_path, files).modules == {f"pkg/_c{EXT}"}


def test_the_reader_says_what_a_file_binds() -> None:
    source = reach_syntax.read_source(
        b"import a.b, c as d\nfrom e import f as g\nfrom . import own, other as renamed\nx, (y, z) = 1, (2, 3)\n"
        b"t: int = 1\nif unknown:\n    class K: inner = 1\ndef fn(): local = 1\n",
        "pkg",
        {},
    )
    assert source.bound == {"a", "d", "g", "renamed", "x", "y", "z", "t", "K", "fn"}
