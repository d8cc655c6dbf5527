"""Verdicts on kernels: few are kept, the right one is shown once, and nothing in them does harm where it is shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from envaudit.cli import main
from envaudit.watch import kernel_words
from envaudit.watch.judge import Verdict
from envaudit.watch.kernel import connection_file, read_options
from envaudit.watch.kernel_verdicts import MOST, keep, kept, new_path, note_shown, read, unseen, verdict_folder
from envaudit.watch.kernel_words import Cells, display, rows

CELL = "/tmp/ipykernel_7/123.py"


def verdict(**more: Any) -> dict[str, Any]:
    return {"connection": "kernel-1.json", "notebook": "a.ipynb", "display": {"text/plain": "x"}, **more}


def test_few_are_kept_for_the_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state/kernels"
    for number in range(MOST + 3):
        keep(new_path(str(folder), "my kernel/..", number), verdict(number=number))
    (folder / "mine.txt").write_text("not ours")
    numbers = [read(path)["number"] for path in kept(str(folder))]
    assert sorted(numbers) == list(range(3, MOST + 3))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(os.stat(path).st_mode) for path in kept(str(folder))} == {0o600}
    assert (folder / "mine.txt").exists()
    assert all("/" not in path[len(str(folder)) + 1 :] for path in kept(str(folder)))


def test_it_is_shown_once_to_its_own_notebook(tmp_path: Path) -> None:
    folder = str(tmp_path)
    path = new_path(folder, "w", 1)
    keep(path, verdict())
    assert unseen(folder, "kernel-2.json", "") == ""
    assert unseen(folder, "kernel-2.json", "b.ipynb") == ""
    assert unseen(folder, "kernel-1.json", "") == path
    assert unseen(folder, "kernel-2.json", "a.ipynb") == path
    note_shown(path)
    assert unseen(folder, "kernel-1.json", "a.ipynb") == ""
    assert read(path)["display"] == {"text/plain": "x"}


def test_one_of_the_day_before_yesterday_is_not_shown(tmp_path: Path) -> None:
    path = new_path(str(tmp_path), "w", 1)
    keep(path, verdict())
    os.utime(path, (1.0, 1.0))
    assert unseen(str(tmp_path), "kernel-1.json", "") == ""


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100000, '{"connection": "kernel-1.json", "display": 1}'])
def test_damaged_files_are_no_verdicts(tmp_path: Path, text: str) -> None:
    path = new_path(str(tmp_path), "w", 1)
    keep(path, {})
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    assert unseen(str(tmp_path), "kernel-1.json", "") == ""


def test_the_folder() -> None:
    assert verdict_folder({"ENVAUDIT_STATE_DIR": "/s"}) == "/s/kernels"
    assert verdict_folder({"XDG_STATE_HOME": "/x"}) == "/x/envaudit/kernels"
    assert verdict_folder({"XDG_STATE_HOME": "relative"}).endswith("/.local/state/envaudit/kernels")


def test_frames_are_told_by_cell_and_those_of_the_kernel_are_left_out() -> None:
    frames = (("/env/ipykernel/kernelapp.py", 3, "start"), (CELL, 4, "<module>"), (CELL, 2, "read"))
    cells = Cells({CELL: 5}, CELL, "def read():\n    boom( <b> )\n\nread()")
    told = list(rows(Verdict("segfault", "x", frames=frames, cell=5), cells, "no time"))
    assert told[0] == ("where", "In [5], line 2, in read: boom( <b> )")
    assert [text for label, text in told if label == "python"] == ["In [5], line 4", "In [5], line 2, in read"]
    other = list(rows(Verdict("segfault", "x", frames=frames, cell=6), cells, ""))
    assert other[1] == ("where", "while In [6] was running")
    old = list(rows(Verdict("x", "x", frames=(("<ipython-input-9-0a1b>", 1, "<module>"),)), Cells({}), ""))
    assert old[0] == ("where", "In [9], line 1")


def test_what_is_shown_is_escaped() -> None:
    shown = display("<script>\x1b[2J\u202e", [("where", "<img src=x onerror=alert(1)>"), ("note", "a&b")], "/p")
    assert "<script>" not in shown["text/html"]
    assert "<img" not in shown["text/html"]
    assert "a&amp;b" in shown["text/html"]
    assert "\x1b" not in shown["text/plain"] + shown["text/html"]
    assert "\u202e" not in shown["text/plain"] + shown["text/html"]


def test_options_and_command_of_a_kernelspec() -> None:
    assert read_options(["--name", "w", "--memory-limit", "5", "--on-limit", "kill"]) == ("w", 5, False)
    assert read_options([]) == ("kernel", 0, True)
    assert connection_file(["python", "-m", "ipykernel_launcher", "-f", "/c.json"]) == "/c.json"
    assert connection_file(["python", "-f"]) == connection_file([]) == ""


def test_the_last_ones_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVAUDIT_STATE_DIR", str(tmp_path))
    assert main(["kernel", "last"]) == 0
    assert "no watched kernel has died" in capsys.readouterr().out
    words = {
        "when": "today",
        "verdict": "abort",
        "headline": "it \x1b died",
        "kernel": "w",
        "rows": [["where", "In [1]"]],
    }
    keep(new_path(verdict_folder(os.environ), "w", 1), verdict(**words))
    assert main(["kernel", "last"]) == 0
    assert capsys.readouterr().out == (
        "today  abort: it \\x1b died\n    notebook a.ipynb\n    kernel   w\n    where    In [1]\n"
    )


def test_a_kernel_that_does_not_start_shows_nothing_of_ours() -> None:
    own = str(Path(kernel_words.__file__).with_name("kernel_boot.py"))
    frames = ((own, 3, "attach_at_start"), ("/env/ipykernel/__init__.py", 7, "<module>"))
    told = list(rows(Verdict("exception", "ModuleNotFoundError: x", frames=frames), Cells({}), ""))
    assert told[0] == ("where", "/env/ipykernel/__init__.py, line 7")
    assert told[-1][1].startswith("the kernel did not start")
