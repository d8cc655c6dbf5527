"""The magic, with a shell that has only what the magic uses of IPython's; the real one is in the tests of kernels."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import envaudit
from envaudit.jupyter.memory import Measured, Use, look, measure, measured
from envaudit.jupyter.shown import memory_as_html, memory_as_text
from tests.support.command import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024


class Shell:
    """What IPython gives an extension; with a ``kernel`` it is that of a notebook."""

    def __init__(self, *, notebook: bool) -> None:
        self.user_ns: dict[str, Any] = {"data": bytearray(3 * MIB), "_i1": bytearray(9 * MIB), "In": [1]}
        self.user_ns_hidden = {"In": None}
        self.display_pub = self
        self.shown: list[dict[str, str]] = []
        self.magic: Callable[[str], None] | None = None
        if notebook:
            self.kernel = True

    def register_magic_function(self, function: Callable[[str], None], kind: str, name: str) -> None:
        assert (kind, name) == ("line", "envaudit")
        self.magic = function

    def publish(self, *, data: dict[str, str], metadata: dict[str, str]) -> None:
        assert metadata == {}
        self.shown.append(data)

    def run(self, line: str) -> dict[str, str]:
        assert self.magic is not None
        self.magic(line)
        return self.shown[-1] if self.shown else {}


def loaded(*, notebook: bool) -> Shell:
    shell = Shell(notebook=notebook)
    envaudit.load_ipython_extension(shell)
    return shell


def test_memory_in_a_notebook() -> None:
    shown = loaded(notebook=True).run("memory")
    assert shown["text/plain"].splitlines()[1].split() == ["3", "MiB", "data", "bytearray", "of", "3,145,728"]
    assert "_i1" not in shown["text/plain"]
    assert "<td" in shown["text/html"]


def test_check_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVAUDIT_NO_CONFIG", "1")
    shown = loaded(notebook=True).run("check")
    assert shown["text/plain"].startswith("envaudit ")
    assert sys.prefix in shown["text/html"]


def test_in_a_terminal_it_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    shell = loaded(notebook=False)
    shell.run("memory 1")
    assert "memory: " in capsys.readouterr().out
    assert shell.shown == []


@pytest.mark.parametrize("line", ["", "nothing", "memory 0", "memory x", "check --fast", "check 'unclosed"])
def test_what_is_not_understood_gets_the_usage(line: str) -> None:
    shown = loaded(notebook=True).run(line)
    assert "%envaudit check" in shown["text/plain"]
    assert "text/html" not in shown


def test_what_is_wrong_with_the_settings_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVAUDIT_FAIL_ON", "nonsense")
    assert "ENVAUDIT_FAIL_ON" in loaded(notebook=True).run("check")["text/plain"]


def test_ipython_is_never_imported() -> None:
    code = (
        "import sys\nsys.modules['IPython'] = None\nimport envaudit, envaudit.jupyter.shown, envaudit.jupyter.memory\n"
        "envaudit.load_ipython_extension(type('S', (), {'register_magic_function': lambda *_: None})())"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_names_and_types_are_escaped() -> None:
    use, bad = Use(1, 2, 3, "<why>"), [Measured("<img>", "a\x1b[2J", 5, "<b>")]
    html = memory_as_html(use, bad)
    assert "<img>" not in html
    assert "<why>" not in html
    assert "<b>" not in html
    assert "\x1b" not in html + memory_as_text(use, bad)


class Array:
    """Has what an array of numpy has."""

    shape = (2, 3)
    dtype = "float64"
    nbytes = 48
    base: object = None


class Broken(Array):
    """Cannot be asked."""

    @property
    def nbytes(self) -> int:  # type: ignore[override]
        raise RuntimeError


@pytest.mark.parametrize("made", [Array, Broken])
def test_types_are_known_by_their_module(made: type[Array], monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure("a", made()) is None
    monkeypatch.setattr(made, "__module__", "numpy")
    expected = Measured("a", f"{made.__name__} 2 x 3 float64", 48) if made is Array else None
    assert measure("a", made()) == expected


def test_a_part_of_another_array_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Array, "__module__", "numpy")
    part = Array()
    part.base = Array()
    found = measure("a", part)
    assert found is not None
    assert found.remark == "part of another array"


def test_collections_are_estimated_and_counted_once() -> None:
    parts = [bytes(1000) for _ in range(5000)]
    found = measured({"parts": parts, "same": parts, "small": (1, 2), "f": print})
    assert [each.name for each in found] == ["parts", "small"]
    assert 5_000_000 < found[0].size < 5_500_000
    assert found[0].remark == "estimated"
    repeated = measure("r", [bytes(1000)] * 5000)
    assert repeated is not None
    assert repeated.size < 100_000
    table = measure("d", {"k": bytes(10_000)})
    assert table is not None
    assert table.size > 10_000


def test_the_limit_is_that_of_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < look().now <= look().peak
    boot = ModuleType("_envaudit_boot")
    boot.ABOUT = {"limit": 5 * MIB}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "_envaudit_boot", boot)
    assert look()[2:] == (5 * MIB, "limit of this watched kernel")
