"""What runs inside the program: its own way to write JSON, and handlers that stay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from envaudit.watch.boot import as_json

if TYPE_CHECKING:
    from tests.watch.conftest import Runs

TEXT = st.text(st.characters(codec=None))
VALUES = st.recursive(TEXT | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8)


@given(VALUES)
def test_its_json_is_json_on_one_line(value: object) -> None:
    text = as_json(value)  # type: ignore[no-untyped-call] # it must be understood by Python 3.6
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text) == value


def test_a_handler_of_its_own_for_another_signal_works(runs: Runs) -> None:
    text = (
        "import os, signal\nseen = []\n"
        "assert signal.signal(signal.SIGUSR1, lambda *_: seen.append(1)) == signal.SIG_DFL\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\nassert seen\nassert signal.signal(signal.SIGUSR1, signal.SIG_DFL)\n"
        "assert signal.signal(signal.SIGSEGV, signal.SIG_DFL) is signal.SIG_DFL\n"
    )
    assert runs(text).kind == "ok"
