"""What is kept of files in an unpacked image: only files of the image are known again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envaudit.cache.compiled import KeptFiles
from envaudit.cache.database import Cache
from envaudit.files import looking_inside
from envaudit.model import BinaryFacts, RecordEntry
from tests.support.trees import Link, write_tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("to", "known"), [("real.so", True), ("/site/real.so", True), ("/outside.so", False), ("../../outside.so", False)]
)
def test_a_link_out_of_an_image_is_not_known(tmp_path: Path, to: str, known: bool) -> None:
    write_tree(tmp_path, {"outside.so": "1234", "img/site/real.so": "1234", "img/site/link.so": Link(to)})
    path = f"{tmp_path}/img/site/link.so"
    kept = KeptFiles(Cache(str(tmp_path / "cache")), "never")
    with looking_inside(str(tmp_path / "img")):
        kept.look_up([(path, RecordEntry("link.so", "sha256=" + "A" * 43, 4))])
    kept.add(path, BinaryFacts("elf", "x86_64", 64), explained=True)
    assert (kept.get(path) is not None) == known
