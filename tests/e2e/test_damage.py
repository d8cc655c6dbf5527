"""Damage to installed files, made in environments of real wheels; each printed fix is carried out and heals."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.test_leftovers import check, found, heal, site_of, whole
from tests.support.environments import build_environment, installing, python_of, run_uv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.command import Ran

pytestmark = pytest.mark.network

_NUMPY_1 = "numpy==1.26.4"  # what the older cv2 was built for
_WHEELS = (_NUMPY_1, "scipy==1.13.1", "pandas==2.2.2")
_COPY = ("--link-mode", "copy")  # damage must not reach the cache of the installer


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One environment for all damage: each test heals what it has broken, and holds that it did."""
    folder = tmp_path_factory.mktemp("damage")
    environment = build_environment(folder / "venv", "3.11", _WHEELS, *_COPY, seed=True)
    assert whole(check(environment))
    yield environment
    shutil.rmtree(folder, ignore_errors=True)


def _only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def _half(site: Path) -> None:
    path = _only(site, "scipy/linalg/_flapack.*.so")
    os.truncate(path, path.stat().st_size // 2)


def _zeros(site: Path) -> None:
    path = _only(site, "scipy/linalg/_fblas.*.so")
    path.write_bytes(bytes(path.stat().st_size))


def _zeros_of_old(site: Path) -> None:
    """As a power cut leaves it: size and time are right."""
    path = _only(site, "scipy/linalg/_fblas.*.so")
    before = path.stat()
    path.write_bytes(bytes(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _half_zeros_of_old(site: Path) -> None:
    path = _only(site, "scipy/linalg/_fblas.*.so")
    before = path.stat()
    half = path.read_bytes()[: before.st_size // 2]
    path.write_bytes(half.ljust(before.st_size, b"\0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _no_libraries(site: Path) -> None:
    shutil.rmtree(site / "numpy.libs")


def _no_frame(site: Path) -> None:
    (site / "pandas/core/frame.py").unlink()


def _no_record(site: Path) -> None:
    (site / "pandas-2.2.2.dist-info/RECORD").unlink()


def _edited(site: Path) -> None:
    path = site / "pandas/core/series.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n# a quick fix\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "code", "severity", "distribution", "words"),
    [
        (_half, "INS002", "error", "scipy", "1 module that is cut short"),
        (_zeros, "INS002", "error", "scipy", "1 module that is filled with zeros"),
        (_zeros_of_old, "INS002", "error", "scipy", "1 module that is filled with zeros"),
        (_half_zeros_of_old, "INS002", "error", "scipy", "filled with zeros at the end"),
        (_no_libraries, "INS001", "error", "numpy", "the folder numpy.libs is gone"),
        (_no_frame, "INS001", "error", "pandas", "lacks 1 module"),
        (_no_record, "INS001", "warning", "pandas", "has no RECORD"),
        (_edited, "INS002", "warning", "pandas", "1 module that was changed after the installation"),
    ],
)
def test_damage_is_named_and_the_fix_heals(
    sound: Path, damage: Callable[[Path], None], code: str, severity: str, distribution: str, words: str
) -> None:
    damage(site_of(sound))
    ran = check(sound)
    finding = found(ran, code)
    assert (finding["severity"], finding["distribution"]) == (severity, distribution)
    assert words in finding["message"]
    assert ran.status == (1 if severity == "error" else 0)
    heal(finding)
    assert whole(check(sound)), check(sound).stdout


@pytest.mark.parametrize("which", [0, 1], ids=["metadata's", "files'"])
def test_another_release_laid_over_it(tmp_path: Path, which: int) -> None:
    environment = build_environment(tmp_path / "venv", "3.11", ["numpy==1.26.4"], *_COPY, seed=True)
    over = tmp_path / "over"
    run_uv("pip", "install", "-q", "--python", python_of(environment), *_COPY, "--target", str(over), "numpy==2.0.2")
    for name in ("numpy", "numpy.libs"):
        shutil.copytree(over / name, site_of(environment) / name, dirs_exist_ok=True)
    finding = found(check(environment), "INS005")
    assert (finding["severity"], finding["distribution"], finding["version"]) == ("error", "numpy", "2.0.2")
    assert "say 1.26.4, but its files are those of 2.0.2" in finding["message"]
    heal(finding, which)
    assert whole(check(environment)), check(environment).stdout


def test_what_was_built_for_the_metadata_fails_with_the_files(tmp_path: Path) -> None:
    """All checks go by the files: pandas 2.0.3 was built for the NumPy 1 that the metadata promise."""
    environment = build_environment(tmp_path / "venv", "3.11", ["numpy==1.26.4", "pandas==2.0.3"], *_COPY, seed=True)
    over = tmp_path / "over"
    run_uv("pip", "install", "-q", "--python", python_of(environment), *_COPY, "--target", str(over), "numpy==2.0.2")
    for name in ("numpy", "numpy.libs"):
        shutil.copytree(over / name, site_of(environment) / name, dirs_exist_ok=True)
    ran = check(environment)
    assert "NumPy 2.0.2" in found(ran, "ABI001")["message"]
    heal(found(ran, "INS005"))
    assert whole(check(environment)), check(environment).stdout


def _shared(ran: Ran) -> dict[str, Any]:
    return found(ran, "INS003")


@pytest.mark.parametrize("which", [0, 1], ids=["keep the winner", "keep the loser"])
@pytest.mark.parametrize(
    ("first", "second", "loser", "winner"),
    [
        ("PyJWT==2.8.0", "jwt==1.3.1", "pyjwt", "jwt"),
        (
            "opencv-python-headless==4.10.0.84",
            "opencv-contrib-python-headless==4.9.0.80",
            "opencv-python-headless",
            "opencv-contrib-python-headless",
        ),
    ],
    ids=["jwt", "cv2"],
)
def test_two_owners(tmp_path: Path, first: str, second: str, loser: str, winner: str, which: int) -> None:
    environment = build_environment(tmp_path / "venv", "3.11", [first, _NUMPY_1], *_COPY, seed=True)
    run_uv("pip", "install", "-q", "--python", python_of(environment), *_COPY, second)
    finding = _shared(check(environment))
    assert (finding["severity"], finding["distribution"]) == ("error", loser)
    assert [other["name"] for other in finding["involves"]] == [winner]
    heal(finding, which)
    assert whole(check(environment)), check(environment).stdout


def test_what_the_removal_of_one_owner_takes_from_the_other(tmp_path: Path) -> None:
    kept, removed = "opencv-contrib-python-headless==4.9.0.80", "opencv-python-headless==4.10.0.84"
    environment = build_environment(tmp_path / "venv", "3.11", [kept, _NUMPY_1], *_COPY, seed=True)
    run_uv("pip", "install", "-q", "--python", python_of(environment), *_COPY, removed)
    run_uv("pip", "uninstall", "-q", "--python", python_of(environment), removed.partition("=")[0])
    finding = found(check(environment), "INS001")
    assert (finding["severity"], finding["distribution"]) == ("error", kept.partition("=")[0])
    heal(finding)
    assert whole(check(environment)), check(environment).stdout


def test_damage_through_a_hard_link_is_healed_with_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv links files of its cache into environments: what is changed in place comes back when it installs again."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    environment = build_environment(tmp_path / "venv", "3.11", ["six==1.16.0"], "--link-mode", "hardlink")
    (site_of(environment) / "six.py").write_bytes(b"")
    finding = found(check(environment), "INS002")
    assert finding["fix"][0]["command"].startswith("uv cache clean six && ")
    heal(finding)
    assert whole(check(environment)), check(environment).stdout


def test_a_module_that_another_build_has_left(sound: Path) -> None:
    own = _only(site_of(sound), "scipy/linalg/_fblas.*.so")
    stray = own.with_name("_fblas.so")
    shutil.copy(own, stray)
    finding = found(check(sound), "INS005")
    assert (finding["severity"], finding["distribution"]) == ("note", "scipy")
    heal(finding)
    assert not stray.exists()
    assert whole(check(sound))


@pytest.mark.parametrize("names", ["packaging", "*"], ids=["one", "all"])
def test_bytecode_that_was_cleaned_away(tmp_path: Path, names: str) -> None:
    """pip lists what it has compiled; who makes an image small deletes it."""
    environment = build_environment(tmp_path / "venv", "3.11", [], seed=True)
    command = [python_of(environment), "-m", "pip", "install", "-q", "packaging==24.2", "idna==3.10", "flask==3.0.3"]
    subprocess.run(command, check=True, capture_output=True, env=installing())
    assert whole(check(environment))
    for folder in [*site_of(environment).glob(f"{names}/**/__pycache__"), *site_of(environment).glob("__pycache__")]:
        shutil.rmtree(folder, ignore_errors=True)
    ran = check(environment)
    finding = found(ran, "INS001")
    assert (ran.status, finding["severity"]) == (0, "note")
    assert f"{'packaging' if names == 'packaging' else '9 distributions'}: none of the" in finding["message"]
    heal(finding)
    assert whole(check(environment))


def test_everything_is_verified(sound: Path) -> None:
    path = site_of(sound) / "pandas/core/generic.py"
    before, text = path.stat(), path.read_bytes()
    path.write_bytes(text[:-2] + b"#\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert whole(check(sound))
    variables = {"ENVAUDIT_VERIFY": "1"}
    finding = found(check(sound, None, **variables), "INS002")
    assert finding["evidence"][0]["path"].endswith("pandas/core/generic.py")
    heal(finding)
    assert whole(check(sound, None, **variables))
