"""The gallery: each way to die with the verdict it must get and the library that is to blame, and the score of all.

A verdict may be right, or say itself that it is not sure; it must never be wrong and sure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from envaudit.watch.judge import Verdict
    from tests.watch.conftest import Runs

BAD = "_bad.so"
CALL = "import ctypes\nbad = ctypes.CDLL({library!r})\n"


class Death(NamedTuple):
    """A program, the kind of its end, the file to blame (empty: none), and words of the verdict."""

    name: str
    text: str
    kind: str
    library: str = ""
    said: str = ""
    timeout: float = 60.0


DEATHS = (
    Death("write to a null pointer", CALL + "bad.write_null()", "segfault", BAD, "null pointer"),
    Death("read through memcpy", CALL + "bad.copy_null()", "segfault", BAD, "a read at"),
    Death("address that cannot exist", CALL + "bad.wild()", "segfault", BAD, "cannot exist"),
    Death("call of nothing", CALL + "bad.jump()", "segfault", BAD, "where there is no code"),
    Death("eight threads at once", CALL + "bad.crash_in_threads()", "segfault", BAD),
    Death("string_at(0)", "import ctypes\nctypes.string_at(0)", "segfault", "_ctypes", "null pointer"),
    Death("abort", CALL + "bad.give_up()", "abort", BAD),
    Death("failed assertion", CALL + "bad.fail()", "abort", BAD),
    Death("double free", CALL + "bad.free_twice()", "abort", BAD),
    Death("heap overrun", CALL + "bad.overrun()", "abort", BAD),
    Death("stack overflow, main thread", CALL + "bad.overflow()", "stack-overflow", BAD),
    Death("stack overflow, other thread", CALL + "bad.overflow_in_thread()", "segfault", "", "a thread other than"),
    Death("deliberate trap (ud2)", CALL + "bad.trap()", "illegal-instruction", BAD, "on purpose"),
    Death("breakpoint (int3)", CALL + "bad.stop_here()", "abort", "", "failed assertion"),
    Death("no instruction", CALL + "bad.bad_opcode()", "illegal-instruction", BAD, "no known instruction"),
    Death("division by zero", CALL + "bad.divide()", "arithmetic-error", BAD, "division by zero"),
    Death("truncated mmap", CALL + "bad.cut_short(b'cut.bin')", "bus-error", BAD, "shorter"),
    Death("handlers reset by compiled code", CALL + "bad.take_handlers()\nbad.write_null()", "segfault", BAD),
    Death(
        "handlers reset by Python",
        "import signal\nsignal.signal(11, signal.SIG_DFL)\n" + CALL + "bad.write_null()",
        "segfault",
        BAD,
    ),
    Death(
        "faulthandler of its own",
        "import faulthandler\nfaulthandler.enable()\n" + CALL + "bad.trap()",
        "illegal-instruction",
        BAD,
    ),
    Death("exit(3) in compiled code", CALL + "bad.leave()", "native-exit", "", "status 3"),
    Death("os._exit(0)", "import os\nos._exit(0)", "native-exit", "", "status 0"),
    Death("SIGKILL", "import os\nos.kill(os.getpid(), 9)", "killed", "", "SIGKILL"),
    Death("SIGTERM", "import os\nos.kill(os.getpid(), 15)", "killed", "", "SIGTERM"),
    Death("SIGSEGV from outside", "import os\nos.kill(os.getpid(), 11)", "killed", "", "sent it SIGSEGV"),
    Death("allocation refused", "kept = bytearray(4 * 1024**3)", "out-of-memory", "", "refused"),
    Death("memory that grows", "kept = []\nwhile True:\n    kept.append(bytearray(10**7))", "out-of-memory"),
    Death(
        "deadlock",
        "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
        "timeout",
        "",
        "a deadlock",
        2.0,
    ),
    Death("endless loop", "while True:\n    pass", "timeout", "", "it was busy", 1.5),
    Death(
        "fork bomb under a limit",
        "import os, resource\nresource.setrlimit(resource.RLIMIT_NPROC, (40, 40))\n"
        "os.getuid() or os.setuid(65534)\nwhile True:\n    os.fork()",
        "exception",
        "",
        "no more processes",
    ),
    Death("exception", "{}['x']", "exception", "", "KeyError"),
)


def _outcome(death: Death, verdict: Verdict) -> str:
    library = verdict.blame.frame.path if verdict.blame is not None else ""
    words = "\n".join([verdict.headline, *verdict.evidence, *verdict.change])
    right = verdict.kind == death.kind and death.library in library and bool(library) == bool(death.library)
    if right and death.said in words:
        return "right" if verdict.sure else "right, unsure"
    return "WRONG" if verdict.sure else "open"


def test_the_gallery(bad_library: Path, runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for death in DEATHS:
        verdict = runs(death.text.replace("{library!r}", repr(str(bad_library))), timeout=death.timeout)
        rows.append((_outcome(death, verdict), death, verdict))
    with capsys.disabled():
        print()
        for outcome, death, verdict in rows:
            library = verdict.blame.frame.path.rpartition("/")[2] if verdict.blame is not None else "-"
            print(f"{death.name:34}{verdict.kind:20}{library:34.32}{verdict.seen_by:14}{outcome}")
        right = sum(outcome.startswith("right") for outcome, _, _ in rows)
        print(f"{right} of {len(rows)} right")
    assert not [(death.name, verdict) for outcome, death, verdict in rows if outcome == "WRONG"]
    assert right >= len(rows) - 3
