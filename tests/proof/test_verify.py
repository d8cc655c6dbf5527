"""Rules are seen to happen: with sets of wheels made here, so that no index is asked."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import threading
import time
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from envaudit.errors import UsageError
from envaudit.proof import Builder, BuildError, Verifier
from envaudit.proof.probing import Prober
from tests.rulebook.examples import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from envaudit.rulebook import Rule

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
BETA = {"2.8": "old = 1", "3.0.1": "new = 1"}
ALPHA = {"1.9": "from beta import old", "2.0": ""}


def wheel(folder: Path, name: str, version: str, code: str) -> None:
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}/__init__.py", code)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for scratch folders, with wheels of alpha and beta to install from; in the end it must be empty."""
    links = tmp_path / "wheels"
    links.mkdir()
    for version, code in BETA.items():
        wheel(links, "beta", version, code)
    for version, code in ALPHA.items():
        wheel(links, "alpha", version, code)
    for name in ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []


def rule(*pairs: tuple[str, str]) -> Rule:
    """The sound rule, for the Python that runs the tests."""
    found = parsed(("exclude_newer = 2026-11-01\n", ""), *pairs)
    assert found.reproducer is not None
    return found._replace(reproducer=found.reproducer._replace(python=HERE))


def test_a_rule_that_holds(scratch: Path) -> None:
    with Verifier() as verifier:
        outcome = verifier.verify(rule())
    assert outcome.verdict == "holds", outcome
    assert (outcome.bad, outcome.good, outcome.builds, outcome.detail) == ("exit 1", ("exit 0", "exit 0"), 3, "")


def test_a_bad_set_that_passes_has_rotted(scratch: Path) -> None:
    with Verifier() as verifier:
        outcome = verifier.verify(rule(('probe = "import alpha"', 'probe = "import beta"')))
    assert (outcome.verdict, outcome.bad, outcome.builds) == ("rotted", "exit 0", 1)
    assert outcome.detail.startswith("the bad set passes; signature 0 is not in the output")


def test_a_bad_set_that_fails_in_another_way_has_rotted(scratch: Path) -> None:
    with Verifier() as verifier:
        outcome = verifier.verify(rule(('probe = "import alpha"', 'probe = "import os; os.abort()"')))
    assert (outcome.verdict, outcome.bad) == ("rotted", "SIGABRT")
    assert "ended with SIGABRT instead of 1" in outcome.detail


def test_a_good_set_that_fails_is_another_matter(scratch: Path) -> None:
    with Verifier() as verifier:
        outcome = verifier.verify(rule(('["alpha==1.9", "beta==2.8"]', '["alpha==1.9", "beta==3.0.1"]')))
    assert (outcome.verdict, outcome.good) == ("world moved", ("exit 0", "exit 1"))
    assert outcome.detail.startswith("alpha==1.9 beta==3.0.1\n")
    assert "cannot import name 'old' from 'beta'" in outcome.detail


def test_a_set_that_cannot_be_built(scratch: Path) -> None:
    with Verifier() as verifier:
        outcome = verifier.verify(rule(('bad = ["alpha==1.9"', 'bad = ["alpha==7"')))
    assert (outcome.verdict, outcome.bad, outcome.builds) == ("not built", "", 0)
    assert "alpha" in outcome.detail


def test_rules_are_verified_side_by_side(scratch: Path) -> None:
    rules = [rule(), rule(('id = "EA-2026-0001"', 'id = "EA-2026-0002"'))]
    with Verifier() as verifier:
        assert {outcome.rule for outcome in verifier.verify_all(rules, 2)} == {"EA-2026-0001", "EA-2026-0002"}


def test_an_interruption_leaves_nothing(scratch: Path) -> None:
    slow = rule(('probe = "import alpha"', 'probe = "import time; time.sleep(300)"'))

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Verifier() as verifier:  # noqa: PT012 - it is interrupted while it runs
        running = threading.Thread(target=verifier.verify, args=(slow,))
        running.start()
        deadline = time.monotonic() + 60
        while not _sleepers() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert _sleepers()
        interrupt()
    running.join(30)
    assert not running.is_alive()
    assert not _sleepers()


def _sleepers() -> list[int]:
    found = []
    for process in psutil.Process(os.getpid()).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile, or nobody has asked yet how it did
            words = " ".join(process.cmdline())
            found += [process.pid] if "time.sleep(300)" in words and "supervisor.py" not in words else []
    return found


def test_what_was_only_taken_over_cannot_be_verified(scratch: Path) -> None:
    assert scratch.is_dir()
    with Verifier() as verifier, pytest.raises(UsageError, match="no reproducer"):
        verifier.verify(parsed()._replace(reproducer=None))


@pytest.mark.parametrize(
    ("probe", "ended"),
    [
        ("print('said'); raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import time; time.sleep(60)", "timeout"),
        ("while True: print('x' * 1000)", "output"),
    ],
)
def test_how_a_probe_ends(probe: str, ended: int | str, tmp_path: Path) -> None:
    assert Prober(tmp_path, memory=400 * 1024**2, seconds=5.0).probe(sys.executable, probe).exit == ended


def test_a_probe_is_held_to_its_memory(tmp_path: Path) -> None:
    ended = Prober(tmp_path, memory=400 * 1024**2).probe(sys.executable, "bytearray(500 * 1024**2)")
    assert ended.exit in {1, "memory"}
    assert ended.exit == "memory" or "MemoryError" in ended.output


def test_what_a_probe_says_is_kept_in_order(tmp_path: Path) -> None:
    probe = "import sys; print('one', flush=True); print('two', file=sys.stderr, flush=True); print('three')"
    assert Prober(tmp_path).probe(sys.executable, probe).output == "one\ntwo\nthree\n"


def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BuildError):
        Prober(tmp_path).probe(str(tmp_path / "nothing"), "")


def test_without_uv_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="rules are verified with uv, and there is none"):
        Verifier()


def test_a_python_that_is_not_there() -> None:
    with pytest.raises(BuildError, match=r"no Python 3\.1 on this machine"):
        Builder().python("3.1")
