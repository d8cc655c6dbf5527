"""What compiled files need of NumPy: the committed fixtures, and forged files for other machines and shapes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from envaudit.binary import code_for, read_binary
from envaudit.binary.image import PIECE_LIMIT, TEXT_LIMIT
from envaudit.model import NumpyNeed, RunningNumpy, StructSizes
from tests.binary import forge
from tests.binary.conftest import fixture
from tests.binary.forge import Elf, address

if TYPE_CHECKING:
    from collections.abc import Callable

    from envaudit.binary import Code

    Write = Callable[[Elf | bytes], str]

API_1X = b"module compiled against API version 0x%x but this version of numpy is 0x%x\0"
ABI = b"module compiled against ABI version 0x%x but this version of numpy is 0x%x\0"
C_API = b"module was compiled against NumPy C-API version 0x%%x (NumPy %s) but the running NumPy has"
OLD = b"numpy.core._multiarray_umath\0_ARRAY_API\0"
NEW = b"numpy._core._multiarray_umath\0" + OLD
OWN_CALL = b"(auto-generated because you didn't call 'numpy.import_array()' after cimporting numpy"
SIZE = b"%.200s.%.200s size changed, may indicate binary incompatibility.\0"


@pytest.mark.parametrize(
    ("name", "strings", "code"),
    [
        ("api_1x_O0.so", NumpyNeed("c-api", "1.x"), NumpyNeed("c-api", "1.x", "", 0x10, "argument")),
        ("api_1x_Os.so", NumpyNeed("c-api", "1.x"), NumpyNeed("c-api", "1.x", "", 0x10, "argument")),
        ("api_1x_O2.so", NumpyNeed("c-api", "1.x"), NumpyNeed("c-api", "1.x", "", 0x0D, "argument")),
        ("api_1x_unused.so", NumpyNeed("c-api", "1.x"), None),
        ("api_2x.so", NumpyNeed("c-api", "2.x", "", 0x10, "text", "1.23"), "same"),
        ("api_2x_unknown.so", NumpyNeed("c-api", "2.x", "", None, "text", "9.7"), "same"),
        ("api_both.so", NumpyNeed("c-api", "both", "", 0x0E, "text", "1.20"), "same"),
        ("by_name_1x.so", NumpyNeed("by-name", "1.x", "pybind11"), "same"),
        ("by_name_2x.so", NumpyNeed("by-name", "2.x", "pybind11"), "same"),
        (
            "cython_1x_O0.so",
            NumpyNeed("cython", "1.x", "cython"),
            NumpyNeed("cython", "1.x", "cython", expects=StructSizes(96, 80, 216)),
        ),
        (
            "cython_1x_O2.so",
            NumpyNeed("cython", "1.x", "cython"),
            NumpyNeed("cython", "1.x", "cython", expects=StructSizes(96, 96, 232)),
        ),
        (
            "cython_1x_inlined.so",
            NumpyNeed("cython", "unknown", "cython"),
            NumpyNeed("cython", "1.x", "cython", expects=StructSizes(96, 96, 232)),
        ),
        (
            "cython_2x.so",
            NumpyNeed("cython", "2.x", "cython"),
            NumpyNeed("cython", "2.x", "cython", expects=StructSizes(32, 88, 216)),
        ),
        ("cython_other_type.so", None, None),
        ("linked.so", None, None),
    ],
)
def test_fixtures(name: str, strings: NumpyNeed | None, code: NumpyNeed | str | None) -> None:
    assert read_binary(fixture(name)).numpy == strings
    facts = read_binary(fixture(name), "all")
    assert facts.numpy == (strings if code == "same" else code)
    assert facts.numpy_unread == ""


@pytest.mark.parametrize(
    ("code", "feature", "old_sizes", "new_sizes"),
    [
        ("never", None, StructSizes(), StructSizes()),
        ("sizes", None, StructSizes(96, 96, 232), StructSizes()),
        ("features", 0x10, StructSizes(), StructSizes()),
        ("all", 0x10, StructSizes(96, 96, 232), StructSizes(32, 88, 216)),
    ],
)
def test_code_is_read_as_far_as_asked(
    code: Code, feature: int | None, old_sizes: StructSizes, new_sizes: StructSizes
) -> None:
    needs = [read_binary(fixture(name), code).numpy for name in ("api_1x_Os.so", "cython_1x_O2.so", "cython_2x.so")]
    assert all(needs)
    values = [(need.feature, need.expects) for need in needs if need]
    assert values == [(feature, StructSizes()), (None, old_sizes), (None, new_sizes)]


@pytest.mark.parametrize(
    ("rodata", "expected"),
    [
        (ABI + API_1X + OLD, NumpyNeed("c-api", "1.x")),
        (API_1X.replace(b"0x%x", b"%x") + OLD, NumpyNeed("c-api", "1.x")),
        (ABI + C_API % b"1.16" + NEW, NumpyNeed("c-api", "2.x", "", 0x0D, "text", "1.16")),
        (C_API % b"1.16" + C_API % b"2.0" + NEW, NumpyNeed("c-api", "2.x", "", 0x12, "text", "2.0")),
        (C_API % b"1.16" + C_API % b"3.0" + NEW, NumpyNeed("c-api", "2.x", "", None, "text", "3.0")),
        (C_API % b"??" + NEW, NumpyNeed("c-api", "2.x", "", None, "text", "")),
        (C_API % b"1.2345678" + NEW, NumpyNeed("c-api", "2.x", "", None, "text", "")),
        (SIZE + API_1X + OWN_CALL, NumpyNeed("c-api", "1.x", "cython", asks_first=True)),
        (SIZE + C_API % b"1.16" + OWN_CALL, NumpyNeed("c-api", "2.x", "cython", 0x0D, "text", "1.16", asks_first=True)),
        (SIZE + API_1X, NumpyNeed("c-api", "1.x", "cython")),
        (OLD, NumpyNeed("by-name", "1.x")),
        (NEW, NumpyNeed("by-name", "2.x")),
        # Rust ends no string with a NUL, and its newest binding keeps NumPy's ABI text alone.
        (b"pyo3_runtime.numpy.core.multiarray_ARRAY_APIpanic", NumpyNeed("by-name", "1.x", "rust")),
        (b"pyo3_runtime." + ABI + b"numpy._core_ARRAY_API", NumpyNeed("by-name", "2.x", "rust")),
        # The functions of universal functions alone, and a module that only imports numpy: no check, no table.
        (b"numpy.core._multiarray_umath\0_UFUNC_API\0", None),
        (b"numpy\0ndarray\0", None),
        (b"Error: compiled against API version 2 of numpy\0", None),
        (SIZE + b"numpy\0ndarray\0", None),
        (SIZE + b"numpy\0flatiter\0", NumpyNeed("cython", "unknown", "cython")),
        (SIZE + b"numpy.core.multiarray failed to import\0", NumpyNeed("cython", "1.x", "cython")),
        (SIZE + b"numpy._core.multiarray failed to import\0", NumpyNeed("cython", "2.x", "cython")),
        (b"", None),
    ],
)
@pytest.mark.parametrize("shape", [{}, {"sections": False}, {"sections": False, "one_segment": True}])
def test_kinds(rodata: bytes, expected: NumpyNeed | None, shape: dict[str, object], written: Write) -> None:
    assert read_binary(written(Elf(rodata=rodata).but(**shape))).numpy == expected


def test_a_file_that_calls_nothing_of_python_is_not_searched(written: Write) -> None:
    elf = Elf(rodata=API_1X + OLD, symbols=("cos",))
    assert read_binary(written(elf)).numpy is None
    assert read_binary(written(elf.but(symbols=("PyCapsule_GetPointer",)))).numpy is not None


@pytest.mark.parametrize(
    ("needle", "name"),
    [
        (b"__pybind11_internals_v5_gcc\0", "pybind11"),
        (b"nanobind::cast\0", "nanobind"),
        (b"pyo3_runtime.PanicException", "rust"),
        (b"swig_runtime_data4\0", "swig"),
        (b"_cffi_backend\0", "cffi"),
        (b"This module is auto-generated with f2py (version:2).\0", "f2py"),
        (b"__pyx_unpickle\0", "cython"),
        (SIZE, "cython"),
    ],
)
def test_frameworks(needle: bytes, name: str, written: Write) -> None:
    without = read_binary(written(Elf(rodata=needle))).frameworks
    assert without == ((name,) if needle is SIZE or name == "pybind11" else ())  # of others it does not matter
    facts = read_binary(written(Elf(rodata=needle + API_1X + OLD)))
    assert facts.numpy == NumpyNeed("c-api", "1.x", name)
    assert facts.frameworks == (name,)


def test_a_name_in_python_code_does_not_hide_old_sizes(written: Write) -> None:
    """A module built for 1.x may try ``numpy._core`` first, as Python code does; only declarations tell."""
    rodata = SIZE + b"numpy._core\0numpy\0dtype\0"
    code = b"\xb9\x60\0\0\0" + forge.lea(5, address(rodata, b"dtype\0"))
    expected = NumpyNeed("cython", "1.x", "cython", expects=StructSizes(dtype=96))
    assert read_binary(written(Elf(rodata=rodata, code=code)), "sizes").numpy == expected


def test_code_of_other_machines_is_a_gap(written: Write) -> None:
    elf = Elf(machine=forge.S390X, order=">", rodata=API_1X + OLD)
    facts = read_binary(written(elf), "all")
    assert facts.numpy == NumpyNeed("c-api", "1.x")
    assert facts.numpy_unread == "code for s390x (64 bits) is not read"
    assert read_binary(written(elf)).numpy_unread == ""
    other = read_binary(written(elf.but(rodata=SIZE + b"numpy\0ndarray\0")), "sizes")
    assert (other.numpy, other.numpy_unread) == (None, "")


def test_a_feature_that_is_not_found_is_a_gap(written: Write) -> None:
    rodata = API_1X + OLD
    facts = read_binary(written(Elf(rodata=rodata, code=forge.lea(0, address(rodata, API_1X)))), "features")
    assert facts.numpy == NumpyNeed("c-api", "1.x")
    assert "was not found in its code" in facts.numpy_unread


def test_sizes_that_are_not_found_are_a_gap(written: Write) -> None:
    rodata = SIZE + b"numpy.core.multiarray failed to import\0dtype\0"
    facts = read_binary(written(Elf(rodata=rodata)), "sizes")
    assert facts.numpy == NumpyNeed("cython", "1.x", "cython")
    assert "were not found in its code" in facts.numpy_unread
    assert read_binary(written(Elf(rodata=SIZE + b"numpy\0dtype\0")), "sizes").numpy_unread == ""


@pytest.mark.parametrize(
    ("section", "limit", "need"), [(1, TEXT_LIMIT, None), (2, PIECE_LIMIT, NumpyNeed("c-api", "1.x"))]
)
def test_what_is_too_large_to_search_is_a_gap(section: int, limit: int, need: NumpyNeed | None, written: Write) -> None:
    elf = Elf(rodata=API_1X + OLD, needed=("libm.so.6",))
    data = bytearray(bytes(elf))
    size = int.from_bytes(data[40:48], "little") + 64 * section + 32  # sh_size of .rodata or .text
    data[size : size + 8] = (limit + 1).to_bytes(8, "little")
    path = written(bytes(data))
    os.truncate(path, limit * 2)  # a hole: no disk space is taken
    facts = read_binary(path, "all")
    assert facts.needed == ("libm.so.6",)
    assert facts.numpy == need
    assert facts.numpy_unread == f"{limit + 1} bytes to search, more than the {limit} that are searched"


def _running(version: str, abi: int | None, feature: int | None, sizes: StructSizes) -> RunningNumpy:
    return RunningNumpy(version, abi, feature, sizes, "", "")


@pytest.mark.parametrize(
    ("numpy", "code"),
    [
        (None, "never"),
        (_running("2.2.6", 0x2000000, 0x13, StructSizes(88, 96, 240)), "sizes"),
        (_running("9.0.0", 0x3000000, 0x77, StructSizes()), "sizes"),
        (_running("1.26.4", 0x1000009, 0x11, StructSizes(96, 96, 232)), "never"),
        (_running("1.24.4", 0x1000009, 0x10, StructSizes(96, 96, 232)), "features"),
        (_running("1.21.6", 0x1000009, 0x0E, StructSizes(96, 88, 216)), "all"),
        (_running("1.11.0", 0x1000009, 0x0A, StructSizes()), "all"),
        (_running("?", None, None, StructSizes()), "never"),
    ],
)
def test_how_much_code_the_running_numpy_asks_for(numpy: RunningNumpy | None, code: Code) -> None:
    assert code_for(numpy) == code
