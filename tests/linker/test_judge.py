"""Versions and symbols: what envaudit says a library lacks, against what the loader of this machine says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from envaudit.binary.stored import Stored
from envaudit.linker import link_target
from tests.linker.lab import Lab, is_sound, needs_gcc, needs_gxx

RPATH = "-Wl,-rpath,$ORIGIN/../p.libs"


def _versioned(lab: Lab, *versions: str) -> None:
    """Build p.libs/libver.so, whose function ``ver`` exists in each of the versions, the last as default."""
    script = lab.folder / "versions.map"
    script.write_text(
        "".join(f"{each} {{ global: ver; }};\n" if each == versions[-1] else f"{each} {{ }};\n" for each in versions)
    )
    lab.build(
        "p.libs/libver.so", "int ver(void) { return 1; }", "-Wl,-soname,libver.so", f"-Wl,--version-script={script}"
    )


@needs_gcc
def test_a_version_that_the_library_does_not_define(lab: Lab) -> None:
    _versioned(lab, "VER_1.2", "VER_1.10", "VER_2.0")
    lab.module("p/mod.so", "int ver(void); int use(void) { return ver(); }", "-Lp.libs", "-lver", RPATH)
    assert is_sound(lab.link("p/mod.so"))
    assert lab.load("p/mod.so") == "loaded"
    _versioned(lab, "VER_1.2", "VER_1.10")
    file = lab.link("p/mod.so")
    assert file.missing_versions == (("libver.so", "VER_2.0"),)
    assert file.offered == (("libver.so", "VER_1.10"),)
    assert "libver.so: version `VER_2.0' not found" in lab.load("p/mod.so")


@needs_gcc
def test_a_library_without_versions_satisfies_all(lab: Lab) -> None:
    _versioned(lab, "VER_2.0")
    lab.module("p/mod.so", "int ver(void); int use(void) { return ver(); }", "-Lp.libs", "-lver", RPATH)
    source = 'int puts(const char *); int ver(void) { return puts(""); }'
    lab.build("p.libs/libver.so", source, "-Wl,-soname,libver.so")
    assert is_sound(lab.link("p/mod.so"))
    assert lab.load("p/mod.so") == "loaded"


@needs_gcc
def test_what_a_bundled_library_lacks_is_told_of_the_module(lab: Lab) -> None:
    _versioned(lab, "VER_2.0")
    source = "int ver(void); int mid(void) { return ver(); }"
    lab.build("p.libs/libmid.so", source, "-Wl,-soname,libmid.so", "-Lp.libs", "-lver", "-Wl,-rpath,$ORIGIN")
    lab.module("p/mod.so", "int mid(void); int use(void) { return mid(); }", "-Lp.libs", "-lmid", RPATH)
    _versioned(lab, "VER_1.0")
    assert lab.link("p/mod.so").missing_versions == (("libver.so", "VER_2.0"),)
    assert "version `VER_2.0' not found" in lab.load("p/mod.so")


FOO = "#include <string>\nnamespace foo { struct Dog { int bark(int); }; int Dog::bark(int x) { return x; } }\n"
MORE = FOO + "namespace foo { int baz(const std::string &s) { return s.size(); } }\n"
USER = (
    "#include <string>\nnamespace foo { struct Dog { int bark(int); }; int baz(const std::string &); }\n"
    'int use() { return foo::Dog().bark(1) + foo::baz("x"); }'
)


@needs_gxx
def test_a_function_that_a_library_of_another_distribution_has_lost(lab: Lab) -> None:
    lab.build("dogs.libs/libfoo.so", MORE, "-xc++", "-Wl,-soname,libfoo.so")
    lab.module("p/mod.so", USER, "-xc++", "-Ldogs.libs", "-lfoo", "-Wl,-rpath,$ORIGIN/../dogs.libs")
    assert is_sound(lab.link("p/mod.so"))
    assert lab.load("p/mod.so") == "loaded"
    lab.build("dogs.libs/libfoo.so", FOO, "-xc++", "-Wl,-soname,libfoo.so")
    file = lab.link("p/mod.so")
    (name,) = file.undefined
    assert name.startswith("_ZN3foo3bazERK")
    assert file.related == ((name, f"{lab.site}/dogs-1.0.dist-info"),)
    assert lab.load("p/mod.so").endswith(f"undefined symbol: {name}")


@needs_gxx
def test_the_old_string_of_cxx_is_another_symbol(lab: Lab) -> None:
    lab.build("dogs.libs/libfoo.so", MORE, "-xc++", "-Wl,-soname,libfoo.so")
    old = "-D_GLIBCXX_USE_CXX11_ABI=0"
    lab.module("p/mod.so", USER, "-xc++", old, "-Ldogs.libs", "-lfoo", "-Wl,-rpath,$ORIGIN/../dogs.libs")
    assert lab.link("p/mod.so").undefined == ("_ZN3foo3bazERKSs",)
    assert "undefined symbol: _ZN3foo3bazERKSs" in lab.load("p/mod.so")


@needs_gcc
def test_names_that_may_stay_undefined_are_quiet(lab: Lab) -> None:
    weak = "__attribute__((weak)) int maybe(void); int use(void) { return maybe ? maybe() : 0; }"
    lab.module("p/mod.so", weak)
    assert is_sound(lab.link("p/mod.so"))
    assert lab.load("p/mod.so") == "loaded"
    # Compilers leave this one to a library that need not exist.
    lab.module("p/profiled.so", "void __gmon_start__(void); void use(void) { __gmon_start__(); }")
    assert is_sound(lab.link("p/profiled.so"))
    # A bundled library may leave names to whoever loads it.
    lab.build("p.libs/libopen.so", "int later(void); int use(void) { return later(); }")
    assert is_sound(lab.link("p.libs/libopen.so"))


@needs_gcc
def test_hidden_symbols_are_no_exports(lab: Lab) -> None:
    lab.build("p.libs/libfoo.so", "int foo(void) { return 1; }", "-Wl,-soname,libfoo.so")
    lab.module("p/mod.so", "int foo(void); int use(void) { return foo(); }", "-Lp.libs", "-lfoo", RPATH)
    hidden = '__attribute__((visibility("hidden"))) int foo(void) { return 1; } int bar(void) { return foo(); }'
    lab.build("p.libs/libfoo.so", hidden, "-Wl,-soname,libfoo.so")
    assert lab.link("p/mod.so").undefined == ("foo",)
    assert lab.load("p/mod.so").endswith("undefined symbol: foo")


@needs_gcc
def test_a_name_that_another_file_of_the_distribution_has_is_quiet(lab: Lab) -> None:
    lab.build("p/libglobal.so", "int shared_by_rtld_global(void) { return 1; }")
    lab.module("p/mod.so", "int shared_by_rtld_global(void); int use(void) { return shared_by_rtld_global(); }")
    assert is_sound(lab.link("p/mod.so"))


@needs_gcc
def test_a_module_with_a_missing_library_is_not_judged_by_symbols(lab: Lab) -> None:
    lab.build("p.libs/libfoo.so", "int foo(void) { return 1; }", "-Wl,-soname,libfoo.so")
    lab.module("p/mod.so", "int foo(void); int use(void) { return foo(); }", "-Lp.libs", "-lfoo")
    (lab.site / "p.libs" / "libfoo.so").unlink()
    file = lab.link("p/mod.so")
    assert [name for name, _ in file.missing] == ["libfoo.so"]
    assert file.undefined == ()


INTERPRETER = """
#include <dlfcn.h>
#include <stdio.h>
int PyModule_Create2(void *a, int b) { return 0; }
int main(int count, char **arguments) {
    puts(dlopen(arguments[1], RTLD_NOW) ? "loaded" : dlerror());
    return 0;
}
"""


def _interpreter(lab: Lab, *flags: str) -> Path:
    """Build a program that exports one function of Python and loads what it is told to."""
    return lab.build("../bin/python", INTERPRETER, "-rdynamic", "-ldl", *flags, shared=False)


@needs_gcc
def test_a_module_that_lies_about_the_stable_abi(lab: Lab) -> None:
    program = str(_interpreter(lab).resolve())
    calls = "int PyModule_Create2(void *, int); int PyModule_AddObjectRef(void); int _PyPrivate_Thing(void);"
    lab.module("p/good.abi3.so", f"{calls} int use(void) {{ return PyModule_Create2(0, 0); }}")
    lab.module("p/liar.abi3.so", f"{calls} int use(void) {{ return PyModule_AddObjectRef() + _PyPrivate_Thing(); }}")
    assert is_sound(lab.link("p/good.abi3.so", executable=program))
    file = lab.link("p/liar.abi3.so", executable=program)
    assert (file.undefined, file.undefined_python) == ((), ("PyModule_AddObjectRef", "_PyPrivate_Thing"))
    said = {}
    for name in ("good", "liar"):
        path = str(lab.site / "p" / f"{name}.abi3.so")
        said[name] = subprocess.run([program, path], capture_output=True, text=True, check=True).stdout
    assert said["good"] == "loaded\n"
    assert "undefined symbol: PyModule_AddObjectRef" in said["liar"] or "_PyPrivate_Thing" in said["liar"]


@needs_gcc
def test_modules_inherit_the_rpath_of_the_program(lab: Lab) -> None:
    lab.build("../lib/libfoo.so", "int foo(void) { return 1; }", "-Wl,-soname,libfoo.so")
    lab.module("p/mod.so", "int foo(void); int use(void) { return foo(); }", "-L../lib", "-lfoo")
    old = "-Wl,--disable-new-dtags"
    program = str(_interpreter(lab, old, "-Wl,-rpath,$ORIGIN/../lib").resolve())
    file = lab.link("p/mod.so", executable=program)
    assert is_sound(file)
    assert file.resolved[0].how == "rpath"
    done = subprocess.run([program, str(lab.site / "p" / "mod.so")], capture_output=True, text=True, check=True)
    assert done.stdout == "loaded\n"
    # A RUNPATH of its own, wherever it leads, makes the module look at no RPATH at all.
    lab.module(
        "p/own.so",
        "int foo(void); int use(void) { return foo(); }",
        *("-L../lib", "-lfoo", "-Wl,--enable-new-dtags", "-Wl,-rpath,$ORIGIN/nowhere"),
    )
    assert [name for name, _ in lab.link("p/own.so", executable=program).missing] == ["libfoo.so"]
    done = subprocess.run([program, str(lab.site / "p" / "own.so")], capture_output=True, text=True, check=True)
    assert "libfoo.so: cannot open shared object file" in done.stdout
    program = str(_interpreter(lab, "-Wl,--enable-new-dtags", "-Wl,-rpath,$ORIGIN/../lib").resolve())
    assert [name for name, _ in lab.link("p/mod.so", executable=program).missing] == ["libfoo.so"]
    done = subprocess.run([program, str(lab.site / "p" / "mod.so")], capture_output=True, text=True, check=True)
    assert "libfoo.so: cannot open shared object file" in done.stdout


@needs_gcc
def test_what_is_a_module(lab: Lab) -> None:
    lab.module("p/mod.so")
    lab.module("p/abi.abi3.so")
    lab.build("p/libplain.so", "int x;")
    lab.build("p.libs/libfoo-0a1b2c3d.so.1", "int x;")
    modules = {file.path: file.is_module for file in lab.links().files}
    assert modules == {
        "p/mod.so": True,
        "p/abi.abi3.so": True,
        "p/libplain.so": False,
        "p.libs/libfoo-0a1b2c3d.so.1": False,
    }


@needs_gcc
def test_symbols_that_nobody_asks_about_are_not_read(lab: Lab) -> None:
    lab.build("p.libs/libfoo.so", "int foo(void) { return 1; }", "-Wl,-soname,libfoo.so")
    lab.module("p/other.so", "int foo(void); int use(void) { return foo(); }", "-Lp.libs", "-lfoo")
    lab.module("p/mod.so", "int nowhere(void); int use(void) { return nowhere(); }")
    (lab.site / "p.libs" / "libfoo.so").unlink()
    files = {judge: link_target(lab.target(), lab.binaries(), {}, judge=judge).files for judge in (True, False)}
    assert [file.undefined for file in files[True]] == [("nowhere",), ()]
    assert [file.undefined for file in files[False]] == [(), ()]
    assert [file.missing for file in files[False]] == [file.missing for file in files[True]]
    assert [file.is_module for file in files[False]] == [True, True]


@needs_gcc
def test_what_an_earlier_run_found_out_is_not_asked_again(lab: Lab) -> None:
    """The symbols come from the file once; then the answers alone do, and another file does not get them."""
    lab.build("p.libs/libfoo.so", "int foo(void) { return 1; }", "-Wl,-soname,libfoo.so")
    lab.module("p/mod.so", "int foo(void); int use(void) { return foo(); }", "-Lp.libs", "-lfoo", RPATH)
    binaries = lab.binaries()
    kept = {
        f"{each.site_dir}/{each.path}": Stored(each.facts, explained=True)
        for each in binaries
        if each.facts is not None
    }
    first = link_target(lab.target(), binaries, {}, stored=kept.get).files
    assert all(is_sound(file) for file in first)
    again = {path: Stored.load(stored.dump()) for path, stored in kept.items()}
    for path in kept:
        Path(path).write_bytes(b"\x7fELF, and nothing else")  # none of them is read any more
    assert link_target(lab.target(), binaries, {}, stored=again.get).files == first
    assert not any(stored.changed for stored in again.values())


# --- operators for PyTorch, which no import loads ---------------------------------------------------------------------

C10 = "namespace c10 { int error(const char *) { return 1; } }"
OPERATORS = "namespace c10 { int error(const char *); } int nms() { return c10::error(0); }"
GONE = "namespace c10 { int error(int); } int nms() { return c10::error(0); }"


@needs_gxx
@pytest.mark.parametrize(("source", "undefined"), [(OPERATORS, ()), (GONE, ("_ZN3c105errorEi",))])
def test_operators_for_another_torch(lab: Lab, source: str, undefined: tuple[str, ...]) -> None:
    lab.build("torch/lib/libc10.so", C10, "-xc++", "-Wl,-soname,libc10.so")
    lab.build("x/_C.so", source, "-xc++", "-Ltorch/lib", "-Wl,--no-as-needed", "-lc10")
    file = lab.link("x/_C.so")
    assert (file.is_module, file.undefined) == (False, undefined)
    said = lab.load("torch/lib/libc10.so", "x/_C.so")
    assert said.endswith("loaded") if not undefined else f"undefined symbol: {undefined[0]}" in said


@needs_gxx
def test_other_libraries_may_leave_names_to_whoever_loads_them(lab: Lab) -> None:
    lab.build("torch/lib/libc10.so", C10, "-xc++", "-Wl,-soname,libc10.so")
    lab.build("torch/lib/libother.so", GONE, "-xc++", "-Ltorch/lib", "-Wl,--no-as-needed", "-lc10")
    lab.build("x/libother.so", GONE, "-xc++")
    assert [file.undefined for file in lab.links().files] == [(), (), ()]
