"""Environments of every kind as literal trees; nothing in them could be started."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pytest

from envaudit.errors import TargetError
from envaudit.locate.place import prefix_of_site
from envaudit.locate.sites import _of_prefix
from tests.locate.support import find, kinds, sites
from tests.support.trees import (
    GLIBC_X86_64,
    Dist,
    Fifo,
    Link,
    Tree,
    elf_program,
    make_distribution,
    make_python,
    make_venv,
    site_packages,
    write_tree,
)

HOST_LIBC = os.confstr("CS_GNU_LIBC_VERSION") or "" if Path(GLIBC_X86_64).exists() else ""


def test_a_virtual_environment(tmp_path: Path) -> None:
    venv = make_venv(tmp_path, version="3.9.18")
    target = find(venv)
    assert (target.kind, target.prefix, target.base_prefix) == ("venv", str(venv), str(tmp_path / "base"))
    assert target.executable == str(venv / "bin" / "python")
    assert (target.python, target.version_info) == ("3.9.18", (3, 9))
    assert (target.implementation, target.free_threaded) == ("CPython", False)
    assert (target.platform, target.machine, target.libc) == ("linux-x86_64", "x86_64", HOST_LIBC)
    assert sites(target) == [(str(site_packages(venv)), "site")]
    assert target.problems == ()


def test_the_markers_are_complete_and_the_targets(tmp_path: Path) -> None:
    markers = find(make_venv(tmp_path, version="3.8.2", program=elf_program("aarch64", "/lib/ld-x.so"))).markers
    assert dict(markers) == {
        "implementation_name": "cpython",
        "implementation_version": "3.8.2",
        "os_name": "posix",
        "platform_machine": "aarch64",
        "platform_python_implementation": "CPython",
        "platform_release": platform.release() if sys.platform == "linux" else "",
        "platform_system": "Linux",
        "platform_version": platform.version() if sys.platform == "linux" else "",
        "python_full_version": "3.8.2",
        "python_version": "3.8",
        "sys_platform": "linux",
    }


@pytest.mark.parametrize("path", ["bin/python", "bin/python3.11", "bin"])
def test_a_virtual_environment_by_what_is_inside(tmp_path: Path, path: str) -> None:
    venv = make_venv(tmp_path)
    target = find(venv / path)
    assert (target.kind, target.prefix, target.python) == ("venv", str(venv), "3.11.7")


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("version = 3.11.4", "3.11.4"),
        ("version_info = 3.11.4.final.0", "3.11.4"),
        ("version_info = 3.11.4", "3.11.4"),
        ("VERSION_INFO=3.11.4.candidate.2", "3.11.4rc2"),
        ("version_info = 3.11.0rc1", "3.11.0rc1"),
        ("version = 3.11.4\nversion_info = 3.11.5", "3.11.5"),
    ],
)
def test_the_version_of_pyvenv_cfg_counts_when_the_library_does_not_say(
    tmp_path: Path, line: str, version: str
) -> None:
    venv = make_venv(tmp_path, cfg=f"# made by hand\nhome = {tmp_path}/base/bin\n{line}\nodd line\n")
    (tmp_path / "base/include/python3.11/patchlevel.h").unlink()
    target = find(venv)
    assert (target.python, target.markers["python_full_version"]) == (version, version)


def test_the_version_of_the_library_in_use_beats_pyvenv_cfg(tmp_path: Path) -> None:
    venv = make_venv(tmp_path, cfg=f"home = {tmp_path}/base/bin\nversion = 3.11.1\n")
    assert find(venv).python == "3.11.7"


def test_the_base_was_upgraded_to_another_python(tmp_path: Path) -> None:
    venv = make_venv(tmp_path, version="3.11.7", distributions=[Dist("a", "1")])
    (tmp_path / "base/bin/python3.11").unlink()
    make_python(tmp_path / "new", "3.12.1")
    write_tree(tmp_path, {"base/bin/python3.11": Link(str(tmp_path / "new/bin/python3.12"))})
    target = find(venv)
    assert (target.python, target.version_info) == ("3.12.1", (3, 12))
    assert target.site_dirs == ()
    assert kinds(target) == ["other-base"]
    assert target.problems[0].path == str(site_packages(venv))


@pytest.mark.parametrize("path", ["", "bin/python", "lib/python3.11/site-packages"])
def test_the_base_is_gone(tmp_path: Path, path: str) -> None:
    venv = make_venv(tmp_path, base=tmp_path / "gone", distributions=[Dist("a", "1")])
    target = find(venv / path)
    assert (target.python, target.executable) == ("3.11.7", "")
    assert kinds(target) == ["base-missing"]
    assert target.problems[0].path == str(venv / "bin/python")
    assert f"{tmp_path}/gone/bin/python3.11, which does not exist" in target.problems[0].detail
    assert sites(target) == [(str(site_packages(venv)), "site")]


def test_a_copied_interpreter_without_its_home(tmp_path: Path) -> None:
    venv = make_venv(tmp_path, base=tmp_path / "gone")
    (venv / "bin/python").unlink()
    write_tree(venv, {"bin/python": elf_program()})
    target = find(venv)
    assert kinds(target) == ["base-missing"]
    assert target.problems[0].path == str(venv / "pyvenv.cfg")
    assert target.python == "3.11.7"


@pytest.mark.parametrize("cfg", ["", b"\xff\xfe\0", "version = x\nhome\n", "home = \0\n", "=\n" * 1000, Fifo(), {}])
def test_a_pyvenv_cfg_that_says_nothing(tmp_path: Path, cfg: str | bytes | Fifo | Tree) -> None:
    venv = make_venv(tmp_path)
    (venv / "pyvenv.cfg").unlink()
    write_tree(venv, {"pyvenv.cfg": cfg})
    target = find(venv)
    assert (target.kind, target.python, kinds(target)) == ("venv", "3.11.7", [])


def test_a_virtual_environment_of_which_only_packages_are_left(tmp_path: Path) -> None:
    venv = write_tree(tmp_path / "venv", {"pyvenv.cfg": "", "lib/python3.10/site-packages": {}})
    target = find(venv)
    assert (target.python, target.markers["python_full_version"]) == ("3.10", "3.10.0")
    assert kinds(target) == ["base-missing"]


def test_packages_under_another_python_are_a_problem_and_the_rest_is_audited(tmp_path: Path) -> None:
    venv = make_venv(tmp_path)
    other = venv / "lib/python3.9/site-packages"
    make_distribution(other, "left", "1")
    write_tree(venv, {"lib/python3.8/site-packages": {}})
    target = find(venv)
    assert [(problem.kind, problem.path) for problem in target.problems] == [("other-python", str(other))]
    assert sites(target) == [(f"{venv}/lib/python3.11/site-packages", "site")]


def test_lib64_counts_once_when_it_is_a_link_and_first_when_it_is_none(tmp_path: Path) -> None:
    venv = make_venv(tmp_path)
    (venv / "lib64").symlink_to("lib")
    assert sites(find(venv)) == [(f"{venv}/lib/python3.11/site-packages", "site")]
    (venv / "lib64").unlink()
    write_tree(venv, {"lib64/python3.11/site-packages": {}})
    assert [path for path, _ in sites(find(venv))] == [
        f"{venv}/lib64/python3.11/site-packages",
        f"{venv}/lib/python3.11/site-packages",
    ]


def test_system_site_packages_and_user_site(tmp_path: Path) -> None:
    user = "home/.local/lib/python3.11/site-packages"
    write_tree(tmp_path, {user: {}})
    environ = {"HOME": str(tmp_path / "home")}
    closed = make_venv(tmp_path, name="closed")
    opened = make_venv(tmp_path, name="opened", system_site_packages=True)
    system = f"{tmp_path}/base/lib/python3.11/site-packages"
    assert sites(find(closed, environ=environ)) == [(str(site_packages(closed)), "site")]
    assert sites(find(opened, environ=environ)) == [
        (str(site_packages(opened)), "site"),
        (str(tmp_path / user), "user"),
        (system, "system"),
    ]
    base = tmp_path / "base"
    assert sites(find(base, environ=environ)) == [(str(tmp_path / user), "user"), (system, "site")]
    assert sites(find(base, environ={**environ, "PYTHONNOUSERSITE": "1"})) == [(system, "site")]
    assert sites(find(base, environ={**environ, "PYTHONUSERBASE": str(tmp_path / "no")})) == [(system, "site")]


def test_an_interpreter_by_its_program_a_link_to_it_or_its_prefix(tmp_path: Path) -> None:
    program = make_python(tmp_path / "base", "3.12.1")
    (tmp_path / "py").symlink_to(program)
    for path in (program, tmp_path / "py", tmp_path / "base", tmp_path / "base/bin"):
        target = find(path)
        assert (target.kind, target.prefix, target.python) == ("interpreter", str(tmp_path / "base"), "3.12.1")
        assert Path(target.executable).resolve() == program


def test_free_threaded_python(tmp_path: Path) -> None:
    base = write_tree(
        tmp_path / "base",
        {
            "bin/python3.13t": elf_program(),
            "lib/python3.13t": {"os.py": "", "site-packages": {}},
            "include/python3.13t/patchlevel.h": '#define PY_VERSION "3.13.0+"\n',
        },
    )
    (base / "bin/python3.13t").chmod(0o755)
    target = find(base / "bin/python3.13t")
    assert (target.python, target.free_threaded) == ("3.13.0", True)
    assert sites(target) == [(f"{base}/lib/python3.13t/site-packages", "site")]


def test_pypy(tmp_path: Path) -> None:
    base = write_tree(
        tmp_path / "pypy",
        {
            "bin/pypy3.10": elf_program(),
            "bin/pypy3": Link("pypy3.10"),
            "lib/pypy3.10": {"os.py": "", "site-packages": {}},
            "include/pypy3.10/patchlevel.h": '#define PY_VERSION "3.10.14"\n#define PYPY_VERSION "7.3.17"\n',
        },
    )
    (base / "bin/pypy3.10").chmod(0o755)
    target = find(base)
    assert (target.python, target.implementation) == ("3.10.14", "PyPy")
    assert target.markers["implementation_name"] == "pypy"
    assert target.markers["implementation_version"] == "7.3.17"


@pytest.mark.parametrize(
    ("record", "version"),
    [
        ("python-3.11.9-h955ad1f_0_cpython.json", "3.11.9"),
        ("python-3.11.9-h955ad1f_0.json", "3.11.9"),
        ("python-3.11.0rc2-h955ad1f_0.json", "3.11.0rc2"),
        ("python-3.12.1-h955ad1f_0.json", "3.11.7"),  # of a version whose library is not there
        ("python-3.11.9-0_73_pypy.json", "3.11.7"),
    ],
)
def test_conda(tmp_path: Path, record: str, version: str) -> None:
    prefix = make_python(tmp_path / "conda").parent.parent
    write_tree(prefix, {"conda-meta": {record: "not even JSON", "python-dateutil-2.8.2-py_0.json": "", "history": ""}})
    target = find(prefix)
    assert (target.kind, target.python) == ("conda", version)
    assert find(prefix / "bin/python").kind == "conda"


def test_the_link_that_conda_makes_for_old_scripts_is_no_other_python(tmp_path: Path) -> None:
    prefix = make_python(tmp_path / "conda").parent.parent
    write_tree(prefix, {"conda-meta": {}, "lib/python3.1": Link("python3.11")})
    make_distribution(prefix / "lib/python3.11/site-packages", "a", "1")
    (prefix / "bin/python3.11").rename(prefix / "bin/python-without-version")
    for name in ("python", "python3"):
        (prefix / "bin" / name).unlink()
        (prefix / "bin" / name).symlink_to("python-without-version")
    target = find(prefix)
    assert (target.python, target.problems) == ("3.11.7", ())


def test_conda_without_interpreter_is_still_audited(tmp_path: Path) -> None:
    prefix = make_python(tmp_path / "conda").parent.parent
    write_tree(prefix, {"conda-meta/python-3.11.7-h_0_cpython.json": ""})
    for program in (prefix / "bin").iterdir():
        program.unlink()
    assert kinds(find(prefix)) == ["base-missing"]


def test_conda_without_python_is_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"conda-meta/zlib-1.json": "{}", "lib": {}})
    with pytest.raises(TargetError, match="there is no Python in"):
        find(tmp_path)


def test_a_prefix_without_interpreter(tmp_path: Path) -> None:
    write_tree(tmp_path, {"lib": {"python3.9/site-packages": {}, "python3.11/site-packages": {}}})
    target = find(tmp_path)
    assert (target.python, kinds(target)) == ("3.11", ["base-missing"])


def test_a_virtual_environment_without_pyvenv_cfg(tmp_path: Path) -> None:
    venv = make_venv(tmp_path)
    (venv / "pyvenv.cfg").unlink()
    target = find(venv)
    assert sites(target) == [(str(site_packages(venv)), "site")]
    assert kinds(target) == ["base-missing"]
    assert "pyvenv.cfg is missing" in target.problems[0].detail


def test_windows_layout(tmp_path: Path) -> None:
    head = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + (0x8664).to_bytes(2, "little")
    base = write_tree(
        tmp_path / "base",
        {"python.exe": head, "Lib": {"os.py": "", "site-packages": {}}},
    )
    write_tree(base, {"include/patchlevel.h": '#define PY_VERSION "3.11.7"\n'})
    venv = write_tree(
        tmp_path / "venv",
        {"pyvenv.cfg": f"home = {base}\nversion = 3.11.7\n", "Scripts/python.exe": head, "Lib/site-packages": {}},
    )
    target = find(venv)
    assert (target.python, target.platform, target.libc) == ("3.11.7", "win-amd64", "")
    assert (target.markers["os_name"], target.markers["platform_machine"]) == ("nt", "AMD64")
    assert sites(target) == [(f"{venv}/Lib/site-packages", "site")]


def test_a_windows_environment_seen_from_elsewhere(tmp_path: Path) -> None:
    venv = write_tree(
        tmp_path,
        {
            "pyvenv.cfg": "home = C:\\Python311\nversion = 3.11.7\n",
            "Scripts/python.exe": b"MZ",
            "Lib/site-packages": {},
        },
    )
    target = find(venv)
    assert (target.python, target.platform, kinds(target)) == ("3.11.7", "win-amd64", [])


def test_user_site_of_windows(tmp_path: Path) -> None:
    base = make_python(tmp_path / "base", program=b"MZ").parent.parent
    write_tree(tmp_path, {"data/Python/Python311/site-packages": {}})
    target = find(base, environ={"APPDATA": str(tmp_path / "data")})
    assert sites(target)[0] == (f"{tmp_path}/data/Python/Python311/site-packages", "user")


def test_the_usual_places_of_a_linux_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian and Fedora patch ``site``; their folders are known by name, not found below a test's own."""
    there = {"/usr/lib64/python3.11"}
    monkeypatch.setattr("envaudit.locate.sites.is_folder", lambda path: path in there)
    monkeypatch.setattr("envaudit.locate.sites.is_link", lambda path: False)
    fedora = [site.path for site in _of_prefix("/usr", "python3.11", "site")]
    assert fedora == [
        *(f"/usr/local/{lib}/site-packages" for lib in ("lib64/python3.11", "lib/python3.11", "Lib")),
        *(f"/usr/{lib}/site-packages" for lib in ("lib64/python3.11", "lib/python3.11", "Lib")),
    ]
    there.add("/usr/lib/python3/dist-packages")
    assert [site.path for site in _of_prefix("/usr", "python3.11", "system")] == [
        "/usr/local/lib/python3.11/dist-packages",
        "/usr/lib/python3/dist-packages",
        "/usr/lib/python3.11/dist-packages",
    ]


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/usr/lib/python3/dist-packages", "/usr"),
        ("/usr/local/lib/python3.11/dist-packages", "/usr"),
        ("/usr/local/lib/python3.11/site-packages", "/usr/local"),
        ("/opt/x/lib64/python3.11/site-packages", "/opt/x"),
        ("/lib/python3/dist-packages", os.path.dirname(os.path.realpath("/lib"))),
        ("/mnt/c/venv/Lib/site-packages", "/mnt/c/venv"),
        ("/home/me/site-packages", ""),
        ("/site-packages", ""),
    ],
)
def test_the_prefix_of_a_site_folder(path: str, prefix: str) -> None:
    assert prefix_of_site(path) == prefix


def test_macos_layout(tmp_path: Path) -> None:
    program = b"\xcf\xfa\xed\xfe" + (0x0100000C).to_bytes(4, "little") + bytes(24)
    target = find(make_venv(tmp_path, program=program))
    assert (target.platform, target.markers["sys_platform"]) == ("macosx-arm64", "darwin")
    assert target.markers["platform_system"] == "Darwin"


@pytest.mark.parametrize(
    ("tree", "path", "message"),
    [
        ({}, "no/such", "there is no such file or folder"),
        ({}, "", "is not a Python environment"),
        ({"a.py": ""}, "a.py", "is a file, but not a Python interpreter"),
        ({"x": Fifo()}, "x", "is neither a folder nor a file"),
        ({"python": Link("/no/such/python3")}, "python", "is a link that leads nowhere"),
        ({"python": Link("python")}, "python", "is a link that leads nowhere"),
        ({"python3": b"\x7fELF"}, "python3", "it may not be executed"),
        ({".venv/pyvenv.cfg": "", "pyproject.toml": ""}, "", "name that"),
        ({".venv/pyvenv.cfg": "", "x.egg-info": {}}, "", "name that"),
        ({"pyvenv.cfg": "version = 3.11.7\n"}, "", "it has no folder of packages"),
        ({"pyvenv.cfg": ""}, "", "says which Python it is for"),
    ],
)
def test_what_cannot_be_audited_is_one_sentence(tmp_path: Path, tree: Tree, path: str, message: str) -> None:
    write_tree(tmp_path / "it", tree)
    with pytest.raises(TargetError) as caught:
        find(tmp_path / "it" / path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
