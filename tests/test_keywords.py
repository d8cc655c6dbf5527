"""Expressions over the names of smoke tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envaudit.keywords import Expression

NAMES = ("scipy.linalg.solve", "scipy")


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("", True),
        ("  ", True),
        ("scipy", True),
        ("SciPy", True),
        ("numpy", False),
        ("not numpy", True),
        ("not not numpy", False),
        ("scipy and fft", False),
        ("scipy and not fft", True),
        ("fft or stats or solve", True),
        ("fft or scipy and numpy", False),
        ("(fft or scipy) and solve", True),
        ("not (fft or solve)", False),
        ("linalg.solve", True),
        ("android", False),
    ],
)
def test_what_is_chosen(text: str, true: bool) -> None:
    assert Expression(text).matches(NAMES) is true


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("and", "at 'and'"),
        ("scipy and", "at its end"),
        ("(scipy", "at its end"),
        ("scipy)", "at ')'"),
        ("scipy fft", "at 'fft'"),
        ("not", "at its end"),
        ("()", "at ')'"),
    ],
)
def test_what_cannot_be_read_says_where(text: str, where: str) -> None:
    with pytest.raises(ValueError, match="cannot be read") as caught:
        Expression(text)
    assert where in str(caught.value)


@pytest.mark.parametrize("text", ["x" * 1001, "(" * 400 + "x" + ")" * 400, "not " * 200 + "x"])
def test_what_is_too_long_or_too_deep(text: str) -> None:
    with pytest.raises(ValueError, match=r"must not be longer|too many brackets"):
        Expression(text)


@given(st.text(alphabet="ab() notandor", max_size=60))
def test_any_text_is_an_expression_or_a_sentence(text: str) -> None:
    try:
        said = Expression(text).matches(("ab",))
    except ValueError:
        return
    assert said in {True, False}
