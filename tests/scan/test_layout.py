"""What lies around the distributions: leftovers, shadowing, twins, moved environments, conda, permissions."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from envaudit.files import looking_inside
from envaudit.model import SiteDir
from envaudit.scan import scan_target
from envaudit.scan.layout import read_layout
from tests.locate.image import SITE, add, find_inside, make_image
from tests.locate.support import find
from tests.scan.support import scan, target_of
from tests.support.trees import Dist, Link, Tree, make_distribution, make_python, make_venv, site_packages, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.model import Layout, Target


def layout_of(target: Target, cwd: str = "", **environ: str) -> Layout:
    """Read what lies around the distributions of a target."""
    return read_layout(target, scan(*target.site_dirs).distributions, environ, cwd).layout


# --- leftovers ------------------------------------------------------------------------------------------------------


def leftovers(site: Path) -> list[tuple[str, str, str, int]]:
    found = layout_of(target_of(site)).leftovers
    return [(item.kind, item.name, item.version, len(item.paths)) for item in found]


def test_folders_that_pip_moved_aside_are_one_leftover_a_distribution(tmp_path: Path) -> None:
    make_distribution(tmp_path, "numpy", "2.0.2")
    metadata = {"METADATA": "Metadata-Version: 2.1\nName: numpy\nVersion: 1.26.4\n\n"}
    write_tree(tmp_path, {"~umpy/__init__.py": "", "~umpy.libs/a.so": "", "~umpy-1.26.4.dist-info": metadata})
    assert leftovers(tmp_path) == [("renamed", "numpy", "1.26.4", 3)]


def test_a_folder_moved_aside_of_something_that_is_gone(tmp_path: Path) -> None:
    write_tree(tmp_path, {"~ther/__init__.py": "", "~-andas/__init__.py": "", "~x-1.0.dist-info": {}})
    assert sorted(leftovers(tmp_path)) == [
        ("renamed", "", "", 1),
        ("renamed", "", "", 1),
        ("renamed", "", "1.0", 1),
    ]


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"left": {}}, ["left"]),
        ({"left/__pycache__/a.cpython-311.pyc": b"", "left/inner/__pycache__/b.cpython-311.pyc": b""}, ["left"]),
        ({"left/data.txt": ""}, []),
        ({"left/a.py": ""}, []),
        ({"left/a.pyc": b""}, []),
        ({"left.data": {}, "__pycache__/x.pyc": b"", "share": Link("elsewhere")}, []),
    ],
)
def test_folders_without_a_module(tmp_path: Path, tree: Tree, expected: list[str]) -> None:
    make_distribution(tmp_path, "own", "1.0")
    write_tree(tmp_path, tree)
    assert [item.name for item in layout_of(target_of(tmp_path)).leftovers] == expected


def test_an_empty_folder_of_a_distribution_is_its_own(tmp_path: Path) -> None:
    make_distribution(tmp_path, Dist("own", "1.0", files={}, record=None, info={"top_level.txt": "left\n"}))
    write_tree(tmp_path, {"left": {}, "own": {}})
    assert leftovers(tmp_path) == []


def test_nspkg_files(tmp_path: Path) -> None:
    make_distribution(tmp_path, Dist("there", "1.0", files={"there-1.0-py3.9-nspkg.pth": ""}))
    make_distribution(tmp_path, Dist("other-name", "1.0", files={"listed-1.0-nspkg.pth": ""}))
    assert leftovers(tmp_path) == []
    write_tree(tmp_path, {"gone_dist-2.0-py3.9-nspkg.pth": ""})
    assert leftovers(tmp_path) == [("nspkg", "gone_dist", "", 1)]


# --- shadowing ------------------------------------------------------------------------------------------------------


def library(tmp_path: Path) -> Path:
    """Write a standard library with a few modules; return the base of the interpreter."""
    if not (tmp_path / "base").exists():
        make_python(tmp_path / "base")
    names = ("random", "enum", "types", "site", "io", "queue")
    modules = {f"lib/python3.11/{name}.py": "" for name in names}
    write_tree(tmp_path / "base", {**modules, "lib/python3.11/lib-dynload/math.cpython-311-x86_64-linux-gnu.so": b""})
    return tmp_path / "base"


def hidden(
    tmp_path: Path, *sites: Path | SiteDir, cwd: Path | None = None, **environ: str
) -> list[tuple[str, str, str, str]]:
    target = target_of(*sites)._replace(base_prefix=str(library(tmp_path)))
    found = layout_of(target, str(cwd or ""), **environ).hidden
    return [(item.name, item.place, item.behind_place, item.behind_owner.rpartition("/")[2]) for item in found]


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"numpy.py": ""}, [("numpy", "cwd", "site", "numpy-2.0.2.dist-info")]),
        ({"numpy/__init__.py": ""}, [("numpy", "cwd", "site", "numpy-2.0.2.dist-info")]),
        ({"numpy/data.csv": ""}, []),
        ({"numpy.ipynb": "", "numpy.txt": "", "__pycache__/numpy.cpython-311.pyc": b""}, []),
        ({"random.py": ""}, [("random", "cwd", "stdlib", "")]),
        ({"math.py": ""}, [("math", "cwd", "stdlib", "")]),
        # Built in, or imported before any folder of the user's is looked at.
        ({"site.py": "", "io.py": "", "sys.py": "", "time.py": "", "tests/__init__.py": ""}, []),
        ({"numpy.py": "", "pyproject.toml": '[project]\nname = "NumPy"\n'}, []),
    ],
)
def test_the_working_folder(tmp_path: Path, tree: Tree, expected: list[tuple[str, str, str, str]]) -> None:
    site = tmp_path / "site"
    make_distribution(site, "numpy", "2.0.2")
    make_distribution(site, Dist("sloppy", "1.0", files={"tests/__init__.py": ""}))
    assert hidden(tmp_path, site, cwd=write_tree(tmp_path / "work", tree)) == expected


def test_what_python_really_imports(tmp_path: Path) -> None:
    """Hold the rules against the Python that runs the tests."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    (site,) = (tmp_path / "env/lib").glob("python3*/site-packages")
    write_tree(site, {"random.py": "", "installed/__init__.py": ""})
    work = write_tree(
        tmp_path / "work",
        {"queue.py": "", "io.py": "", "site.py": "", "installed/data.csv": ""},
    )

    def place(module: str) -> str:
        code = f"import {module}; print(getattr({module}, '__file__', None))"
        python = str(tmp_path / "env/bin/python")
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd=work)
        return done.stdout

    assert str(site) not in place("random")  # what lies in site-packages hides nothing of the standard library
    assert str(work) in place("queue")
    assert str(work) not in place("io")
    assert str(work) not in place("site")
    assert str(site) in place("installed")  # a folder without __init__.py hides nothing
    target = find(tmp_path / "env")
    assert [item.name for item in layout_of(target, str(work)).hidden] == ["queue"]


def test_the_sources_of_an_installed_project_are_no_other_module(tmp_path: Path) -> None:
    work = write_tree(tmp_path / "work", {"pkg/__init__.py": ""})
    url = {"url": f"file://{work}", "dir_info": {}}
    make_distribution(tmp_path / "site", Dist("pkg", "1.0", direct_url=url))
    assert hidden(tmp_path, tmp_path / "site", cwd=work) == []


def test_pythonpath(tmp_path: Path) -> None:
    site = tmp_path / "site"
    make_distribution(site, "numpy", "2.0.2")
    front = write_tree(tmp_path / "front", {"numpy/__init__.py": "", "enum.py": "", "mine.py": ""})
    value = f"{front}::{site}:/no/such:{tmp_path}/a\0b"
    assert hidden(tmp_path, site, PYTHONPATH=value) == [
        ("enum", "PYTHONPATH", "stdlib", ""),
        ("numpy", "PYTHONPATH", "site", "numpy-2.0.2.dist-info"),
    ]


def test_a_working_folder_that_python_leaves_out(tmp_path: Path) -> None:
    make_distribution(tmp_path / "site", "numpy", "2.0.2")
    work = write_tree(tmp_path / "work", {"numpy.py": ""})
    assert hidden(tmp_path, tmp_path / "site", cwd=work, PYTHONSAFEPATH="1") == []


def test_a_module_that_the_standard_library_has_too(tmp_path: Path) -> None:
    make_distribution(tmp_path / "site", Dist("enum34", "1.1.10", files={"enum/__init__.py": ""}))
    assert hidden(tmp_path, tmp_path / "site") == [("enum", "stdlib", "site", "enum34-1.1.10.dist-info")]


def test_two_distributions_with_one_package_in_two_folders(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    make_distribution(one, Dist("PyJWT", "2.8.0", files={"jwt/__init__.py": "", "tests/__init__.py": ""}))
    make_distribution(two, Dist("jwt", "1.3.1", files={"jwt/__init__.py": "", "tests/__init__.py": ""}))
    make_distribution(one, "same", "1.0")
    make_distribution(two, "same", "2.0")
    system = SiteDir(str(two), "system")
    assert hidden(tmp_path, one, system) == [("jwt", "site", "system", "jwt-1.3.1.dist-info")]
    mine = SiteDir(str(one), "user")
    assert hidden(tmp_path, mine, two) == [
        ("jwt", "user", "site", "jwt-1.3.1.dist-info"),
        ("same", "user", "site", "same-2.0.dist-info"),
    ]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"ns/a.py": ""}, {"ns/b.py": ""}, []),
        ({"ns/__init__.py": "from pkgutil import extend_path", "ns/a.py": ""}, {"ns/b.py": ""}, []),
        ({"ns/a.py": ""}, {"ns/__init__.py": "import pkg_resources as p; p.declare_namespace(1)"}, []),
        ({"ns/a.py": ""}, {"ns/__init__.py": ""}, [("ns", "system", "site", "first-1.dist-info")]),
        ({"ns/__init__.py": ""}, {"ns/b.py": ""}, [("ns", "site", "system", "second-1.dist-info")]),
    ],
)
def test_namespaces(
    tmp_path: Path, first: dict[str, str], second: dict[str, str], expected: list[tuple[str, str, str, str]]
) -> None:
    make_distribution(tmp_path / "one", Dist("first", "1", files=first))
    make_distribution(tmp_path / "two", Dist("second", "1", files=second))
    assert hidden(tmp_path, tmp_path / "one", SiteDir(str(tmp_path / "two"), "system")) == expected


# --- twins ----------------------------------------------------------------------------------------------------------


def test_whose_the_files_are(tmp_path: Path) -> None:
    make_distribution(tmp_path, Dist("pkg", "1.0", files={"pkg/__init__.py": "", "pkg/core.py": "one = 1\n"}))
    make_distribution(tmp_path, Dist("pkg", "2.0", files={"pkg/core.py": "second = 2\n", "pkg/new.py": "x = 1\n"}))
    make_distribution(tmp_path, "alone", "1.0")
    twins = layout_of(target_of(tmp_path)).twins
    assert {twin.info_path.rpartition("/")[2]: (twin.fitting, twin.listed) for twin in twins} == {
        "pkg-1.0.dist-info": (0, 1),
        "pkg-2.0.dist-info": (2, 2),
    }
    assert sorted(twin.seen is True for twin in twins) == [False, True]
    code = "import importlib.metadata as m, sys; print(m.version('pkg'))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(tmp_path)}
    )
    (seen,) = [twin.info_path for twin in twins if twin.seen]
    assert seen.endswith(f"pkg-{done.stdout.strip()}.dist-info")
    visible = [dist.version for dist in scan(tmp_path).distributions if not dist.hidden_by]
    assert sorted(visible) == ["1.0", "2.0"]


def test_a_release_with_the_same_file_names_is_told_apart_by_their_sizes(tmp_path: Path) -> None:
    make_distribution(tmp_path, Dist("pkg", "2.0.1", files={"pkg/core.py": "longer than the other\n"}))
    make_distribution(tmp_path, Dist("pkg", "2.0.0", files={"pkg/core.py": "short\n"}))
    assert [dist.version for dist in scan(tmp_path).distributions if not dist.hidden_by] == ["2.0.0"]


# --- moved environments ---------------------------------------------------------------------------------------------


def _moved(tmp_path: Path, activate: str, head: str) -> tuple[str, list[str]]:
    scripts = "[console_scripts]\ntool = pkg:main\nother = pkg:main\n../x = pkg:main\n"
    venv = make_venv(tmp_path, distributions=[Dist("pkg", "1.0", entry_points=scripts)])
    write_tree(venv, {"bin/activate": activate, "bin/tool": head, "bin/unlisted": "#!/old/venv/bin/python\n"})
    layout = layout_of(find(venv))
    return layout.activate, [script.python for script in layout.scripts]


@pytest.mark.parametrize(
    ("activate", "head", "expected"),
    [
        ('VIRTUAL_ENV="{here}"\nexport', "#!{here}/bin/python\n", ("", [])),
        ("VIRTUAL_ENV='/old/venv'\n", "#!/old/venv/bin/python3.11\n", ("/old/venv", ["/old/venv/bin/python3.11"])),
        ("    export VIRTUAL_ENV=/old/venv\n", "no script", ("/old/venv", [])),
        ("", "#!/bin/sh\n'''exec' \"/old/a venv/bin/python\" \"$0\"\n", ("", ["/old/a venv/bin/python"])),
        ("VIRTUAL_ENV=''\"$(dirname x)\"''\n", "#!/bin/sh\n'''exec' \"$(dirname x)\"/'python' \"$0\"\n", ("", [])),
        ("VIRTUAL_ENV='{link}'\n", "#!{link}/bin/python -I\n", ("", [])),
        ("", "#!/usr/bin/env python\n", ("", [])),
        ("", "#!{base}/bin/python3\n", ("", [])),
        ("", "#!/bin/bash\n", ("", [])),
    ],
)
def test_scripts_of_another_place(tmp_path: Path, activate: str, head: str, expected: tuple[str, list[str]]) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "venv")
    words = {"here": tmp_path / "venv", "link": tmp_path / "link", "base": tmp_path / "base"}
    assert _moved(tmp_path, activate.format(**words), head.format(**words)) == expected


# --- conda, permissions ---------------------------------------------------------------------------------------------


def test_pip_over_conda(tmp_path: Path) -> None:
    prefix = tmp_path / "conda"
    make_python(prefix)
    site = site_packages(prefix)
    make_distribution(site, Dist("numpy", "2.0.2", installer="pip"))
    make_distribution(site, Dist("six", "1.16.0", installer="conda"))
    make_distribution(site, Dist("only-pip", "1.0", installer="pip"))

    def record(name: str, version: str) -> str:
        info = f"lib/python3.11/site-packages/{name}-{version}.dist-info/METADATA"
        return json.dumps({"name": name, "version": version, "build": "py311_0", "files": [info, 3]})

    meta = {
        "numpy-1.26.4-py311h64a7726_0.json": record("numpy", "1.26.4"),
        "six-1.16.0-pyh6c4a22f_0.json": record("six", "1.16.0"),
        "only-pip-0.1-0.json": json.dumps({"files": ["bin/only-pip"], "version": "0.1"}),
        "history": "",
    }
    write_tree(prefix, {"conda-meta": meta})
    found = layout_of(find(prefix)).conda
    assert [(item.name, item.version, item.owner.rpartition("/")[2]) for item in found] == [
        ("numpy", "1.26.4", "numpy-2.0.2.dist-info")
    ]
    write_tree(prefix, {"conda-meta/numpy-1.26.4-py311h64a7726_0.json": "{"})
    read = read_layout(find(prefix), scan(site).distributions, {}, "")
    assert (read.layout.conda, [gap.code for gap in read.gaps]) == ((), ["ENV007"])


@pytest.mark.parametrize(("mode", "count"), [(0o755, 0), (0o775, 0), (0o777, 1), (0o1777, 1)])
def test_folders_that_everybody_may_write(tmp_path: Path, mode: int, count: int) -> None:
    site = tmp_path / "site"
    site.mkdir()
    site.chmod(mode)
    assert len(layout_of(target_of(site)).open_folders) == count


def test_an_image_is_read_by_its_own_paths(tmp_path: Path) -> None:
    scripts = "[console_scripts]\ntool = pkg:main\n"
    image = make_image(tmp_path / "img")
    site = image / SITE
    make_distribution(site, Dist("pkg", "1.0", entry_points=scripts))
    outside = write_tree(tmp_path / "outside", {"secret.pth": "import nowhere\n", "numpy.py": ""})
    tree: Tree = {
        "opt/src/mod.py": "",
        f"{SITE}/a.pth": f"/opt/src\n{outside}\nimport gone_module\n",
        f"{SITE}/link.pth": Link(str(outside / "secret.pth")),
        f"{SITE}/~kg": Link(str(outside)),
        f"{SITE}/left": {},
        "opt/venv/bin/activate": "VIRTUAL_ENV='/opt/venv'\n",
        "opt/venv/bin/tool": "#!/opt/venv/bin/python\n",
    }
    add(image, tree)
    target = find_inside(image)
    environ = {"PYTHONPATH": str(outside)}
    with looking_inside(str(image)):
        distributions = scan_target(target).distributions
    layout = read_layout(target, distributions, environ, str(outside)).layout
    assert [(fault.kind, fault.line) for fault in layout.startup] == [("folder", 2), ("module", 3)]
    assert [item.kind for item in layout.leftovers] == ["renamed", "emptied"]
    assert (layout.hidden, layout.activate, layout.scripts) == ((), "", ())
