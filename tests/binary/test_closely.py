"""What is left out of the reading of a compiled file is empty, and everything else is as it would be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.binary import Closely, read_both
from tests.binary.forge import Elf
from tests.binary.forge_symbols import Library, Symbol

if TYPE_CHECKING:
    from pathlib import Path

INTERNALS = b"__pybind11_internals_v4_gcc_libstdcpp_cxxabi1014__\0"


@pytest.mark.parametrize("names_numpy", [True, False])
def test_strings_are_searched_as_far_as_it_was_asked(tmp_path: Path, *, names_numpy: bool) -> None:
    path = tmp_path / "a.so"
    path.write_bytes(bytes(Elf(rodata=(b"numpy\0_ARRAY_API\0numpy.core\0" if names_numpy else b"x\0") + INTERNALS)))
    full, _ = read_both(str(path))
    assert (full.numpy is not None, full.pybind11, full.frameworks[:1]) == (
        names_numpy, INTERNALS[:-1].decode(), ("pybind11",),
    )  # fmt: skip
    without, _ = read_both(str(path), Closely(numpy=False, pybind11=False))
    assert without == full._replace(numpy=None, pybind11="", frameworks=())
    numpy_alone, _ = read_both(str(path), Closely(pybind11=False))
    assert numpy_alone == (full if names_numpy else without)
    pybind11_alone, _ = read_both(str(path), Closely(numpy=False))
    assert pybind11_alone == full._replace(numpy=None, frameworks=("pybind11",))


def test_versions_and_symbols_are_read_if_they_are_wanted(tmp_path: Path) -> None:
    path = tmp_path / "a.cpython-311-x86_64-linux-gnu.so"
    path.write_bytes(bytes(Library((Symbol("asked"),), needs=(("libc.so.6", (("GLIBC_2.34", 0),)),))))
    full, symbols = read_both(str(path))
    assert symbols is not None
    assert symbols.undefined == {b"asked"}
    assert [(need.library, need.versions) for need in full.versions_needed] == [("libc.so.6", ("GLIBC_2.34",))]
    without, later = read_both(str(path), Closely(versions=False, symbols=False))
    assert later is not None
    assert later.known() == (None, None, False)
    assert later.undefined == {b"asked"}  # read when it is asked for
    _, offered = read_both(str(path), Closely(offered=frozenset({b"asked", b"other"})))
    assert offered is not None
    assert offered.undefined == frozenset()
    assert without == full._replace(versions_needed=())


def test_what_is_no_module_tells_what_it_expects_when_it_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "liba.so"
    path.write_bytes(bytes(Library((Symbol("asked"),))))
    _, symbols = read_both(str(path))
    assert symbols is not None
    assert symbols.known() == (None, frozenset(), True)
    assert symbols.provides({b"PyInit_liba"}) == set()
    assert symbols.undefined == {b"asked"}
