"""``envaudit explain`` of an error text, as a filter, with an argument, and where there is nothing to explain."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from envaudit.cli import main
from envaudit.codes import CODES

if TYPE_CHECKING:
    from pathlib import Path

ENVAUDIT = [sys.executable, "-m", "envaudit", "explain"]
TRACEBACK = """\
2026-11-23T10:00:00.1Z Traceback (most recent call last):
2026-11-23T10:00:00.1Z   File "/v/lib/python3.11/site-packages/gensim/matutils.py", line 20, in <module>
2026-11-23T10:00:00.1Z ImportError: cannot import name 'triu' from 'scipy.linalg' (/v/site-packages/scipy/linalg.py)
"""


def run(text: str | bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    data = text.encode() if isinstance(text, str) else text
    return subprocess.run([*ENVAUDIT, *arguments], input=data, capture_output=True, check=False, timeout=120)


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_a_text_on_standard_input(arguments: tuple[str, ...]) -> None:
    done = run(TRACEBACK, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "EA-2026-0001  gensim before 4.3.3 imports scipy.linalg.triu, which SciPy 1.13 removed"
    assert "    fix       gensim>=4.3.3" in lines
    assert "    or        scipy<1.13" in lines
    assert "    more      envaudit explain EA-2026-0001" in lines
    assert "    packages  scipy, gensim (in the traceback, innermost first)" in lines


def test_a_message_as_argument(capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88"
    )
    assert main(["explain", text]) == 0
    assert capsys.readouterr().out.startswith(f"ABI001  {CODES['ABI001']}\n    line 1    ValueError: numpy.dtype size")


def test_what_is_unknown_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "ZeroDivisionError: division by zero"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("nothing in this text is known to envaudit\n    last error")
    assert "division by zero" in out


def test_as_json() -> None:
    done = run(TRACEBACK, "-f", "json")
    data = json.loads(done.stdout)
    assert done.returncode == 0
    (cause,) = data["causes"]
    assert (cause["code"], cause["sure"], cause["line"]) == ("EA-2026-0001", True, 3)
    assert cause["fix"] == ["gensim>=4.3.3", "scipy<1.13"]
    assert data["packages"] == ["scipy", "gensim"]
    assert data["rules"]["digest"].startswith("sha256:")
    nothing = json.loads(run("all is well", "-f", "json").stdout)
    assert (nothing["causes"], nothing["last_error"]) == ([], "all is well")


def test_nothing_on_standard_input_lists_the_codes() -> None:
    done = run("")
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [f"{code}  {title}" for code, title in CODES.items()]
    assert run("", "-").returncode == 1  # a text was announced, and there is nothing in it


def test_bytes_that_are_no_text() -> None:
    done = run(b"\xff\xfe\x00" * 50 + TRACEBACK.encode() + b"\x1b[31m\x00\x07")
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout
    assert b"EA-2026-0001" in done.stdout


def test_of_a_huge_log_the_end_counts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        for _ in range(40):
            file.write(b"noise of a long build\n" * 48_000)
        file.write(TRACEBACK.encode())
    with log.open("rb") as file:
        done = subprocess.run(ENVAUDIT, stdin=file, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0
    assert b"EA-2026-0001" in done.stdout


def test_rules_of_ones_own_are_known(tmp_path: Path) -> None:
    from tests.rulebook.examples import changed, write_rule

    write_rule(tmp_path / "mine", changed(("EA-2026-0001", "EA-0000-my-own")), "EA-0000-my-own.toml")
    text = TRACEBACK.replace("gensim", "alpha").replace("triu", "old").replace("scipy.linalg", "beta")
    assert b"EA-0000-my-own  alpha before 2.0" in run(text, "--rules", str(tmp_path / "mine")).stdout
