"""Names and versions, compared with ``packaging`` as the referee."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envaudit.scan.names import is_name, is_version, normalised, of_info_name, short


@given(st.text(string.ascii_letters + string.digits + "-_.", min_size=1))
def test_normalised_is_what_packaging_says(name: str) -> None:
    assert normalised(name) == canonicalize_name(name)


@given(st.text(string.ascii_letters + string.digits + "-_. !é\n", max_size=12))
def test_is_name_is_what_packaging_says(name: str) -> None:
    try:
        canonicalize_name(name, validate=True)
        valid = not name.endswith("\n")  # its pattern lets one line feed pass
    except ValueError:
        valid = False
    assert is_name(name) == valid


@given(st.text("0123456789.abrcpostdev+-!", max_size=10))
def test_is_version_is_what_packaging_says(version: str) -> None:
    try:
        Version(version)
        valid = True
    except InvalidVersion:
        valid = False
    assert is_version(version) == valid


def test_a_text_of_megabytes_is_neither_name_nor_version() -> None:
    assert not is_version("1" * 10_000_000)
    assert not is_name("a" * 10_000_000)


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("pandas-2.0.3.dist-info", ("pandas", "2.0.3")),
        ("ruamel.yaml.clib-0.2.8.dist-info", ("ruamel.yaml.clib", "0.2.8")),
        ("old-style-name-1.0.dist-info", ("old-style-name", "1.0")),
        ("PyYAML-6.0-py3.11.egg-info", ("PyYAML", "6.0")),
        ("PyYAML-6.0-py3.11-linux-x86_64.egg", ("PyYAML", "6.0")),
        ("six.egg-info", ("six", "")),
        ("broken-.dist-info", ("broken", "")),
        (".dist-info", ("", "")),
    ],
)
def test_name_and_version_of_a_folder(file_name: str, expected: tuple[str, str]) -> None:
    assert of_info_name(file_name) == expected


def test_short_keeps_what_is_short_and_says_how_long_the_rest_was() -> None:
    assert short("abc") == "abc"
    assert short("x" * 500, 3) == "xxx... (500 characters)"
