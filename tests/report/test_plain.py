from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envaudit.report.plain import plain, plain_lines, shown_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("numpy 2.4.6", "numpy 2.4.6"),
        ("naïve 数", "naïve 数"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\nerror[ABI001] b", r"a\nerror[ABI001] b"),
        ("a\r\tb\x00\x7f\x85", r"a\r\tb\x00\x7f\x85"),
        ("a\u202eb\u2066c\u200f", r"a\u202eb\u2066c\u200f"),
        ("a\u2028b\u200bc\ufeff", r"a\u2028b\u200bc\ufeff"),
        ("a\udcffb", r"a\udcffb"),
        ("a\U000e0041", r"a\U000e0041"),
    ],
)
def test_what_does_not_print_is_escaped(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text(st.characters()))
def test_the_result_always_prints_and_can_be_encoded(text: str) -> None:
    assert plain(text).isprintable()
    plain(text).encode("utf-8")


def test_lines_are_kept_and_each_is_escaped() -> None:
    assert plain_lines("a\r\n\tb\x1b\n\nc  \n\n") == ["a", r"    b\x1b", "", "c"]
    assert plain_lines("") == []
    assert plain_lines("\n") == []


@pytest.mark.parametrize(
    ("path", "root", "sites", "expected"),
    [
        ("/a/b/c", "/a", (), "b/c"),
        ("/a/b/c", "/a/", (), "b/c"),
        ("/ab/c", "/a", (), "/ab/c"),
        ("/a", "/a", (), "."),
        ("/a/b", "", (), "/a/b"),
        ("/a/b", "/", (), "/a/b"),
        ("b/c", "/a", (), "b/c"),
        ("/v/lib/site-packages/x/y.so", "/v", ("/v/lib/site-packages",), "site-packages/x/y.so"),
        ("/v/lib/site-packages", "/v", ("/v/lib/site-packages/",), "site-packages"),
        ("/v/lib/site-packages2/x", "/v", ("/v/lib/site-packages",), "lib/site-packages2/x"),
        ("/v/x", "/v", ("",), "x"),
        ("C:\\v\\Lib\\site-packages\\x", "C:\\v", ("C:\\v\\Lib\\site-packages",), "site-packages\\x"),
        ("C:\\v\\x", "C:\\v", (), "x"),
        ("/a/\x1b", "/a", (), r"\x1b"),
    ],
)
def test_paths_are_short(path: str, root: str, sites: tuple[str, ...], expected: str) -> None:
    assert shown_path(path, root, sites) == expected
