"""Headers of METADATA: what the mail parser of the standard library reads, in a tenth of its time."""

from __future__ import annotations

import email

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envaudit.scan.headers import parse_headers


def test_repeated_headers_keep_their_order_and_names_ignore_case() -> None:
    headers = parse_headers(b"Name: a\nRequires-Dist: x\nREQUIRES-DIST: y\n\nRequires-Dist: in the body\n")
    assert headers.all("requires-dist") == ("x", "y")
    assert headers.first("name") == "a"
    assert headers.first("version") == ""
    assert headers.problems == ()


def test_a_continuation_belongs_to_the_header_above() -> None:
    headers = parse_headers(b"License: one\n        two\n\tthree\nName: a\n")
    assert headers.first("license") == "one\ntwo\nthree"
    assert headers.first("name") == "a"


def test_classifiers_are_left_out_with_their_continuations() -> None:
    headers = parse_headers(b"Name: a\nClassifier: x\n  y\nProject-URL: z\nVersion: 1\n")
    assert headers.values == {"name": ["a"], "version": ["1"]}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_is_understood(end: bytes) -> None:
    headers = parse_headers(end.join([b"Name: a", b"Version: 1", b"", b"Version: 2", b""]))
    assert headers.values == {"name": ["a"], "version": ["1"]}


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert parse_headers(b"\xef\xbb\xbfName: a\n").first("name") == "a"


def test_a_line_that_is_no_header_ends_them_and_is_reported() -> None:
    headers = parse_headers(b"Name: a\nno header at all\nVersion: 1\n")
    assert headers.values == {"name": ["a"]}
    assert headers.problems == (("neither a header nor a continuation of one: 'no header at all'", 2),)


def test_bytes_that_are_not_utf8_are_replaced_and_reported_with_their_line() -> None:
    headers = parse_headers(b"Name: a\nAuthor: M\xfcller\nVersion: 1\n")
    assert headers.first("author") == "M\ufffdller"
    assert headers.first("version") == "1"
    assert headers.problems == (("not UTF-8: byte 0xfc", 2),)


def test_a_header_of_ten_megabytes_is_left_out() -> None:
    headers = parse_headers(b"Name: a\nRequires-Dist: " + b"x" * 10_000_000 + b"\n more\nVersion: 1\n")
    assert headers.values == {"name": ["a"], "version": ["1"]}
    ((detail, line),) = headers.problems
    assert "10000001 characters" in detail
    assert line == 2


def test_a_value_stops_growing() -> None:
    headers = parse_headers(b"Name: a\nLicense: x\n" + b" y\n" * 200_000)
    assert 65536 < len(headers.first("license")) < 70000


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    headers = parse_headers(data)
    assert all(values and all(isinstance(value, str) for value in values) for values in headers.values.values())


_VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@given(st.lists(st.tuples(st.sampled_from(["Name", "Requires-Dist", "Provides-Extra", "X-Y"]), _VALUES), max_size=8))
def test_well_formed_headers_are_read_as_the_mail_parser_reads_them(pairs: list[tuple[str, str]]) -> None:
    text = "".join(f"{name}: {value}\n" for name, value in pairs) + "\nbody: no\n"
    message = email.message_from_string(text)
    headers = parse_headers(text.encode())
    for name in {name for name, _ in pairs}:
        assert headers.all(name.lower()) == tuple(message.get_all(name, []))
    assert "body" not in headers.values
