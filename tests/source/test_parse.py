"""The quick way through a syntax tree meets the same nodes as that of the standard library."""

from __future__ import annotations

import ast

import pytest

from envaudit.source.parse import children

_LEFT_OUT = (ast.Load, ast.Store, ast.Del, ast.Constant)


@pytest.mark.parametrize("module", [ast, pytest])
def test_children_are_those_of_ast_but_for_some_that_hold_no_others(module: object) -> None:
    with open(str(module.__file__), "rb") as file:  # type: ignore[attr-defined]
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        expected = [child for child in ast.iter_child_nodes(node) if not isinstance(child, _LEFT_OUT)]
        assert [child for child in children(node) if not isinstance(child, _LEFT_OUT)] == expected


def test_a_list_may_have_gaps() -> None:
    tree = ast.parse("{**a, 'b': c}\ndef f(*, x, y=1): pass\n")
    for node in ast.walk(tree):
        expected = [child for child in ast.iter_child_nodes(node) if not isinstance(child, _LEFT_OUT)]
        assert [child for child in children(node) if not isinstance(child, _LEFT_OUT)] == expected
