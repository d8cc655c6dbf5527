"""What the tests of the index share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from envaudit.index import Index, Sources
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WHEEL = "demo-1.0-py3-none-any.whl"
REQUIRES = ["numpy>=1.20", "pandas; python_version < '3.12'"]


@pytest.fixture
def demo() -> dict[str, dict[str, bytes]]:
    """A project with one small wheel and an sdist."""
    return {"demo": {WHEEL: wheel("demo", "1.0", REQUIRES), "demo-0.9.tar.gz": b"an sdist"}}


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Callable[..., Index]]:
    """Make an index of addresses, with a cache of its own and a home of its own."""
    made: list[Index] = []

    def make(*addresses: str, environ: dict[str, str] | None = None, cache: bool = False, **options: Any) -> Index:
        sources = options.pop("sources", None) or Sources(addresses)
        folder = str(tmp_path / "cache") if cache else ""
        options.setdefault("seconds", 20.0)
        home = {"HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin"), **(environ or {})}
        made.append(Index(sources, home, cache_folder=folder, **options))
        return made[-1]

    yield make
    for index in made:
        index.close()
