"""Where libraries are looked for: envaudit's answer against that of the loader of this machine."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from envaudit.linker import link_target
from envaudit.model import replace
from tests.linker.lab import Lab, is_sound, needs_gcc
from tests.support.facts import make_target

if TYPE_CHECKING:
    from collections.abc import Callable

NEW = "-Wl,--enable-new-dtags"  # DT_RUNPATH
OLD = "-Wl,--disable-new-dtags"  # DT_RPATH
FOO = "int foo(void) { return 1; }"
USE_FOO = "int foo(void); int use(void) { return foo(); }"


class Expected(NamedTuple):
    """How the first library of ``p/mod.so`` is found; ``missing`` when it, or one of its own, is not."""

    how: str = ""
    missing: str = ""


def _library(lab: Lab, path: str = "p.libs/libfoo.so", *flags: str) -> None:
    lab.build(path, FOO, "-Wl,-soname,libfoo.so", *flags)


def _user(lab: Lab, *flags: str, folder: str = "p.libs") -> None:
    lab.module("p/mod.so", USE_FOO, f"-L{folder}", "-lfoo", *flags)


def nothing(lab: Lab) -> Expected:
    _library(lab, "gone/libfoo.so")
    _user(lab, folder="gone")
    (lab.site / "gone" / "libfoo.so").unlink()
    return Expected(missing="libfoo.so")


def runpath_of_origin(lab: Lab) -> Expected:
    _library(lab)
    _user(lab, NEW, "-Wl,-rpath,$ORIGIN/../p.libs")
    return Expected("runpath")


def rpath_of_origin_in_braces(lab: Lab) -> Expected:
    _library(lab)
    _user(lab, OLD, "-Wl,-rpath,${ORIGIN}/../p.libs")
    return Expected("rpath")


def second_folder(lab: Lab) -> Expected:
    _library(lab)
    _user(lab, NEW, "-Wl,-rpath,$ORIGIN/nowhere:$ORIGIN/../p.libs")
    return Expected("runpath")


def a_lib_token(lab: Lab) -> Expected:
    for form in (f"lib/{platform.machine()}-linux-gnu", "lib64", "lib"):
        _library(lab, f"p.libs/{form}/libfoo.so")
    _user(lab, NEW, "-Wl,-rpath,$ORIGIN/../p.libs/$LIB", folder="p.libs/lib")
    return Expected("runpath")


def an_unknown_token(lab: Lab) -> Expected:
    _library(lab, "p.libs/$NOTHING/libfoo.so")
    _user(lab, NEW, "-Wl,-rpath,$ORIGIN/../p.libs/$NOTHING", folder="p.libs/$NOTHING")
    return Expected("runpath")


def _two_steps(lab: Lab, tags: str) -> None:
    """Build a module that finds libmid, which needs libfoo, and has a search path for both; libmid has none."""
    _library(lab)
    lab.build("p.libs/libmid.so", USE_FOO, "-Lp.libs", "-lfoo", "-Wl,-soname,libmid.so")
    source = "int use(void); int own(void) { return use(); }"
    lab.module("p/mod.so", source, "-Lp.libs", "-lmid", tags, "-Wl,-rpath,$ORIGIN/../p.libs", "-Wl,-rpath-link,p.libs")
    # Under its own name nobody else can be meant: no other file of the target answers to it.
    hidden = lab.site / "p.libs" / "libfoo.so"
    hidden.rename(lab.site / "p.libs" / "libfoo.so.hidden")
    (lab.site / "p.libs" / "libfoo.so").symlink_to("libfoo.so.hidden")


def a_name_with_a_slash(lab: Lab) -> Expected:
    place = lab.build("p.libs/libfoo.so", FOO)
    lab.module("p/mod.so", USE_FOO, str(place))
    return Expected("path")


def a_link_to_the_library(lab: Lab) -> Expected:
    _library(lab, "p.libs/libfoo.so.1.2")
    (lab.site / "p.libs" / "libfoo.so").symlink_to("libfoo.so.1.2")
    _user(lab, NEW, "-Wl,-rpath,$ORIGIN/../p.libs")
    return Expected("runpath")


def another_machine_is_passed_over(lab: Lab) -> Expected:
    _library(lab)
    _library(lab, "p.alien/libfoo.so")
    alien = lab.site / "p.alien" / "libfoo.so"
    data = bytearray(alien.read_bytes())
    data[18:20] = (183 if platform.machine() == "x86_64" else 62).to_bytes(2, "little")
    alien.write_bytes(data)
    _user(lab, NEW, "-Wl,-rpath,$ORIGIN/../p.alien:$ORIGIN/../p.libs")
    return Expected("runpath")


@needs_gcc
@pytest.mark.parametrize(
    "make",
    [
        nothing,
        runpath_of_origin,
        rpath_of_origin_in_braces,
        second_folder,
        a_lib_token,
        an_unknown_token,
        a_name_with_a_slash,
        a_link_to_the_library,
        another_machine_is_passed_over,
    ],
    ids=lambda make: make.__name__,
)
def test_the_loader_agrees(lab: Lab, make: Callable[[Lab], Expected]) -> None:
    expected = make(lab)
    file = lab.link("p/mod.so")
    said = lab.load("p/mod.so")
    if expected.missing:
        assert [name for name, _ in file.missing] == [expected.missing]
        assert said == f"{expected.missing}: cannot open shared object file: No such file or directory"
    else:
        assert is_sound(file), file
        assert file.resolved[0].how == expected.how
        assert "alien" not in file.resolved[0].path
        assert said == "loaded"


@needs_gcc
@pytest.mark.parametrize("tags", [OLD, NEW])
def test_an_rpath_is_inherited_and_a_runpath_is_not(lab: Lab, tags: str) -> None:
    _two_steps(lab, tags)
    # libfoo is there, but none of the target's own files answers to its name: only the search can find it.
    binaries = [binary for binary in lab.binaries() if "libfoo" not in binary.path]
    links = link_target(lab.target(), binaries, {})
    (file,) = (file for file in links.files if file.path == "p/mod.so")
    if tags == OLD:
        assert is_sound(file)
        assert lab.load("p/mod.so") == "loaded"
    else:
        assert file.missing == (("libfoo.so", f"{lab.site}/p.libs/libmid.so"),)
        assert lab.load("p/mod.so").startswith("libfoo.so: cannot open shared object file")


@needs_gcc
def test_an_rpath_beside_a_runpath_is_ignored_and_not_inherited(lab: Lab) -> None:
    _two_steps(lab, NEW)
    binaries = [binary for binary in lab.binaries() if "libfoo" not in binary.path]
    both = []
    for binary in binaries:
        assert binary.facts is not None
        rpath = (f"{lab.site}/p.libs",) if binary.path == "p/mod.so" else ()
        both.append(replace(binary, facts=replace(binary.facts, rpath=rpath)))
    (file,) = (file for file in link_target(lab.target(), both, {}).files if file.path == "p/mod.so")
    assert [name for name, _ in file.missing] == ["libfoo.so"]


@needs_gcc
def test_the_variable_stands_between_rpath_and_runpath(lab: Lab) -> None:
    _library(lab)
    _library(lab, "q.libs/libfoo.so")
    environ = {"LD_LIBRARY_PATH": f"/nowhere:{lab.site}/q.libs"}
    _user(lab, NEW, "-Wl,-rpath,$ORIGIN/../p.libs")
    assert lab.link("p/mod.so", environ).resolved[0].path == f"{lab.site}/q.libs/libfoo.so"
    assert lab.link("p/mod.so", environ).resolved[0].how == "LD_LIBRARY_PATH"
    _user(lab, OLD, "-Wl,-rpath,$ORIGIN/../p.libs")
    assert lab.link("p/mod.so", environ).resolved[0].path == f"{lab.site}/p.libs/libfoo.so"


@needs_gcc
def test_the_variable_finds_what_nothing_else_does(lab: Lab) -> None:
    _library(lab, "hidden/libfoo.so")
    _user(lab, folder="hidden")
    environ = {"LD_LIBRARY_PATH": f"{lab.site}/hidden"}
    assert lab.load("p/mod.so", environ=environ) == "loaded"
    assert lab.link("p/mod.so", environ).resolved[0].how == "LD_LIBRARY_PATH"


@needs_gcc
def test_a_library_that_another_package_loads_counts_as_found(lab: Lab) -> None:
    _library(lab, "torch/lib/libfoo.so")
    _user(lab, folder="torch/lib")
    (need, *_) = lab.link("p/mod.so").resolved
    assert (need.name, need.how, need.owner) == ("libfoo.so", "loaded", f"{lab.site}/torch-1.0.dist-info")
    assert lab.load("p/mod.so").startswith("libfoo.so: cannot open")
    assert lab.load("torch/lib/libfoo.so", "p/mod.so") == "loaded"


@needs_gcc
def test_of_several_such_libraries_the_own_one_is_named(lab: Lab) -> None:
    _library(lab, "a.libs/libfoo.so")
    _library(lab, "p.libs/libfoo.so")
    _library(lab, "z.libs/libfoo.so")
    _user(lab)
    assert lab.link("p/mod.so").resolved[0].owner == f"{lab.site}/p-1.0.dist-info"


@needs_gcc
def test_libraries_of_the_system_and_of_the_interpreter_are_found(lab: Lab) -> None:
    lab.module("p/mod.so", "#include <math.h>\ndouble f(double x) { return cos(x); }", "-lm", "-Wl,--no-as-needed")
    file = lab.link("p/mod.so")
    assert is_sound(file)
    found = {need.name: need.how for need in file.resolved}
    assert found["libc.so.6"] == "system"
    assert found["libm.so.6"] in {"system", "cache", "default"}


@needs_gcc
def test_a_circle_of_libraries_ends(lab: Lab) -> None:
    lab.build("p.libs/liba.so", "int a(void) { return 1; }", "-Wl,-soname,liba.so")
    lab.build("p.libs/libb.so", "int a(void); int b(void) { return a(); }", "-Wl,-soname,libb.so", "-Lp.libs", "-la")
    lab.build(
        "p.libs/liba.so", "int b(void); int a(void) { return b(); }", "-Wl,-soname,liba.so", "-Lp.libs", "-lb", OLD
    )
    lab.module(
        "p/mod.so", "int b(void); int c(void) { return b(); }", "-Lp.libs", "-lb", OLD, "-Wl,-rpath,$ORIGIN/../p.libs"
    )
    assert is_sound(lab.link("p/mod.so"))
    assert lab.load("p/mod.so") == "loaded"
    assert len(lab.link("p/mod.so").loads) == 2


@needs_gcc
def test_without_an_interpreter_nothing_is_called_missing(lab: Lab) -> None:
    nothing(lab)
    for executable in ("", "/nowhere/python", str(lab.site)):
        links = lab.links(executable=executable)
        (file,) = links.files
        assert (file.missing, file.undefined) == ((), ())
        assert file.unread
        assert [need.how for need in file.resolved if need.name == "libfoo.so"] == ["system"]
        assert len(links.gaps) == 1


@needs_gcc
def test_a_library_that_cannot_be_read_is_a_gap(lab: Lab) -> None:
    _library(lab)
    _user(lab, NEW, "-Wl,-rpath,$ORIGIN/../p.libs")
    binaries = [binary for binary in lab.binaries() if binary.path == "p/mod.so"]
    (lab.site / "p.libs" / "libfoo.so").write_text("/* GNU ld script */ INPUT(libfoo.so.1)")
    links = link_target(lab.target(), binaries, {})
    assert links.files[0].missing == ()
    assert "libfoo.so" in links.files[0].unread
    assert [gap.what for gap in links.gaps] == [f"{lab.site}/p/mod.so"]
    assert lab.load("p/mod.so").endswith(("file too short", "invalid ELF header"))


def test_targets_of_other_systems_have_no_links() -> None:
    assert link_target(make_target(platform="macosx-arm64"), [], {}) == link_target(make_target(), [], {})


@needs_gcc
def test_folders_that_depend_on_where_a_process_starts_are_left_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    _library(lab, "hidden/libfoo.so")
    _user(lab, NEW, "-Wl,-rpath,.:hidden:../hidden", folder="hidden")
    monkeypatch.chdir(lab.site)
    binaries = [binary for binary in lab.binaries() if binary.path == "p/mod.so"]
    (file,) = link_target(lab.target(), binaries, {"LD_LIBRARY_PATH": "hidden::."}).files
    assert [name for name, _ in file.missing] == ["libfoo.so"]
    # The loader of this process, started where the library happens to be, would find it.
    assert lab.load("p/mod.so") == "loaded"


@needs_gcc
def test_a_file_that_asks_for_too_much_is_a_gap(lab: Lab) -> None:
    lab.module("p/mod.so")
    (binary,) = lab.binaries()
    assert binary.facts is not None
    names = tuple(f"lib{number}.so" for number in range(5000))
    wild = replace(binary, facts=replace(binary.facts, needed=names, rpath=names, runpath=("$ORIGIN/" + "x" * 5000,)))
    links = link_target(lab.target(), [wild], {})
    assert links.files[0].missing == ()
    assert [gap.why for gap in links.gaps] == ["more than 4096 needed libraries"]
    odd = replace(binary, facts=replace(binary.facts, needed=("", "a\0b", "x" * 5000, "../x", "/", "$ORIGIN/")))
    assert len(link_target(lab.target(), [odd], {}).files[0].missing) == 6


@needs_gcc
def test_a_program_that_is_not_python_itself_cannot_judge_names(lab: Lab) -> None:
    program = lab.build("../bin/python", "int main(void) { return 0; }", shared=False)
    lab.module("p/mod.so", "int PyModule_Create2(void); int use(void) { return PyModule_Create2(); }")
    links = lab.links(executable=str(program.resolve()))
    assert links.files[0].undefined_python == ()
    assert "it starts another one" in links.gaps[0].why


@needs_gcc
def test_modules_of_another_python_are_left_out(lab: Lab) -> None:
    lab.module("p/mod.cpython-27-x86_64-linux-gnu.so")
    version = f"{sys.version_info[0]}{sys.version_info[1]}"
    lab.module(f"p/ours.cpython-{version}-x86_64-linux-gnu.so")
    assert [file.path for file in lab.links().files] == [f"p/ours.cpython-{version}-x86_64-linux-gnu.so"]
