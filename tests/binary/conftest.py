"""Where the compiled fixtures are, and a way to write a forged file."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, SupportsBytes

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = Path(__file__).parents[2] / "fixtures" / "binary" / "x86_64"


def fixture(name: str) -> str:
    """Return the path of a committed fixture, which must be there."""
    path = FIXTURES / name
    assert path.is_file(), f"no fixture {path}; see fixtures/binary/build.py"
    return str(path)


def system_libraries() -> list[str]:
    """Return the interpreter's own extension modules, and compiled files beside the tests' tools."""
    folders = {sysconfig.get_config_var("DESTSHARED"), sysconfig.get_path("platlib"), str(FIXTURES)}
    found = [str(path) for folder in sorted(filter(None, folders)) for path in sorted(Path(folder).rglob("*.so"))]
    return found[:250]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[SupportsBytes | bytes], str]:
    """Write a file and return its path."""

    def write(content: SupportsBytes | bytes) -> str:
        path = tmp_path / "file.so"
        path.write_bytes(bytes(content))
        return str(path)

    return write
