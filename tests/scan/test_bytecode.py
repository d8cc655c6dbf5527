"""Bytecode that RECORD lists: what is missing is found, what is another Python's or leads out is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.scan import Scan, scan_target
from tests.scan.support import target_of
from tests.support.trees import Dist, make_distribution

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "lib/python3.11/site-packages"
    folder.mkdir(parents=True)
    return folder


def _install(site: Path, **fields: object) -> None:
    make_distribution(site, Dist("pkg", "1.0", **fields))  # type: ignore[arg-type]


def _scan(site: Path) -> Scan:
    return scan_target(target_of(site)._replace(prefix=str(site.parent.parent.parent)), compare=True)


def _compiled(name: str, tag: str = "cpython-311") -> str:
    return f"pkg/__pycache__/{name}.{tag}.pyc"


def test_missing_bytecode(site: Path) -> None:
    names = [
        _compiled("__init__"),
        _compiled("core"),
        _compiled("core", "cpython-311.opt-1"),
        "__pycache__/one.cpython-311.pyc",
    ]
    others = [_compiled("core", "cpython-310"), _compiled("core", "pypy310")]
    sources = {"pkg/__init__.py": "", "pkg/core.py": "", "one.py": ""}
    _install(site, files={**sources, **dict.fromkeys((*names, *others), b"x")})
    for name in (*names[1:], *others):
        (site / name).unlink()
    (found,) = _scan(site).changed
    assert (sorted(found.bytecode), found.bytecode_listed, found.missing) == (sorted(names[1:]), 4, ())
    (site / "one.py").unlink()
    (found,) = _scan(site).changed
    assert (sorted(found.bytecode), found.missing) == (sorted(names[1:3]), ("one.py",))


def test_bytecode_that_cannot_be_looked_for(site: Path) -> None:
    """A path that leads out is not followed, a line in quotes is left alone, and what is no folder is a gap."""
    lines = [
        "pkg/__init__.py,,",
        "../../../../../etc/__pycache__/x.cpython-311.pyc,,",
        "/etc/__pycache__/x.cpython-311.pyc,,",
        '"pkg/__pycache__/a,b.cpython-311.pyc",,',
        "pkg/__pycache__/x.cpython-311.pyc,,",
        "pkg-1.0.dist-info/RECORD,,",
    ]
    _install(site, record="\n".join(lines) + "\n", files={"pkg/__init__.py": "", "pkg/__pycache__": "a file"})
    found = _scan(site)
    assert found.changed == ()
    assert [(gap.code, gap.what) for gap in found.gaps] == [("INS001", f"{site}/pkg/__pycache__")]
