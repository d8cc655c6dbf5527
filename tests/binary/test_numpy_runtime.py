"""The running NumPy by its own files, and the table of releases."""

from __future__ import annotations

from pathlib import Path

import pytest

from envaudit.binary import first_release, running_numpy
from envaudit.binary.numpy_releases import ABI_1, ABI_2, FEATURE_OF_TEXT, RELEASES, release_of
from envaudit.binary.struct_sizes import _PLAUSIBLE
from envaudit.model import RunningNumpy, StructSizes

HEADER = """#define NPY_SIZEOF_LONG 8
#define NPY_ABI_VERSION {abi:#010x}
#define NPY_API_VERSION {api:#010x}
"""


def _package(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = folder / "numpy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(folder / "numpy")


def _header(folder: str, abi: int, api: int) -> dict[str, str]:
    return {f"{folder}/include/numpy/_numpyconfig.h": HEADER.format(abi=abi, api=api)}


def test_numpy_2_states_everything_but_its_sizes(tmp_path: Path) -> None:
    version = '"""Module to expose."""\n\nversion = "2.2.6"\n__version__ = version\nfull_version = version\n'
    package = _package(tmp_path, {"version.py": version, **_header("_core", 0x02000000, 0x13)})
    header = f"{package}/_core/include/numpy/_numpyconfig.h"
    expected = RunningNumpy("2.2.6", 0x02000000, 0x13, StructSizes(88, 96, 240), header, "numpy-2.2.6.dist-info")
    assert running_numpy(package, "2.2.5", "numpy-2.2.6.dist-info") == expected


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"version.py": "short_version = '1.19.5'\nversion = '1.19.5'\nfull_version = '1.19.5'\n"}, "1.19.5"),
        ({"version.py": "short_version: str = '1.20.3'\nversion: str = '1.20.3'\n"}, "1.20.3"),
        ({"version.py": "import x\nversion: str\n", "_version.py": ' "version": "1.24.4"\n'}, "1.24.4"),
        ({"version.py": 'short_version = "2.4.0"\nfull_version = "2.4.0.dev0+git1"\n'}, "2.4.0.dev0+git1"),
        ({"version.py": 'short_version = "2.4.0"\n'}, "2.4.0"),
        ({"version.py": "version = compute()\n"}, "9.9"),
        ({"version.py": "version = '" + "1" * 99 + "'\n"}, "9.9"),
        ({"version.py": "#" * 300_000 + "\nversion = '1.0'\n"}, "9.9"),
        ({}, "9.9"),
    ],
)
def test_versions_of_all_times(files: dict[str, str], version: str, tmp_path: Path) -> None:
    assert running_numpy(_package(tmp_path, files), "9.9", "").version == version


def test_without_headers_the_table_knows(tmp_path: Path) -> None:
    package = _package(tmp_path, {"version.py": "version = '1.21.6'\n"})
    numpy = running_numpy(package, "", "")
    assert (numpy.abi, numpy.feature, numpy.source) == (ABI_1, 0x0E, "release table")
    assert numpy.sizes == StructSizes(96, 88, 216)


def test_the_header_is_believed_before_the_table(tmp_path: Path) -> None:
    package = _package(tmp_path, {"version.py": "version = '1.26.4'\n", **_header("core", ABI_1, 0x0D)})
    assert running_numpy(package, "", "").feature == 0x0D


def test_a_newer_release_is_known_by_its_header_but_not_its_sizes(tmp_path: Path) -> None:
    package = _package(tmp_path, {"version.py": "version = '3.0.0'\n", **_header("_core", 0x03000000, 0x33)})
    numpy = running_numpy(package, "3.0.0", "")
    assert (numpy.abi, numpy.feature, numpy.sizes) == (0x03000000, 0x33, StructSizes())


@pytest.mark.parametrize("header", ["", "#define NPY_ABI_VERSION 0x1\n", "#define NPY_ABI_VERSION 1000\n\x00"])
def test_what_nobody_states_is_not_guessed(header: str, tmp_path: Path) -> None:
    package = _package(tmp_path, {"core/include/numpy/_numpyconfig.h": header})
    numpy = running_numpy(package, "9.0.0", "info")
    assert numpy == RunningNumpy("9.0.0", None, None, StructSizes(), "", "info")


def test_a_header_that_is_no_text_states_nothing(tmp_path: Path) -> None:
    package = Path(_package(tmp_path, {"version.py": "version = '2.0.1'\n", **_header("_core", ABI_2, 0x12)}))
    (package / "_core/include/numpy/_numpyconfig.h").write_bytes(b"\xff\xfe\x00")
    assert running_numpy(str(package), "", "").source == "release table"


@pytest.mark.parametrize("version", ["", "2", "x.y.z", "2.x", "99999999999999999999.1", "\u00b2.1", "3.0"])
def test_versions_without_a_row(version: str) -> None:
    assert release_of(version) is None


def test_versions_with_a_row() -> None:
    assert release_of("2.3.0rc1") is RELEASES[2, 3]
    assert release_of("1.26") is RELEASES[1, 26]


@pytest.mark.parametrize(
    ("feature", "release"), [(7, "1.7"), (8, "1.8"), (9, "1.8"), (0x0D, "1.16"), (0x12, "2.0"), (0x16, "2.5"), (99, "")]
)
def test_first_release_of_a_feature(feature: int, release: str) -> None:
    assert first_release(feature) == release


def test_the_tables_agree_with_each_other() -> None:
    """Rows ascend, no release asks by default for more than it offers, and each size can be found in code."""
    rows = list(RELEASES.items())
    assert [key for key, _ in rows] == sorted(RELEASES)
    assert [row.feature for _, row in rows] == sorted(row.feature for _, row in rows)
    for (major, _), row in rows:
        assert row.abi == (ABI_1 if major == 1 else ABI_2)
        assert row.target <= row.feature
        assert {row.expected.dtype, None} <= {*_PLAUSIBLE["dtype"], None}
        assert {row.expected.ndarray, None} <= {*_PLAUSIBLE["ndarray"], None}
        assert {row.expected.ufunc, None} <= {*_PLAUSIBLE["ufunc"], None}
    for text, feature in FEATURE_OF_TEXT.items():
        first = first_release(feature)
        assert first == text or (text, first) == ("1.9", "1.8")
