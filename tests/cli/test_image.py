"""``--root``: the audit of an unpacked image from the command line to the report, on real and on hostile files."""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from envaudit.binary import read_binary
from envaudit.cli import main
from tests.locate.image import SITE, add, make_image
from tests.support.trees import Dist, Link, elf_program, make_distribution, make_venv, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = os.confstr("CS_GNU_LIBC_VERSION") or "" if "CS_GNU_LIBC_VERSION" in os.confstr_names else ""
needs_glibc = pytest.mark.skipif(not HOST.startswith("glibc"), reason="needs an interpreter on glibc to copy")
SHORT = f"{sys.version_info[0]}.{sys.version_info[1]}"


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Run a check and return its JSON report."""
    assert main(["check", *arguments, "--format", "json"]) in {0, 1}
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def codes(report: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in report["findings"]]


def last_line(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(["check", *arguments])
    return capsys.readouterr().out.splitlines()[-1]


# --- an image made of the files of this machine ----------------------------------------------------------------------


class _Sample(NamedTuple):
    """An extension module of this Python, and a library that it needs and the interpreter does not."""

    path: Path
    library: str


def _sample() -> _Sample:
    system = {"libc.so.6", "libpthread.so.0", "libm.so.6", "libdl.so.2"}
    for name in ("zlib", "_bz2", "_lzma", "_ctypes", "readline"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        path = getattr(module, "__file__", None)
        if path:
            more = [each for each in read_binary(path).needed if each not in system and "python" not in each]
            if len(more) == 1 and more[0] not in read_binary(sys.executable).needed:
                return _Sample(Path(path), more[0])
    pytest.skip("no extension module of this Python needs a library of its own")


@pytest.fixture
def real_image(tmp_path: Path) -> Path:
    """Return an image with this interpreter, its C library and all that is loaded in it, at their own places."""
    program = os.path.realpath(sys.executable)
    module = _sample().path  # imports it
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    paths = {
        path for path in re.findall(r"(/\S+)$", maps, re.MULTILINE) if ".so" in path and "/lib-dynload/" not in path
    }
    image = tmp_path / "img"
    tree = {program[1:]: Path(program).read_bytes()}
    for path in paths:  # by the name that others ask for; the file itself may have a longer one
        real = os.path.realpath(path)
        if "site-packages" not in real:
            name = read_binary(real).soname or os.path.basename(real)
            tree[f"{os.path.dirname(real)}/{name}"[1:]] = Path(real).read_bytes()
    write_tree(image, tree)
    library = Path(os.__file__).resolve().parent
    add(image, {f"{library}/os.py"[1:]: "", f"opt/env/lib/python{SHORT}/site-packages": {}})
    for name in ("lib", "lib64"):  # as on this machine, but from the root of the image
        if os.path.islink(f"/{name}") and not (image / name).exists():
            add(image, {name: Link(os.path.realpath(f"/{name}"))})
    for loader in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"):
        inside = os.path.realpath(os.path.dirname(loader)) + "/" + os.path.basename(loader)
        if os.path.islink(inside):
            add(image, {inside[1:]: Link(os.path.realpath(inside))})
    version = ".".join(map(str, sys.version_info[:3]))
    cfg = f"home = {os.path.dirname(program)}\nversion = {version}\n"
    add(image, {"opt/env/pyvenv.cfg": cfg, "opt/env/bin/python": Link(program)})
    site = image / f"opt/env/lib/python{SHORT}/site-packages"
    tag = f"cp3{sys.version_info[1]}-cp3{sys.version_info[1]}-linux_{os.uname().machine}"
    make_distribution(site, "p", "1.0", files={f"p/{module.name}": module.read_bytes()}, tags=[tag])
    return image


@needs_glibc
def test_a_copy_of_this_machine_is_healthy(real_image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = check(capsys, "/opt/env", "--root", str(real_image))
    assert (report["findings"], report["gaps"]) == ([], [])
    assert (report["target"]["libc"], report["target"]["root"]) == (HOST, str(real_image))
    assert report["target"]["python"] == ".".join(map(str, sys.version_info[:3]))
    line = last_line(capsys, "/opt/env", "--root", str(real_image))
    assert line == "healthy: 1 distribution, 1 compiled file, no smoke test run; 0 not checked"


@needs_glibc
def test_a_library_that_only_this_machine_has_is_missing(
    real_image: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = next(path for path in real_image.rglob("*.so*") if read_binary(str(path)).soname == _sample().library)
    # It is in a folder where only a variable of this machine would make anybody look.
    (real_image / "srv").mkdir()
    found.rename(real_image / "srv" / _sample().library)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/srv")
    assert codes(check(capsys, "/opt/env", "--root", str(real_image))) == ["LNK001"]


@needs_glibc
def test_an_image_with_an_older_c_library(real_image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wheel that this machine supports, and the image does not."""
    (libc,) = real_image.rglob("libc.so.6")
    minor = int(HOST.rpartition(".")[2])
    words = re.sub(rb"(GNU C Library [^\n]* version 2\.)\d\d", rb"\g<1>98", libc.read_bytes())
    tag = f"cp3{sys.version_info[1]}-cp3{sys.version_info[1]}-manylinux_2_{minor + 1}_{os.uname().machine}"
    site = real_image / f"opt/env/lib/python{SHORT}/site-packages"
    make_distribution(site, "new", "1.0", tags=[tag])
    assert codes(check(capsys, "/opt/env", "--root", str(real_image))) == ["PLT002"]
    libc.write_bytes(words)
    assert codes(check(capsys, "/opt/env", "--root", str(real_image))) == []


@needs_glibc
def test_link_shows_the_libraries_of_the_image(real_image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["link", "/opt/env", "--root", str(real_image), "-f", "json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert file["needs"]
    assert all(need["path"].startswith(str(real_image)) for need in file["needs"])


# --- an image as a literal tree --------------------------------------------------------------------------------------


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return an image for another machine, in which one distribution needs another that is not there."""
    image = make_image(tmp_path / "img", program=elf_program("s390x", "/lib/ld-linux-s390x.so.1"))
    make_distribution(image / SITE, "p", "1.0", requires=["gone>=2"])
    return image


def test_a_fix_names_the_interpreter_as_the_image_does(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = check(capsys, "/opt/venv", "--root", str(image))
    (finding,) = report["findings"]
    assert finding["fix"][0]["command"] == "uv pip install --python /opt/venv/bin/python 'gone>=2'"
    assert (report["target"]["platform"], report["target"]["libc"], report["gaps"]) == ("linux-s390x", "glibc", [])
    line = last_line(capsys, "/opt/venv", "--root", str(image))
    assert line == "broken: 1 error, 0 warnings, 0 notes; no smoke test run; 0 not checked"


@pytest.mark.parametrize("flag", ["--smoke", "--no-smoke"])
def test_smoke_tests_that_were_asked_for_are_a_gap(image: Path, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    gaps = check(capsys, "/opt/venv", "--root", str(image), flag)["gaps"]
    wanted = {"code": "RUN", "what": "smoke tests", "why": "nothing in an image is started"}
    assert gaps == ([wanted] if flag == "--smoke" else [])


def test_the_root_is_a_setting(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "envaudit.toml").write_text('root = "img"\ntarget = "/opt/venv"\n', encoding="utf-8")
    assert check(capsys)["target"]["prefix"] == f"{image}/opt/venv"
    monkeypatch.setenv("ENVAUDIT_ROOT", str(tmp_path / "none"))
    assert main(["check"]) == 2
    assert f"--root {tmp_path / 'none'}: there is no such folder" in capsys.readouterr().err
    assert check(capsys, "--root", "img")["target"]["root"] == str(image)


# --- hostile images --------------------------------------------------------------------------------------------------

_opened: list[str] | None = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is not None and event in {"open", "os.scandir", "os.listdir", "subprocess.Popen", "os.posix_spawn"}:
        _opened.append(os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes)) else event)


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Collect the paths of everything that is opened, listed or started; such a hook cannot be taken away again."""
    global _opened  # noqa: PLW0603
    if not getattr(_hook, "added", False):
        sys.addaudithook(_hook)
        setattr(_hook, "added", True)  # noqa: B010
    _opened = []
    yield _opened
    _opened = None


def test_nothing_outside_of_a_hostile_image_is_opened(
    tmp_path: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    secret = write_tree(tmp_path / "secret", {"s.py": "SECRET = 1\n", "METADATA": "Name: secret\nVersion: 6\n"})
    make_distribution(secret, "secretdist", "6.6.6")
    (secret / "m.so").write_bytes(elf_program())
    image = make_image(tmp_path / "img", program=elf_program() + b"\x003.11.2\0")
    up = "../" * 40
    record = f"{up}{secret}/m.so,,\n../../../../../../../../secret/m.so,,\nlinked/m.so,,\nl.so,,\n{secret}/m.so,,\n"
    make_distribution(
        image / SITE, "p", "1.0", record=record, direct_url={"url": f"file://{secret}", "dir_info": {"editable": True}}
    )
    make_distribution(image / SITE, "q", "1.0", metadata=None)
    add(
        image,
        {
            f"{SITE}/linked": Link(str(secret)),
            f"{SITE}/l.so": Link(f"{up}{secret}/m.so"),
            f"{SITE}/q-1.0.dist-info/METADATA": Link(f"{secret}/METADATA"),
            f"{SITE}/secretdist-6.6.6.dist-info": Link(f"{secret}/secretdist-6.6.6.dist-info"),
            f"{SITE}/r-1.0.dist-info": Link("r-1.0.dist-info"),
            f"{SITE}/e.egg-info": Link(str(secret)),
            f"{SITE}/e.egg-link": str(secret),
            f"{SITE}/x.pth": f"{secret}\n{up}{secret}\n",
            f"{SITE}/numpy": Link(str(secret)),
            f"{SITE}/numpy-1.26.4.dist-info/METADATA": "Name: numpy\nVersion: 1.26.4\n",
            "etc/ld.so.cache": Link("/etc/ld.so.cache"),
            "usr/include": Link(str(secret)),
            "conda-meta": Link(str(secret)),
        },
    )
    report = check(capsys, "/opt/venv", "--root", str(image), "--no-config")
    opened.clear()  # the first run has loaded the program
    assert check(capsys, "/opt/venv", "--root", str(image), "--no-config")["findings"] == report["findings"]
    program = (str(Path(__file__).resolve().parents[2] / name) for name in ("envaudit", "rules", ".venv"))
    machine = "/proc/sys/kernel/random/boot_id"  # which says nothing but when this machine was started
    own = (*program, os.path.realpath(sys.base_prefix), sys.prefix, sys.base_prefix, machine)
    paths = [path for path in opened if not path.startswith(own)]
    assert any(path.startswith(f"{image}/") for path in paths)
    assert [path for path in paths if not os.path.realpath(path).startswith(f"{image}/")] == []


# --- another machine, without an image ------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [False, True], ids=["its own interpreter", "a link that leads nowhere"])
def test_an_environment_copied_from_another_machine(
    tmp_path: Path,
    gone: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = elf_program("s390x", "/lib/ld64.so.1")
    tag = "cp311-cp311-manylinux_2_17_s390x"
    files = {"p/m.cpython-311-s390x-linux-gnu.so": program}
    venv = make_venv(tmp_path, program=program, distributions=[Dist("p", "1.0", tags=[tag], files=files)])
    if gone:
        (tmp_path / "base/bin/python3.11").unlink()
    report = check(capsys, str(venv))
    assert codes(report) == (["ENV001"] if gone else [])
    assert (report["target"]["platform"], report["target"]["libc"]) == ("linux-s390x", "" if gone else "glibc")
    why = {gap["code"]: gap["why"] for gap in report["gaps"]}
    assert why["RUN"] == "this machine cannot start a Python for linux-s390x"
    assert why["PLT002"].startswith("the platform is not fully known: ")
    assert report["timings"]["smoke_seconds"] is None


def test_a_wheel_for_another_machine_is_wrong_whatever_the_c_library(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = ["cp311-cp311-manylinux_2_17_x86_64", "cp310-cp310-manylinux_2_17_s390x", "cp311-cp311-musllinux_1_1_s390x"]
    dists = [Dist(f"p{number}", "1.0", tags=[tag]) for number, tag in enumerate(wrong)]
    venv = make_venv(tmp_path, program=elf_program("s390x", "/lib/ld64.so.1"), distributions=dists)
    assert codes(check(capsys, str(venv), "--no-smoke")) == ["PLT002"] * 3
