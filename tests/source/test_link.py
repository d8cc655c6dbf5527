"""Distributions linked against each other: what is missing is named with its place and its way, and nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.locate import TargetRequest, locate
from envaudit.scan import scan_target
from envaudit.source import finder
from envaudit.source.link_all import link_names
from tests.support.trees import Dist, make_venv

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model_names import MissingName

LIB: dict[str, str | bytes] = {
    "lib/__init__.py": (
        "from .shapes import *\nfrom ._impl import helper\nimport lib.late\nif unknown():\n    maybe = 1\n"
    ),
    "lib/shapes.py": "__all__ = ['circle']\ndef circle(): ...\ndef hidden(): ...\n",
    "lib/_impl.py": "def helper(): ...\n",
    "lib/late.py": "there = 1\n",
    "lib/lazy.py": "def __getattr__(name): ...\n",
    "lib/open.py": "globals().update(x=1)\n",
    "lib/sub/__init__.py": "",
    "lib/sub/inner.py": "x = 1\n",
    "lib/typed.pyi": "def f(): ...\n",
    "lib/typed.cpython-311-x86_64-linux-gnu.so": b"\0there is f in it\0",
    "lib/bare.cpython-311-x86_64-linux-gnu.so": b"\0",
}


def link(tmp_path: Path, *files: dict[str, str], lib: dict[str, str | bytes] | None = None) -> list[MissingName]:
    """Link applications (``app0``, ``app1``, ...) against the library."""
    dists = [Dist("lib", "2.0", files={**LIB, **(lib or {})})]
    for number, each in enumerate(files):
        name = f"app{number}"
        dists.append(Dist(name, "1.0", files={f"{name}/{path}": text for path, text in each.items()}))
    env = make_venv(tmp_path, distributions=dists)
    target = locate(TargetRequest(str(env), None), {}, "/", "")
    visible = [dist for dist in scan_target(target).distributions if not dist.hidden_by]
    return list(link_names(target, visible))


@pytest.mark.parametrize(
    "text",
    [
        "from lib import circle, helper, maybe, late, sub, shapes",
        "import lib.sub.inner as x\nx.x",
        "from lib.sub import inner",
        "import lib\nlib.sub\nlib.late.there\nlib.__version__ if hasattr(lib, '__version__') else 0",
        "from lib.lazy import anything",
        "from lib.open import anything",
        "from lib.open import y",
        "from lib.typed import f",
        "from lib.bare import anything",
        "from lib import __name__, __path__, __file__",
        "from lib import *",
        "try:\n    from lib import gone\nexcept ImportError:\n    gone = None",
        "import lib\ndef f():\n    return lib.gone if hasattr(lib, 'gone') else 0",
        "if False:\n    from lib import gone",
        "'''\nfrom lib import gone\n'''",
        "import os.path, sys, json, _thread, zipimport, distutils",
        "def f():\n    import not_there",
        "try:\n    import not_there\nexcept ImportError:\n    pass",
    ],
)
def test_what_is_there_or_guarded_is_let_alone(tmp_path: Path, text: str) -> None:
    assert link(tmp_path, {"__init__.py": text + "\n"}) == []


@pytest.mark.parametrize(
    ("text", "dotted", "line"),
    [
        ("import os\nfrom lib import gone", "lib.gone", 2),
        ("from lib import (\n    circle,\n    gone,\n)", "lib.gone", 1),
        ("from lib import hidden", "lib.hidden", 1),
        ("from lib.shapes import gone", "lib.shapes.gone", 1),
        ("import lib.gone", "lib.gone", 1),
        ("import lib.sub.gone.more", "lib.sub.gone", 1),
        ("from lib.gone import x", "lib.gone", 1),
        ("import lib\n\nx = lib.gone", "lib.gone", 3),
        ("import lib.shapes as s\nx = s.gone()", "lib.shapes.gone", 2),
        ("from lib.typed import gone", "lib.typed.gone", 1),
        ("import not_there", "not_there", 1),
        ("import urllib2", "urllib2", 1),
    ],
)
def test_what_is_missing_is_named_with_its_line(tmp_path: Path, text: str, dotted: str, line: int) -> None:
    (found,) = link(tmp_path, {"__init__.py": text + "\n"})
    assert (found.dotted, found.line, found.at_import, found.start) == (dotted, line, True, "app0")
    assert found.path == "app0/__init__.py"
    assert found.provider == ("lib" if dotted.startswith("lib") else "")


def test_the_way_from_the_package_to_the_file_is_told(tmp_path: Path) -> None:
    (found,) = link(
        tmp_path,
        {
            "__init__.py": "from . import core\n",
            "core/__init__.py": "from .deep import x\n",
            "core/deep.py": "from lib import gone\nx = 1\n",
        },
    )
    assert (found.start, found.through) == ("app0", ("app0.core", "app0.core.deep"))


@pytest.mark.parametrize(
    "entry",
    [
        "def f():\n    from . import deep\n",
        "try:\n    from . import deep\nexcept ImportError:\n    pass\n",
        "'''\nfrom . import deep\n'''\n",
        "if unknown():\n    from . import deep\n",
        "raise SystemExit\nfrom . import deep\n",
    ],
)
def test_what_importing_the_package_does_not_reach_has_no_start(tmp_path: Path, entry: str) -> None:
    (found,) = link(tmp_path, {"__init__.py": entry, "deep.py": "from lib import gone\n"})
    assert (found.at_import, found.start) == (True, "")


def test_a_public_part_is_a_start_of_its_own(tmp_path: Path) -> None:
    (found,) = link(tmp_path, {"__init__.py": "", "units/__init__.py": "from lib import gone\n"})
    assert (found.start, found.of_part) == ("app0.units", True)


def test_the_modules_of_a_package_that_imports_none_of_them_are_starts_of_their_own(tmp_path: Path) -> None:
    """As in Tornado, of which everybody imports ``tornado.web``."""
    files = {
        "web.py": "from lib import gone\n",
        "inner.py": "import lib\nclass A(lib.lost): pass\n",
        "__init__.py": "v = 1\n",
    }
    found = {each.name: (each.start, each.of_part) for each in link(tmp_path, files)}
    assert found == {"gone": ("app0.web", True), "lost": ("app0.inner", True)}


@pytest.mark.parametrize(
    "files",
    [
        {"__init__.py": "", "_web.py": "from lib import gone\n"},
        {"__init__.py": "", "compat.py": "from lib import gone\n"},
        {"__init__.py": "def __getattr__(name): return load(name)\n", "web.py": "from lib import gone\n"},
        {"__init__.py": "from . import other\n", "other.py": "", "web.py": "from lib import gone\n"},
    ],
)
def test_private_modules_and_those_that_may_be_chosen_from_are_no_starts(tmp_path: Path, files: dict[str, str]) -> None:
    (found,) = link(tmp_path, files)
    assert (found.at_import, found.start, found.of_part) == (True, "", False)


def test_a_module_that_nobody_has_is_only_wanted_where_it_is_reached(tmp_path: Path) -> None:
    assert link(tmp_path, {"__init__.py": "", "optional.py": "import not_there\n"}) == []
    assert link(tmp_path / "b", {"__init__.py": "", "units/__init__.py": "import not_there\n"}) == []


@pytest.mark.parametrize("folder", ["tests", "_vendor", "examples"])
def test_tests_examples_and_copies_are_not_read(tmp_path: Path, folder: str) -> None:
    assert link(tmp_path, {"__init__.py": "", f"{folder}/__init__.py": "from lib import gone\n"}) == []


def test_a_copy_that_a_distribution_brings_itself_is_there(tmp_path: Path) -> None:
    assert link(tmp_path, {"__init__.py": "import copied\n", "_vendor/copied.py": ""}) == []


@pytest.mark.parametrize(
    "maker",
    [
        "import sys\nsys.modules['lib'].gone = 1\n",
        "import lib\nsetattr(lib, 'gone', 1)\n",
        "import sys\nsys.meta_path.append(object())\n",
        "from lib import shapes\nfor name in ['gone']:\n    shapes.__dict__[name] = 1\n",
    ],
)
def test_names_that_another_file_may_make_are_not_missed(tmp_path: Path, maker: str) -> None:
    assert link(tmp_path, {"__init__.py": "from lib import gone\n"}, lib={"lib/maker.py": maker}) == []


def test_a_call_is_told_apart_from_an_import(tmp_path: Path) -> None:
    (found,) = link(tmp_path, {"__init__.py": "import lib\ndef f():\n    return lib.gone()\n"})
    assert (found.at_import, found.dotted, found.line) == (False, "lib.gone", 3)


@pytest.mark.parametrize(
    "text",
    ["print 'Python 2'\nfrom lib import gone\n", "from lib import gone\n\0", "(" * 500 + "\nfrom lib import gone\n"],
)
def test_a_file_that_is_no_python_of_today_says_nothing(tmp_path: Path, text: str) -> None:
    assert [each.start for each in link(tmp_path, {"__init__.py": text})] in ([], ["app0"])


def test_a_library_that_is_no_python_of_today_is_open(tmp_path: Path) -> None:
    assert link(tmp_path, {"__init__.py": "from lib.old import gone\n"}, lib={"lib/old.py": "print 'old'\n"}) == []


def test_a_list_without_brackets_says_what_a_star_takes(tmp_path: Path) -> None:
    lib: dict[str, str | bytes] = {
        "lib/__init__.py": "from .plain import *\n",
        "lib/plain.py": "__all__ = 'kept', \"also\"  # all\ndef kept(): ...\ndef also(): ...\ndef f():\n    gone = 1\n",
    }
    found = link(tmp_path, {"__init__.py": "from lib import kept, also\nfrom lib import gone\n"}, lib=lib)
    assert [each.dotted for each in found] == ["lib.gone"]


def test_a_name_that_python_lost_is_not_taken_for_a_variable_of_that_name(tmp_path: Path) -> None:
    found = link(tmp_path, {"__init__.py": "import asyncio\n\n@asyncio.coroutine\ndef f(): ...\n"})
    assert [(each.dotted, each.at_import, each.removed_in) for each in found] == [("asyncio.coroutine", True, "3.11")]


def test_sources_beyond_what_is_held_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"__init__.py": "from lib import circle, gone\nfrom lib.shapes import lost\nfrom lib import helper, also\n"}
    expected = link(tmp_path / "a", files)
    monkeypatch.setattr(finder, "_HELD", 30)
    found = link(tmp_path / "b", files)
    assert [each.dotted for each in found] == [each.dotted for each in expected]
    assert len(found) == 3


@pytest.mark.parametrize(("compiled", "missing"), [("core.abi3.so", []), ("other.abi3.so", ["cython"])])
def test_a_source_that_was_compiled_does_not_ask_for_cython(tmp_path: Path, compiled: str, missing: list[str]) -> None:
    text = "import cython\nfrom cython.cimports.lib import thing\n"
    found = link(tmp_path, {"__init__.py": "from app0 import core\n", "core.py": text, compiled: "\0"})
    assert sorted({each.absent for each in found}) == missing


def test_what_a_compiled_source_imports_of_others_is_asked_for(tmp_path: Path) -> None:
    (found,) = link(
        tmp_path, {"__init__.py": "import app0.core\n", "core.py": "import not_there\n", "core.abi3.so": "\0"}
    )
    assert found.absent == "not_there"


@pytest.mark.parametrize("text", ["from space import own\n", "import space.own\n", "from space.own import x\n"])
def test_a_namespace_package_may_have_a_copy_inside_a_distribution(tmp_path: Path, text: str) -> None:
    lib: dict[str, str | bytes] = {"space/other.py": ""}
    copy = {"__init__.py": text, "_vendor/space/own/__init__.py": "x = 1\n"}
    assert link(tmp_path / "copy", copy, lib=lib) == []
    (found,) = link(tmp_path / "none", {"__init__.py": text}, lib=lib)
    assert (found.absent, found.provider) == ("space.own", "")


def test_of_a_chain_of_names_the_first_that_is_missing_is_named(tmp_path: Path) -> None:
    (found,) = link(tmp_path, {"__init__.py": "import lib\ndef f():\n    return lib.shapes.gone.Group\n"})
    assert found.dotted == "lib.shapes.gone"


@pytest.mark.parametrize(("beside", "missing"), [("qubit/__init__.py", []), ("qubit.py", ["not_there"])])
def test_single_files_of_a_namespace_are_helpers_of_its_packages(
    tmp_path: Path, beside: str, missing: list[str]
) -> None:
    found = link(tmp_path, {"base/optional.py": "import not_there\n", beside: ""})
    assert [each.absent for each in found] == missing
