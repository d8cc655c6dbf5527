"""Kept answers about names: what is known is not linked again, and no answer outlives what it hangs on."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.cache.database import Cache
from envaudit.locate import TargetRequest, locate
from envaudit.scan import scan_target
from envaudit.source import link_all
from envaudit.source.linked import linked_names
from tests.support.trees import Dist, make_distribution, make_venv, site_packages, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from envaudit.model_names import MissingName

LONG_AGO = 1_600_000_000
DISTS = (
    Dist("base", "1.0", files={"base/__init__.py": "def kept(): ...\n", "base/sub/__init__.py": "x = 1\n"}),
    Dist("middle", "1.0", files={"middle/__init__.py": "from base import *\n", "middle/own.py": "y = 1\n"}),
    Dist("one", "1.0", files={"one/__init__.py": "from middle import kept\nfrom base.sub import x\n"}),
    Dist("two", "1.0", files={"two/__init__.py": "from middle import kept, gone\n"}),
    Dist("apart", "1.0", files={"apart/__init__.py": "import json\nimport not_there\n"}),
    Dist(
        "compiled",
        "1.0",
        files={
            "compiled/__init__.py": "from compiled_inner.fast import f\n",
            "compiled_inner/__init__.py": "",
            "compiled_inner/fast.pyi": "def f(): ...\n",
            "compiled_inner/fast.cpython-311-x86_64-linux-gnu.so": b"\0f\0",
        },
    ),
    Dist("space-one", "1.0", files={"space/one.py": "z = 1\n"}),
    Dist("space-two", "1.0", files={"space/two.py": "from space.one import z\nfrom base import kept\n"}),
)


class Kept:
    """A memory."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        """Return what is known."""
        return {key: self.texts[key] for key in keys if key in self.texts}

    def put(self, values: Mapping[str, str]) -> None:
        """Keep everything."""
        self.texts.update(values)


def settled(folder: Path) -> None:
    """Date everything in a folder back, as if it had been installed long ago."""
    for path, _, names in os.walk(folder):
        for name in (*names, "."):
            os.utime(os.path.join(path, name), (LONG_AGO, LONG_AGO), follow_symlinks=False)


def environment(tmp_path: Path, name: str = "venv", dists: Sequence[Dist] = DISTS) -> Path:
    """Write an environment, long ago."""
    base = tmp_path / "base"
    prefix = make_venv(tmp_path, distributions=dists, name=name, base=base if base.exists() else None)
    settled(prefix)
    return prefix


def missing(prefix: Path, memory: Kept | Cache | None, *, compare: bool = True) -> list[MissingName]:
    """Link an environment."""
    target = locate(TargetRequest(str(prefix), None), {}, "/", "")
    scan = scan_target(target, compare=compare)
    visible = [dist for dist in scan.distributions if not dist.hidden_by]
    return list(linked_names(target, visible, memory, dict(scan.prints)))


@pytest.fixture
def linked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the distributions that are linked, as that goes on."""
    names: list[str] = []
    real = link_all.link_some

    def noting(target: Any, visible: Any, numbers: Any) -> Any:
        names.extend(visible[number].name for number in numbers)
        return real(target, visible, numbers)

    monkeypatch.setattr(link_all, "link_some", noting)
    return names


def test_nothing_is_linked_twice(tmp_path: Path, linked: list[str]) -> None:
    prefix, memory = environment(tmp_path), Kept()
    first = missing(prefix, memory)
    assert {each.dotted for each in first} == {"middle.gone", "not_there"}
    assert sorted(linked) == sorted(dist.name for dist in DISTS)
    linked.clear()
    assert missing(prefix, memory) == first
    assert missing(prefix, memory, compare=False) == first
    assert linked == []


def test_without_a_memory_everything_is_linked_each_time(tmp_path: Path, linked: list[str]) -> None:
    prefix = environment(tmp_path)
    assert missing(prefix, None) == missing(prefix, None)
    assert len(linked) == 2 * len(DISTS)


def test_another_environment_with_the_same_distributions_is_known(tmp_path: Path, linked: list[str]) -> None:
    memory = Kept()
    missing(environment(tmp_path), memory)
    linked.clear()
    other = environment(tmp_path, "other")
    found = missing(other, memory)
    assert linked == []
    assert found == missing(other, None)
    assert {each.site_dir for each in found} == {str(site_packages(other))}


def test_two_environments_in_turns_stay_known(tmp_path: Path, linked: list[str]) -> None:
    memory = Kept()
    prefix = environment(tmp_path)
    newer = Dist("base", "2.0", files={"base/__init__.py": "", "base/sub/__init__.py": "x = 1\n"})
    other = environment(tmp_path, "other", (newer, *DISTS[1:]))
    expected = missing(prefix, None), missing(other, None)
    assert expected[0] != expected[1]
    for _ in range(3):
        assert (missing(prefix, memory), missing(other, memory)) == expected
    linked.clear()
    assert (missing(prefix, memory), missing(other, memory)) == expected
    assert linked == []


def _written(path: str, text: str | bytes) -> Callable[[Path], object]:
    return lambda site: write_tree(site, {path: text})


def _upgraded(name: str, version: str, files: Mapping[str, str | bytes]) -> Callable[[Path], object]:
    def change(site: Path) -> None:
        (old,) = site.glob(f"{name}-*.dist-info")
        shutil.rmtree(old)
        make_distribution(site, Dist(name, version, files=files))
        settled(site)

    return change


def _removed(name: str) -> Callable[[Path], object]:
    def change(site: Path) -> None:
        shutil.rmtree(site / f"{name}-1.0.dist-info")
        shutil.rmtree(site / name)

    return change


# What changes, and what is linked then.
CHANGES: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "a provider edited in place": (
        _written("base/__init__.py", "def other(): ...\n"),
        {"base", "middle", "one", "two", "space-two"},
    ),
    "the same size": (
        _written("base/__init__.py", "def kepu(): ...\n"),
        {"base", "middle", "one", "two", "space-two"},
    ),
    "the one who asks edited in place": (_written("apart/__init__.py", "import json\n"), {"apart"}),
    "a module that no RECORD lists": (_written("middle/gone.py", ""), {"middle", "one", "two"}),
    "a top-level module that no RECORD lists": (_written("not_there.py", ""), {"apart"}),
    "a stub": (_written("compiled_inner/fast.pyi", "def g(): ...\n"), {"compiled"}),
    "a compiled file": (
        _written("compiled_inner/fast.cpython-311-x86_64-linux-gnu.so", b"\0other\0"),
        {"compiled"},
    ),
    "a file that is gone": (
        lambda site: (site / "base/sub/__init__.py").unlink(),
        {"base", "middle", "one", "two", "space-two"},
    ),
    "another release, with old times": (
        _upgraded("base", "2.0", {"base/__init__.py": "", "base/sub/__init__.py": "x = 1\n"}),
        {"base", "middle", "one", "two", "space-two"},
    ),
    "another release of what nobody asks": (
        _upgraded("apart", "2.0", {"apart/__init__.py": "import sys\n"}),
        {"apart"},
    ),
    "another part of a namespace": (
        _written("space/one.py", "a = 1\n"),
        {"space-one", "space-two"},
    ),
    "a distribution removed": (_removed("middle"), {"one", "two"}),
    "a distribution added": (
        lambda site: make_distribution(site, Dist("not-there", "1.0", files={"not_there/__init__.py": ""})),
        {"apart", "not-there"},
    ),
}


@pytest.mark.parametrize("compare", [True, False])
@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_seen_and_costs_what_it_touches(
    tmp_path: Path, linked: list[str], what: str, *, compare: bool
) -> None:
    change, expected = CHANGES[what]
    prefix, memory = environment(tmp_path), Kept()
    missing(prefix, memory, compare=compare)
    change(site_packages(prefix))
    linked.clear()
    found = missing(prefix, memory, compare=compare)
    assert set(linked) == expected
    assert found == missing(prefix, None)
    linked.clear()
    missing(prefix, memory, compare=compare)
    # What nobody has recorded can change without a trace.
    assert set(linked) == (expected if "no RECORD lists" in what else set())


def test_bytecode_that_an_import_leaves_changes_nothing(tmp_path: Path, linked: list[str]) -> None:
    prefix, memory = environment(tmp_path), Kept()
    missing(prefix, memory)
    before = dict(memory.texts)
    for folder in ("base", "base/sub", "middle"):
        write_tree(site_packages(prefix), {f"{folder}/__pycache__/x.cpython-311.pyc": b""})
    linked.clear()
    missing(prefix, memory)
    assert linked == []
    # What the folders are dated is kept anew, so that they are not listed each time.
    assert before.keys() == memory.texts.keys()
    assert len([key for key in before if before[key] != memory.texts[key]]) == 2
    after = dict(memory.texts)
    missing(prefix, memory)
    assert after == memory.texts


def test_another_python_is_another_answer(tmp_path: Path, linked: list[str]) -> None:
    memory = Kept()
    asks = [Dist("asks", "1.0", files={"asks/__init__.py": "import distutils.core\nimport asynchat\n"})]
    old = make_venv(tmp_path / "old", distributions=asks, version="3.11.7")
    new = make_venv(tmp_path / "new", distributions=asks, version="3.13.0")
    for prefix in (old, new):
        settled(prefix)
        assert missing(prefix, memory) == missing(prefix, None)
    assert len(linked) == 4


def test_the_hook_of_setuptools_is_seen(tmp_path: Path) -> None:
    memory = Kept()
    asks = [Dist("asks", "1.0", files={"asks/__init__.py": "import distutils.core\n"})]
    prefix = make_venv(tmp_path, distributions=asks, version="3.13.0")
    settled(prefix)
    assert [each.dotted for each in missing(prefix, memory)] == ["distutils"]
    files = {
        "setuptools/__init__.py": "",
        "setuptools/_distutils/__init__.py": "",
        "setuptools/_distutils/core.py": "",
        "distutils-precedence.pth": "",
    }
    make_distribution(site_packages(prefix), Dist("setuptools", "80.0", files=files))
    assert missing(prefix, memory) == missing(prefix, None) == []
    (site_packages(prefix) / "distutils-precedence.pth").unlink()
    assert missing(prefix, memory) == missing(prefix, None) != []


@pytest.mark.parametrize("record", [None, "base-1.0.dist-info/RECORD,,\n"])
def test_without_a_record_nothing_is_kept_of_it_and_of_who_asks_it(
    tmp_path: Path, linked: list[str], record: str | None
) -> None:
    loose = Dist("base", "1.0", files=DISTS[0].files, record=record)
    prefix, memory = environment(tmp_path, dists=(loose, *DISTS[1:])), Kept()
    missing(prefix, memory)
    linked.clear()
    assert missing(prefix, memory) == missing(prefix, None)
    again = set(linked[: -len(DISTS)])
    assert {"base", "one", "two", "middle"} <= again
    assert "apart" not in again


@pytest.mark.parametrize(
    "text", ["", "[", "null", "[[]]", '[[], ["a\\u0000b"]]', "[1, 2]", '[["x", 1]]', "[[" * 100_000]
)
def test_a_damaged_text_is_no_answer(tmp_path: Path, text: str) -> None:
    prefix, memory = environment(tmp_path), Kept()
    expected = missing(prefix, memory)
    for key in memory.texts:
        damaged = Kept()
        damaged.texts = {**memory.texts, key: text}
        assert missing(prefix, damaged) == expected


def test_the_real_cache_keeps_it(tmp_path: Path, linked: list[str]) -> None:
    prefix = environment(tmp_path)
    for _ in range(2):
        cache = Cache(str(tmp_path / "cache"))
        found = missing(prefix, cache)
        cache.close()
    assert len(linked) == len(DISTS)
    assert found == missing(prefix, None)


def test_what_objects_have_lost_hangs_on_the_modules_of_their_classes(tmp_path: Path, linked: list[str]) -> None:
    memory = Kept()
    asks = "def f():\n    import pandas as pd\n    return pd.DataFrame().append(1)\n"
    frame = {
        "pandas/__init__.py": "from pandas.core import DataFrame\n",
        "pandas/core.py": "from frames import Base\nclass DataFrame(Base):\n    pass\n",
    }
    prefix = environment(
        tmp_path,
        dists=[
            Dist("app0", "1.0", files={"app0/__init__.py": asks}),
            Dist("app1", "1.0", files={"app1/__init__.py": asks}),
            Dist("frames", "1.0", files={"frames/__init__.py": "class Base:\n    pass\n"}),
            Dist("pandas", "2.2.3", files=frame),
        ],
    )
    assert missing(prefix, memory) == missing(prefix, None)
    assert [each.form for each in missing(prefix, memory)] == ["member", "member"]
    write_tree(site_packages(prefix), {"frames/__init__.py": "class Base:\n    def append(self): ...\n"})
    linked.clear()
    assert missing(prefix, memory) == missing(prefix, None)
    assert {"app0", "app1", "frames"} <= set(linked[:-4])


def test_a_floor_edited_in_place_is_noticed(tmp_path: Path) -> None:
    memory = Kept()
    prefix = environment(tmp_path)
    missing(prefix, memory)
    known = set(memory.texts)
    metadata = site_packages(prefix) / "one-1.0.dist-info/METADATA"
    metadata.write_text(metadata.read_text().replace("Name:", "Requires-Dist: base>=1\nName:"))
    missing(prefix, memory)
    assert set(memory.texts) != known
