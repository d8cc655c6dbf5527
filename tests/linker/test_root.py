"""Targets in an unpacked image: everything is looked up inside, links included."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import pytest

from envaudit.files_root import Root
from envaudit.linker import link_target
from tests.linker.lab import Lab, is_sound, needs_gcc
from tests.linker.test_judge import INTERPRETER
from tests.linker.test_ldcache import forge
from tests.support.trees import Link, write_tree

needs_debian = pytest.mark.skipif(
    not os.path.exists(f"/lib/{platform.machine()}-linux-gnu/libc.so.6"), reason="needs the folders of Debian"
)


def test_links_are_resolved_inside(tmp_path: Path) -> None:
    write_tree(
        tmp_path / "img",
        {
            "usr/lib/real.so": "x",
            "lib": Link("/usr/lib"),
            "deep/a.so": Link("../../../../../usr/lib/real.so"),
            "deep/b.so": Link("a.so"),
            "loop.so": Link("loop.so"),
            "etc/passwd.so": Link("/etc/passwd"),
        },
    )
    root = Root(str(tmp_path / "img"))
    real = str(tmp_path / "img" / "usr" / "lib" / "real.so")
    assert [root.find(path) for path in ("/lib/real.so", "/deep/a.so", "/deep/b.so", "/lib/../lib/real.so")] == [
        real
    ] * 4
    assert [root.find(path) for path in ("/loop.so", "/etc/passwd.so", "/usr/lib", "/nowhere", "/a\0b")] == [""] * 5
    assert root.inside(real) == "/usr/lib/real.so"
    assert root.real("/deep/b.so") == "/usr/lib/real.so"
    assert root.inside("/somewhere/else") == "/somewhere/else"


def test_the_root_of_this_machine_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.so").write_text("x")
    for root in (Root(), Root("/")):
        assert not root.foreign
        assert root.find(str(tmp_path / "a.so")) == str(tmp_path / "a.so")
        assert root.inside("/lib/x") == root.outside("/lib/x") == "/lib/x"


class _Image:
    """An unpacked image with a program, the C library of this machine, and a site folder."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.root = lab.folder
        program = lab.build("../usr/bin/python3", INTERPRETER, "-rdynamic", "-ldl", shared=False)
        self.executable = str(program.resolve())
        host = lab.links(executable=self.executable)
        assert not host.gaps

    def add_libc(self) -> None:
        for path in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", *self._system()):
            if os.path.exists(path):
                write_tree(self.root, {path[1:]: Path(path).read_bytes()})

    @staticmethod
    def _system() -> list[str]:
        folder = f"/lib/{platform.machine()}-linux-gnu"
        return [f"{folder}/{name}" for name in ("libc.so.6", "libdl.so.2")]


@needs_gcc
@needs_debian
def test_only_libraries_of_the_image_count(lab: Lab) -> None:
    lab.module("p/mod.so", "#include <math.h>\ndouble f(double x) { return cos(x); }", "-Wl,--no-as-needed", "-lm")
    image = _Image(lab)
    assert is_sound(lab.link("p/mod.so", executable=image.executable))
    # Without a C library in it, an image says nothing about what is missing.
    links = lab.links(root=str(image.root), executable=image.executable)
    assert [file.missing for file in links.files] == [()]
    assert "does not exist here" in links.gaps[0].why
    image.add_libc()
    file = lab.link("p/mod.so", root=str(image.root), executable=image.executable)
    assert file.missing == (("libm.so.6", f"{lab.site}/p/mod.so"),)
    assert {need.name: need.path for need in file.resolved}["libc.so.6"].startswith(str(image.root))


@needs_gcc
@needs_debian
def test_the_cache_of_the_image_is_used(lab: Lab) -> None:
    lab.build("../opt/deep/libfoo.so", "int foo(void) { return 1; }", "-Wl,-soname,libfoo.so")
    lab.module("p/mod.so", "int foo(void); int use(void) { return foo(); }", "-L../opt/deep", "-lfoo")
    image = _Image(lab)
    image.add_libc()
    fields: dict[str, Any] = {"root": str(image.root), "executable": image.executable}
    assert [name for name, _ in lab.link("p/mod.so", **fields).missing] == ["libfoo.so"]
    write_tree(image.root, {"etc/ld.so.cache": forge([("libfoo.so", "/opt/deep/libfoo.so", 0)])})
    found = lab.link("p/mod.so", **fields)
    assert (found.resolved[0].how, found.resolved[0].path) == ("cache", f"{image.root}/opt/deep/libfoo.so")
    write_tree(image.root, {"etc/ld.so.cache": b"not a cache"})
    links = lab.links(**fields)
    assert "libraries that only the cache knows" in links.gaps[0].why


@needs_gcc
@needs_debian
def test_the_interpreter_of_an_environment_is_found_inside(lab: Lab) -> None:
    lab.module("p/mod.so")
    image = _Image(lab)
    image.add_libc()
    write_tree(image.root, {"opt/venv/bin/python": Link("/usr/bin/python3")})
    fields: dict[str, Any] = {"root": str(image.root), "prefix": f"{image.root}/opt/venv"}
    # Nobody could follow the link, or it was followed on this machine.
    for executable in ("", "/usr/bin/python3"):
        links = lab.links(executable=executable, **fields)
        assert not links.gaps
        assert is_sound(links.files[0])
    assert lab.links(executable="").gaps[0].why.endswith("no interpreter is known")


@needs_gcc
@pytest.mark.parametrize(
    ("path_file", "rpath", "found"),
    [
        (None, "", "usr/local/lib"),
        ("/opt/musl\n/nowhere", "", "opt/musl"),
        ("/nowhere:/opt/musl\n", "", "opt/musl"),
        ("/nowhere", "", ""),
        ("/nowhere", "$ORIGIN/../beside", "site/beside"),
        ("/nowhere", "$LIB/../beside", ""),
    ],
)
def test_musl_has_a_search_of_its_own(lab: Lab, path_file: str | None, rpath: str, found: str) -> None:
    loader = f"/lib/ld-musl-{platform.machine()}.so.1"
    start = "void _start(void) { for (;;); }"
    # A program that nobody runs: it only names its loader.
    program = lab.build(
        "../bin/python",
        start,
        "-pie",
        "-nostdlib",
        f"-Wl,--dynamic-linker={loader}",
        "-Wl,--no-as-needed",
        shared=False,
    )
    for folder in ("../usr/local/lib", "../opt/musl", "beside"):
        lab.build(f"{folder}/libfoo.so", "int foo(void) { return 1; }", "-Wl,-soname,libfoo.so", "-nostdlib")
    flags = [f"-Wl,-rpath,{rpath}"] if rpath else []
    lab.module("p/mod.so", "int foo(void); int use(void) { return foo(); }", "-Lbeside", "-lfoo", "-nostdlib", *flags)
    write_tree(lab.folder, {loader[1:]: "", "etc/ld.so.cache": forge([("libfoo.so", "/opt/musl/libfoo.so", 0)])})
    if path_file is not None:
        write_tree(lab.folder, {f"etc/ld-musl-{platform.machine()}.path": path_file})
    binaries = [binary for binary in lab.binaries() if binary.path == "p/mod.so"]
    target = lab.target(executable=str(program.resolve()), libc="musl 1.2")
    (file,) = link_target(target, binaries, {}, str(lab.folder)).files
    if found:
        assert [need.path for need in file.resolved] == [f"{lab.folder}/{found}/libfoo.so"]
    else:
        assert [name for name, _ in file.missing] == ["libfoo.so"]


@needs_gcc
def test_the_parts_of_musl_are_in_its_loader(lab: Lab) -> None:
    """Wheels for musl ask for ``libc.musl-x86_64.so.1``, which is a file of its own in some distributions only."""
    loader = f"/lib/ld-musl-{platform.machine()}.so.1"
    flags = ("-pie", "-nostdlib", f"-Wl,--dynamic-linker={loader}", "-Wl,--no-as-needed")
    program = lab.build("../bin/python", "void _start(void) { for (;;); }", *flags, shared=False)
    lab.build("gone/libc.so", "int puts(const char *s) { return !s; }", "-Wl,-soname,libc.musl-any.so.1", "-nostdlib")
    call = "int puts(const char *); int use(void) { return puts(0); }"
    lab.module("p/mod.so", call, "-Lgone", "-l:libc.so", "-nostdlib")
    lab.build(f"..{loader}", "int puts(const char *s) { return !s; }", "-nostdlib")
    binaries = [binary for binary in lab.binaries() if binary.path == "p/mod.so"]
    target = lab.target(executable=str(program.resolve()), libc="musl 1.2")
    (file,) = link_target(target, binaries, {}, str(lab.folder)).files
    assert [(need.name, need.path) for need in file.resolved] == [("libc.musl-any.so.1", f"{lab.folder}{loader}")]
    assert file.missing == ()
