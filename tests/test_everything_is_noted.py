"""Nothing is read, listed or asked of files past ``envaudit.files``: what is not noted could change unseen.

Once by reading the sources, and once by watching an audit: the interpreter tells what is opened and listed, and the
functions of ``os`` are watched for what is only asked.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from envaudit.files_seen import Seen
from envaudit.index import Index, Sources
from tests.binary.conftest import fixture
from tests.support.trees import Dist, Link, make_distribution, make_venv, site_packages, write_tree

if TYPE_CHECKING:
    from tests.support.trees import Tree

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "envaudit"

# Who may talk to the system: the notes themselves, the cache's own file, the command line, and what runs other programs
# or asks the network, whose outcome is never kept (a run with them says so with ``doubt``).
_FREE = (
    "files.py",
    "files_seen.py",
    "files_root.py",
    "files_host.py",
    "cache/place.py",
    "cache/database.py",
    "cache/reports.py",
)
_FREE_FOLDERS = ("cli/", "jupyter/", "smoke/", "watch/", "index/", "proof/", "gate/")
_OS = {
    "open", "stat", "lstat", "fstat", "listdir", "scandir", "walk", "fwalk", "access", "readlink", "getcwd", "environ",
    "getenv", "statvfs", "popen", "system", "posix_spawn", "getxattr", "listxattr",
}  # fmt: skip
_OS_PATH = {
    "exists", "lexists", "isfile", "isdir", "islink", "ismount", "realpath", "getsize", "getmtime", "getctime",
    "getatime", "samefile", "expanduser", "expandvars",
}  # fmt: skip
_METHODS = {
    "exists", "is_file", "is_dir", "is_mount", "stat", "lstat", "iterdir", "glob", "rglob", "open", "read_text",
    "read_bytes", "resolve", "readlink", "expanduser", "samefile", "now", "today", "utcnow",
}  # fmt: skip
_MODULES = {
    "subprocess", "socket", "tempfile", "shutil", "glob", "requests", "mmap", "linecache", "zipfile", "tarfile",
    "importlib.resources", "urllib.request", "http.client", "fileinput", "pkgutil", "sqlite3",
}  # fmt: skip
# What is left, with the reason why no report can become wrong by it.
_ALLOWED = {
    ("binary/ahead.py", "import mmap"): "memory that belongs to no file",
    ("binary/stored.py", "os.scandir"): "files of the program, which are noted with every report",
    ("binary/stored.py", ".stat()"): "files of the program",
    ("scan/reach_kept.py", "os.listdir"): "files of the program",
    ("source/kept.py", "os.listdir"): "files of the program",
    ("source/kept.py", "os.path.isdir"): "files of the program",
    ("source/kept.py", "os.stat"): "files of the program",
    ("shared_work.py", "os.listdir"): "the threads of this process",
    ("scan/reach_kept.py", "os.path.isdir"): "files of the program",
    ("scan/reach_kept.py", "os.stat"): "files of the program",
    ("rulebook/load.py", "os.path.realpath"): "the folder of the program",
    ("rulebook/ship.py", "import zipfile"): "written in memory, for a release of the rules",
    ("checks/module_names.py", "import importlib.resources"): "files of the program",
    ("checks/module_names.py", ".read_text()"): "files of the program",
    ("source/removed.py", "import importlib.resources"): "files of the program",
    ("source/removed.py", ".read_text()"): "files of the program",
    ("codes.py", "import importlib.resources"): "pages, of which nothing stands in a report",
    ("codes.py", ".read_text()"): "pages",
    ("locate/probe.py", "import subprocess"): "it says with doubt() that a program was started",
    ("locate/machine.py", "os.environ"): "Windows, where no report is kept",
    ("locate/choose.py", "import shutil"): "Windows, and it says so with doubt()",
    ("gather.py", "os.environ"): "for callers who give no variables; the command line gives some that are watched",
    ("settings.py", ".now()"): "the day by which an ignore has ended, after which no report is kept",
    ("settings.py", ".expanduser()"): "HOME, by which every report is told apart",
}


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _is_free(name: str) -> bool:
    return name in _FREE or name.startswith(_FREE_FOLDERS)


def _past_files(tree: ast.Module) -> set[str]:
    """Return what in a module talks to the system itself."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {f"import {alias.name}" for alias in node.names if alias.name in _MODULES}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"import {node.module}"} if node.module in {*_MODULES, "os.path", "posix"} else set()
            found |= {f"os.{alias.name}" for alias in node.names if node.module == "os" and alias.name in _OS}
            found |= {f"import {node.module}.{a.name}" for a in node.names if f"{node.module}.{a.name}" in _MODULES}
        elif isinstance(node, ast.Attribute):
            whole = ast.unparse(node)
            if whole in {*(f"os.{name}" for name in _OS), *(f"os.path.{name}" for name in _OS_PATH), "time.time"}:
                found.add(whole)
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "open":
                found.add("open()")
            elif isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
                own = ast.unparse(node.func.value)
                itself = any(
                    word.arg == "follow_symlinks" and ast.unparse(word.value) == "False" for word in node.keywords
                )
                other = node.func.attr == "resolve" and node.args  # that of a path takes nothing
                if own not in {"files", "os", "os.path"} and not (node.func.attr == "is_dir" and itself) and not other:
                    found.add(f".{node.func.attr}()")
    return found


_LOWER = [path for path in sorted(PACKAGE.rglob("*.py")) if not _is_free(_name(path))]


@pytest.mark.parametrize("path", _LOWER, ids=_name)
def test_no_module_asks_the_system_itself(path: Path) -> None:
    found = _past_files(ast.parse(path.read_text(encoding="utf-8")))
    assert {each for each in found if (_name(path), each) not in _ALLOWED} == set()


def test_every_exception_is_still_one() -> None:
    there = {
        (_name(path), each) for path in _LOWER for each in _past_files(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert set(_ALLOWED) - there == set()


@pytest.mark.parametrize(
    "line",
    [
        "os.stat(p)", "f = os.path.exists", "open(p)", "Path(p).is_file()", "import subprocess", "from os import stat",
        "from importlib import resources", "entry.is_dir()", "entry.stat(follow_symlinks=False)", "os.environ['A']",
        "datetime.now()", "p.read_text()", "import shutil as s",
    ],
)  # fmt: skip
def test_the_test_sees_each_way(line: str) -> None:
    assert _past_files(ast.parse(line))
    assert not _past_files(ast.parse("files.read_text(p); entry.is_dir(follow_symlinks=False); os.path.join(a, b)"))


_WATCH = """
import json, os, sys
from envaudit.audit import audit
from envaudit.files_seen import Seen
from envaudit.settings import load_settings

folder, venv = sys.argv[1:]
flags = {"target": venv, "smoke": False, "cache": len(os.environ["USE_CACHE"]) > 0}
audit(load_settings(flags, os.environ, folder), os.environ, folder)  # everything that is loaded is loaded now
opened, listed, asked, others = set(), set(), set(), set()
def hook(event, arguments):
    path = os.fsdecode(arguments[0]) if arguments and isinstance(arguments[0], (str, bytes)) else ""
    if event == "open":
        opened.add(path)
    elif event in ("os.listdir", "os.scandir"):
        listed.add(path)
    elif event.split(".")[0] in ("subprocess", "socket", "tempfile", "shutil", "glob"):
        others.add(event)
def watched(function):
    def call(path, *rest, **named):
        if isinstance(path, (str, bytes)):
            asked.add(os.fsdecode(path))
        return function(path, *rest, **named)
    return call
real = os.path.realpath
def realpath(path, *rest, **named):
    asked.add(os.fspath(path))
    os.lstat, os.readlink = unwatched
    try:
        return real(path, *rest, **named)
    finally:
        os.lstat, os.readlink = watching
with Seen() as seen:
    settings = load_settings(flags, os.environ, folder)
    unwatched = os.lstat, os.readlink
    sys.addaudithook(hook)
    for name in ("stat", "lstat", "access", "readlink"):
        setattr(os, name, watched(getattr(os, name)))
    watching = os.lstat, os.readlink
    os.path.realpath = realpath
    report = audit(settings, os.environ, folder)
    done = [sorted(each) for each in (opened, listed, asked, others)]
many = [path.splitlines() for what, path in seen.told if what == "statuses"]
many += [[folder, *names] for what, path in seen.told if what == "module names"
    for folder, times, digest, *names in [path.splitlines()]]
told = {path for what, path in seen.told if what not in ("statuses", "module names")}
told = sorted(told | {f"{folder}/{name}" for folder, *names in many for name in names})
absent = sorted(path for (what, path), answer in seen.told.items() if (what, answer) == ("type", 0))
counts = len(report.findings), len(report.facts.binaries)
print(json.dumps([*done, sorted(seen.read), told, absent, seen.doubt, *counts]))
"""


def _broken_environment(tmp_path: Path, venv: Path) -> Path:
    """Put into an environment one of everything that leads to other files."""
    site = site_packages(venv)
    names = ("linked.so", "api_1x_O2.so", "cython_1x_O2.so")
    compiled = {f"pkg/{name}": Path(fixture(name)).read_bytes() for name in names}
    init = {"pkg/__init__.py": "from pkg import cython_1x_O2\nfrom . import linked, sub", "pkg/sub/__init__.py": ""}
    tagged = {"pkg/_fast.cpython-311-x86_64-linux-gnu.so": compiled["pkg/linked.so"], "pkg/cut.so": b"\x7fELF"}
    generated = "from google.protobuf import descriptor\n"
    for dist in (
        Dist("pkg", "1.0", files={**compiled, **init, **tagged}, requires=["absent", "numpy<1"]),
        Dist("numpy", "2.2.6", files={"numpy/__init__.py": "", "numpy/version.py": 'version = "2.2.6"'}),
        Dist("protobuf", "3.0", files={"google/protobuf/__init__.py": ""}),
        Dist("service", "1.0", files={"service/a_pb2.py": generated}),
        Dist("norecord", "1.0", files={"norecord/x.so": compiled["pkg/linked.so"]}, record=None),
        Dist("twice", "1.0"),
        Dist("twice", "2.0"),
    ):
        make_distribution(site, dist)
    source = write_tree(tmp_path / "source", {"mine/__init__.py": "", "mine/m.so": compiled["pkg/linked.so"]})
    url = {"url": f"file://{source}", "dir_info": {"editable": True}}
    make_distribution(site, "mine", "1.0", files={}, direct_url=url)
    tree: Tree = {
        "x.pth": f"{source}\n/nowhere\n",
        "old.egg-info": "Metadata-Version: 1.0\nName: old\nVersion: 1\n",
        "loose.so": Link("pkg/linked.so"),
        "gone.so": Link("nowhere"),
        "link.dist-info": Link("pkg-1.0.dist-info"),
    }
    write_tree(site, tree)
    (site / "pkg/cython_1x_O2.so").unlink()
    (site / "pkg/cython_1x_O2.so").symlink_to(fixture("cython_1x_O2.so"))
    return venv


@pytest.mark.parametrize("cache", ["", "yes"], ids=["read", "kept"])
@pytest.mark.parametrize("real", [False, True], ids=["made by hand", "of this Python"])
def test_what_an_audit_looks_at_is_noted(tmp_path: Path, real: bool, cache: str) -> None:
    if real:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
        venv = _broken_environment(tmp_path, tmp_path / "venv")
    else:
        venv = _broken_environment(tmp_path, make_venv(tmp_path, system_site_packages=True))
    write_tree(tmp_path, {"pyproject.toml": "", "libraries": {}, "home": {}})
    environ = {
        "USE_CACHE": cache, "ENVAUDIT_CACHE_DIR": str(tmp_path / "cache"), "LD_LIBRARY_PATH": f"{tmp_path}/libraries",
        "HOME": f"{tmp_path}/home", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", _WATCH, str(tmp_path), str(venv)],
        capture_output=True, text=True, check=False, cwd=ROOT, env=environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    opened, listed, asked, others, read, told, absent, doubt, findings, binaries = json.loads(done.stdout)
    assert findings > 4
    assert binaries > 6
    assert (others, doubt) == ([], "")
    # The program's own files, which are noted when a report is kept, and the cache.
    own: tuple[str, ...]
    own = (f"{ROOT}/envaudit", f"{ROOT}/rules", sys.prefix, sys.base_prefix, f"{tmp_path}/cache", "/proc/cpuinfo")
    # What the kernel grants is noted as one answer.
    own = (*own, "/proc/meminfo", "/proc/self/", "/proc/sys/vm/", "/sys/fs/cgroup", "/dev")
    is_target = [path for path in opened if not path.startswith(own)]
    assert len(is_target) > 30
    # Sources that a RECORD lists are known by it, as the linker of names says: reading 30,000 of them must not be all
    # that the next run does. They are opened by their paths below the site folder.
    recorded = {path for path in is_target if path.endswith(".py") and ("site-packages/" in path or path[0] != "/")}
    assert sorted(set(is_target) - recorded - {*read, *absent}) == []
    assert sorted({path for path in listed if not path.startswith(own)} - {*read, *absent, *told}) == []
    assert sorted({path for path in asked if not path.startswith(own)} - {*read, *told}) == []


def test_who_asks_an_index_is_noted() -> None:
    """What it answers, and how long that is good, is in no file of the target."""
    with Seen() as seen:
        Index(Sources(()), {}, offline=True)
    assert "index" in seen.doubt
