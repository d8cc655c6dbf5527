"""The catalogue agrees with its list, and runs wherever a target's Python may be."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from envaudit import smoke
from envaudit.smoke import SMOKE_TESTS

FOLDER = Path(smoke.__file__).parent
FILES = sorted((FOLDER / "catalogue").glob("*.py"))


def test_every_file_is_listed_once() -> None:
    assert sorted(test.file for test in SMOKE_TESTS) == [path.name for path in FILES]
    assert len({test.name for test in SMOKE_TESTS}) == len(SMOKE_TESTS)


@pytest.mark.parametrize("test", SMOKE_TESTS, ids=lambda test: test.name)
def test_names_are_normalised_and_the_purpose_is_the_docstring(test: smoke.SmokeTest) -> None:
    names = test.needs + test.any_of
    assert list(names) == [canonicalize_name(name) for name in names]
    assert test.needs
    module = ast.parse((FOLDER / "catalogue" / test.file).read_text())
    assert (ast.get_docstring(module) or "").splitlines()[0] == test.purpose
    assert any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in module.body)


@pytest.mark.parametrize("path", [*FILES, FOLDER / "child.py"], ids=lambda path: path.name)
def test_syntax_of_python_3_6_and_nothing_of_ours(path: Path) -> None:
    module = ast.parse(path.read_text(), feature_version=(3, 6))
    for node in ast.walk(module):
        assert not isinstance(node, ast.NamedExpr)
        assert not (isinstance(node, ast.arguments) and node.posonlyargs)
        if isinstance(node, ast.ImportFrom):
            assert node.module not in {"__future__", "envaudit"}
            assert node.level == 0
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("envaudit") for alias in node.names)


def test_the_supervisor_imports_nothing_of_ours() -> None:
    module = ast.parse((FOLDER / "supervisor.py").read_text())
    names = {node.module for node in ast.walk(module) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(module) if isinstance(node, ast.Import) for alias in node.names}
    assert not [name for name in names if name is None or name.startswith("envaudit")]


def test_every_wrong_result_says_what_was_expected() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                text = ast.unparse(node.exc)
                assert "got" in text, path.name
                assert "expected" in text, path.name
