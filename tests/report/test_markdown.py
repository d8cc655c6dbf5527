from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from envaudit.model import Evidence, replace
from envaudit.report import ReportOptions, render
from envaudit.report.as_markdown import LIMIT, escaped
from envaudit.report.plain import plain
from tests.report.samples import ABI, BROKEN, GAPS, HEALTHY, HOSTILE, IGNORED, finding, report

if TYPE_CHECKING:
    from envaudit.model import Report

READER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def written(value: Report, **options: Any) -> str:
    return render(value, ReportOptions(format="markdown", root="/home/ada/project", **options))


def test_a_broken_environment() -> None:
    out = written(BROKEN)
    assert out.startswith(
        "## envaudit: broken\n\n1 error, 1 warning, 0 notes; 1 finding ignored by settings; 3 things "
    )
    html = READER.render(out)
    assert "<h3>error ABI001</h3>" in html
    assert "<strong>pandas 2.0.3</strong> was built for NumPy 1.x, but NumPy 2.4.6 is installed" in html
    assert "<code>uv pip install --python .venv/bin/python 'pandas&gt;=2.2.2'\n</code>" in html
    assert f"<code>{ABI.symptom}\n</code>" in html
    assert "<strong>in</strong> requirements.txt:12" in html
    assert "<h3>not checked: 3</h3>" in html
    assert "<li>RUN smoke test torch: needs 6 GiB of memory, 4 GiB are allowed</li>" in html
    assert "<h3>left out: 1</h3>" in html
    assert "DEP002 old 0.1 needs numpy&lt;2, but 2.4.6 is installed (by ignore DEP002:old (--ignore))" in html


def test_a_healthy_environment() -> None:
    out = written(HEALTHY)
    assert out.startswith("## envaudit: healthy\n\n2 distributions, 3 compiled files, 1 smoke test; 0 not checked\n")
    assert "###" not in out


def test_a_symptom_of_several_lines_stays_together() -> None:
    html = READER.render(written(report(findings=(finding(symptom="one\n  two\n\nthree"),))))
    assert "<code>one\n  two\n\nthree\n</code>" in html


_TAGS = {"html_inline", "html_block", "link_open", "image", "table_open", "s_open", "em_open", "blockquote_open"}


def _kinds(text: str) -> set[str]:
    found = set()
    for token in READER.parse(text):
        found.add(token.type)
        found |= {child.type for child in token.children or ()}
    return found


def test_hostile_texts_are_no_markup() -> None:
    out = written(HOSTILE).replace("<sub>", "").replace("</sub>", "")
    assert _kinds(out) & _TAGS == set()
    html = READER.render(out)
    outside = html.split("<pre>")[0] + "".join(part.split("</pre>", 1)[1] for part in html.split("<pre>")[1:])
    assert "@ada" not in outside
    assert "](http" not in outside.replace("]](http", "")


@given(st.text(max_size=60))
def test_an_escaped_text_is_read_as_that_text(text: str) -> None:
    shown = " ".join(plain(text).split())
    (block,) = READER.parseInline(escaped(plain(text)))
    assert block.children is not None
    assert {child.type for child in block.children} <= {"text", "text_special"}
    assert "".join(child.content for child in block.children).replace("@\u200b", "@") == shown


@pytest.mark.parametrize(
    "text", ["1. x", "12) x", "- x", "# x", "> x", "    x", "+ x", "***", "===", "| a | b |", "<b>", "&lt;", "~~x~~"]
)
def test_no_text_begins_a_block(text: str) -> None:
    tokens = READER.parse(f"{escaped(text)}\n{escaped(text)}\n")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]


@pytest.mark.parametrize(("text", "shown"), [("www.evil.example", r"www\.evil.example"), ("http://x", r"http\://x")])
def test_no_address_becomes_a_link(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_it_stays_below_what_a_summary_may_have() -> None:
    long = tuple(Evidence(f"/x/{number}", "é" * 3000) for number in range(3))
    many = report(
        findings=tuple(finding(subject=str(number), evidence=long) for number in range(100)),
        gaps=GAPS * 20_000,
        suppressed=(IGNORED,) * 9,
    )
    out = written(many, verbosity=1)
    assert LIMIT - 100_000 < len(out.encode()) < LIMIT + 20_000
    assert "more findings, for which there is no room here" in out
    assert "60,000 things not checked, 9 findings left out; there is no room here to list them" in out
    assert "no room" not in written(replace(many, findings=(), gaps=GAPS))
