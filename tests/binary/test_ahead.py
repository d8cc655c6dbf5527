"""Reading many files in two processes gives what reading them one by one gives, whatever becomes of the second."""

from __future__ import annotations

import marshal
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from envaudit.binary import Closely, ahead, read_both
from envaudit.files_seen import Seen
from envaudit.model import BinaryFacts, NumpyNeed, StructSizes, VersionNeed
from tests.binary.forge import Elf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from envaudit.binary.symbols import Symbols

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only where fork is safe")

FULL = BinaryFacts(
    "elf", "x86_64", 64, soname="libx.so.1", needed=("libc.so.6", "libm.so.6"), rpath=("/a",), runpath=("/b",),
    numpy=NumpyNeed("c-api", "1.x", "cython", 0x0E, "argument", "1.20", StructSizes(96, None, 192), asks_first=True),
    numpy_unread="x", frameworks=("cython",), needed_late=("y",),
    versions_needed=(VersionNeed("libc.so.6", ("GLIBC_2.34", "GLIBC_2.2.5")), VersionNeed("libm.so.6", ())),
    exec_stack=True, static_tls=8, min_align=4096, min_os="11.0", pybind11="internals_v4",
)  # fmt: skip


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make more files than are read at once, two of which cannot be read."""
    monkeypatch.setattr(ahead, "ENOUGH_FILES", 10)
    monkeypatch.setattr(ahead, "may_fork", lambda: True)
    rodata = b"numpy\0module compiled against API version\0compiled against \0"
    for number in range(300):
        data = bytes(Elf(soname=f"lib{number}.so", needed=("libc.so.6",), rodata=rodata if number % 3 else b"x"))
        (tmp_path / f"{number:03}.so").write_bytes(data)
    (tmp_path / "150.so").write_bytes(b"no such format")
    return [str(path) for path in sorted(tmp_path.iterdir())] + [str(tmp_path / "absent.so")]


def _plain(read: tuple[BinaryFacts, Symbols | None]) -> tuple[object, ...]:
    facts, names = read
    return facts, None if names is None else (names.undefined, names.defined_versions)


@pytest.mark.parametrize("symbols", [True, False])
def test_it_finds_what_reading_one_by_one_finds(files: list[str], *, symbols: bool) -> None:
    found = ahead.read_ahead(files, Closely("sizes", symbols=symbols))
    readable = [path for path in files if not path.endswith(("150.so", "absent.so"))]
    assert sorted(found) == readable
    for path, read in found.items():
        assert _plain(read) == _plain(read_both(path, Closely("sizes", symbols=symbols)))


def test_both_processes_take_part(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    read = ahead._Second._read

    def read_slowly(second: ahead._Second, part: Sequence[str]) -> object:
        time.sleep(0.05)  # on a busy machine one of them could be through before the other begins
        return read(second, part)

    monkeypatch.setattr(ahead, "_FILES_A_PART", 10)
    monkeypatch.setattr(ahead._Second, "_read", read_slowly)
    monkeypatch.setattr(ahead, "_restored", lambda item: (item[0], "from the child", None))
    found = ahead.read_ahead(files, Closely())
    assert {"from the child"} < {read[0] for read in found.values()}


def _is_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _fails() -> None:
    raise RuntimeError("in the child")


@pytest.mark.parametrize("end", [_is_killed, _fails])
def test_a_child_that_ends_early_costs_only_its_part(
    files: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], end: Callable[[], None]
) -> None:
    parent = os.getpid()
    read = ahead._Second._read

    def read_or_end(second: ahead._Second, part: Sequence[str]) -> object:
        if os.getpid() != parent:
            end()
        return read(second, part)

    monkeypatch.setattr(ahead._Second, "_read", read_or_end)
    found = ahead.read_ahead(files, Closely())
    assert set(found) < set(files)
    assert len(found) > 100
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # no child is left behind
    assert capfd.readouterr() == ("", "")


def test_reading_begins_with_the_first_files_that_are_offered(files: list[str]) -> None:
    with ahead.Ahead(Closely()) as reader:
        reader.offer(files[:5])
        begun = [reader._second is not None]
        reader.offer(files[3:20])
        begun.append(reader._second is not None)
        assert begun == [False, True]  # the first five were too few
        reader.offer(files)
        found = reader.finish()
        assert sorted(found) == [path for path in files if not path.endswith(("150.so", "absent.so"))]
        assert reader.finish() == {}


def test_what_is_begun_and_not_wanted_leaves_no_process(files: list[str]) -> None:
    open_before = len(os.listdir("/proc/self/fd"))
    with ahead.Ahead(Closely()) as reader:
        reader.offer(files)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert len(os.listdir("/proc/self/fd")) == open_before


@pytest.mark.parametrize(("limit", "value"), [("_PATHS_LIMIT", 4096), ("_CLAIMS_LIMIT", 3)])
def test_what_has_no_room_to_be_offered_is_read_by_the_parent(
    files: list[str], monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(ahead, limit, value)
    assert len(ahead.read_ahead(files, Closely())) == 299


def test_an_answer_cut_short_is_none(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marshal, "dumps", lambda value: b"[\xff\xff\xff\x00 nonsense")
    found = ahead.read_ahead(files, Closely())
    assert set(found) < set(files)


def test_an_interrupted_parent_leaves_no_child(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    parent = os.getpid()
    read = ahead._Second._read

    def interrupted(second: ahead._Second, part: Sequence[str]) -> object:
        if os.getpid() == parent:
            raise KeyboardInterrupt
        return read(second, part)

    monkeypatch.setattr(ahead._Second, "_read", interrupted)
    open_before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(KeyboardInterrupt):
        ahead.read_ahead(files, Closely())
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_without_a_process_to_be_had_nothing_is_read_ahead(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    open_before = len(os.listdir("/proc/self/fd"))
    assert ahead.read_ahead(files, Closely()) == {}  # the caller reads each file itself
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_few_files_and_other_threads_make_no_second_process(
    files: list[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    assert ahead.read_ahead(files[:9], Closely()) == {}
    monkeypatch.undo()
    monkeypatch.setattr(ahead, "ENOUGH_FILES", 10)
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    request.addfinalizer(thread.join)
    request.addfinalizer(done.set)
    assert ahead.read_ahead(files, Closely()) == {}


def test_one_processor_makes_no_second_process(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(ahead, "ENOUGH_FILES", 10)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert ahead.read_ahead(files, Closely()) == {}


def test_what_the_child_reads_is_noted_too(files: list[str]) -> None:
    with Seen() as seen:
        ahead.read_ahead(files, Closely())
    assert set(files) == set(seen.read)


def test_every_field_of_the_facts_comes_back() -> None:
    default = BinaryFacts("", "", 0)
    assert [name for name in BinaryFacts._fields if getattr(FULL, name) == getattr(default, name)] == ["truncated"]
    for facts in (FULL, FULL._replace(numpy=None, truncated=True), BinaryFacts("pe", "amd64", 32)):
        sent = marshal.dumps(ahead._plain(("/x", facts, None)))
        _, restored, names = ahead._restored(marshal.loads(sent))
        assert (restored, names) == (facts, None)
        assert type(restored) is BinaryFacts
        assert all(type(need) is VersionNeed for need in restored.versions_needed)
        assert restored.numpy is None or type(restored.numpy.expects) is StructSizes
