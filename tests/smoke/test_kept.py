"""Results that are kept: of an unchanged environment nothing is run again, and every change is noticed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from envaudit.model import CrashPlace, SmokeResult, replace
from envaudit.smoke import SmokeOptions, SmokeTest, run_smoke, runner
from envaudit.smoke.kept import KeptResults
from tests.smoke.fake import installed
from tests.support.facts import make_dist

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from packaging.utils import NormalizedName

    from envaudit.model import Distribution, SmokeEnd
    from tests.smoke.fake import FakeEnvironment


class Memory:
    """A store that forgets nothing."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        return {key: self.texts[key] for key in keys if key in self.texts}

    def put(self, values: Mapping[str, str]) -> None:
        self.texts.update(values)


class Place:
    """An environment of two distributions, of which the first requires the second, and one test."""

    def __init__(self, fake: FakeEnvironment, folder: Path) -> None:
        self.fake = fake
        self.store = Memory()
        self.site = fake.site
        self.file = folder / "kept.py"
        self.file.write_text('"""One."""\ndef run():\n    import kept_one\n')
        self.options = SmokeOptions(jobs=1)
        self.one = self._install("kept-one", "pass")
        self.two = self._install("kept-two", "pass")

    def _install(self, name: str, body: str) -> Distribution:
        module = name.replace("-", "_")
        (self.site / f"{module}.py").write_text(body + "\n")
        info = self.site / f"{module}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "RECORD").write_text(f"{module}.py,,\n{info.name}/RECORD,,\n")
        requires = ("Kept_Two >= 1 ; extra == 'x'",) if name == "kept-one" else ()
        dist = make_dist(name, "1.0", *requires, top_level=(module,))
        return replace(dist, info_path=str(info), site_dir=str(self.site), has_record=True)

    @property
    def test(self) -> SmokeTest:
        return SmokeTest("kept", str(self.file), "One.", tuple(installed("kept-one")))

    def kept(self) -> KeptResults:
        distributions: dict[NormalizedName, Distribution] = {dist.key: dist for dist in (self.one, self.two)}
        return KeptResults(self.store, self.fake.target, distributions, {"avx"}, self.options)

    def run(self) -> SmokeResult:
        names = installed("kept-one", "kept-two")
        (result,) = run_smoke(self.fake.target, names, self.options, kept=self.kept()).results
        return result


@pytest.fixture
def place(environment: FakeEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(environment, tmp_path)
    monkeypatch.setattr(runner, "SMOKE_TESTS", (made.test,))
    return made


def test_nothing_is_run_again_while_nothing_changes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    first = place.run()
    assert (first.end, first.kept) == ("ok", "")

    def never(*_: object) -> None:
        raise AssertionError("it was run again")

    monkeypatch.setattr(runner._Run, "_one", never)
    again = place.run()
    assert again.kept
    assert again._replace(kept="") == first


def _later(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def _same_time(path: Path) -> None:
    status = path.stat()
    path.write_text(path.read_text().replace("pass", "1234"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES: dict[str, Callable[[Place], object]] = {
    "content": lambda place: (place.site / "kept_one.py").write_text("import os\n"),
    "content of what it requires": lambda place: (place.site / "kept_two.py").write_text("import os\n"),
    "time": lambda place: _later(place.site / "kept_two.py"),
    "content with the old time": lambda place: _same_time(place.site / "kept_one.py"),
    "a file is gone": lambda place: (place.site / "kept_two.py").unlink(),
    "the test": lambda place: place.file.write_text(place.file.read_text() + "\n# other\n"),
    "a .pth file": lambda place: (place.site / "kept.pth").write_text("# nothing\n"),
    "memory limit": lambda place: setattr(place, "options", SmokeOptions(jobs=1, memory=10**9)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_noticed(place: Place, change: str) -> None:
    place.run()
    try:
        CHANGES[change](place)
        assert place.run().kept == ""
    finally:
        (place.site / "kept.pth").unlink(missing_ok=True)


def test_without_a_record_nothing_is_kept(place: Place) -> None:
    place.two = replace(place.two, has_record=False)
    place.run()
    assert place.run().kept == ""
    place.two = replace(place.two, has_record=True, editable_path="/src")
    place.run()
    assert place.run().kept == ""
    assert place.store.texts == {}


@pytest.mark.parametrize(
    ("end", "fields", "kept"),
    [
        ("ok", {}, True),
        ("crash", {"signal": "SIGSEGV"}, True),
        ("abort", {"signal": "SIGABRT"}, True),
        ("wrong-result", {}, True),
        ("exception", {"exception": "ImportError"}, True),
        ("exception", {"exception": "OSError"}, False),
        ("exception", {"exception": "RuntimeError"}, False),
        ("timeout", {}, False),
        ("memory-limit", {}, False),
        ("killed", {"signal": "SIGKILL"}, False),
        ("process-limit", {}, False),
        ("no-result", {}, False),
        ("not-run", {}, False),
        ("ok", {"leftovers": 1}, False),
    ],
)  # fmt: skip
def test_what_may_be_otherwise_next_time_is_not_kept(
    place: Place, end: SmokeEnd, fields: dict[str, str | int], kept: bool
) -> None:
    result = SmokeResult("kept", place.one.key, end, frames=(("a", 1, "b"),), place=CrashPlace("l", "f", "o"))
    result = result._replace(**fields)  # type: ignore[arg-type]
    results = place.kept()
    assert results.known([place.test]) == {}
    results.keep([(place.test, result)])
    found = place.kept().known([place.test])
    assert (list(found) == ["kept"]) is kept
    if kept:
        assert found["kept"]._replace(kept="") == result


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"place": 1}', "null", '{"place": null, "frames": [[1]], "alone": []}']
)
def test_a_kept_text_of_any_other_form_is_nothing(place: Place, text: str) -> None:
    place.run()
    place.store.texts = dict.fromkeys(place.store.texts, text)
    assert place.run().kept == ""
