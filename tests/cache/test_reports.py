"""Whether a kept report holds is asked by two processes, and each of them can say that it does not."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from envaudit.cache import reports
from envaudit.cache.reports import KeptReport
from envaudit.files import read_bytes, statuses
from envaudit.files_seen import STATUSES, Seen, still_told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no second process on this system")
FOLDERS = 12


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeptReport:
    """Return the report of a run that has asked for the status of the files of twelve folders."""
    monkeypatch.setattr(reports, "_ENOUGH", 1)
    monkeypatch.setattr(reports, "_may_fork", lambda: True)
    seen = Seen()
    with seen:
        for number in range(FOLDERS):
            folder = tmp_path / f"{number:02}"
            folder.mkdir()
            for name in ("a.py", "b.py"):
                (folder / name).write_text("x")
            read_bytes(str(folder / "a.py"))
            list(statuses(str(folder), ["a.py", "b.py", "absent.py"]))
    loaded = KeptReport.load(KeptReport([("", False, "text")], 0, "", 2_000_000_000, {}).dump(seen))
    assert loaded is not None
    return loaded


def _no_child_is_left() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


def test_both_ask_and_each_a_part(kept: KeptReport, monkeypatch: pytest.MonkeyPatch) -> None:
    told = kept._told
    paths = told[STATUSES][0]
    shares = []
    for read in (0, sum(map(len, paths)) // 3, 10**9):
        own, others = reports._divided(told, read)
        assert {question for question, _ in others} == {STATUSES}
        divided = [path for question, (some, _) in (*own, *others) if question == STATUSES for path in some]
        assert sorted(divided) == sorted(paths)
        shares.append(len(others[0][1][0]))
    # The more else there is to ask here, the more of the files is for the other process.
    assert 0 < shares[0] < shares[1] < shares[2] == FOLDERS
    here: list[str] = []

    def noted(question: str, some: Sequence[str], answers: Sequence[int | str]) -> bool:
        here.extend(some)
        return still_told(question, some, answers)

    monkeypatch.setattr(reports, "still_told", noted)
    assert kept.holds({}, 1)
    assert 0 < len([path for path in here if path in paths]) < FOLDERS  # the rest was asked by the child
    assert _no_child_is_left()


@pytest.mark.parametrize("number", range(FOLDERS))
def test_a_change_anywhere_is_seen(kept: KeptReport, tmp_path: Path, number: int) -> None:
    (tmp_path / f"{number:02}/b.py").write_text("another")
    assert not kept.holds({}, 1)
    assert _no_child_is_left()


def _is_killed(_: object) -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return True


def _fails(_: object) -> bool:
    raise RuntimeError("in the child")


@pytest.mark.parametrize("end", [_is_killed, _fails])
def test_a_child_that_does_not_answer_agrees_to_nothing(
    kept: KeptReport, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], end: Callable[[object], bool]
) -> None:
    monkeypatch.setattr(reports._Other, "_asked", end)
    assert not kept.holds({}, 1)
    assert _no_child_is_left()
    assert capfd.readouterr() == ("", "")


def test_without_a_process_to_be_had_one_asks_all(
    kept: KeptReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    assert kept.holds({}, 1)
    (tmp_path / "11/a.py").unlink()
    assert not kept.holds({}, 1)


def test_an_interrupted_run_leaves_no_child(kept: KeptReport, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(reports, "still_as_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kept.holds({}, 1)
    assert _no_child_is_left()


def test_few_files_make_no_second_process(kept: KeptReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "_ENOUGH", 1_000_000)
    monkeypatch.setattr(os, "fork", None)
    assert kept.holds({}, 1)
