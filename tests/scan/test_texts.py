"""entry_points.txt, direct_url.json, requires.txt and the finder of editable installs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envaudit.errors import ReadError
from envaudit.model import DirectUrl, EntryPoint
from envaudit.scan.editable import finder_name, read_mapping
from envaudit.scan.egg import requires_dist
from envaudit.scan.texts import parse_direct_url, parse_entry_points, without_secrets

if TYPE_CHECKING:
    from pathlib import Path


def test_entry_points_by_group() -> None:
    points, problems = parse_entry_points(
        "# comment\n[console_scripts]\na = m:f\nb=m.n:g [extra]\n\n[other.group]\n; x\nc = m\n"
    )
    assert points == (
        EntryPoint("console_scripts", "a", "m:f"),
        EntryPoint("console_scripts", "b", "m.n:g [extra]"),
        EntryPoint("other.group", "c", "m"),
    )
    assert problems == ()


def test_lines_of_entry_points_that_say_nothing_are_reported() -> None:
    points, problems = parse_entry_points("early = m:f\n[g]\nno sign\nx =\nok = m\n")
    assert points == (EntryPoint("g", "ok", "m"),)
    assert [line for _, line in problems] == [1, 3, 4]


def test_an_editable_install_has_its_folder_as_path() -> None:
    text = json.dumps({"url": "file:///home/me/my%20project", "dir_info": {"editable": True}})
    assert parse_direct_url(text) == DirectUrl("file:///home/me/my%20project", True, "/home/me/my project")


def test_a_windows_path_has_no_slash_before_its_drive() -> None:
    assert parse_direct_url('{"url": "file:///C:/src/x", "dir_info": {}}') == DirectUrl(
        "file:///C:/src/x", False, "C:/src/x"
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:secret@example.org/a.whl#sha256=1", "https://example.org/a.whl"),
        ("https://token@example.org/a.whl?key=secret", "https://example.org/a.whl"),
        ("git+ssh://git@example.org/a.git", "git+ssh://git@example.org/a.git"),
        ("ssh://git:secret@example.org/a.git", "ssh://example.org/a.git"),
        ("https://a:b@c@example.org/x@y", "https://example.org/x@y"),
        ("not an address", "not an address"),
    ],
)
def test_secrets_in_an_address_are_dropped(url: str, expected: str) -> None:
    assert without_secrets(url) == expected


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"url": 3}', '{"url": ""}', "[" * 100_000])
def test_direct_url_that_is_none_is_a_read_error(text: str) -> None:
    with pytest.raises(ReadError):
        parse_direct_url(text)


def test_requires_txt_becomes_requires_dist() -> None:
    text = "numpy>=1.20\n\n[:python_version < '3.9']\ntyping\n\n[test]\npytest\n\n[fast:os_name == 'posix']\nuvloop\n"
    assert requires_dist(text) == (
        "numpy>=1.20",
        "typing; python_version < '3.9'",
        'pytest; extra == "test"',
        "uvloop; (os_name == 'posix') and extra == \"fast\"",
    )


@given(st.text("[]:;\n ab#@=>'\"\x85\u2028\t()/", max_size=60))
def test_any_text_is_taken_as_requires_txt(text: str) -> None:
    assert all(isinstance(requirement, str) for requirement in requires_dist(text))


def test_the_finder_of_setuptools_is_read_as_a_literal(tmp_path: Path) -> None:
    finder = tmp_path / finder_name("my-pkg", "1.0.dev0")
    finder.write_text("import sys\nMAPPING: dict[str, str] = {'my_pkg': '/src/my_pkg'}\nraise SystemExit\n")
    assert finder.name == "__editable___my_pkg_1_0_dev0_finder.py"
    assert read_mapping(str(finder)) == {"my_pkg": "/src/my_pkg"}


@pytest.mark.parametrize(
    "text",
    ["", "MAPPING = open('/etc/passwd')\n", "MAPPING = {'a': 1}\n", "MAPPING = (\n", "MAPPING = " + "(" * 100_000],
)
def test_a_finder_without_a_table_is_a_read_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "finder.py").write_text(text)
    with pytest.raises(ReadError):
        read_mapping(str(tmp_path / "finder.py"))
