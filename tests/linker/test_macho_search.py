"""Where macOS would find the libraries of a module, in environments made of forged files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.binary.forge_named import IDENTITY, LOAD, REEXPORT, RPATH, UPWARD, WEAK
from tests.binary.forge_others import ARM64, X86_64, Mach, fat
from tests.linker.other_lab import CORE, found, missing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.linker.other_lab import OtherLab

SYSTEM = "/usr/lib/libSystem.B.dylib"


def test_loader_path_is_the_folder_of_the_file_that_asks(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "@loader_path/.dylibs/liba.1.dylib"), (LOAD, SYSTEM))
    mac.mach("x/.dylibs/liba.1.dylib", (IDENTITY, "/DLC/x/liba.1.dylib"), (LOAD, "@loader_path/libb.dylib"))
    mac.mach("x/.dylibs/libb.dylib", (IDENTITY, "/DLC/x/libb.dylib"))
    file = mac.link(f"x/_core{CORE}")
    assert found(file) == {
        "@loader_path/.dylibs/liba.1.dylib": ("x/.dylibs/liba.1.dylib", "path"),
        SYSTEM: ("", "system"),
    }
    assert (missing(file), file.unseen, file.unread, file.is_module) == ([], (), "", True)
    assert [path.rpartition("/")[2] for path in file.loads] == ["liba.1.dylib", "libb.dylib"]


def test_what_a_library_needs_in_turn_is_missed_too(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "@loader_path/.dylibs/liba.dylib"))
    library = mac.mach("x/.dylibs/liba.dylib", (LOAD, "@loader_path/libb.dylib"))
    assert mac.link(f"x/_core{CORE}").missing == (("@loader_path/libb.dylib", str(library)),)


def test_rpath_is_tried_in_its_order_and_passed_on(mac: OtherLab) -> None:
    mac.mach(
        f"x/sub/_core{CORE}",
        (LOAD, "@rpath/liba.dylib"),
        (RPATH, "@loader_path/nowhere"),
        (RPATH, "@loader_path/../lib"),
    )
    mac.mach("x/lib/liba.dylib", (IDENTITY, "@rpath/liba.dylib"), (LOAD, "@rpath/libb.dylib"))
    mac.mach("x/lib/libb.dylib", (IDENTITY, "other"))
    file = mac.link(f"x/sub/_core{CORE}")
    assert found(file) == {"@rpath/liba.dylib": ("x/lib/liba.dylib", "rpath")}
    assert missing(file) == []
    # Alone the library has no folder to look in, and finds the other only among those of its distribution.
    assert found(mac.link("x/lib/liba.dylib")) == {"@rpath/libb.dylib": ("x/lib/libb.dylib", "loaded")}


def test_a_library_that_another_package_loads_serves_by_its_own_name(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "@rpath/libc10.dylib"))
    mac.mach("torch/lib/libc10.dylib", (IDENTITY, "@rpath/libc10.dylib"), (LOAD, "@loader_path/libgone.dylib"))
    file = mac.link(f"x/_core{CORE}")
    assert found(file) == {"@rpath/libc10.dylib": ("torch/lib/libc10.dylib", "loaded")}
    assert missing(file) == [], "what the other package lacks is told with its own modules"


def test_a_file_of_the_same_name_in_another_distribution_does_not_serve(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "@loader_path/.dylibs/libgfortran.5.dylib"))
    mac.mach("y/.dylibs/libgfortran.5.dylib", (IDENTITY, "/DLC/y/.dylibs/libgfortran.5.dylib"))
    assert missing(mac.link(f"x/_core{CORE}")) == ["@loader_path/.dylibs/libgfortran.5.dylib"]


@pytest.mark.parametrize("command", [LOAD, REEXPORT, UPWARD])
def test_every_kind_of_need_counts(mac: OtherLab, command: int) -> None:
    mac.mach(f"x/_core{CORE}", (command, "@rpath/libgone.dylib"))
    assert missing(mac.link(f"x/_core{CORE}")) == ["@rpath/libgone.dylib"]


def test_a_weak_need_may_be_absent(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (WEAK, "@rpath/libgone.dylib"))
    file = mac.link(f"x/_core{CORE}")
    assert (missing(file), file.unseen) == ([], ())


@pytest.mark.parametrize(
    "name", ["/usr/lib/libz.1.dylib", "/System/Library/Frameworks/Accelerate.framework/Versions/A/Accelerate"]
)
def test_libraries_of_the_system_are_there(mac: OtherLab, name: str) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, name))
    assert found(mac.link(f"x/_core{CORE}")) == {name: ("", "system")}


@pytest.mark.parametrize(
    "name", ["@rpath/libpython3.11.dylib", "/Library/Frameworks/Python.framework/Versions/3.11/Python"]
)
def test_the_library_of_the_interpreter_is_there(mac: OtherLab, name: str) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, name))
    assert found(mac.link(f"x/_core{CORE}")) == {name: ("", "system")}


def test_a_place_outside_cannot_be_seen_from_here(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "/opt/homebrew/lib/libomp.dylib"))
    mac.mach(f"y/_core{CORE}", (LOAD, "@rpath/libomp.dylib"), (RPATH, "/usr/local/opt/libomp/lib"))
    mac.mach(f"z/_core{CORE}", (LOAD, "@executable_path/../lib/libomp.dylib"))
    assert mac.link(f"x/_core{CORE}").unseen == (("/opt/homebrew/lib/libomp.dylib", "/opt/homebrew/lib/libomp.dylib"),)
    assert mac.link(f"y/_core{CORE}").unseen == (("@rpath/libomp.dylib", "/usr/local/opt/libomp/lib/libomp.dylib"),)
    assert mac.link(f"z/_core{CORE}").unseen == (
        ("@executable_path/../lib/libomp.dylib", "@executable_path/../lib/libomp.dylib"),
    )


def test_inside_a_root_everything_can_be_seen(mac: OtherLab, tmp_path: Path) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "/opt/homebrew/lib/liba.dylib"), (LOAD, "@rpath/libb.dylib"))
    mac.mach(f"y/_core{CORE}", (LOAD, "/opt/homebrew/lib/libgone.dylib"))
    for folder in ("opt/homebrew/lib", "usr/local/lib"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "opt/homebrew/lib/liba.dylib").write_bytes(bytes(Mach(cpu=ARM64)))
    (tmp_path / "usr/local/lib/libb.dylib").write_bytes(bytes(Mach(cpu=ARM64)))
    file = mac.link(f"x/_core{CORE}", root=str(tmp_path))
    assert {name: how for name, (_, how) in found(file).items()} == {
        "/opt/homebrew/lib/liba.dylib": "path",
        "@rpath/libb.dylib": "default",
    }
    assert (missing(file), file.unseen) == ([], ())
    assert missing(mac.link(f"y/_core{CORE}", root=str(tmp_path))) == ["/opt/homebrew/lib/libgone.dylib"]
    assert mac.links(root=str(tmp_path)).gaps == ()
    (gap,) = mac.links().gaps
    assert "cannot be seen from here" in gap.why


def test_the_interpreter_passes_its_folders_on(mac: OtherLab) -> None:
    program = mac.prefix / "bin/python3.11"
    program.parent.mkdir()
    program.write_bytes(bytes(Mach(cpu=ARM64, names=((RPATH, "@loader_path/../lib"),))))
    (mac.prefix / "lib/libomp.dylib").write_bytes(bytes(Mach(cpu=ARM64)))
    mac.mach(f"x/_core{CORE}", (LOAD, "@rpath/libomp.dylib"), (LOAD, "@executable_path/../lib/libomp.dylib"))
    file = mac.link(f"x/_core{CORE}", executable=str(program))
    assert [how for _, how in found(file).values()] == ["rpath", "path"]
    assert (missing(file), file.unseen) == ([], ())


def test_conda_has_its_libraries_in_lib(mac: OtherLab) -> None:
    (mac.prefix / "lib/libhdf5.dylib").write_bytes(bytes(Mach(cpu=ARM64)))
    mac.mach(f"x/_core{CORE}", (LOAD, "@rpath/libhdf5.dylib"))
    assert missing(mac.link(f"x/_core{CORE}")) == ["@rpath/libhdf5.dylib"]
    assert missing(mac.link(f"x/_core{CORE}", kind="conda")) == []


def test_a_library_for_another_machine_does_not_serve(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "@loader_path/liba.dylib"), (LOAD, "@loader_path/libb.dylib"))
    mac.mach("x/liba.dylib", cpu=X86_64)
    mac.write("x/libb.dylib", fat(Mach(cpu=X86_64), Mach(cpu=ARM64)))
    assert missing(mac.link(f"x/_core{CORE}")) == ["@loader_path/liba.dylib"]


def test_a_universal_file_is_read_for_the_machine(mac: OtherLab) -> None:
    other = Mach(cpu=X86_64, names=((LOAD, "@loader_path/libgone.dylib"),))
    mac.write(f"x/_core{CORE}", fat(other, Mach(cpu=ARM64)))
    assert missing(mac.link(f"x/_core{CORE}")) == []


def test_modules_by_their_names(mac: OtherLab) -> None:
    mac.mach(f"x/a{CORE}")
    mac.mach("x/b.abi3.so")
    mac.mach("x/c.so", exports=("PyInit_c",))
    mac.mach("x/d.so", exports=("PyInit_other",))
    mac.mach("x/e.cpython-310-darwin.so")
    assert {file.path: file.is_module for file in mac.links().files} == {
        f"x/a{CORE}": True,
        "x/b.abi3.so": True,
        "x/c.so": True,
        "x/d.so": False,
    }


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_name_is_looked_for_in_its_library_alone(mac: OtherLab) -> None:
    mac.mach(
        f"x/_core{CORE}",
        (LOAD, "@loader_path/liba.dylib"),
        (LOAD, "@loader_path/libb.dylib"),
        asks=(("one", 1), ("two", 1), ("three", 2)),
    )
    mac.mach("x/liba.dylib", exports=("one", "three"))
    mac.mach("x/libb.dylib", exports=("two", "three"))
    assert mac.link(f"x/_core{CORE}").undefined == ("_two",)


def test_names_that_a_bundled_library_takes_count_too(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "@loader_path/liba.dylib"))
    mac.mach("x/liba.dylib", (LOAD, "@loader_path/libb.dylib"), asks=(("gone", 1),))
    mac.mach("x/libb.dylib", exports=("here",))
    file = mac.link(f"x/_core{CORE}")
    assert file.undefined == ("_gone",)
    assert [owner.rpartition("/")[2] for _, owner in file.related] == ["x-1.0.dist-info"]


def test_what_a_library_passes_on_counts_as_its_own(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "@loader_path/liba.dylib"), asks=(("one", 1), ("gone", 1)))
    mac.mach("x/liba.dylib", (REEXPORT, "@loader_path/libb.dylib"), exports=("other",))
    mac.mach("x/libb.dylib", exports=("one",))
    assert mac.link(f"x/_core{CORE}").undefined == ("_gone",)
    mac.mach("x/libb.dylib", (REEXPORT, SYSTEM), exports=("one",))
    assert mac.link(f"x/_core{CORE}").undefined == (), "the system's library may have it"


def test_nothing_is_said_of_a_library_without_a_table_of_names(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "@loader_path/liba.dylib"), asks=(("one", 1),))
    mac.mach("x/liba.dylib", exports=None)
    file = mac.link(f"x/_core{CORE}")
    assert (file.undefined, file.unread) == ((), "")


def test_names_that_cannot_be_read_are_a_gap(mac: OtherLab) -> None:
    mac.mach(f"x/_core{CORE}", (LOAD, "@loader_path/liba.dylib"), asks=(("one", 1),))
    mac.mach("x/liba.dylib", table=b"\x80" * 12)
    assert "exported names" in mac.link(f"x/_core{CORE}").unread
    assert [gap for gap in mac.links().gaps if "exported names" in gap.why]


def test_the_version_of_macos_is_read_in_a_root(mac: OtherLab, tmp_path: Path) -> None:
    mac.mach(f"x/_core{CORE}")
    assert mac.links(root=str(tmp_path)).os_version == ""
    plist = tmp_path / "System/Library/CoreServices/SystemVersion.plist"
    plist.parent.mkdir(parents=True)
    text = "<plist><dict><key>ProductVersion</key>\n\t<string>{}</string></dict></plist>"
    plist.write_text(text.format("12.6.1"))
    assert mac.links(root=str(tmp_path)).os_version == "12.6.1"
    plist.write_text(text.format("10.16"))
    assert mac.links(root=str(tmp_path)).os_version == ""
    assert mac.links().os_version == "", "this machine is no Mac"
