"""Everything that can be wrong with a compiled file: a real example of each defect, what happens, and a healthy twin.

Each row of ``ROWS`` makes an environment twice, broken and healthy, from wheels of the index or with the compiler at
hand. The broken one has to be named with its code, and the twin has to be without it; where this machine can show what
happens, the interpreter of the environment does: ``says`` is then in what it prints. ``unshown`` says why it cannot.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.linker.lab import needs_gcc
from tests.linker.test_other_wheels import install as install_elsewhere
from tests.support.command import check
from tests.support.environments import find_python, python_of, run_uv
from tests.support.trees import make_distribution

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.network, needs_gcc]

GLIBC = tuple(int(part) for part in re.findall(r"\d+", os.confstr("CS_GNU_LIBC_VERSION") or "2.0")[:2])
MODULE = "void *PyInit__core(void) {{ return 0; }}\n{}"
SUFFIX = "cpython-311-x86_64-linux-gnu.so"


class Row(NamedTuple):
    """A defect: ``make`` builds an environment of it, ``run`` is what a user would do."""

    what: str
    code: str
    make: Callable[[Path, bool], Path]
    says: str = ""
    run: str = "import x._core"
    unshown: str = ""


def venv(folder: Path) -> Path:
    """Make an empty environment and return its site folder."""
    run_uv("venv", "--quiet", "--python", find_python("3.11"), str(folder))
    return folder / "lib/python3.11/site-packages"


def wheels(folder: Path, *requirements: str, python: str = "3.11", platform: str = "x86_64-manylinux_2_28") -> Path:
    """Make an environment with wheels in it, perhaps those of another Python or platform."""
    site = venv(folder)
    options = ("--python-version", python, "--python-platform", platform, "--only-binary", ":all:", "--no-deps")
    run_uv("pip", "install", "--quiet", "--no-config", "--target", str(site), *options, *requirements)
    return folder


def compile_c(output: Path, source: str, *flags: str, plus: bool = False) -> bytes:
    """Compile a shared object of C, or of C++, and return it."""
    output.parent.mkdir(parents=True, exist_ok=True)
    text = output.with_suffix(".cc" if plus else ".c")
    text.write_text(source, encoding="utf-8")
    command = ["gcc", "-shared", "-fPIC", str(text), "-o", str(output), *flags]
    subprocess.run(command, check=True, capture_output=True, cwd=output.parent)
    return output.read_bytes()


def built(folder: Path, files: dict[str, bytes], name: str = "x", requires: tuple[str, ...] = ()) -> Path:
    """Make an environment with one distribution of compiled files, or add it."""
    site = folder / "lib/python3.11/site-packages"
    if not site.is_dir():
        venv(folder)
    (site / name).mkdir(exist_ok=True)
    sources = {f"{name}/__init__.py": b"from . import _core\n"}
    tags = ("cp311-cp311-linux_x86_64",)
    make_distribution(site, name, "1.0", files={**sources, **files}, tags=tags, requires=requires)
    return folder


# --- how the rows are made -------------------------------------------------------------------------------------------


def other_python(folder: Path, broken: bool) -> Path:
    return wheels(folder, "markupsafe==2.1.5", python="3.10" if broken else "3.11")


def other_libc(folder: Path, broken: bool) -> Path:
    platform = "x86_64-unknown-linux-musl" if broken else "x86_64-manylinux_2_28"
    return wheels(folder, "markupsafe==2.1.5", platform=platform)


def other_machine(folder: Path, broken: bool) -> Path:
    return wheels(folder, "orjson==3.10.18", platform=f"{'aarch64' if broken else 'x86_64'}-manylinux_2_28")


def lost_library(folder: Path, broken: bool) -> Path:
    wheels(folder, "h5py==3.13.0", "numpy==2.2.6")
    if broken:
        (library,) = folder.glob("lib/python3.11/site-packages/h5py.libs/libhdf5-*")
        library.unlink()
    return folder


def symbol_version(library: str, present: tuple[str, str], absent: str) -> Callable[[Path, bool], Path]:
    """Link a module with a stand-in for a system library that has one version more; ``present`` is a real function."""

    def make(folder: Path, broken: bool) -> Path:
        stub = folder.parent / f"stub-{folder.name}"
        stub.mkdir()
        name, version = ("extra", absent) if broken else present
        (stub / "map").write_text(f"{version} {{ global: *; }};\n")
        flags = (f"-Wl,-soname,{library}", "-nostdlib", "-Wl,--version-script=map")
        compile_c(stub / library, f"int {name}(void) {{ return 1; }}", *flags)
        source = MODULE.format(f"extern int {name}(void); int use(void) {{ return {name}(); }}")
        module = compile_c(stub / "core.so", source, f"./{library}", "-nostdlib")
        return built(folder, {f"x/_core.{SUFFIX}": module})

    return make


def lost_function(folder: Path, broken: bool) -> Path:
    scratch = folder.parent / f"c-{folder.name}"
    header = "namespace foo { int baz(int); }"
    soname = "-Wl,-soname,libfoo.so"
    old = compile_c(scratch / "libfoo.so", header + "int foo::baz(int) { return 1; }", soname, plus=True)
    use = 'extern "C" void *PyInit__core(void) { return 0; }' + header + "int use() { return foo::baz(1); }"
    module = compile_c(scratch / "core.so", use, "./libfoo.so", "-Wl,-rpath,$ORIGIN/../y", plus=True)
    new = compile_c(scratch / "libfoo.so", "namespace foo { int baz(long) { return 1; } }", soname, plus=True)
    empty = compile_c(scratch / "y.so", MODULE.format(""))
    built(folder, {"y/libfoo.so": new if broken else old, f"y/_core.{SUFFIX}": empty}, "y")
    return built(folder, {f"x/_core.{SUFFIX}": module})


def python_function(folder: Path, broken: bool) -> Path:
    name = "PyUnstable_Nowhere" if broken else "PyList_New"
    source = MODULE.format(f"void *{name}(long); void *use(void) {{ return {name}(1); }}")
    return built(folder, {"x/_core.abi3.so": compile_c(folder.parent / f"{folder.name}.so", source)})


def cut_short(folder: Path, broken: bool) -> Path:
    wheels(folder, "orjson==3.10.18")
    if broken:
        (module,) = folder.glob("lib/python3.11/site-packages/orjson/orjson.*.so")
        content = module.read_bytes()
        module.unlink()  # never in place: the installer may have made it a link into its cache
        module.write_bytes(content[: len(content) // 2])
    return folder


def linked_with(source: str, *flags: str, healthy: str = "") -> Callable[[Path, bool], Path]:
    """Compile a module with some flags, and its twin without."""

    def make(folder: Path, broken: bool) -> Path:
        text = MODULE.format(source if broken else healthy or source)
        module = compile_c(folder.parent / f"{folder.name}.so", text, *(flags if broken else ()))
        return built(folder, {f"x/_core.{SUFFIX}": module})

    return make


RUNTIME = """
#include <stdio.h>
#include <stdlib.h>
int thing(void) { return 1; }
__attribute__((constructor)) static void start(void) {
    if (getenv("STAND_IN")) { fputs("OMP: Error #15\\n", stderr); abort(); }
    setenv("STAND_IN", "1", 1);
}
"""


def two_copies(stem: str, *, meet: bool, source: str) -> Callable[[Path, bool], Path]:
    """Two distributions with a library each; ``meet``: the broken pair has one name, the healthy pair has two."""

    def make(folder: Path, broken: bool) -> Path:
        scratch = folder.parent / f"c-{folder.name}"
        for name, digest in (("x", "0a1b2c3d"), ("y", "4e5f6071")):
            mangled = broken != meet
            soname = f"{stem}-{digest}.so" if mangled else f"{stem}.so"
            library = compile_c(scratch / name / soname, source, f"-Wl,-soname,{soname}")
            use = MODULE.format("int thing(void); int use(void) { return thing(); }")
            module = compile_c(scratch / name / "core.so", use, f"./{soname}", f"-Wl,-rpath,$ORIGIN/../{name}.libs")
            built(folder, {f"{name}.libs/{soname}": library, f"{name}/_core.{SUFFIX}": module}, name)
        return folder

    return make


def internals(folder: Path, broken: bool) -> Path:
    for name, number in (("x", "4"), ("y", "11" if broken else "4")):
        text = f'const char *id = "__pybind11_internals_v{number}_gcc_libstdcpp_cxxabi1017__"; void *PyCapsule_New();'
        module = compile_c(folder.parent / f"{folder.name}-{name}.so",
                           MODULE.format(text + "void *use(void) { return PyCapsule_New(); }"))  # fmt: skip
        built(folder, {f"{name}/_core.{SUFFIX}": module}, name, ("y==1.0",) if name == "x" else ())
    return folder


def generated(folder: Path, broken: bool) -> Path:
    return wheels(folder, "googleapis-common-protos==1.52.0", f"protobuf=={'5.29.5' if broken else '3.20.3'}")


def windows(folder: Path, broken: bool) -> Path:
    site = install_elsewhere(folder, "AMD64", "h5py==3.13.0", "numpy==2.2.6", deps=False)
    if broken:
        (site / "h5py/hdf5.dll").unlink()
    return folder


def macos(folder: Path, broken: bool) -> Path:
    site = install_elsewhere(folder, "arm64", "h5py==3.13.0", "numpy==2.2.6", deps=False)
    if broken:
        (library,) = site.glob("h5py/.dylibs/libhdf5.[0-9]*.dylib")
        library.unlink()
    return folder


def macos_tag(folder: Path, broken: bool) -> Path:
    install_elsewhere(folder, "arm64", f"scipy=={'1.13.0' if broken else '1.14.1'}", deps=False)
    return folder


BIG = '__thread char big[{}] __attribute__((tls_model("initial-exec"))); char *use(void) {{ return big; }}'
_OSTREAM = "_ZSt16__ostream_insertIcSt11char_traitsIcEERSt13basic_ostreamIT_T0_ES6_PKS3_l"
NOT_HERE = "files of another system: nothing of them can be loaded here"

ROWS = {
    "1 suffix": Row(
        "made for another Python, by its suffix",
        "PLT003",
        other_python,
        "No module named",
        "import markupsafe._speedups",
    ),
    "2 libc": Row("for musl instead of glibc", "PLT003", other_libc, "No module named", "import markupsafe._speedups"),
    "3 tags": Row("no tag of the wheel fits", "PLT002", other_machine, "No module named", "import orjson.orjson"),
    "4 library": Row("a library is not found", "LNK001", lost_library, "cannot open shared object file", "import h5py"),
    "5 GLIBC": Row(
        "a version of glibc that is not there",
        "LNK002",
        symbol_version("libc.so.6", ("clock_gettime", "GLIBC_2.17"), "GLIBC_2.99"),
        "version `GLIBC_2.99' not found",
    ),
    "6 GLIBCXX": Row(
        "a version of libstdc++ that is not there",
        "LNK002",
        symbol_version("libstdc++.so.6", (_OSTREAM, "GLIBCXX_3.4.9"), "GLIBCXX_3.4.99"),
        "version `GLIBCXX_3.4.99' not found",
    ),
    "7 function": Row(
        "a function that the other library has lost", "LNK003", lost_function, "undefined symbol: _ZN3foo3bazEi"
    ),
    "8 Python": Row(
        "a function this Python does not have", "LNK004", python_function, "undefined symbol: PyUnstable_Nowhere"
    ),
    "9 cut": Row("cut short", "LNK007", cut_short, "died of signal 7", "import orjson"),
    "10 stack": Row(
        "an executable stack",
        "LNK006",
        linked_with("", "-Wl,-z,execstack"),
        "cannot enable executable stack" if GLIBC >= (2, 41) else "",
        unshown="glibc here is older than 2.41 and takes it",
    ),
    "11 TLS": Row(
        "too much static thread-local storage",
        "LNK006",
        linked_with(BIG.format(6000), healthy=BIG.format(64)),
        "cannot allocate memory in static TLS block",
    ),
    "12 pages": Row(
        "linked for smaller pages",
        "LNK006",
        linked_with("int x = 1;", "-Wl,-z,max-page-size=1024,-z,common-page-size=1024"),
        "not page-aligned",
    ),
    "13 OpenMP": Row(
        "two OpenMP runtimes",
        "LNK005",
        two_copies("libiomp5", meet=False, source=RUNTIME),
        "died of signal 6",
        "for name in 'xy':\n try: __import__(f'{name}._core')\n except SystemError: pass",
    ),
    "14 HDF5": Row(
        "two libraries of one name",
        "LNK005",
        two_copies("libhdf5", meet=True, source="int thing(void) { return 1; }"),
        unshown="what happens depends on how the two differ",
    ),
    "15 pybind11": Row(
        "tables of types under two names",
        "LNK008",
        internals,
        unshown="needs pybind11 to make modules that share types",
    ),
    "16 protobuf": Row(
        "generated for another runtime",
        "API010",
        generated,
        "Descriptors cannot be created directly",
        "import google.api.annotations_pb2",
    ),
    "18 Windows": Row("a library of Windows that is gone", "LNK001", windows, unshown=NOT_HERE),
    "19 macOS": Row("a library of macOS that is gone", "LNK001", macos, unshown=NOT_HERE),
    "19 macOS tag": Row("built for a newer macOS than its tag says", "PLT005", macos_tag, unshown=NOT_HERE),
}
# 17, instructions that the processor lacks (PLT006), needs another processor: the list with what is known of a few
# distributions is held against made-up processors in tests/checks/test_plt_content.py. No wheel says in its headers
# which instructions it needs.
ABSENT = {17}


def test_every_row_is_there() -> None:
    assert {int(name.split()[0]) for name in ROWS} | ABSENT == set(range(1, 20))
    assert all(row.says or row.unshown for row in ROWS.values())


@pytest.mark.parametrize("name", ROWS)
def test_a_defect_is_named_and_its_twin_is_left_alone(name: str, tmp_path: Path) -> None:
    row = ROWS[name]
    broken, healthy = row.make(tmp_path / "broken", True), row.make(tmp_path / "healthy", False)
    assert row.code in _codes(broken)
    assert row.code not in _codes(healthy)
    if row.says:
        assert row.says in _run(broken, row.run)
        assert row.says not in _run(healthy, row.run)


def _codes(folder: Path) -> set[str]:
    return {finding["code"] for finding in check(folder, "--no-smoke").report()["findings"]}


def _run(folder: Path, statement: str) -> str:
    """Return what the interpreter of an environment prints, and how it died if it did.

    Modules made here have no content: that they are reached, and then say so, is what the twin has to show.
    """
    done = subprocess.run([python_of(folder), "-c", statement], capture_output=True, text=True, check=False)
    return done.stderr + (f"died of signal {-done.returncode}" if done.returncode < 0 else "")


if sys.platform != "linux":  # pragma: no cover
    pytestmark = [pytest.mark.skip(reason="made for Linux on x86_64")]
