"""The quick look finds every import that parsing finds; where it finds no way, parsing is saved."""

from __future__ import annotations

import ast
import sysconfig
import time
from pathlib import Path

import pytest

from envaudit.scan import reach
from envaudit.scan.reach_kept import SourceReader
from envaudit.scan.reach_quick import possible_imports
from tests.scan.test_reach import EXT, walk

STDLIB = Path(sysconfig.get_path("stdlib"))


def _has_all(text: bytes) -> bool:
    """Whether each import statement of a file, wherever it stands, is among those found at a glance."""
    found = possible_imports(text)
    assert not found.unknown or b"import_module" in text or b"__import__" in text or not text.isascii()
    if found.unknown:
        return True
    plain = {request.module for request in found.requests if not request.names}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= plain, node.lineno
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            assert any(
                (request.level, request.module) == (node.level, node.module or "") and names <= set(request.names)
                for request in found.requests
            ), node.lineno
    return True


def test_every_import_of_the_standard_library_is_found() -> None:
    folders = (".", "asyncio", "unittest", "email", "xml/dom")
    files = [path for folder in folders for path in (STDLIB / folder).glob("*.py")]
    assert len(files) > 150
    assert all(_has_all(path.read_bytes()) for path in files)


@pytest.mark.parametrize(
    "text",
    [
        "import a", "import a.b.c as d, e", "import a; import b", "if x: import a", "x = 1; from a import b",
        "from . import a", "from .a import b", "from.a import(b)", "from ... import a", "from .. a . b import c",
        "from a import *", "from a import (b, # one) and (two\n  c as d,\n\n  e)", "from a import (\\\n b)",
        "from \\\n a \\\n import \\\n b, \\\n c", "import a, \\\r\n b", "from a import b # from c import d",
        "try:\n\timport a\nexcept ImportError: from b import c", "'''\nfrom x\n'''\nimport a", "x = 'from'; import a",
        "class from_import: import a", "def imports(from_):\n from a import b",
    ],
)  # fmt: skip
def test_every_way_to_write_an_import_is_found(text: str) -> None:
    assert _has_all(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "import_module(x)",
        "__import__(x)",
        "import ünicode",
        "from ünicode import a",
        "# coding: utf-7\n",
        "\n#coding=utf_16",
    ],
)
def test_what_may_import_anything_is_left_to_parsing(text: str) -> None:
    assert possible_imports(text.encode()).unknown


@pytest.mark.parametrize(
    "text",
    ["# coding: utf-8\nimport a", "#!/x\n# -*- coding: latin-1 -*-\n", '"""Encoding: x"""\n', "x = 'é'\nimport a"],
)
def test_usual_files_are_not(text: str) -> None:
    assert not possible_imports(text.encode()).unknown


@pytest.mark.parametrize(
    ("init", "parsed"),
    [
        ("", False),
        ("import os\nfrom .sub import absent", False),
        ("from .sub import *", False),
        ("from . import _a", True),
        ("def f():\n    from . import _a", True),
        ("# from . import _a", True),
        ("from importlib import import_module\nimport_module('pkg.' + x)", True),
        ("from . import sub\nsub.broken(", False),
        ("__all__ = ['_a']", False),
        ("from .sub import *\nfrom pkg import *\n__all__ = ['_a']", True),
    ],
)
def test_sources_are_parsed_only_where_a_way_may_lead_to_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, init: str, *, parsed: bool
) -> None:
    files = {"pkg/__init__.py": init, f"pkg/_a{EXT}": "", "pkg/sub/__init__.py": "x = 1"}
    read: list[str] = []
    read_source = SourceReader.read

    def reading(self: SourceReader, text: bytes, own_name: str) -> object:
        read.append(own_name)
        return read_source(self, text, own_name)

    monkeypatch.setattr(SourceReader, "read", reading)
    quick = walk(tmp_path, files, {f"pkg/_a{EXT}"})
    assert bool(read) == parsed
    if "broken" not in init:
        monkeypatch.setattr(reach, "_may_reach_any", lambda *_: True)
        assert walk(tmp_path, files, {f"pkg/_a{EXT}"}) == quick


def test_a_file_that_cannot_be_read_leaves_the_answer_open(tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "from . import big", "pkg/big.py": "#" * (5 * 1024 * 1024), f"pkg/_a{EXT}": ""}
    assert not walk(tmp_path, files, {f"pkg/_a{EXT}"}).complete


@pytest.mark.parametrize("text", [b"import " * 100_000, b"import (" * 100_000])
def test_a_hostile_file_is_looked_at_quickly(text: bytes) -> None:
    before = time.perf_counter()
    assert possible_imports(text).unknown
    assert time.perf_counter() - before < 3
