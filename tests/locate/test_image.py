"""Environments inside an unpacked image: everything is looked up in it, and nothing in it is started."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from envaudit.errors import TargetError
from envaudit.locate import can_start
from tests.locate.image import SITE, add, find_inside, make_image
from tests.locate.support import find, kinds, sites
from tests.support.trees import Dist, Link, elf_program, make_distribution, make_python, make_venv, write_tree

if TYPE_CHECKING:
    from pathlib import Path


def test_a_virtual_environment_whose_links_hold_only_inside(tmp_path: Path) -> None:
    image = make_image(tmp_path / "img", program=elf_program("aarch64", "/lib/ld-linux-aarch64.so.1"))
    target = find_inside(image)
    assert (target.kind, target.prefix, target.root) == ("venv", f"{image}/opt/venv", str(image))
    assert (target.base_prefix, target.executable) == (f"{image}/usr", f"{image}/opt/venv/bin/python")
    assert target.path_inside(target.executable) == "/opt/venv/bin/python"
    assert (target.python, target.platform, target.libc) == ("3.11.2", "linux-aarch64", "glibc")
    assert sites(target) == [(f"{image}/{SITE}", "site")]
    assert target.problems == ()
    assert (target.markers["platform_machine"], target.markers["platform_release"]) == ("aarch64", "")
    assert not can_start(target)


@pytest.mark.parametrize(
    "given", ["/opt/venv", "{img}/opt/venv", "img/opt/venv", "link/opt/venv", "{tmp}/link/opt/venv"]
)
def test_the_target_is_a_path_inside_or_below_the_folder(tmp_path: Path, given: str) -> None:
    image = make_image(tmp_path / "img")
    write_tree(tmp_path, {"link": Link("img")})
    for root in (image, tmp_path / "link"):
        target = find_inside(root, given.format(img=image, tmp=tmp_path), cwd=str(tmp_path))
        assert (target.prefix, target.root) == (f"{image}/opt/venv", str(image))


@pytest.mark.parametrize("given", ["/opt/venv/bin/python", "/opt/venv/bin", "/srv/app", "/opt/../opt/venv"])
def test_other_names_of_the_same_environment(tmp_path: Path, given: str) -> None:
    image = make_image(tmp_path / "img")
    add(image, {"srv": Link("/data"), "data/app": Link("/opt/venv")})
    assert find_inside(image, given).prefix == f"{image}/opt/venv"


@pytest.mark.parametrize(("target", "python"), [("/usr/bin/python3", None), (None, "3.11"), (None, "/bin/python3.11")])
def test_an_interpreter_of_the_image(tmp_path: Path, target: str | None, python: str | None) -> None:
    image = make_image(tmp_path / "img", program=elf_program() + b"\x003.11.9\0")
    site = write_tree(image / "usr/lib/python3/dist-packages", {})
    local = write_tree(image / "usr/local/lib/python3.11/dist-packages", {})
    found = find_inside(image, target, python)
    assert (found.kind, found.prefix, found.python) == ("interpreter", f"{image}/usr", "3.11.9")
    assert sites(found) == [(str(local), "site"), (str(site), "site")]


@pytest.mark.parametrize(
    ("program", "shared", "version"),
    [
        (b"\0some/versions/3.11.8\0", b"", "3.11.8"),
        (b"", b"x\x003.11.0rc2\0", "3.11.0rc2"),
        (b"", b"\x003.11.6+\x003.2.0\0", "3.11.6"),
        (b"\x003.11.8\x003.11.9\0", b"\x003.11.7\0", "3.11.7"),
        (b"\x0013.11.8\x003.11.8.1\0", b"3.11.7", "3.11"),
        (b"", b"", "3.11"),
    ],
)
def test_the_version_by_the_files_of_an_interpreter(
    tmp_path: Path, program: bytes, shared: bytes, version: str
) -> None:
    image = make_image(tmp_path / "img", program=elf_program() + program, cfg="")
    add(image, {"usr/lib/libpython3.11.so.1.0": shared, "usr/lib/python3.11/site-packages": {}})
    assert find_inside(image).python == version
    assert find_inside(image, "/usr/bin/python3.11").python == version
    add(image, {"usr/include/python3.11/patchlevel.h": '#define PY_VERSION "3.11.4"\n'})
    assert find_inside(image).python == "3.11.4"


def test_nothing_is_started(tmp_path: Path) -> None:
    """Neither a script that stands in for Python nor an interpreter of which no file tells the version."""
    script = f"#!/bin/sh\ntouch {tmp_path}/started\n".encode()
    image = make_image(tmp_path / "img", program=script, cfg="")
    assert find_inside(image).python == "3.11"
    with pytest.raises(TargetError, match="nothing in an image is started"):
        find_inside(image, "/usr/bin/python3.11")
    assert not (tmp_path / "started").exists()


def test_paths_in_files_are_those_of_the_image(tmp_path: Path) -> None:
    image = make_image(tmp_path / "img", cfg="version = 3.11.2\ninclude-system-site-packages = true\n")
    tree: dict[str, dict[str, str]] = {
        name: {} for name in ("srv/app", "srv/up", "srv/far", "usr/lib/python3.11/site-packages")
    }
    outside = write_tree(tmp_path / "outside", {})
    add(
        image,
        {
            **tree,
            f"{SITE}/a.pth": f"/srv/app\n../../../../../../../../../srv/up\n{outside}\nlinked\n/usr/../../etc\n",
            f"{SITE}/linked": Link("/srv/far"),
            f"{SITE}/b.pth": Link(f"{outside}/b.pth"),
        },
    )
    write_tree(outside, {"b.pth": "/srv/never\n"})
    add(image, {"srv/never": {}})
    target = find_inside(image)
    assert [path.removeprefix(str(image)) for path, _ in sites(target)] == [
        f"/{SITE}",
        "/srv/app",
        "/srv/up",
        "/srv/far",
        "/etc",
        "/usr/lib/python3.11/site-packages",
    ]


def test_the_user_of_this_machine_has_no_folder_in_an_image(tmp_path: Path) -> None:
    image = make_image(tmp_path / "img")
    add(image, {".local/lib/python3.11/site-packages": {}, "usr/lib/python3.11/site-packages": {}})
    assert [origin for _, origin in sites(find_inside(image, "/usr"))] == ["site"]


@pytest.mark.parametrize(
    ("tree", "platform", "libc"),
    [
        ({}, "", ""),
        ({"usr/lib/ld-linux-aarch64.so.1": elf_program("aarch64")}, "linux-aarch64", "glibc"),
        ({"usr/lib/ld-musl-x86_64.so.1": elf_program() + b"\x001.2.5\0"}, "linux-x86_64", "musl 1.2"),
        (
            {"usr/lib/ld-linux-aarch64.so.1": "no program", "usr/lib64/ld64.so.2": elf_program("ppc64le")},
            "linux-ppc64le",
            "glibc",
        ),
        ({f"{SITE}/p/m.cpython-311-s390x-linux-gnu.so": b""}, "linux-s390x", ""),
    ],
)
def test_the_machine_of_an_image_without_interpreter(
    tmp_path: Path, tree: dict[str, bytes | str], platform: str, libc: str
) -> None:
    image = make_image(tmp_path / "img")
    (image / "usr/bin/python3.11").unlink()
    add(image, tree)
    target = find_inside(image)
    assert (target.platform, target.libc, target.executable) == (platform, libc, "")
    (problem,) = target.problems
    assert (problem.kind, problem.detail) == ("base-missing", "it leads to /usr/bin/python3.11, which does not exist")


def test_an_environment_that_leads_out_of_its_image(tmp_path: Path) -> None:
    """A link to a Python of this machine finds nothing, wherever that lies."""
    make_python(tmp_path / "real")
    up = "../" * 30
    for number, to in enumerate((f"{tmp_path}/real/bin/python3.11", f"{up}{tmp_path}/real/bin/python3.11", "python")):
        image = make_image(tmp_path / f"img{number}", cfg=f"version = 3.11.2\nhome = {tmp_path}/real/bin\n")
        (image / "opt/venv/bin/python").unlink()
        add(image, {"opt/venv/bin/python": Link(to)})
        target = find_inside(image)
        assert target.executable == ""
        assert str(tmp_path / "real") not in target.base_prefix
        assert "base-missing" in kinds(target)
    (image / "opt/venv/lib/python3.11/site-packages").rmdir()
    make_distribution(write_tree(tmp_path / "site", {}), "p", "1.0")
    add(image, {SITE: Link(str(tmp_path / "site"))})
    with pytest.raises(TargetError, match="it has no folder of packages"):
        find_inside(image)


@pytest.mark.parametrize(
    ("target", "python", "complaint"),
    [
        (None, None, "--root needs to know which environment"),
        ("elsewhere/venv", None, "elsewhere/venv does not lie in"),
        ("/no/such", None, "there is no such file or folder: .*/img/no/such"),
        ("/loop", None, "there is no such file|leads nowhere"),
        (None, "3.9", "there is no python3.9 in /usr/local/bin, /usr/bin, /bin of "),
        (None, "3.9.1", "there is no python3.9.1 in "),
        (None, "/no/python3", "there is no such file"),
    ],
)
def test_what_is_not_in_an_image(tmp_path: Path, target: str | None, python: str | None, complaint: str) -> None:
    image = make_image(tmp_path / "img")
    add(image, {"loop": Link("/loop")})
    with pytest.raises(TargetError, match=complaint):
        find_inside(image, target, python, cwd=str(tmp_path))


def test_a_root_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=re.escape(f"--root {tmp_path / 'none'}: there is no such folder")):
        find_inside(tmp_path / "none")


def test_the_root_of_this_machine_is_no_image(tmp_path: Path) -> None:
    venv = make_venv(tmp_path)
    assert find(venv).root == ""
    assert can_start(find(venv)) == (os.uname().machine in {"x86_64", "arm64"} and os.uname().sysname == "Linux")


@pytest.mark.parametrize(
    ("loader", "libc"), [("/lib/ld-linux-s390x.so.1", "glibc"), ("/lib/ld-musl-s390x.so.1", "musl")]
)
def test_an_environment_of_another_machine_without_an_image(tmp_path: Path, loader: str, libc: str) -> None:
    """Nothing of this machine is said of it: not the version of the C library, and it is not asked for its own."""
    dist = Dist("p", "1.0", tags=["cp311-cp311-manylinux_2_17_s390x"])
    venv = make_venv(tmp_path, program=elf_program("s390x", loader), distributions=[dist])
    target = find(venv)
    assert (target.platform, target.libc) == ("linux-s390x", libc)
    assert not can_start(target)
    (tmp_path / "base/include/python3.11/patchlevel.h").unlink()
    assert find(tmp_path / "base").python == "3.11"
