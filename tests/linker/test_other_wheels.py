"""Wheels for macOS and Windows, audited here: what other readers say of them, healthy sets, and their broken twins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pefile
import pytest
from macholib.MachO import MachO
from macholib.SymbolTable import SymbolTable

from envaudit.binary import read_binary
from envaudit.binary.named import read_names
from tests.support.environments import run_uv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from envaudit.model import Binary

pytestmark = pytest.mark.network

PLATFORMS = {
    "arm64": "aarch64-apple-darwin",
    "x86_64": "x86_64-apple-darwin",
    "AMD64": "x86_64-pc-windows-msvc",
    "x86": "i686-pc-windows-msvc",
}
SCIENCE = (
    *("numpy==2.2.6", "scipy==1.15.3", "pandas==2.2.3", "scikit-learn==1.6.1", "matplotlib==3.10.1", "h5py==3.13.0"),
    *("pillow==11.2.1", "pyarrow==20.0.0", "opencv-python-headless==4.11.0.86", "lxml==5.4.0", "pyzmq==26.4.0"),
    *("psycopg2-binary==2.9.13", "cryptography==44.0.3", "shapely==2.1.0", "pyproj==3.6.1"),
)
SETS = {"arm64": SCIENCE, "x86_64": SCIENCE, "AMD64": SCIENCE, "x86": ("numpy==2.2.6", "pillow==11.2.1", "lxml==5.4.0")}
_PEFILE_CUTS = 512  # the characters it keeps of a name
_CPU = {"arm64": 0x0100000C, "x86_64": 0x01000007}


def install(folder: Path, machine: str, *requirements: str, deps: bool = True) -> Path:
    """Make an environment of another system, and return its site folder."""
    windows = machine in {"AMD64", "x86"}
    site = folder / ("Lib/site-packages" if windows else "lib/python3.11/site-packages")
    site.mkdir(parents=True)
    home = "C:\\Python311" if windows else "/Library/Frameworks/Python.framework/Versions/3.11/bin"
    (folder / "pyvenv.cfg").write_text(f"home = {home}\nversion = 3.11.7\n", encoding="utf-8")
    options = ("--python-version", "3.11", "--python-platform", PLATFORMS[machine], "--only-binary", ":all:")
    more = () if deps else ("--no-deps",)
    run_uv("pip", "install", "--quiet", "--no-config", "--target", str(site), *options, *more, *requirements)
    return site


def audit(folder: Path) -> list[dict[str, Any]]:
    """Return the findings of LNK and PLT."""
    command = [sys.executable, "-m", "envaudit", "check", str(folder), "--no-smoke", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return [each for each in json.loads(done.stdout)["findings"] if each["code"].startswith(("LNK", "PLT"))]


def errors(folder: Path) -> list[tuple[str, str]]:
    """Return code and distribution of each error."""
    return [(each["code"], each["distribution"]) for each in audit(folder) if each["severity"] == "error"]


@pytest.fixture(scope="module", params=list(PLATFORMS))
def healthy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp(request.param) / "env"
    install(folder, request.param, *SETS[request.param])
    return request.param, folder


def compiled(folder: Path) -> Iterator[Path]:
    """Yield the compiled files of an environment."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".so", ".dylib", ".pyd", ".dll"} and path.is_file():
            yield path


def test_a_healthy_set_has_no_errors(healthy: tuple[str, Path]) -> None:
    assert errors(healthy[1]) == []


def test_what_other_readers_say(healthy: tuple[str, Path]) -> None:
    machine, folder = healthy
    number = 0
    for path in compiled(folder):
        number += 1
        if machine in _CPU:
            _compare_with_macholib(path, machine)
        elif path.stat().st_size < 1_000_000:  # pefile takes seconds for a large file
            _compare_with_pefile(path)
    assert number > (20 if machine == "x86" else 300)


def _compare_with_macholib(path: Path, machine: str) -> None:
    facts = read_binary(str(path), machine=machine)
    whole = MachO(str(path))
    (header,) = [each for each in whole.headers if each.header.cputype == _CPU[facts.machine]]
    commands = [(load.cmd, command, data) for load, command, data in header.commands]
    names = [(number, data.split(b"\0")[0].decode()) for number, _, data in commands if isinstance(data, bytes)]
    assert [name for number, name in names if number in {0xC, 0x8000001F, 0x80000023}] == list(facts.needed)
    assert [name for number, name in names if number in {0x80000018, 0x20}] == list(facts.needed_late)
    assert [name for number, name in names if number == 0x8000001C] == list(facts.rpath)
    versions = {int(command.minos) for number, command, _ in commands if number == 0x32}
    versions |= {int(command.version) for number, command, _ in commands if number == 0x24}
    told = {f"{each >> 16}.{each >> 8 & 0xFF}" + (f".{each & 0xFF}" if each & 0xFF else "") for each in versions}
    assert told == {facts.min_os}
    ordered = [name for number, name in names if number in {0xC, 0x8000001F, 0x80000023, 0x80000018, 0x20}]
    asks: dict[str, set[bytes]] = {}
    for symbol, name in SymbolTable(whole, header).undefsyms:
        ordinal = int(symbol.n_desc) >> 8 & 0xFF
        if 0 < ordinal <= len(ordered) and not int(symbol.n_desc) & 0xC0:
            asks.setdefault(ordered[ordinal - 1], set()).add(name)
    assert read_names(str(path), machine).asks == asks


def _compare_with_pefile(path: Path) -> None:
    facts, names = read_binary(str(path)), read_names(str(path))
    image = pefile.PE(str(path), fast_load=True)
    image.parse_data_directories([0, 1, 13])
    imports = getattr(image, "DIRECTORY_ENTRY_IMPORT", [])
    assert [each.dll.decode() for each in imports] == list(facts.needed)
    delayed = getattr(image, "DIRECTORY_ENTRY_DELAY_IMPORT", [])
    assert [each.dll.decode() for each in delayed] == list(facts.needed_late)
    asks: dict[str, set[bytes]] = {}
    for each in imports:
        # For some libraries it knows the names behind the numbers.
        taken = {one.name[:_PEFILE_CUTS] for one in each.imports if one.name and not one.import_by_ordinal}
        asks.setdefault(each.dll.decode(), set()).update(taken)
    assert {name: {one[:_PEFILE_CUTS] for one in some} for name, some in names.asks.items()} == asks
    exports = getattr(image, "DIRECTORY_ENTRY_EXPORT", None)
    offered = frozenset(each.name for each in exports.symbols if each.name) if exports else frozenset()
    offered = frozenset(name for name in offered if len(name) < _PEFILE_CUTS)
    assert names.provides(offered | {b"not there"}) == offered


# --- broken twins ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "pattern", "broken"),
    [
        ("arm64", "h5py/.dylibs/libhdf5.*.dylib", "h5py"),
        ("arm64", "sklearn/.dylibs/libomp.dylib", "scikit-learn"),
        ("x86_64", "scipy/.dylibs/libgfortran*.dylib", "scipy"),
        ("x86_64", "numpy/.dylibs/libscipy_openblas*.dylib", "numpy"),
        ("AMD64", "numpy.libs/libscipy_openblas*.dll", "numpy"),
        ("AMD64", "pandas.libs/msvcp140-*.dll", "pandas"),
        ("AMD64", "h5py/hdf5.dll", "h5py"),
    ],
)
def test_a_bundled_library_is_gone(tmp_path: Path, machine: str, pattern: str, broken: str) -> None:
    wanted = [each for each in SCIENCE if each.startswith(("numpy=", f"{broken}=", "scipy="))]
    site = install(tmp_path / "env", machine, *wanted, deps=False)
    assert errors(tmp_path / "env") == []
    (library,) = site.glob(pattern)
    library.unlink()
    findings = [each for each in audit(tmp_path / "env") if each["code"] == "LNK001"]
    assert {(each["distribution"], each["severity"]) for each in findings} == {(broken, "error")}


@pytest.mark.parametrize("machine", ["arm64", "AMD64"])
def test_operators_built_for_another_torch(tmp_path: Path, machine: str) -> None:
    install(tmp_path / "good", machine, "torch==2.2.2", "torchvision==0.17.2", deps=False)
    assert errors(tmp_path / "good") == []
    install(tmp_path / "bad", machine, "torch==2.2.2", "torchvision==0.15.2", deps=False)
    assert errors(tmp_path / "bad") == [("LNK003", "torchvision")]


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.13.0", "scipy 1.13.0 is tagged for macOS 12.0, but was built for macOS 14.0"),
        ("1.14.1", ""),
    ],
)
def test_a_tag_that_promises_an_older_macos(tmp_path: Path, version: str, message: str) -> None:
    install(tmp_path / "env", "arm64", f"scipy=={version}", deps=False)
    findings = [each["message"] for each in audit(tmp_path / "env") if each["code"] == "PLT005"]
    assert findings == ([message] if message else [])


def test_libraries_for_another_macos_than_that_of_a_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    install(root / "env", "arm64", "scipy==1.13.0", deps=False)
    plist = root / "System/Library/CoreServices/SystemVersion.plist"
    plist.parent.mkdir(parents=True)
    for version, wanted in (("13.6", 1), ("14.1", 0)):
        plist.write_text(f"<key>ProductVersion</key><string>{version}</string>")
        command = [sys.executable, "-m", "envaudit", "check", "/env", "--root", str(root), "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
        findings = [each for each in json.loads(done.stdout)["findings"] if each["code"] == "LNK002"]
        assert len(findings) == wanted


@pytest.mark.parametrize("machine", ["arm64", "x86_64"])
def test_universal_wheels_are_read_for_the_machine(tmp_path: Path, machine: str) -> None:
    from envaudit.gather import gather_facts
    from envaudit.locate import TargetRequest, locate

    install(tmp_path / "env", machine, "lxml==5.4.0", "markupsafe==2.1.5", deps=False)
    facts = gather_facts(locate(TargetRequest(str(tmp_path / "env")), {}, "/"))
    # Only files for the machine name it: a universal one is told apart by the part that was read.
    binaries: tuple[Binary, ...] = facts.binaries
    assert facts.target.machine == machine or {b.facts.machine for b in binaries if b.facts} == {facts.target.machine}
    assert errors(tmp_path / "env") == []
