"""What all formats have in common: each says everything of importance, and none is fooled by what it is given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.model import Location
from envaudit.report import ReportOptions, render
from envaudit.report.where import as_uri, place_of
from envaudit.setting_kinds import FORMATS
from tests.report.samples import BROKEN, GAPS, HEALTHY, HOSTILE, INCOMPLETE, finding, report

if TYPE_CHECKING:
    from envaudit.model import Report

ROOT = "/home/ada/project"


def written(value: Report, format_: Any, **options: Any) -> str:
    return render(value, ReportOptions(format=format_, root=ROOT, **options))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_of_the_settings_can_be_written(name: str) -> None:
    assert written(HEALTHY, name).endswith("\n")


@pytest.mark.parametrize("name", FORMATS)
def test_every_code_is_in_every_format(name: str) -> None:
    out = written(BROKEN, name)
    assert all(each.code in out for each in BROKEN.findings)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("sample", [BROKEN, INCOMPLETE], ids=["broken", "incomplete"])
def test_what_was_not_checked_is_told_in_every_format(name: str, sample: Report) -> None:
    options = {"verbosity": 1} if name == "text" else {}
    out = written(sample, name, **options)
    for gap in GAPS:
        assert gap.why in out
        assert gap.what.rsplit("/", 1)[-1] in out


@pytest.mark.parametrize("name", [each for each in FORMATS if each not in {"json", "gitlab"}])
def test_nothing_is_called_healthy_while_something_was_not_checked(name: str) -> None:
    assert "healthy" in written(HEALTHY, name)
    assert "healthy" not in written(report(gaps=GAPS), name)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_that_does_not_print_gets_through(name: str) -> None:
    out = written(HOSTILE, name)
    assert out.replace("\n", "").replace("\u200b", "").isprintable()
    out.encode("utf-8")


@pytest.mark.parametrize("name", ["json", "sarif", "gitlab"])
def test_json_of_any_kind_is_ascii(name: str) -> None:
    out = written(HOSTILE, name)
    assert out.isascii()
    json.loads(out)


@pytest.mark.parametrize(
    ("path", "line", "shown", "begin", "exact"),
    [
        ("/home/ada/project/requirements.txt", 12, "requirements.txt", 12, True),
        ("/home/ada/project/a/./b.txt", None, "a/b.txt", 1, True),
        ("sub/uv.lock", 0, "sub/uv.lock", 1, True),
        ("a\\b.txt", 2, "a/b.txt", 2, True),
        ("/home/ada/elsewhere.txt", 3, "anchor.toml", 1, False),
        ("/home/ada/project-2/r.txt", 3, "anchor.toml", 1, False),
        ("../r.txt", 3, "anchor.toml", 1, False),
        ("C:\\r.txt", 3, "anchor.toml", 1, False),
        ("/home/ada/project/../r.txt", 3, "anchor.toml", 1, False),
        ("/home/ada/project/", 3, "anchor.toml", 1, False),
        (None, None, "anchor.toml", 1, False),
    ],
)
def test_where_a_finding_is_put(path: str | None, line: int | None, shown: str, begin: int, exact: bool) -> None:
    location = None if path is None else Location(path, line)
    options = ReportOptions(root=f"{ROOT}/", anchor="anchor.toml")
    assert place_of(finding(location=location), options) == (shown, begin, exact)


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a/b.txt", "a/b.txt"),
        ("a b#?%.txt", "a%20b%23%3F%25.txt"),
        ("x\udcff", "x%FF"),
        ("javascript:x", "javascript%3Ax"),
        ("é", "%C3%A9"),
    ],
)
def test_a_path_as_an_address(path: str, uri: str) -> None:
    assert as_uri(path) == uri
