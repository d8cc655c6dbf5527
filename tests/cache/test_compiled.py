"""What is kept of compiled files: the answers of a run with a cache are those of a run without."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.binary import read_binary, stored
from envaudit.binary.stored import Stored, WrongFormError, reader_version
from envaudit.cache.compiled import KeptFiles
from envaudit.cache.database import Cache
from envaudit.model import BinaryFacts, NumpyNeed, RecordEntry, StructSizes, VersionNeed, replace
from tests.binary.conftest import fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HASH = "sha256=" + "A" * 43
FULL = BinaryFacts(
    "elf",
    "x86_64",
    64,
    "liba.so.1",
    ("libc.so.6", "libé.so"),
    ("/opt",),
    ("$ORIGIN/../x.libs",),
    numpy=NumpyNeed("cython", "2.x", "cython", 0x12, "text", "1.23", StructSizes(96, None, 232)),
    frameworks=("cython", "pybind11"),
    needed_late=("late.dll",),
    versions_needed=(VersionNeed("libc.so.6", ("GLIBC_2.34", "GLIBC_2.2.5")), VersionNeed("libm.so.6", ())),
    exec_stack=True,
    static_tls=64,
    min_align=4096,
    min_os="11.0",
    pybind11="__pybind11_internals_v11_gcc",
)


@pytest.mark.parametrize("facts", [FULL, BinaryFacts("macho", "arm64", 64), replace(FULL, numpy=None)])
def test_facts_come_back_as_they_were(facts: BinaryFacts) -> None:
    kept = Stored(facts, explained=True)
    kept.keep_left("digest", frozenset({b"_ZN1aE", b"\xff\x80", b"Py_None"}))
    kept.offers = {b"yes": True, b"no": False}
    again = Stored.load(kept.dump())
    assert (again.facts, again.explained, again.changed) == (facts, True, False)
    assert (again.left, again.offers) == (kept.left, kept.offers)


def test_every_field_of_the_facts_is_kept() -> None:
    """A field that is added later must be kept too, or a cached file would look different."""
    default = BinaryFacts("pe", "amd64", 32)
    for name in BinaryFacts._fields:
        changed = replace(default, **{name: getattr(replace(FULL, truncated=True, numpy_unread="x"), name)})
        assert Stored.load(Stored(changed, explained=False).dump()).facts == changed, name


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every part of a nested value."""
    found = [path] if path else []
    if isinstance(value, list):
        for index, inner in enumerate(value):
            found += _paths(inner, (*path, index))
    elif isinstance(value, dict):
        for key, inner in value.items():
            found += _paths(inner, (*path, key))
    return found


def _of_another_type(value: object) -> list[object]:
    others: list[object] = [[{}], {"a": 1}, 1.5]
    if not isinstance(value, bool):
        others.append(True)
    if not isinstance(value, str):
        others.append("text")
    return others


def test_a_value_of_another_type_anywhere_is_refused() -> None:
    kept = Stored(FULL, explained=True)
    kept.keep_left("digest", frozenset({b"name"}))
    kept.offers = {b"yes": True, b"no": False}
    tried = 0
    for path in _paths(json.loads(kept.dump())):
        for wrong in _of_another_type(_at(json.loads(kept.dump()), path)):
            plain = json.loads(kept.dump())
            _at(plain, path[:-1])[path[-1]] = wrong
            with pytest.raises(WrongFormError):
                Stored.load(json.dumps(plain))
            tried += 1
    assert tried > 150


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", "[1,2,3,4,5]", "[" * 100_000, "[[],true,{},[],[]]", '["\\ud800"]']
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(WrongFormError):
        Stored.load(text)


def test_names_that_are_no_bytes_are_refused() -> None:
    plain = json.loads(Stored(FULL, explained=True).dump())
    plain[3] = ["\u2603"]
    with pytest.raises(WrongFormError):
        Stored.load(json.dumps(plain))


def test_the_readers_have_a_version_without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = reader_version()
    reader_version.cache_clear()
    monkeypatch.setattr(stored, "__file__", "/nowhere/archive.zip/stored.py")
    assert reader_version() != usual
    reader_version.cache_clear()


def test_names_beyond_the_limit_are_not_kept() -> None:
    kept = Stored(FULL, explained=True, changed=False)
    kept.keep_left("digest", frozenset(b"%d" % number for number in range(10_000)))
    assert not kept.left
    assert not kept.changed
    for number in range(10):
        kept.keep_left(str(number), frozenset())
    assert list(kept.left) == ["6", "7", "8", "9"]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., BinaryFacts | None]:
    """Keep the facts of a file, and return what a later run knows of it."""
    (tmp_path / "cache").mkdir(mode=0o700)
    path = str(tmp_path / "module.so")
    shutil.copy(fixture("linked.so"), path)
    size = os.path.getsize(path)

    def known(entry: RecordEntry | None = None, code: str = "sizes", facts: BinaryFacts | None = None) -> Any:
        entry = entry or RecordEntry("module.so", HASH, size)
        cache = Cache(str(tmp_path / "cache"))
        kept = KeptFiles(cache, code)
        kept.look_up([(path, entry)])
        found = kept.get(path)
        if facts is not None:
            kept.add(path, facts, explained=False)
        kept.save()
        cache.close()
        return found.facts if found else None

    return known


def test_a_file_is_known_again(run: Callable[..., BinaryFacts | None]) -> None:
    facts = read_binary(fixture("linked.so"))
    assert run(facts=facts) is None
    assert run() == facts
    assert run(code="all") is None


@pytest.mark.parametrize(
    ("digest", "size"),
    [("", 16), (HASH, None), (HASH, 7), ("sha256=short", 16), ("md5=" + "A" * 22, 16), (HASH[:-1] + "B", 16)],
)
def test_another_hash_or_size_is_another_file(
    run: Callable[..., BinaryFacts | None], tmp_path: Path, digest: str, size: int | None
) -> None:
    run(facts=FULL)
    real = os.path.getsize(tmp_path / "module.so")
    assert run() == FULL
    assert run(RecordEntry("module.so", digest, real if size == 16 else size), facts=FULL) is None


def test_a_file_that_was_changed_is_read_again(run: Callable[..., BinaryFacts | None], tmp_path: Path) -> None:
    """``chrpath`` writes into a file without changing its size, and RECORD does not notice."""
    path = tmp_path / "module.so"
    run(facts=FULL)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    status = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert run() is None
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert run() == FULL
    path.write_bytes(data[:-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert run() is None
    path.unlink()
    assert run(facts=FULL) is None


@pytest.mark.parametrize("change", [{"truncated": True}, {"numpy_unread": "too large"}])
def test_what_could_not_be_read_is_tried_again(run: Callable[..., BinaryFacts | None], change: dict[str, Any]) -> None:
    run(facts=replace(FULL, **change))
    assert run() is None


def test_a_poisoned_value_under_the_right_key_is_read_again(
    run: Callable[..., BinaryFacts | None], tmp_path: Path
) -> None:
    run(facts=FULL)
    cache = Cache(str(tmp_path / "cache"))
    status = os.stat(tmp_path / "module.so")
    key = f"{reader_version()} sizes {HASH} {status.st_size} {status.st_mtime_ns}"
    (text,) = cache.get([key]).values()
    plain = json.loads(text)
    plain[0][0] = 7
    cache.put({key: json.dumps(plain)})
    cache.close()
    assert run() is None


def test_without_a_cache_nothing_is_known() -> None:
    kept = KeptFiles(None, "never")
    kept.look_up([(fixture("linked.so"), RecordEntry("linked.so", HASH, os.path.getsize(fixture("linked.so"))))])
    kept.add(fixture("linked.so"), FULL, explained=True)
    kept.save()
    assert kept.get(fixture("linked.so")) is None
