"""Works done in two processes give what they give in one, also when a process does not live to the end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.shared_work import work_shared

if TYPE_CHECKING:
    from pathlib import Path

_HERE = os.getpid()


def test_all_works_are_done_once_each(tmp_path: Path) -> None:
    def work(number: int) -> list[Any]:
        with open(tmp_path / "done", "a", encoding="ascii") as file:
            file.write(f"{number}\n")
        return [number, ("text", number * 2)]

    found = work_shared(work, [100] * 200, 800)
    assert found == {number: [number, ("text", number * 2)] for number in range(200)}
    done = (tmp_path / "done").read_text(encoding="ascii").split()
    assert sorted(map(int, done)) == list(range(200))


def test_little_work_is_done_here() -> None:
    assert work_shared(lambda number: [os.getpid(), number], [1, 1], 3) == {0: [_HERE, 0], 1: [_HERE, 1]}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is one process")
def test_what_a_child_does_not_answer_is_done_again() -> None:
    def work(number: int) -> list[Any]:
        if os.getpid() != _HERE:
            os._exit(3)
        return [number]

    assert work_shared(work, [1000] * 50, 800) == {number: [number] for number in range(50)}


def test_no_work() -> None:
    assert work_shared(lambda number: [number], [], 800) == {}
