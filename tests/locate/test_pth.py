"""What ``.pth`` and ``.egg-link`` files add, compared with what Python's own ``site`` adds."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from envaudit.locate.pth import paths_of_folder
from tests.locate.support import find, kinds, sites
from tests.support.trees import Fifo, Link, make_venv, site_packages, write_tree

if TYPE_CHECKING:
    from pathlib import Path


def test_path_lines_are_taken_and_import_lines_are_not_run(tmp_path: Path) -> None:
    for name in ("one", "two", "three", "linked"):
        write_tree(tmp_path, {name: {}})
    venv = make_venv(tmp_path)
    site = site_packages(venv)
    write_tree(
        site,
        {
            "b.pth": f"# comment\n\n{tmp_path}/two\nimport os; open('{tmp_path}/ran', 'w')\nimport\tsys\n/no/such\n",
            "a.pth": b"\xef\xbb\xbf" + f"{tmp_path}/one  \nsub\n".encode(),
            "easy-install.pth": f"{tmp_path}/three\n{tmp_path}/one\n./sub\n",
            ".hidden.pth": f"{tmp_path}\n",
            "x.egg-link": f"{tmp_path}/linked\n../\n",
            "sub": {},
        },
    )
    target = find(venv)
    assert sites(target) == [
        (str(site), "site"),
        (f"{tmp_path}/one", "pth"),
        (f"{site}/sub", "pth"),
        (f"{tmp_path}/two", "pth"),
        (f"{tmp_path}/three", "pth"),
        (f"{tmp_path}/linked", "pth"),
    ]
    assert not (tmp_path / "ran").exists()


def test_hostile_files_add_nothing(tmp_path: Path) -> None:
    venv = make_venv(tmp_path)
    site = site_packages(venv)
    write_tree(
        site,
        {
            "a.pth": Fifo(),
            "b.pth": Link("b.pth"),
            "c.pth": {},
            "d.pth": b"\xff\xfe\0\n\0\n" * 100,
            "e.pth": "x" * 2_000_000,
            "f.pth": "y" * 100_000 + "\n",
            "g.pth": "sub\n" * 5000,
            "sub": {},
        },
    )
    target = find(venv)
    assert sites(target) == [(str(site), "site"), (f"{site}/sub", "pth")]
    assert kinds(target) == []


def test_the_number_of_folders_is_bounded(tmp_path: Path) -> None:
    venv = make_venv(tmp_path)
    site = site_packages(venv)
    names = [f"d{number}" for number in range(700)]
    write_tree(site, {"a.pth": "\n".join(names), **{name: {} for name in names}})
    assert len(find(venv).site_dirs) == 500


def test_the_same_folders_in_the_same_order_as_python(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "site": {
                "b.pth": "../out\nsub/../sub\n",
                "a.pth": "sub\n\n# no\nmissing\n",
                "z.pth": "import sys\nz\n",
                ".h.pth": "h\n",
                "sub": {},
                "z": {},
                "h": {},
            },
            "out": {},
        },
    )
    site = str(tmp_path / "site")
    code = f"import site, sys; before = len(sys.path); site.addsitedir({site!r}); print(*sys.path[before:], sep='\\n')"
    output = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    pythons = [path for path in output.stdout.splitlines() if not path.endswith("/h")]
    ours = [path for path in dict.fromkeys(paths_of_folder(site)) if not path.endswith("missing")]
    assert [site, *ours] == pythons
