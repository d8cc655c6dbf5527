"""What cannot be made to happen here: statuses of Windows, other signals, and answers of any form."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from envaudit.smoke import SmokeOptions
from envaudit.smoke.classify import classify, frames_of_fault

if TYPE_CHECKING:
    from envaudit.model import SmokeResult

LIMIT = 100 * 1024 * 1024
OK = json.dumps({"end": "ok", "type": "", "text": "", "frames": []})


def judge(**changes: Any) -> SmokeResult:
    seen = {
        "started": True,
        "status": 0,
        "cause": "",
        "seconds": 0.5,
        "peak": 1024,
        "leftovers": 0,
        "asked": False,
        "kernel_kills": 0,
        "result": "",
        "stderr": "",
    }
    answer = json.dumps({**seen, **changes})
    return classify("x.y", canonicalize_name("x"), answer, "", SmokeOptions(memory=LIMIT), "/ours/child.py")


@pytest.mark.parametrize(
    ("status", "end", "name"),
    [
        (0xC0000005, "crash", "access violation"),
        (0xC00000FD, "crash", "stack overflow"),
        (0xC000001D, "illegal-instruction", "illegal instruction"),
        (0x40000015, "abort", "fatal application exit"),
        (-24, "timeout", "SIGXCPU"),
        (-25, "output-limit", "SIGXFSZ"),
        (-15, "killed", "SIGTERM"),
        (-60, "killed", "SIG60"),
        (1, "no-result", ""),
        (None, "no-result", ""),
    ],
)
def test_statuses(status: int | None, end: str, name: str) -> None:
    result = judge(status=status)
    assert (result.end, result.signal) == (end, name)


@pytest.mark.parametrize("status", [-11, -6, -9, 1])
def test_death_close_to_the_memory_limit_is_its_doing(status: int) -> None:
    assert judge(status=status, peak=LIMIT * 95 // 100).end == "memory-limit"
    assert judge(status=status, peak=LIMIT // 2).end != "memory-limit"


def test_a_test_that_died_of_being_asked_was_at_its_limit() -> None:
    assert judge(status=-signal.SIGUSR2, asked=True).end == "memory-limit"
    assert judge(status=-signal.SIGUSR2).end == "killed"


def test_a_kill_while_the_kernel_was_short_of_memory() -> None:
    assert judge(status=-9).limit == ""
    result = judge(status=-9, kernel_kills=1)
    assert (result.end, result.limit) == ("killed", "out of memory: the kernel killed a process at that moment")
    assert judge(status=-11, kernel_kills=1).limit == ""


def test_a_result_is_only_good_with_a_good_end() -> None:
    assert judge(result=OK).end == "ok"
    assert judge(result=OK, status=-11).end == "crash"
    assert judge(result=OK, status=-11).error == ""
    assert judge(result=OK, status=7).error == "the test had passed, but its process then ended with status 7"
    assert judge(result=OK, cause="timeout", status=-9).end == "timeout"
    assert judge(result=OK, cause="abandoned").end == "not-run"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        OK + OK,
        OK[:-1],
        '{"end": "ok"}',
        '{"end": ["ok"], "type": "", "text": "", "frames": []}',
        '{"end": "ok", "type": "", "text": 1, "frames": []}',
        '{"end": "ok", "type": "", "text": "", "frames": {}}',
        '{"end": "ok", "type": "", "text": "", "frames": [["a", "b", "c"]]}',
        '{"end": "ok", "type": "", "text": "", "frames": [1]}',
        "[" * 100000,
    ],
)
def test_what_is_no_result(text: str) -> None:
    assert judge(result=text).end == "no-result"


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_json_is_judged(value: object) -> None:
    assert judge(result=json.dumps(value)).end == "no-result"


@settings(deadline=None)
@given(st.text())
def test_any_text_has_frames_or_none(text: str) -> None:
    assert isinstance(frames_of_fault(text), tuple)


FAULT = """noise
Fatal Python error: Segmentation fault

Thread 0x00007f0000000001 (most recent call first):
  File "/lib/threading.py", line 1 in wait

Current thread 0x00007f0000000002 [python] (most recent call first):
  File "/env/site-packages/odd "name", line 2.py", line 30 in inner
  File "/env/site-packages/x.py", line 4 in <module>
  File "<frozen importlib._bootstrap>", line 241 in _call_with_frames_removed
  File "/ours/child.py", line 9 in main

Extension modules: numpy.core (total: 1)
"""


def test_frames_of_the_thread_that_crashed() -> None:
    result = judge(status=-11, stderr=FAULT)
    assert result.frames == (
        ("/env/site-packages/x.py", 4, "<module>"),
        ('/env/site-packages/odd "name", line 2.py', 30, "inner"),
    )


def test_no_frames() -> None:
    assert frames_of_fault("Current thread 0x1 (most recent call first):\n  <no Python frame>\n") == ()
