"""Where Windows would find the libraries of a module, in environments made of forged files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.linker.pe_system import is_system, is_vc_runtime
from tests.linker.other_lab import OtherLab, found, missing

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = ("python311.dll", ("PyList_New",))
SLEEP = ("KERNEL32.dll", ("Sleep",))
MODULE = "x/_core.cp311-win_amd64.pyd"


def test_python_and_windows_are_there(win: OtherLab) -> None:
    names = ["KERNEL32.dll", "api-ms-win-crt-heap-l1-1-0.dll", "VCRUNTIME140.dll", "VCRUNTIME140_1.dll", "python3.dll"]
    win.pe(MODULE, PYTHON, *((name, ("f",)) for name in names))
    file = win.link(MODULE)
    assert found(file) == dict.fromkeys(("python311.dll", *names), ("", "system"))
    assert (missing(file), file.unseen, file.is_module) == ([], (), True)


def test_the_folder_of_the_module_without_regard_to_case(win: OtherLab) -> None:
    win.pe(MODULE, ("HDF5.DLL", ("f",)))
    win.pe("x/hdf5.dll", ("zlib.dll", ("f",)), exports=("f",))
    win.pe("x/zlib.dll", SLEEP, exports=("f",))
    file = win.link(MODULE)
    assert found(file) == {"HDF5.DLL": ("x/hdf5.dll", "folder")}
    assert missing(file) == []
    assert [path.rpartition("/")[2] for path in file.loads] == ["hdf5.dll", "zlib.dll"]


def test_a_folder_that_the_package_names(win: OtherLab) -> None:
    win.pe(MODULE, ("openblas-0a1b.dll", ("f",)))
    win.pe("x.libs/openblas-0a1b.dll", SLEEP, exports=("f",))
    assert found(win.link(MODULE)) == {"openblas-0a1b.dll": ("x.libs/openblas-0a1b.dll", "loaded")}


def test_what_is_nowhere_is_missing(win: OtherLab) -> None:
    win.pe(MODULE, ("openblas-0a1b.dll", ("f",)), PYTHON)
    win.pe("x/late.cp311-win_amd64.pyd", PYTHON, delayed=(("gone.dll", ("f",)),))
    assert missing(win.link(MODULE)) == ["openblas-0a1b.dll"]
    assert missing(win.link("x/late.cp311-win_amd64.pyd")) == [], "it is looked for when it is used"


def test_the_visual_c_runtime_is_perhaps_there(win: OtherLab) -> None:
    win.pe(MODULE, ("MSVCP140.dll", ("f",)), ("VCOMP140.DLL", ("f",)))
    file = win.link(MODULE)
    assert ([name for name, _ in file.unseen], missing(file)) == (["MSVCP140.dll", "VCOMP140.DLL"], [])
    win.pe("y/msvcp140.dll", SLEEP, exports=("f",))
    win.pe("x/.libs/vcomp140.dll", SLEEP, exports=("f",))
    assert win.link(MODULE).unseen == ()


@pytest.mark.parametrize(("version", "unseen"), [("3.8.10", ["VCRUNTIME140_1.dll"]), ("3.9.0", [])])
def test_python_3_9_brings_the_second_runtime(win: OtherLab, version: str, unseen: list[str]) -> None:
    win.pe("x/_core.pyd", ("VCRUNTIME140_1.dll", ("f",)))
    python = tuple(int(part) for part in version.split(".")[:2])
    file = win.link("x/_core.pyd", python=version, version_info=python)
    assert [name for name, _ in file.unseen] == unseen


@pytest.mark.parametrize("name", ["python310.dll", "python311t.dll", "python27.dll"])
def test_the_library_of_another_python_is_missing(win: OtherLab, name: str) -> None:
    win.pe("x/_core.pyd", (name, ("f",)))
    assert missing(win.link("x/_core.pyd")) == [name]


def test_where_system32_can_be_seen_it_decides(win: OtherLab, tmp_path: Path) -> None:
    folder = tmp_path / "Windows/System32"
    folder.mkdir(parents=True)
    for name in ("kernel32.dll", "MSVCP140.dll", "odd.dll"):
        (folder / name).write_bytes(b"MZ")
    win.pe(MODULE, SLEEP, ("msvcp140.dll", ("f",)), ("ODD.dll", ("f",)), ("api-ms-win-x.dll", ("f",)))
    win.pe("y/_core.pyd", ("vcomp140.dll", ("f",)), ("user32.dll", ("f",)))
    environ = {"SystemRoot": str(tmp_path / "Windows")}
    file = win.link(MODULE, environ)
    assert (missing(file), file.unseen) == ([], ())
    assert missing(win.link("y/_core.pyd", environ)) == ["vcomp140.dll", "user32.dll"]
    assert win.links(environ).gaps == ()
    (gap,) = win.links().gaps
    assert "cannot be seen from here" in gap.why


def test_conda_has_its_libraries_beside(win: OtherLab) -> None:
    win.pe(MODULE, ("hdf5.dll", ("f",)))
    folder = win.prefix / "Library/bin"
    folder.mkdir(parents=True)
    (folder / "hdf5.dll").write_bytes(win.pe("y/hdf5x.dll", SLEEP, exports=("f",)).read_bytes())
    assert found(win.link(MODULE))["hdf5.dll"][1] == "path"


def test_a_library_for_another_machine_does_not_serve(win: OtherLab) -> None:
    win.pe(MODULE, ("a.dll", ("f",)))
    win.pe("x/a.dll", SLEEP, exports=("f",), machine=0x14C)
    assert missing(win.link(MODULE)) == ["a.dll"]
    win.pe("x/x64/a.dll", SLEEP, exports=("f",))
    assert missing(win.link(MODULE)) == []


def test_of_two_copies_nobody_knows_which_is_loaded(win: OtherLab) -> None:
    """PyTables carries a libblosc2.dll that could not be loaded, and loads that of blosc2 first."""
    win.pe(MODULE, ("libblosc2.dll", ("f",)))
    win.pe("x/libblosc2.dll", ("gone.dll", ("f",)), exports=("other",))
    assert missing(win.link(MODULE)) == ["gone.dll"]
    win.pe("blosc2/lib/libblosc2.dll", SLEEP, exports=("f",))
    file = win.link(MODULE)
    assert (missing(file), file.undefined, file.unread) == ([], (), "")


def test_names_are_looked_for_in_their_library(win: OtherLab) -> None:
    win.pe(MODULE, PYTHON, ("a.dll", ("here", "?gone@@YAXXZ", 7)))
    win.pe("x/a.dll", SLEEP, exports=("here",))
    file = win.link(MODULE)
    assert (file.undefined, file.undefined_python) == (("?gone@@YAXXZ",), ())


def test_names_of_python_where_its_library_can_be_read(win: OtherLab) -> None:
    win.pe(MODULE, ("python311.dll", ("PyList_New", "PyUnstable_New")))
    assert win.link(MODULE).undefined_python == ()
    library = win.pe("y/a.dll", SLEEP, exports=("PyList_New",))
    (win.prefix / "python311.dll").write_bytes(library.read_bytes())
    assert win.link(MODULE).undefined_python == ("PyUnstable_New",)


def test_32_bits(tmp_path: Path) -> None:
    lab = OtherLab(tmp_path, "win32")
    lab.pe("x/_core.cp311-win32.pyd", SLEEP, ("gone.dll", ("f",)), machine=0x14C)
    assert missing(lab.link("x/_core.cp311-win32.pyd")) == ["gone.dll"]


@pytest.mark.parametrize(
    ("name", "system", "runtime"),
    [
        ("kernel32.dll", True, False),
        ("api-ms-win-crt-math-l1-1-0.dll", True, False),
        ("ext-ms-win-x.dll", True, False),
        ("winspool.drv", True, False),
        ("nvcuda.dll", True, False),
        ("ucrtbase.dll", True, False),
        ("msvcp140.dll", False, True),
        ("vcruntime140_1.dll", False, True),
        ("msvcp140-0a1b2c.dll", False, False),
        ("libgcc_s_seh-1.dll", False, False),
        ("kernel32", False, False),
    ],
)
def test_names_of_the_system(name: str, system: bool, runtime: bool) -> None:
    assert (is_system(name), is_vc_runtime(name)) == (system, runtime)
