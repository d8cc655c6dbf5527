"""Lines that every start of Python executes, judged by reading."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from envaudit.scan.layout import LayoutRead, read_layout
from envaudit.scan.source import cannot_parse, leading_imports
from tests.scan.support import scan, target_of
from tests.support.trees import Dist, Link, make_distribution, write_tree

if TYPE_CHECKING:
    from pathlib import Path

NSPKG = (
    "import sys, types, os;has_mfs = sys.version_info > (3, 5);"
    "p = os.path.join(sys._getframe(1).f_locals['sitedir'], *('old', 'space'));"
    "importlib = has_mfs and __import__('importlib.util');"
    "has_mfs and __import__('importlib.machinery');"
    "m = has_mfs and sys.modules.setdefault('old.space', importlib.util.module_from_spec("
    "importlib.machinery.PathFinder.find_spec('old.space', [os.path.dirname(p)])));"
    "m = m or sys.modules.setdefault('old.space', types.ModuleType('old.space'));"
    "mp = (m or []) and m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p)\n"
)
PRECEDENCE = (
    "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; "
    "enabled and __import__('_distutils_hack').add_shim(); "
)


def layout(site: Path, python: str = "3.11.7", cwd: str = "", **environ: str) -> LayoutRead:
    """Read a folder as the site-packages of a Python."""
    major, minor = (int(part) for part in python.split(".")[:2])
    target = target_of(site)._replace(python=python, version_info=(major, minor))
    return read_layout(target, scan(site).distributions, environ, cwd)


def faults(site: Path, python: str = "3.11.7") -> list[tuple[str, str, int | None]]:
    return [(fault.kind, fault.name, fault.line) for fault in layout(site, python).layout.startup]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.pth", "import nowhere_at_all\n", [("module", "nowhere_at_all", 1)]),
        ("a.pth", "# import nowhere\n\nimport os; import nowhere.inner; nowhere.run()\n", [("module", "nowhere", 3)]),
        ("a.pth", "import os, sys, json, importlib.util; from xml.etree import ElementTree\n", []),
        ("a.pth", "import here; here.run()\nimport\talso_here\n", []),
        ("a.pth", "import sys; sys.path.insert(0, '/x'); import found_there\n", []),
        ("a.pth", "import sys; exec('try: import nowhere\\nexcept ImportError: pass')\n", []),
        ("a.pth", "import nowhere\nimport never_reached\n/no/such\n", [("module", "nowhere", 1)]),
        ("a.pth", "import sys; x = = 3\n", [("syntax", "import sys; x = = 3", 1)]),
        ("a.pth", "import distutils.core\n", []),
        ("a.pth", "/no/such/folder\nhere\n", [("folder", "/no/such/folder", 1)]),
        ("a.pth", "a\0b\n", [("folder", "a\0b", 1)]),
        ("a.pth", b"ok\ncaf\xe9\n", [("undecodable", "", 2)]),
        (".hidden.pth", "import nowhere\n", []),
        ("a.pth.bak", "import nowhere\n", []),
        ("distutils-precedence.pth", PRECEDENCE, [("module", "_distutils_hack", 1)]),
        ("x-1.0-py3.11-nspkg.pth", NSPKG, [("nspkg", "old.space", 1)]),
    ],
)
def test_lines_of_pth_files(
    tmp_path: Path, name: str, text: str | bytes, expected: list[tuple[str, str, int | None]]
) -> None:
    write_tree(tmp_path, {name: text, "here/__init__.py": "", "also_here.py": "", "ok": {}})
    assert faults(tmp_path) == expected


def test_a_module_that_a_later_python_no_longer_has(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.pth": "import imp\n", "b.pth": "import cgi, telnetlib\n"})
    assert faults(tmp_path, "3.11.7") == []
    assert faults(tmp_path, "3.12.1") == [("module", "imp", 1)]
    assert faults(tmp_path, "3.13.0") == [("module", "imp", 1), ("module", "cgi", 1)]


def test_modules_may_be_in_an_archive(tmp_path: Path) -> None:
    write_tree(tmp_path, {"easy-install.pth": "./old-1.0-py3.8.egg\nimport old\n", "old-1.0-py3.8.egg": b"PK"})
    assert faults(tmp_path) == []


def test_a_folder_that_is_no_site_folder_starts_nothing(tmp_path: Path) -> None:
    write_tree(tmp_path, {"bare/a.pth": "import nowhere\n", "site-packages/a.pth": "import nowhere\n"})
    target = target_of(tmp_path / "bare")._replace(kind="site-packages")
    assert read_layout(target, (), {}, "").layout.startup == ()
    target = target_of(tmp_path / "site-packages")._replace(kind="site-packages")
    assert len(read_layout(target, (), {}, "").layout.startup) == 1


def test_distutils_is_there_as_long_as_setuptools_is(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.pth": PRECEDENCE, "_distutils_hack/__init__.py": ""})
    assert faults(tmp_path, "3.12.1") == []


def test_a_byte_order_mark_is_read_by_some_pythons_only(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.pth": b"\xef\xbb\xbfimport os\n"})
    assert faults(tmp_path, "3.13.0") == []
    assert faults(tmp_path, "3.11.7") == [("folder", "import os", 1)]


def test_what_python_does_with_them(tmp_path: Path) -> None:
    """The table of the page, tried with the Python that runs the tests."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    (site,) = (tmp_path / "env/lib").glob("python3*/site-packages")

    def start(name: str, content: str | bytes) -> tuple[int, str]:
        write_tree(site, {name: content})
        command = [str(tmp_path / "env/bin/python"), "-X", "utf8", "-c", ""]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        (site / name).unlink()
        return done.returncode, done.stderr

    status, text = start("a.pth", b"caf\xe9\n")
    assert (status, "UnicodeDecodeError" in text) == (1, True)
    status, text = start("a.pth", "import nowhere_at_all\n")
    assert (status, "No module named 'nowhere_at_all'" in text, "Remainder of file ignored" in text) == (0, True, True)
    status, text = start("x-nspkg.pth", NSPKG)
    assert (status, "Error processing line 1" in text) == (0, True)
    assert start("a.pth", "/no/such/folder\n") == (0, "")
    status, text = start("sitecustomize.py", "def (\n")
    assert (status, "Error in sitecustomize" in text) == (0, True)


def test_a_fault_names_the_distribution_that_lists_the_file(tmp_path: Path) -> None:
    files = {"old-nspkg.pth": "import nowhere\n"}
    info = make_distribution(tmp_path, Dist("owner", "1.0", files=files))
    (fault,) = layout(tmp_path).layout.startup
    assert (fault.owner, fault.alone) == (str(info), True)


@pytest.mark.parametrize("there", [True, False])
def test_the_sources_of_an_editable_install(tmp_path: Path, there: bool) -> None:
    source, site = tmp_path / "source", tmp_path / "site"
    if there:
        write_tree(source, {"pkg/__init__.py": "", "single.py": ""})
    url = {"url": f"file://{source}", "dir_info": {"editable": True}}
    mapping = {"pkg": f"{source}/pkg", "single": f"{source}/single"}
    finder = f"MAPPING: dict[str, str] = {mapping!r}\n"
    files = {
        "__editable___with_finder_1_0_finder.py": finder,
        "__editable__.with_finder-1.0.pth": "import __editable___with_finder_1_0_finder; "
        "__editable___with_finder_1_0_finder.install()",
    }
    make_distribution(site, Dist("with-finder", "1.0", files=files, direct_url=url))
    make_distribution(site, Dist("by-path", "1.0", files={"by_path.pth": f"{source}\n"}, direct_url=url))
    found = faults(site)
    assert found == ([] if there else [("folder", str(source), 1), ("source", "pkg", None), ("source", "single", None)])


def test_the_finder_of_an_editable_install_is_gone(tmp_path: Path) -> None:
    url = {"url": "file:///source", "dir_info": {"editable": True}}
    files = {"__editable__.a_b-1.0.pth": "import __editable___a_b_1_0_finder; __editable___a_b_1_0_finder.install()"}
    info = make_distribution(tmp_path, Dist("a-b", "1.0", files=files, direct_url=url))
    (fault,) = layout(tmp_path).layout.startup
    assert (fault.kind, fault.owner) == ("module", str(info))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("import os\n", []), ("def (\n", ["sitecustomize"]), ("\0", ["sitecustomize"]), ("match x:\n  case 1: ...\n", [])],
)
def test_sitecustomize_is_parsed(tmp_path: Path, text: str, expected: list[str]) -> None:
    write_tree(tmp_path, {"sitecustomize.py": text, "usercustomize.py": "def ("})
    assert [fault.name for fault in layout(tmp_path).layout.startup] == expected


def test_the_syntax_of_another_python() -> None:
    assert cannot_parse(b"match x:\n  case 1: ...\n", (3, 9)) is not None
    newer = cannot_parse(b"a b c", (sys.version_info[0], sys.version_info[1] + 1))
    assert newer is not None
    assert not newer.certain
    assert cannot_parse(b"x" * 300_000, (3, 11)) is not None
    assert cannot_parse("# -*- coding: latin-1 -*-\nx = 'caf\xe9'\n".encode("latin-1"), (3, 11)) is None
    assert cannot_parse(b"import " + b"a." * 90_000 + b"b", (3, 11)) is not None
    deep = cannot_parse(b"(" * 10_000, (3, 11))
    assert deep is not None


def test_imports_that_come_first() -> None:
    assert leading_imports("import a.b, c; from d.e import f; g(); import h") == ["a", "c", "d"]
    assert leading_imports("import (") == []


def test_what_cannot_be_read_is_a_gap(tmp_path: Path) -> None:
    write_tree(tmp_path, {"big.pth": b"#" * (1024 * 1024 + 1), "loop.pth": Link("loop.pth"), "long.pth": "/\n" * 1500})
    found = layout(tmp_path)
    assert {gap.what.rpartition("/")[2] for gap in found.gaps} == {"big.pth", "loop.pth", "long.pth"}
    assert found.layout.startup == ()
