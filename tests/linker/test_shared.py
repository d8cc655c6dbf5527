"""What is worked out once for many files, or in two processes, is what would be worked out for each alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from envaudit import linker
from envaudit.files_seen import Seen
from envaudit.linker import Offered, link_target, offered_by_interpreter
from envaudit.linker.closure import Closures, close
from envaudit.linker.judge import Judge
from tests.linker.lab import Lab, needs_gcc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.linker import Links
    from envaudit.linker.closure import Closure
    from envaudit.linker.library import Library

RPATH = "-Wl,-rpath,$ORIGIN/../{}.libs"
USE = "int one(void); int two(void); int use(void) { return one() + two(); }"

pytestmark = needs_gcc


@pytest.fixture
def many(lab: Lab) -> Lab:
    """Build three distributions whose modules ask for the same libraries, not all of which are as they should be."""
    twin = "int two(void) { return 3; } int one(void); int use(void) { return one(); }"
    for name in ("p", "q", "r"):
        own = f"lib{name}.so"
        lab.build(f"{name}.libs/{own}", "int own(void) { return 0; }", f"-Wl,-soname,{own}")
        lab.build(f"{name}.libs/libtwo.so", "int two(void) { return 2; }", "-Wl,-soname,libtwo.so")
        below = [f"-L{name}.libs", "-ltwo", "-Wl,-rpath,$ORIGIN"]
        source = "int two(void); int one(void) { return two(); }"
        lab.build(f"{name}.libs/libone.so", source, "-Wl,-soname,libone.so", *below)
        flags = [f"-L{name}.libs", "-Wl,--no-as-needed", "-lone", "-ltwo", f"-l{name}", RPATH.format(name)]
        for number in range(4):
            lab.module(f"{name}/mod{number}.so", USE, *flags)
        lab.module(f"{name}/more.so", USE + " int absent(void); int more(void) { return absent(); }", *flags)
        # Answers to the name that a library of the others asks for.
        lab.module(f"{name}/twin.so", twin, "-Wl,-soname,libtwo.so", *flags)
    (lab.site / "q.libs/libq.so").unlink()
    lab.build("r.libs/libtwo.so", "int three(void) { return 3; }", "-Wl,-soname,libtwo.so")
    return lab


def _alone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Links:
    """Link with nothing shared between files."""

    def of(closures: Closures, start: Library) -> Closure:
        return close(start, closures._search, closures._shelf, closures._chain, closures._loaded)

    def ask_nothing(_: Judge, closures: Iterable[Closure]) -> None:
        list(closures)

    with monkeypatch.context() as patch:
        patch.setattr(Closures, "of", of)
        patch.setattr(Judge, "ask_together", ask_nothing)
        return link_target(lab.target(), lab.binaries(), {})


def test_what_is_worked_out_for_many_files_holds_for_each(many: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = _alone(many, monkeypatch)
    assert sum(bool(file.missing) for file in alone.files) >= 6
    assert sum(bool(file.undefined) for file in alone.files) == 2
    assert link_target(many.target(), many.binaries(), {}) == alone


def test_two_processes_find_what_one_finds(many: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, unjudged = (link_target(many.target(), many.binaries(), {}, judge=judge) for judge in (True, False))
    forks: list[int] = []
    fork = os.fork

    def counted() -> int:
        forks.append(os.getpid())
        return fork()

    monkeypatch.setattr(os, "fork", counted)
    monkeypatch.setattr(linker, "_ENOUGH_FILES", 2)
    monkeypatch.setattr("envaudit.shared_work.may_fork", lambda: True)
    assert link_target(many.target(), many.binaries(), {}) == alone
    assert forks == [os.getpid()]
    with Seen():  # a report that is kept has to know every file that was looked at
        assert link_target(many.target(), many.binaries(), {}) == alone
    # Looking for libraries alone is done before a second process could answer.
    assert link_target(many.target(), many.binaries(), {}, judge=False) == unjudged
    assert len(forks) == 1


def test_names_that_everybody_is_offered_need_not_be_kept(many: Lab) -> None:
    target, binaries = many.target(), many.binaries()
    offered = offered_by_interpreter(target, {})
    assert b"PyImport_ImportModule" in offered.names
    alone = link_target(target, binaries, {})
    assert link_target(target, binaries, {}, offered=offered) == alone
    # Those of another interpreter are no answer.
    other = Offered((*offered.paths, "/elsewhere"), offered.names | {b"absent"})
    assert link_target(target, binaries, {}, offered=other) == alone
    assert offered_by_interpreter(many.target(executable="/nowhere/python"), {}) == Offered()
