"""Pages of HTML: read as the standard library reads them where they are sound, and in linear time where not."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from packaging.utils import canonicalize_name

from envaudit.errors import ReadError
from envaudit.index.html_tags import tags
from envaudit.index.values import version_in


class _Reference(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"a", "base", "meta"}:
            self.found.append((tag, {name: value or "" for name, value in attrs}))


@pytest.mark.parametrize(
    "page",
    [
        "<!DOCTYPE html><html><body><a href=\"x-1.tar.gz#sha256=00\">x</a><br/>\n<a href='y'>y</a></body></html>",
        '<A HREF="x" Data-Requires-Python="&gt;=3.8,&lt;4" data-yanked>x</A>',
        "<a href=x-1.zip rel=internal>x</a><a>no place</a>",
        '<a href="a>b" data-yanked="&quot;quoted&quot; &amp; more">x</a>',
        '<base href="https://a.invalid/"><meta name="pypi:repository-version" content="1.1"/><a\n href = "x"\t>',
        '<!-- <a href="hidden"> --><a href="x"><!-- unfinished <a href="too">',
        "<abbr href=x><ahref=x><aside><a/><p>a < b and a > b</p>",
    ],
)
def test_a_sound_page_is_read_as_the_standard_library_reads_it(page: str) -> None:
    reference = _Reference()
    reference.feed(page)
    reference.close()
    assert list(tags(page)) == reference.found


@pytest.mark.parametrize(
    "unit", ["<", "<a ", "<a href='x", '<a href="', "<!--", "<a a=a ", "<a b='' ", "&#", "a " * 5, '<a x="">']
)
def test_a_page_of_nonsense_takes_no_time(unit: str) -> None:
    """Half a megabyte each; the standard library's parser takes minutes for the second."""
    page = unit * (500_000 // len(unit))
    started = time.process_time()
    try:
        for _ in tags(page):
            pass
    except ReadError as error:
        assert "without an end" in str(error)  # noqa: PT017  some of these pages are only odd
    assert time.process_time() - started < 3.0


def test_a_tag_without_an_end_is_refused() -> None:
    with pytest.raises(ReadError):
        list(tags('<a href="x">ok</a><a href="y'))
    with pytest.raises(ReadError):
        list(tags("<a " + "b" * 20_000 + ">"))


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("demo-1.0.tar.gz", "demo", ("1.0", False)),
        ("My.Demo_x-1.0rc1.zip", "my-demo-x", ("1.0rc1", False)),
        ("my-demo-x-1.0-1.tar.gz", "my-demo-x", ("1.0-1", False)),
        ("demo-x-1.0.tar.gz", "demo", ("x-1.0", False)),
        ("demo.tar.gz", "demo", None),
        ("demo-1.0.exe", "demo", None),
        ("Demo_X-1.0-py3-none-any.whl", "demo-x", ("1.0", True)),
        ("demo-1.0-2-py3-none-any.whl", "demo", ("1.0", True)),
        ("other-1.0-py3-none-any.whl", "demo", None),
        ("demo-1.0-py3.whl", "demo", None),
        ("d" + "-" * 100_000 + ".tar.gz", "demo", None),
    ],
)
def test_the_version_in_the_name_of_a_file(name: str, key: str, expected: tuple[str, bool] | None) -> None:
    started = time.process_time()
    assert version_in(name, canonicalize_name(key)) == expected
    assert time.process_time() - started < 0.5
