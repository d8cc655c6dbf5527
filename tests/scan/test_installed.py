"""RECORD held against the disk: what is found, what is left alone, and what is never opened."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from envaudit.model import ChangedFiles, StrayModule
from envaudit.scan import Scan, scan_target
from envaudit.scan.record import list_files
from tests.scan.support import target_of
from tests.support.trees import Dist, Link, make_distribution, write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent.parent
LATER = 10_000.0  # seconds, so that times tell what was changed


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "lib/python3.11/site-packages"
    folder.mkdir(parents=True)
    return folder


def _install(site: Path, name: str = "pkg", version: str = "1.0", **fields: object) -> Path:
    """Write a distribution whose RECORD is as new as its files, all of them old."""
    info = make_distribution(site, Dist(name, version, **fields))  # type: ignore[arg-type]
    for path in site.rglob("*"):
        if path.is_file() and not path.is_symlink():
            os.utime(path, (1_000_000, 1_000_000))
    return info


def _scan(site: Path, *, verify: bool = False) -> Scan:
    return scan_target(target_of(site)._replace(prefix=str(site.parent.parent.parent)), verify=verify)


def _changes(site: Path, *, verify: bool = False) -> dict[str, str]:
    return {file.path: file.change for each in _scan(site, verify=verify).changed for file in each.changed}


def _rewrite(path: Path, data: bytes, *, keep_time: bool = False) -> None:
    before = path.stat().st_mtime if path.exists() else 1_000_000
    path.write_bytes(data)
    moment = before if keep_time else before + LATER
    os.utime(path, (moment, moment))


FILES: Mapping[str, str | bytes] = {
    "pkg/__init__.py": "x = 1\n",
    "pkg/core.py": "def f(): ...\n",
    "pkg/data.json": "{}\n",
    "pkg/_x.cpython-311-x86_64-linux-gnu.so": bytes(range(256)) * 64,
}


def test_what_is_as_it_was_installed_leaves_no_trace(site: Path) -> None:
    _install(site, files=FILES)
    for verify in (False, True):
        found = _scan(site, verify=verify)
        assert (found.changed, found.shared, found.gaps) == ((), (), ())


def test_missing_files_and_folders(site: Path) -> None:
    info = _install(site, files={**FILES, "pkg.libs/liba.so": b"x", "pkg/sub/deep/y.py": "", "pkg/sub/z.py": ""})
    for name in ("pkg/core.py", "pkg.libs/liba.so", "pkg/sub/deep/y.py", "pkg/sub/z.py"):
        (site / name).unlink()
    (site / "pkg.libs").rmdir()
    (site / "pkg/sub/deep").rmdir()
    (site / "pkg/sub").rmdir()
    (found,) = _scan(site).changed
    assert found.owner == str(info)
    assert sorted(found.missing) == ["pkg.libs/liba.so", "pkg/core.py", "pkg/sub/deep/y.py", "pkg/sub/z.py"]
    assert found.gone == ("pkg.libs", "pkg/sub")


@pytest.mark.parametrize(
    ("name", "data", "change"),
    [
        ("pkg/core.py", b"", "empty"),
        ("pkg/core.py", b"def f(): return 1\n", "size"),
        ("pkg/core.py", b"def g(): ...\n", "content"),
        ("pkg/core.py", bytes(13), "zeros"),
        ("pkg/_x.cpython-311-x86_64-linux-gnu.so", bytes(16384), "zeros"),
        ("pkg/_x.cpython-311-x86_64-linux-gnu.so", bytes(range(1, 256)) + bytes(16384 - 255), "zero-tail"),
        ("pkg/_x.cpython-311-x86_64-linux-gnu.so", bytes(range(256)) * 32, "size"),
        ("pkg/data.json", b"[]\n", "content"),
    ],
)
def test_a_file_that_was_changed_later(site: Path, name: str, data: bytes, change: str) -> None:
    _install(site, files=FILES)
    _rewrite(site / name, data)
    assert _changes(site) == {name: change}


def test_a_change_that_keeps_size_and_time_is_found_when_everything_is_verified(site: Path) -> None:
    _install(site, files=FILES)
    _rewrite(site / "pkg/core.py", b"def g(): ...\n", keep_time=True)
    assert _changes(site) == {}
    assert _changes(site, verify=True) == {"pkg/core.py": "content"}


def test_headers_and_stubs_are_only_verified(site: Path) -> None:
    _install(site, files={**FILES, "pkg/a.h": "int x;", "pkg/a.pyi": "x: int"})
    (site / "pkg/a.h").unlink()
    _rewrite(site / "pkg/a.pyi", b"")
    assert _scan(site).changed == ()
    (found,) = _scan(site, verify=True).changed
    assert (found.missing, [file.path for file in found.changed]) == (("pkg/a.h",), ["pkg/a.pyi"])


def test_in_a_copied_environment_times_say_nothing(site: Path) -> None:
    _install(site, files={f"pkg/m{number}.py": "a = 1\n" for number in range(50)})
    for number in range(50):
        _rewrite(site / f"pkg/m{number}.py", b"b = 1\n" if number == 7 else b"a = 1\n")
    assert _changes(site) == {}
    assert _changes(site, verify=True) == {"pkg/m7.py": "content"}


def test_a_hard_link_is_told_apart(site: Path, tmp_path: Path) -> None:
    _install(site, files=FILES)
    os.link(site / "pkg/core.py", tmp_path / "cached.py")
    _rewrite(site / "pkg/core.py", b"")
    (found,) = _scan(site).changed
    assert [file.hard_linked for file in found.changed] == [True]


# --- the innocent ---------------------------------------------------------------------------------------------------


def test_the_content_of_bytecode_is_not_looked_at(site: Path) -> None:
    files = {"pkg/__init__.py": "", "pkg/__pycache__/__init__.cpython-311.pyc": b"abc", "pkg/__pycache__/x.pyc": b"d"}
    _install(site, files=files)
    (site / "pkg/__pycache__/x.pyc").unlink()  # of no Python in particular
    _rewrite(site / "pkg/__pycache__/__init__.cpython-311.pyc", b"other")
    for verify in (False, True):
        assert _scan(site, verify=verify).changed == ()


def _record(site: Path, *lines: str) -> None:
    _install(site, record="\n".join([*lines, "pkg-1.0.dist-info/RECORD,,", ""]))


def _line(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"{path},sha256={digest},{len(data)}"


@pytest.mark.parametrize("name", ["../../../bin/tool", "bin/tool"])
def test_scripts_whose_first_line_was_rewritten(site: Path, name: str) -> None:
    _record(site, _line(name, b"#!python\nprint(1)\n"))
    script = site / name
    script.parent.mkdir(exist_ok=True)
    _rewrite(script, b"#!/opt/env/bin/python3.11\nprint(1)\n")
    for verify in (False, True):
        assert _changes(site, verify=verify) == {}


def test_files_without_size_and_digest(site: Path) -> None:
    """As an installer writes them for scripts of entry points, and repair tools for everything."""
    _record(site, "../../../bin/run,,", "pkg/__init__.py,,", "pkg/x.py,")
    write_tree(site, {"../../../bin/run": "#!x", "pkg/__init__.py": "anything", "pkg/x.py": "y"})
    for verify in (False, True):
        assert _scan(site, verify=verify).changed == ()


def test_metadata_that_an_installer_adds_or_changes(site: Path) -> None:
    info = _install(site, files=FILES)
    for name in ("INSTALLER", "METADATA", "WHEEL"):
        _rewrite(info / name, b"Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\nTag: py3-none-any\n")
    assert _scan(site).changed == ()


def test_an_editable_install(site: Path, tmp_path: Path) -> None:
    source = write_tree(tmp_path / "source", {"mine/__init__.py": "changed every day"})
    url = {"url": f"file://{source}", "dir_info": {"editable": True}}
    _install(site, "mine", files={"__editable__.mine.pth": f"{source}\n"}, direct_url=url)
    assert _scan(site).changed == ()


def test_other_line_ends(site: Path) -> None:
    _install(site, files={"pkg/a.py": "x = 1\ny = 2\n", "pkg/b.py": "x = 1\r\ny = 2\r\n"})
    _rewrite(site / "pkg/a.py", b"x = 1\r\ny = 2\r\n")
    _rewrite(site / "pkg/b.py", b"x = 1\ny = 2\n")
    for verify in (False, True):
        assert _changes(site, verify=verify) == {}


@pytest.mark.parametrize("installer", ["conda", "rpm", "debian"])
def test_packagers_that_change_files_after_recording_them(site: Path, installer: str) -> None:
    """conda writes its prefix into files, others strip symbols and set run paths; what is lost is lost for all."""
    _install(site, files={**FILES, "pkg/config.py": 'PREFIX = "/placeholder"\n'}, installer=installer)
    _rewrite(site / "pkg/config.py", b'PREFIX = "/opt/conda/envs/one"\n')
    _rewrite(site / "pkg/_x.cpython-311-x86_64-linux-gnu.so", bytes(range(256)) * 60)
    assert _changes(site) == {}
    _rewrite(site / "pkg/core.py", b"")
    assert _changes(site) == {"pkg/core.py": "empty"}


def test_a_file_that_is_listed_twice_with_one_right_line(site: Path) -> None:
    _record(site, _line("pkg/__init__.py", b"old!"), _line("pkg/__init__.py", b""))
    assert _scan(site).changed == ()


def test_a_record_with_quotes_and_line_ends_of_windows(site: Path) -> None:
    _install(site, record=f'"pkg/a,b.py"{_line("", b"x")}\r\npkg-1.0.dist-info/RECORD,,\r\n')
    write_tree(site, {"pkg/a,b.py": "x"})
    assert _scan(site, verify=True).changed == ()


# --- two owners -----------------------------------------------------------------------------------------------------


def _two(site: Path, path: str, first: bytes, second: bytes) -> Scan:
    _install(site, "one", files={path: first})
    _install(site, "two", files={path: second})
    return _scan(site)


@pytest.mark.parametrize("second", [b"longer\n", b"other\n"], ids=["other size", "same size"])
def test_a_file_with_two_owners_is_that_of_the_last(site: Path, second: bytes) -> None:
    found = _two(site, "shared/core.py", b"first\n", second)
    (file,) = found.shared
    assert (file.path, Path(file.winner).name) == ("shared/core.py", "two-1.0.dist-info")
    assert [Path(claim.owner).name for claim in file.claims] == ["one-1.0.dist-info", "two-1.0.dist-info"]
    assert found.changed == ()


def test_a_file_with_two_owners_can_be_neithers(site: Path) -> None:
    _two(site, "shared/core.py", b"first\n", b"other\n")
    _rewrite(site / "shared/core.py", b"third\n")
    (file,) = _scan(site).shared
    assert file.winner == ""


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        ("shared/core.py", b"same\n", b"same\n"),
        ("shared/__init__.py", b"", b"x = 1\n"),
        ("shared/__init__.py", b"# nothing\n", b'__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'),
        ("shared/__init__.py", b"# one\n", b'"""Shared."""\n'),
        ("shared/__pycache__/x.pyc", b"1", b"22"),
    ],
)
def test_common_files_that_harm_nobody(site: Path, path: str, first: bytes, second: bytes) -> None:
    assert _two(site, path, first, second).shared == ()


def test_a_package_whose_code_was_overwritten_with_nothing(site: Path) -> None:
    (file,) = _two(site, "shared/__init__.py", b"code = 1\n" * 500, b"").shared
    assert Path(file.winner).name == "two-1.0.dist-info"


# --- another release ------------------------------------------------------------------------------------------------


def _release(version: str, **more: str) -> dict[str, str]:
    body = "x = 0\n" * (1 if version == "1.26.4" else 5)
    return {
        "num/__init__.py": body, "num/version.py": f'full_version = "{version}"\n{body}', "num/a.py": body,
        "num/b.py": body, "num/c.py": body, **more,
    }  # fmt: skip


def test_files_of_another_release_give_the_version(site: Path) -> None:
    _install(site, "num", "1.26.4", files=_release("1.26.4", **{"num/_m.cpython-311-x86_64-linux-gnu.so": "old"}))
    write_tree(site, {**_release("2.0.2"), "num/_core/_n.cpython-311-x86_64-linux-gnu.so": "new"})
    found = _scan(site)
    (changed,) = found.changed
    assert (changed.stated, changed.stated_in) == ("2.0.2", "num/version.py")
    (dist,) = found.distributions
    assert (dist.version, dist.metadata_version) == ("2.0.2", "1.26.4")
    assert [loose.entry.path for loose in found.loose_binaries] == ["num/_core/_n.cpython-311-x86_64-linux-gnu.so"]


def test_a_file_that_states_nothing_is_no_witness(site: Path) -> None:
    """pandas has a module that asks git, the same in every release, beside the one that states the version."""
    both = {"num/_version.py": "def get_versions(): ...\n", "num/_version_meson.py": '__version__="1.26.4"\n'}
    _install(site, "num", "1.26.4", files={**_release("1.26.4"), "num/version.py": "", **both})
    write_tree(site, {**_release("2.0.2"), "num/version.py": "", "num/_version_meson.py": '__version__="2.0.2"\n'})
    (changed,) = _scan(site).changed
    assert (changed.stated, changed.stated_in) == ("2.0.2", "num/_version_meson.py")


@pytest.mark.parametrize(
    "tree",
    [
        {"num/version.py": 'full_version = "2.0.2"\n'},
        {"num/a.py": "edited", "num/b.py": "edited", "num/c.py": "edited"},
        _release("1.26.4.post1"),
        {**_release("2.0.2"), "num/version.py": "full_version = make()\n", "num/vendor/version.py": 'version = "9"'},
    ],
    ids=["one file", "version unchanged", "same release", "nothing stated"],
)
def test_edited_files_are_no_other_release(site: Path, tree: Mapping[str, str]) -> None:
    _install(site, "num", "1.26.4", files=_release("1.26.4"))
    write_tree(site, tree)
    (changed,) = _scan(site).changed
    assert changed.stated == ""


def test_a_package_with_a_version_of_its_own_is_left_alone(site: Path) -> None:
    _install(site, "num", "2023.1", files=_release("1.26.4"))
    assert _scan(site, verify=True).changed == ()


@pytest.mark.parametrize(
    ("stray", "own", "wins"),
    [
        ("_x.cpython-311-x86_64-linux-gnu.so", "_x.abi3.so", True),
        ("_x.so", "_x.cpython-311-x86_64-linux-gnu.so", False),
        ("_x.cpython-310-x86_64-linux-gnu.so", "_x.cpython-311-x86_64-linux-gnu.so", False),
        ("_y.so", "_y.py", True),
    ],
)
def test_modules_of_another_build(site: Path, stray: str, own: str, wins: bool) -> None:
    _install(site, files={"pkg/__init__.py": "", f"pkg/{own}": "1", "pkg/_z.so": "2"})
    write_tree(site, {f"pkg/{stray}": "3"})
    (found,) = _scan(site).changed
    assert found.stray == (StrayModule(f"pkg/{stray}", f"pkg/{own}", wins),)


def test_a_compiled_file_without_a_namesake_is_no_stray(site: Path) -> None:
    _install(site, files={"pkg/__init__.py": "", "pkg/_z.so": "2"})
    write_tree(site, {"pkg/built_here.so": "3"})
    assert _scan(site).changed == ()


# --- hostile RECORDs ------------------------------------------------------------------------------------------------

_WATCH = """
import os, sys
opened = set()
def hook(event, arguments):
    if event == "open" and arguments and isinstance(arguments[0], (str, bytes)):
        opened.add(os.path.realpath(os.fsdecode(arguments[0])))
from tests.scan.support import target_of
from envaudit.scan import scan_target
from pathlib import Path
site = Path(sys.argv[1])
target = target_of(site)._replace(prefix=str(site.parent.parent.parent))
for verify in (False, True):
    scan_target(target, verify=verify)  # now everything is imported
sys.addaudithook(hook)
found = [scan_target(target, verify=verify) for verify in (False, True)]
sys.stdout.write("\\n".join(sorted(opened)))
"""


def test_no_file_outside_of_the_environment_is_opened(site: Path, tmp_path: Path) -> None:
    secret = write_tree(tmp_path.parent / f"{tmp_path.name}-outside", {"secret.py": "s", "folder/x.py": "t"})
    paths = [
        "../../../../etc/passwd", "../../../../../../../etc/passwd", "/etc/passwd", "pkg/../../../../../etc/passwd",
        "pkg/\0/x.py", "\\etc\\passwd", "C:/x.py", f"../../../../{secret.name}/secret.py", f"{secret}/secret.py",
        "pkg/linked.py", "pkg/linked/x.py", "pkg/", "", ".", "..", "pkg/" + "a" * 5000, '"""', 'pkg/"q".py',
    ]  # fmt: skip
    _record(site, *(f"{path},sha256={'a' * 43},99" for path in paths))
    write_tree(site, {"pkg/linked.py": Link(str(secret / "secret.py")), "pkg/linked": Link(str(secret / "folder"))})
    done = subprocess.run(
        [sys.executable, "-c", _WATCH, str(site)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    opened = [path for path in done.stdout.splitlines() if path]
    assert any(path.endswith("RECORD") for path in opened)
    assert [path for path in opened if not path.startswith(str(tmp_path))] == []
    assert sorted(_scan(site).changed[0].outside) == ["pkg/linked.py", "pkg/linked/x.py"]
    (dist,) = _scan(site).distributions
    assert any("leaves the environment" in problem.detail for problem in dist.problems)


def test_a_record_of_one_endless_line_is_a_problem(site: Path) -> None:
    info = _install(site, files=FILES)
    with (info / "RECORD").open("wb") as file:
        file.truncate(1024**3)
    found = _scan(site)
    (dist,) = found.distributions
    assert [problem.kind for problem in dist.problems] == ["bad-record"]
    assert found.changed == ()


def test_a_record_of_too_many_lines_is_a_gap(site: Path) -> None:
    info = _install(site, files=FILES)
    (info / "RECORD").write_bytes(b"a,,\n" * 1_000_001 + b"pkg-1.0.dist-info/RECORD,,\n")
    (gap,) = _scan(site).gaps
    assert (gap.code, gap.why) == ("INS", "more than 1,000,000 lines: its files were not compared")


def test_a_folder_that_may_not_be_looked_into_is_a_gap(site: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may look everywhere")
    _install(site, files={"pkg/closed/x.py": "1"})
    (site / "pkg/closed").chmod(0)
    try:
        found = _scan(site)
    finally:
        (site / "pkg/closed").chmod(0o755)
    assert found.changed == ()
    assert [gap.why for gap in found.gaps] == ["permission denied"]


@pytest.mark.parametrize(
    ("line", "listed"),
    [
        ("a/b.py,sha256=x,12", [("a/b.py", "sha256=x", "12")]),
        ("a/b.py,,", [("a/b.py", "", "")]),
        ("a/b.py", [("a/b.py", "", "")]),
        ("a/b.py,sha256=x", [("a/b.py", "", "")]),
        ('"a/b,c.py",sha256=x,1', [("a/b,c.py", "sha256=x", "1")]),
        ("a/b.pyc,,", []),
        ("a/folder/,,", [("a/folder/", "", "")]),
        ("../../../bin/x,sha256=y,3", [("../../../bin/x", "sha256=y", "3")]),
        ("../../../../x,,", []),
        ("/etc/passwd,,", []),
        ("", []),
    ],
)
def test_lines_of_record(line: str, listed: list[tuple[str, str, str]]) -> None:
    for data in (f"{line}\nz.py,,\n", f"z.py,,\n{line}\n", f"z.py,,\n{line}"):
        rows = list(zip(*list_files(data.encode(), 3), strict=True))
        assert sorted(row for row in rows if row[0] != "z.py") == listed, textwrap.shorten(data, 80)


def test_a_distribution_that_is_hidden_is_not_compared(site: Path) -> None:
    _install(site, "num", "1.0", files={"num/a.py": "1"})
    _install(site, "num", "2.0", files={"num/a.py": "22", "num/b.py": ""})
    changed: tuple[ChangedFiles, ...] = _scan(site).changed
    assert changed == ()
