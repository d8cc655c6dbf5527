"""Where the compiled fixtures are, and a way to write a forged file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.binary.forge import Elf

FIXTURES = Path(__file__).parents[2] / "fixtures" / "binary" / "x86_64"


def fixture(name: str) -> str:
    """Return the path of a committed fixture, which must be there."""
    path = FIXTURES / name
    assert path.is_file(), f"no fixture {path}; see fixtures/binary/build.py"
    return str(path)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Elf | bytes], str]:
    """Write a file and return its path."""

    def write(content: Elf | bytes) -> str:
        path = tmp_path / "file.so"
        path.write_bytes(bytes(content))
        return str(path)

    return write
