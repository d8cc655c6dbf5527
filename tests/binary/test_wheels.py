"""Wheels of the index, with what is known about them: which NumPy they were built for, and how that shows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pefile
import pytest
from macholib.MachO import MachO

from envaudit.binary import code_for, read_binary, running_numpy
from envaudit.model import BinaryFacts, NumpyNeed, StructSizes
from tests.support.environments import run_uv

pytestmark = pytest.mark.network

OLD_SIZES = StructSizes(dtype=96, ndarray=96, ufunc=232)


def _installed(folder: Path, platform: str, python: str, *requirements: str) -> Path:
    """Unpack wheels of any platform, alone."""
    options = ("--python-version", python, "--python-platform", platform, "--no-deps", "--only-binary", ":all:")
    run_uv("pip", "install", "--quiet", "--no-config", "--target", str(folder), *options, *requirements)
    return folder


def _facts(folder: Path, package: str) -> list[BinaryFacts]:
    """Read every compiled file of a package."""
    found = []
    if (folder / package).is_dir():
        found = sorted(path for path in (folder / package).rglob("*") if path.suffix in {".so", ".pyd"})
    found += sorted(folder.glob(f"{package}.*.so"))
    assert found, f"no compiled file of {package}"
    return [read_binary(str(path), "all") for path in found]


def _summary(facts: list[BinaryFacts]) -> Counter[tuple[str, str, int | None, str]]:
    """Count the users of NumPy by kind, build, feature version and how it was found."""
    needs = [one.numpy for one in facts if one.numpy and one.numpy.kind != "cython"]
    return Counter((need.kind, need.built_for, need.feature, need.feature_from) for need in needs)


def _sizes(facts: list[BinaryFacts]) -> Counter[StructSizes]:
    """Count the sizes that modules expect."""
    return Counter(one.numpy.expects for one in facts if one.numpy and one.numpy.expects != StructSizes())


@pytest.fixture(scope="module")
def x86_64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _installed(
        tmp_path_factory.mktemp("x86_64"),
        "x86_64-manylinux_2_28",
        "3.11",
        "pandas==2.0.3",
        "h5py==3.10.0",
        "boost-histogram==1.4.0",
        "opencv-python-headless==4.8.1.78",
        "tokenizers==0.15.2",
        "scipy==1.15.3",
        "contourpy==1.2.1",
        "gensim==4.3.0",
        "numpy==1.26.4",
    )


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ("pandas", {("c-api", "1.x", 0x10, "argument"): 33}),
        ("h5py", {("c-api", "1.x", 0x10, "argument"): 6}),
        ("boost_histogram", {("by-name", "1.x", None, ""): 1}),
        ("cv2", {("c-api", "1.x", 0x0D, "argument"): 1}),
        ("tokenizers", {("by-name", "1.x", None, ""): 1}),
        ("contourpy", {("by-name", "2.x", None, ""): 1}),
        ("gensim", {}),
        (
            "numpy",
            {
                ("c-api", "1.x", 0x0D, "argument"): 13,
                ("c-api", "1.x", 0x11, "argument"): 4,
                ("by-name", "1.x", None, ""): 1,
            },
        ),
    ],
)
def test_users_of_the_c_api(package: str, expected: dict[object, int], x86_64: Path) -> None:
    facts = _facts(x86_64, package)
    assert _summary(facts) == expected
    assert {(one.format, one.machine, one.truncated, one.numpy_unread) for one in facts} == {
        ("elf", "x86_64", False, "")
    }


def test_a_2x_build_says_what_it_needs(x86_64: Path) -> None:
    facts = _facts(x86_64, "scipy")
    assert _summary(facts) == {("c-api", "2.x", 0x0E, "text"): 91, ("by-name", "2.x", None, ""): 3}
    texts = {one.numpy.feature_text for one in facts if one.numpy and one.numpy.kind == "c-api"}
    assert texts == {"1.20"}
    assert _sizes(facts) == {StructSizes(dtype=32, ndarray=16, ufunc=216): 50}


@pytest.mark.parametrize(("package", "count"), [("pandas", 36), ("h5py", 24), ("gensim", 7)])
def test_sizes_of_cython_modules(package: str, count: int, x86_64: Path) -> None:
    facts = _facts(x86_64, package)
    assert _sizes(facts) == {OLD_SIZES: count}
    assert {one.frameworks for one in facts if one.numpy and one.numpy.expects == OLD_SIZES} == {("cython",)}


def test_the_running_numpy(x86_64: Path, tmp_path: Path) -> None:
    numpy = running_numpy(str(x86_64 / "numpy"), "", "")
    assert (numpy.version, numpy.abi, numpy.feature, numpy.sizes) == ("1.26.4", 0x01000009, 0x11, OLD_SIZES)
    assert code_for(numpy) == "never"
    newer = _installed(tmp_path, "x86_64-manylinux_2_28", "3.11", "numpy==2.2.6")
    numpy = running_numpy(str(newer / "numpy"), "", "")
    assert (numpy.version, numpy.abi, numpy.feature) == ("2.2.6", 0x02000000, 0x13)
    assert numpy.source.endswith("numpy/_core/include/numpy/_numpyconfig.h")
    assert Path(numpy.source).is_file()
    assert _summary(_facts(newer, "numpy")) == {
        ("c-api", "2.x", 0x0E, "text"): 11,
        ("c-api", "2.x", 0x13, "text"): 6,
        ("by-name", "2.x", None, ""): 1,
    }


def test_another_machine(tmp_path: Path) -> None:
    folder = _installed(tmp_path, "aarch64-manylinux_2_28", "3.11", "numexpr==2.8.4", "scikit-learn==1.3.2")
    (numexpr,) = _facts(folder, "numexpr")
    assert numexpr.machine == "aarch64"
    assert numexpr.numpy == NumpyNeed("c-api", "1.x", "", 0x10, "argument")
    learn = _facts(folder, "sklearn")
    assert _summary(learn) == {("c-api", "1.x", 0x10, "argument"): 27}
    assert _sizes(learn) == {StructSizes(dtype=96, ndarray=16, ufunc=232): 41}


def test_a_wheel_of_macos(tmp_path: Path) -> None:
    folder = _installed(tmp_path, "aarch64-apple-darwin", "3.11", "h5py==3.10.0")
    facts = _facts(folder, "h5py")
    assert _summary(facts) == {("c-api", "1.x", 0x10, "argument"): 6}
    assert _sizes(facts) == {OLD_SIZES: 24}
    assert {(one.format, one.machine, one.truncated, one.numpy_unread) for one in facts} == {
        ("macho", "arm64", False, "")
    }
    libraries = sorted((folder / "h5py" / ".dylibs").iterdir())
    assert libraries
    for path in (*libraries, *(folder / "h5py").rglob("*.so")):
        one = read_binary(str(path))
        (header,) = MachO(str(path)).headers
        commands = [(load.cmd, command, data) for load, command, data in header.commands]
        names = [(number, data.split(b"\0")[0].decode()) for number, _, data in commands if isinstance(data, bytes)]
        assert [name for number, name in names if number == 0xC] == list(one.needed)
        assert [name for number, name in names if number == 0x8000001C] == list(one.rpath)
        versions = {int(command.minos) for number, command, _ in commands if number == 0x32}
        versions |= {int(command.version) for number, command, _ in commands if number == 0x24}
        assert {f"{version >> 16}.{version >> 8 & 0xFF}" for version in versions} == {one.min_os}


def test_a_wheel_of_windows(tmp_path: Path) -> None:
    folder = _installed(tmp_path, "x86_64-pc-windows-msvc", "3.11", "h5py==3.10.0")
    facts = _facts(folder, "h5py")
    assert _summary(facts) == {("c-api", "1.x", 0x10, "argument"): 6}
    assert _sizes(facts) == {OLD_SIZES: 24}
    assert {(one.format, one.machine, one.truncated, one.numpy_unread) for one in facts} == {("pe", "AMD64", False, "")}
    for path in (folder / "h5py").rglob("*.pyd"):
        image = pefile.PE(str(path))
        assert [one.dll.decode() for one in image.DIRECTORY_ENTRY_IMPORT] == list(read_binary(str(path)).needed)
