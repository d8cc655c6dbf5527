"""LNK001 to LNK004 and PLT005 about environments of macOS and Windows, made of forged files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.checks.lnk_elsewhere import version
from envaudit.checks.plt_content import check_content
from envaudit.model import Confidence, ImportPath, RecordEntry, Severity, replace
from tests.binary.forge_named import IDENTITY, LOAD, RPATH
from tests.binary.forge_others import ARM64, X86_64, Mach, fat
from tests.linker.other_lab import CORE, OtherLab, mac, win
from tests.support.checks import check_links

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model import Facts, Finding

__all__ = ["mac", "win"]

MODULE = "x/_core.cp311-win_amd64.pyd"
SLEEP = ("KERNEL32.dll", ("Sleep",))
MACOS_14 = 0x000E0000


def _find(facts: Facts) -> Finding:
    (finding,) = check_links(facts)
    return finding


def _imported(facts: Facts, *paths: str) -> Facts:
    """Return the facts of packages that import these modules when they are imported."""
    found = [ImportPath(dist.info_path, frozenset(paths)) for dist in facts.distributions]
    return replace(facts, import_paths=tuple(found))


def test_a_library_of_macos_that_is_gone(mac: OtherLab) -> None:
    path = mac.mach(f"x/_core{CORE}", (LOAD, "@loader_path/.dylibs/libgomp.dylib"))
    finding = _find(_imported(mac.facts("x"), f"x/_core{CORE}"))
    assert (finding.code, finding.severity, finding.confidence) == ("LNK001", Severity.ERROR, Confidence.PREDICTED)
    assert finding.message == "x 1.0 needs libgomp.dylib, which the loader does not find"
    assert finding.symptom == (
        f"ImportError: dlopen({path}, 0x0002): Library not loaded: @loader_path/.dylibs/libgomp.dylib"
    )
    assert finding.evidence[0].detail == "not found: @loader_path/.dylibs/libgomp.dylib"


def test_a_library_for_another_machine_is_said_to_be_there(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "@loader_path/libgomp.dylib"))
    mac.mach("x/libgomp.dylib", cpu=X86_64)
    assert _find(mac.facts("x")).evidence[0].detail == (
        "not found: @loader_path/libgomp.dylib, which is there for x86_64 only"
    )


def test_a_library_outside_is_a_warning(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "@rpath/libomp.dylib"), (RPATH, "/opt/homebrew/opt/libomp/lib"))
    finding = _find(mac.facts("x"))
    assert (finding.code, finding.severity, finding.subject) == ("LNK001", Severity.WARNING, "outside")
    assert finding.message == (
        "x 1.0 needs libomp.dylib, which it does not bring: it must be at /opt/homebrew/opt/libomp/lib/libomp.dylib"
        " of its Mac"
    )


def test_what_is_known_of_a_file_goes_before(mac: OtherLab) -> None:
    mac.mach(f"numba/omppool{CORE}", (LOAD, "/Users/ci/lib/libiomp5.dylib"))
    assert _find(mac.facts("numba")).severity is Severity.NOTE


def test_a_name_of_macos_that_is_gone(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "@loader_path/../torch/libc10.dylib"), asks=(("_ZN3c105errorEi", 1),))
    mac.mach("torch/libc10.dylib", exports=("_ZN3c105errorEPKc",))
    finding = _find(_imported(mac.facts("x", "torch"), f"x/_core{CORE}"))
    assert (finding.code, finding.severity, finding.confidence) == ("LNK003", Severity.ERROR, Confidence.PREDICTED)
    assert finding.message == (
        "x 1.0 was built for another version of torch: 1 symbol that it needs is not in torch 1.0, "
        "such as c10::error(int)"
    )
    assert finding.symptom.endswith("Symbol not found: __ZN3c105errorEi")


@pytest.fixture
def new_wheel(mac: OtherLab) -> OtherLab:
    """An environment in which a bundled library was built for macOS 14."""
    mac.mach(f"x/_core{CORE}", (LOAD, "@loader_path/liba.dylib"))
    mac.mach("x/liba.dylib", minimum=MACOS_14)
    return mac


def test_a_library_built_for_a_newer_macos(new_wheel: OtherLab, tmp_path: Path) -> None:
    assert list(check_links(new_wheel.facts("x"))) == [], "which macOS it is cannot be seen"
    facts = replace(new_wheel.facts("x"), os_version="13.6.1")
    finding = _find(facts)
    assert (finding.code, finding.severity, finding.subject) == ("LNK002", Severity.WARNING, "version:macos")
    assert finding.message == "x 1.0 was built for macOS 14.0 and newer, and this is macOS 13.6.1"
    assert [item.path.rpartition("/")[2] for item in finding.evidence] == ["liba.dylib"]
    assert list(check_links(replace(facts, os_version="14.0"))) == []


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (["cp311-cp311-macosx_11_0_arm64"], "x 1.0 is tagged for macOS 11.0, but was built for macOS 14.0"),
        (["cp311-cp311-macosx_10_9_universal2"], "x 1.0 is tagged for macOS 11.0, but was built for macOS 14.0"),
        (["cp311-cp311-macosx_13_0_arm64", "cp311-cp311-macosx_14_0_arm64"], "tagged for macOS 13.0"),
        (["cp311-cp311-macosx_14_0_arm64"], ""),
        (["cp311-cp311-macosx_14_0_x86_64.macosx_15_0_arm64"], ""),
        (["py3-none-any"], ""),
        ([], ""),
    ],
)
def test_a_tag_that_promises_an_older_macos(new_wheel: OtherLab, tags: list[str], message: str) -> None:
    facts = new_wheel.facts("x")
    tagged = replace(facts, distributions=(replace(facts.distributions[0], wheel_tags=tuple(tags)),))
    findings = list(check_content(tagged))
    assert [finding.code for finding in findings] == (["PLT005"] if message else [])
    assert message in "".join(finding.message for finding in findings)


def test_arm64_begins_with_macos_11(mac: OtherLab) -> None:
    mac.write(f"x/_core{CORE}", fat(Mach(cpu=X86_64, min_macos=0x000A0900), Mach(cpu=ARM64, min_macos=0x000B0000)))
    facts = mac.facts("x")
    tagged = replace(facts.distributions[0], wheel_tags=("cp311-cp311-macosx_10_9_universal2",))
    assert list(check_content(replace(facts, distributions=(tagged,)))) == []


def test_a_module_for_another_machine_of_macos(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", cpu=X86_64)
    (finding,) = check_content(mac.facts("x"))
    assert (finding.code, finding.symptom) == (
        "PLT004",
        "ImportError: mach-o file, but is an incompatible architecture",
    )


@pytest.mark.parametrize(("text", "numbers"), [("", ()), ("12.3", (12, 3)), ("10.16", (11, 0)), ("10.9.1", (10, 9, 1))])
def test_versions_of_macos(text: str, numbers: tuple[int, ...]) -> None:
    assert version(text) == numbers


def test_a_library_of_windows_that_the_package_has_lost(win: OtherLab) -> None:
    win.pe(MODULE, ("openblas-0A1B.dll", ("f",)))
    facts = _imported(win.facts("x"), MODULE)
    finding = _find(facts)
    assert (finding.severity, finding.fix) == (Severity.WARNING, ()), "perhaps Windows has it"
    dist = replace(facts.distributions[0], binaries=(RecordEntry("x.libs/openblas-0a1b.dll"),))
    finding = _find(replace(facts, distributions=(dist,)))
    assert (finding.code, finding.severity, finding.confidence) == ("LNK001", Severity.ERROR, Confidence.PREDICTED)
    assert (
        finding.symptom
        == "ImportError: DLL load failed while importing _core: The specified module could not be found."
    )
    assert finding.fix[0].command.endswith("--reinstall --no-deps x==1.0")


def test_the_library_of_another_python_is_an_error(win: OtherLab) -> None:
    win.pe("x/_core.pyd", ("python310.dll", ("PyList_New",)))
    finding = _find(_imported(win.facts("x"), "x/_core.pyd"))
    assert (finding.code, finding.severity) == ("LNK001", Severity.ERROR)
    assert finding.message == "x 1.0 needs python310.dll, which the loader does not find"


def test_the_visual_c_runtime_is_one_note(win: OtherLab) -> None:
    win.pe(MODULE, ("MSVCP140.dll", ("f",)))
    win.pe("y/_core.cp311-win_amd64.pyd", ("VCOMP140.DLL", ("f",)), ("msvcp140.dll", ("f",)))
    finding = _find(win.facts("x", "y"))
    assert (finding.code, finding.severity, finding.subject) == ("LNK001", Severity.NOTE, "vc-runtime")
    assert finding.message == (
        "x 1.0 and y 1.0 need the Microsoft Visual C++ runtime (msvcp140.dll and vcomp140.dll), which comes neither "
        "with Python nor with Windows"
    )
    assert [other.name for other in finding.involves] == ["y"]


def test_names_of_windows(win: OtherLab) -> None:
    win.pe(MODULE, ("a.dll", ("gone",)), ("python311.dll", ("PyNew_Thing",)))
    library = win.pe("x/a.dll", SLEEP, exports=("here",))
    (win.prefix / "python311.dll").write_bytes(library.read_bytes())
    undefined, python = check_links(win.facts("x"))
    assert (undefined.code, python.code) == ("LNK003", "LNK004")
    assert undefined.message == "x 1.0 does not fit its own libraries: nothing exports 1 symbol, such as gone"
    assert undefined.symptom.endswith("The specified procedure could not be found.")
    assert "PyNew_Thing" in python.message


# --- copies that meet ------------------------------------------------------------------------------------------------


def test_two_openmps_of_macos_are_a_note(mac: OtherLab) -> None:
    for name in ("torch", "sklearn"):
        mac.mach(f"{name}/_core{CORE}", (LOAD, "@loader_path/libomp.dylib"))
        mac.mach(f"{name}/libomp.dylib", (IDENTITY, f"/DLC/{name}/libomp.dylib"))
    finding = _find(mac.facts("torch", "sklearn"))
    assert (finding.code, finding.severity) == ("LNK005", Severity.NOTE)
    assert finding.symptom == "OMP: Error #15: Initializing libomp.dylib, but found libomp.dylib already initialized."


def test_two_openmps_of_windows_have_one_name(win: OtherLab) -> None:
    for name in ("torch", "mkl"):
        win.pe(f"{name}/_core.cp311-win_amd64.pyd", ("libiomp5md.dll", ("f",)))
        win.pe(f"{name}/libiomp5md.dll", SLEEP, exports=("f",))
    finding = _find(win.facts("torch", "mkl"))
    assert (finding.code, finding.severity, finding.subject) == ("LNK005", Severity.WARNING, "openmp")
    (win.site / "mkl/libiomp5md.dll").unlink()
    assert list(check_links(win.facts("torch", "mkl"))) == []


@pytest.mark.parametrize(("name", "count"), [("hdf5.dll", 1), ("hdf5-0a1b2c3d.dll", 0), ("zlib.dll", 0)])
def test_libraries_of_windows_with_one_name(win: OtherLab, name: str, count: int) -> None:
    for folder in ("h5py", "tables"):
        win.pe(f"{folder}/_core.cp311-win_amd64.pyd", (name, ("f",)))
        win.pe(f"{folder}/{name}", SLEEP, exports=("f",))
    findings = list(check_links(win.facts("h5py", "tables")))
    assert [(finding.code, finding.severity) for finding in findings] == count * [("LNK005", Severity.NOTE)]
