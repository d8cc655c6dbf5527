"""RECORD: compiled files, import packages, and paths that are not followed."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envaudit.model import RecordEntry
from envaudit.scan.record import importable, is_binary_name, outside, parse_record


def test_compiled_files_come_with_hash_and_size_in_order() -> None:
    record = parse_record(
        b"numpy/__init__.py,sha256=aa,10\n"
        b"numpy/core/_m.cpython-311-x86_64-linux-gnu.so,sha256=bb,20\n"
        b"numpy.libs/libgfortran-040039e1.so.5.0.0,sha256=cc,30\n"
        b"numpy/core/x.source.txt,sha256=dd,1\n"
        b"numpy/doc.so.txt,sha256=dd,1\n"
        b"numpy/win.cp311-win_amd64.pyd,,\n"
        b"numpy/.dylibs/libz.1.dylib,sha256=ee,5\n"
        b"numpy-1.0.dist-info/RECORD,,\n",
        "R",
        3,
    )
    assert record.binaries == (
        RecordEntry("numpy/core/_m.cpython-311-x86_64-linux-gnu.so", "sha256=bb", 20),
        RecordEntry("numpy.libs/libgfortran-040039e1.so.5.0.0", "sha256=cc", 30),
        RecordEntry("numpy/win.cp311-win_amd64.pyd", "", None),
        RecordEntry("numpy/.dylibs/libz.1.dylib", "sha256=ee", 5),
    )
    assert record.modules == ("numpy",)
    assert record.problems == ()


def test_modules_are_packages_and_single_files() -> None:
    record = parse_record(
        b"../../../bin/tool,,\n__pycache__/six.cpython-311.pyc,,\n_cffi_backend.cpython-311-x86_64-linux-gnu.so,,\n"
        b"a/x.py,,\na-1.dist-info/RECORD,,\nsix.py,,\n__editable___a_1_finder.py,,\na.pth,,\nb/y.py,,\na/z.py,,\n",
        "R",
        3,
    )
    assert record.modules == ("_cffi_backend", "a", "b", "six")


def test_quotes_are_taken_off_and_a_comma_in_a_path_survives() -> None:
    record = parse_record(b'"a/x,y.so",sha256=h,7\r\n"a/""q"".so",,\r\na/z.py,,\r\n', "R", 3)
    assert record.binaries == (RecordEntry("a/x,y.so", "sha256=h", 7), RecordEntry('a/"q".so', "", None))
    assert record.modules == ("a",)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("../../../../etc/passwd,,", "leaves the environment"),
        ("a/../../../../../etc/evil.so,,", "leaves the environment"),
        ("/etc/passwd,,", "is absolute"),
        ("\\windows\\x.dll,,", "is absolute"),
        ("C:\\windows\\x.dll,,", "is absolute"),
        ("C:/windows/x.dll,,", "is absolute"),
        ("..\\..\\..\\..\\x.dll,,", "leaves the environment"),
        ("a/\0b.so,,", "holds a NUL"),
        ("a" * 5000 + ".so,,", "a path of 5003 characters"),
    ],
)
def test_a_path_that_leads_elsewhere_is_a_problem_and_no_entry(line: str, why: str) -> None:
    record = parse_record(f"ok/a.py,,\n{line}\nok/b.so,,1\n".encode(), "R", 3)
    assert record.binaries == (RecordEntry("ok/b.so", "", 1),)
    if len(line) < 5000:
        (problem,) = record.problems
        assert (problem.kind, problem.path, problem.line) == ("bad-record", "R", 2)
        assert why in problem.detail
    assert why in outside(line.partition(",")[0], 3)


@pytest.mark.parametrize("line", ["../../../bin/tool,,", "../../../share/x.so,,", "a/../b.so,,"])
def test_a_path_may_climb_to_the_prefix(line: str) -> None:
    record = parse_record(f"{line}\n".encode(), "R", 3)
    assert record.problems == ()
    assert len(record.binaries) == (".so" in line)


def test_a_byte_order_mark_is_no_part_of_the_first_path() -> None:
    assert parse_record(b"\xef\xbb\xbfa.so,,\n", "R", 3).binaries == (RecordEntry("a.so", "", None),)


def test_lines_of_a_folder_that_do_not_stand_together_are_all_read() -> None:
    assert parse_record(b"a/1.py,,\nb/1.py,,\na/2.py,,\nc.py,,\na/3.py,,\n", "R", 3).modules == ("a", "b", "c")


def test_a_folder_without_layout_may_list_scripts_outside_but_no_compiled_files() -> None:
    record = parse_record(b"../../bin/f2py,,\n../../x.so,,\n../../../y,,\na.so,,\n", "R", 0)
    assert [problem.line for problem in record.problems] == [2, 3]
    assert record.binaries == (RecordEntry("a.so", "", None),)


def test_a_size_that_is_no_number_is_reported_and_the_file_kept() -> None:
    record = parse_record(b"a/x.so,sha256=h,many\n", "R", 3)
    assert record.binaries == (RecordEntry("a/x.so", "sha256=h", None),)
    assert [(problem.kind, problem.line) for problem in record.problems] == [("bad-record", 1)]


def test_a_thousand_bad_lines_are_a_few_problems() -> None:
    record = parse_record(b"/etc/passwd,,\n" * 1000 + b"x.so,,y\n" * 1000, "R", 3)
    assert len(record.problems) == 10


@pytest.mark.parametrize(
    "data",
    [
        b"a/../.so," * 1_200_000,
        b"\n".join(b"f%d/x.py,," % number for number in range(100_000)),
        b'"' * 3_000_000,
        b"../x,,\n" * 500_000,
        b"\0" * 10_000_000,
    ],
    ids=["one line", "many folders", "quotes", "many climbs", "zeros"],
)
def test_ten_megabytes_of_the_worst_take_no_longer_than_they_must(data: bytes) -> None:
    started = time.process_time()
    parse_record(data, "R", 3)
    assert time.process_time() - started < 10


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    for entry in parse_record(data, "R", 3).binaries:
        assert outside(entry.path, 3) == ""
        assert is_binary_name(entry.path)


_PATHS = st.lists(
    st.sampled_from(
        ["a/x.py", "a/b/c.so", "b.py", "c/d,e.so", 'c/"q".pyd', "z/lib.so.1.2", "c/é.so", "a-1.dist-info/M"]
    ),
    max_size=12,
)


@given(_PATHS)
def test_it_reads_what_the_csv_module_writes(paths: list[str]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows((path, "sha256=h", 3) for path in paths)
    record = parse_record(buffer.getvalue().encode(), "R", 3)
    assert [entry.path for entry in record.binaries] == [path for path in paths if is_binary_name(path)]
    assert set(record.modules) == {"b" if path == "b.py" else path[0] for path in paths if path != "a-1.dist-info/M"}


@pytest.mark.parametrize(
    ("name", "folder", "expected"),
    [
        ("numpy", True, "numpy"),
        ("numpy.libs", True, ""),
        ("__pycache__", True, ""),
        ("six.py", False, "six"),
        ("x.abi3.so", False, "x"),
        ("libx.so.1", False, ""),
        ("README", False, ""),
        ("a.pth", False, ""),
    ],
)
def test_importable(name: str, folder: bool, expected: str) -> None:
    assert importable(name, folder=folder) == expected


@pytest.mark.parametrize(
    ("name", "compiled"),
    [
        ("libcrypto-4c524931.so.1.1.1k", True),
        ("libz.so.1", True),
        ("_core.PYD", True),
        ("notes.so.txt", False),
        ("notes.so.1.txt", False),
        ("odd.so.", False),
        ("sofa.py", False),
    ],
)
def test_names_of_compiled_files(name: str, *, compiled: bool) -> None:
    assert is_binary_name(name) is compiled
