"""From what the supervisor saw to how the test ended."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.model import SmokeResult
from envaudit.smoke.options import MIB

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from envaudit.model import SmokeEnd
    from envaudit.smoke.options import SmokeOptions

# Near enough to the limit to be the reason: the last allocation is refused, so that the limit itself is not reached.
_NEAR = 0.9
_STDERR_SHOWN = 4000
_MOST_FRAMES = 60

_BY_SIGNAL: dict[str, SmokeEnd] = {
    "SIGSEGV": "crash",
    "SIGBUS": "crash",
    "SIGFPE": "crash",
    "SIGTRAP": "crash",
    "SIGSYS": "crash",
    "SIGABRT": "abort",
    "SIGILL": "illegal-instruction",
    "SIGXCPU": "timeout",
    "SIGXFSZ": "output-limit",
}
# Exit statuses of Windows, from the list of NTSTATUS values.
_BY_STATUS: dict[int, tuple[SmokeEnd, str]] = {
    0xC0000005: ("crash", "access violation"),
    0xC0000374: ("crash", "heap corruption"),
    0xC00000FD: ("crash", "stack overflow"),
    0xC0000094: ("crash", "integer division by zero"),
    0xC000001D: ("illegal-instruction", "illegal instruction"),
    0xC0000409: ("abort", "fail fast"),
    0x40000015: ("abort", "fatal application exit"),
}

# What a supervisor that has started its test says.
_SEEN = {"status", "cause", "seconds", "peak", "leftovers", "asked", "kernel_kills", "result", "stderr"}

_FRAME = re.compile(r'^ {2}File "(?P<path>.*)", line (?P<line>\d+) in (?P<function>.*)$')


class _Told(NamedTuple):
    """What the test itself wrote about its end."""

    end: str
    type: str
    text: str
    frames: tuple[tuple[str, int, str], ...]


def classify(  # noqa: PLR0917 - six plain values
    test: str, distribution: NormalizedName, answer: str, trouble: str, options: SmokeOptions, child: str
) -> SmokeResult:
    """Judge the supervisor's ``answer`` (JSON), or the ``trouble`` that left none.

    ``child`` is the path of the program that ran the test: its frames are left out.
    """
    seen = _object(answer)
    if trouble or not seen.get("started") or not seen.keys() >= _SEEN:
        why = trouble or str(seen.get("why") or "the supervisor gave no answer that can be read")
        return SmokeResult(test, distribution, "not-run", error=why)
    if seen["cause"] == "abandoned":
        return SmokeResult(test, distribution, "not-run", error="interrupted")
    told = _told(seen["result"])
    end, limit, signal_name = _end(seen, told, options)
    frames = told.frames if told is not None and told.frames else frames_of_fault(seen["stderr"])
    status = seen["status"]
    return SmokeResult(
        test,
        distribution,
        end,
        seconds=seen["seconds"],
        limit=limit,
        signal=signal_name,
        exit_status=status if isinstance(status, int) and status >= 0 and not seen["cause"] else None,
        exception=told.type if told is not None else "",
        error=_error(end, told, status),
        frames=tuple(frame for frame in frames if frame[0] != child and not frame[0].startswith("<frozen importlib")),
        stderr=seen["stderr"][-_STDERR_SHOWN:],
        leftovers=seen["leftovers"],
        peak_memory=seen["peak"] or None,
    )


def _end(seen: dict[str, Any], told: _Told | None, options: SmokeOptions) -> tuple[SmokeEnd, str, str]:
    """Return how it ended, the limit that ended it, and the signal."""
    memory = f"{options.memory / MIB:.0f} MiB of memory"
    limits: dict[str, tuple[SmokeEnd, str]] = {
        "timeout": ("timeout", f"{options.timeout:g} seconds"),
        "memory": ("memory-limit", memory),
        "processes": (
            "process-limit",
            "128 processes",
        ),
        "output": ("output-limit", f"{options.output / MIB:g} MiB of output"),
    }
    if seen["cause"] in limits:
        return *limits[seen["cause"]], ""
    if told is not None and told.end == "memory":
        return "memory-limit", memory, ""
    if told is not None and told.end in {"wrong", "exception"}:
        return ("wrong-result" if told.end == "wrong" else "exception"), "", ""
    if told is not None and told.end == "ok" and seen["status"] == 0:
        return "ok", "", ""
    end, name = _from_status(seen["status"])
    short_of_memory = seen["peak"] >= _NEAR * options.memory or (seen["asked"] and name == "SIGUSR2")
    if short_of_memory and end != "timeout":
        end = "memory-limit"
    words = {"memory-limit": memory, "timeout": limits["timeout"][1]}
    if name == "SIGKILL" and seen["kernel_kills"] > 0:
        words["killed"] = "out of memory: the kernel killed a process at that moment"
    return end, words.get(end, ""), name


def _from_status(status: object) -> tuple[SmokeEnd, str]:
    """Read an exit status: negative is a signal, and on Windows some numbers are what a signal is elsewhere."""
    if not isinstance(status, int):
        return "no-result", ""
    if status >= 0:
        return _BY_STATUS.get(status, ("no-result", ""))
    try:
        name = signal.Signals(-status).name
    except ValueError:  # a real-time signal
        name = f"SIG{-status}"
    return _BY_SIGNAL.get(name, "killed"), name


def _error(end: SmokeEnd, told: _Told | None, status: object) -> str:
    """Return the text of the exception, or how the test came to have no result."""
    if end != "no-result":
        return told.text if told is not None and told.end != "ok" else ""
    if told is not None and told.end == "exit":
        return f"it left Python ({told.type}: {told.text})" if told.text else f"it left Python ({told.type})"
    if told is not None:
        return f"the test had passed, but its process then ended with status {status}"
    return f"the process ended with status {status} before the test was over"


def frames_of_fault(text: str) -> tuple[tuple[str, int, str], ...]:
    """Return the frames, outermost first, of the last thread that faulthandler's text calls the current one."""
    lines = text.splitlines()
    heads = [
        number
        for number, line in enumerate(lines)
        if line.startswith(("Current thread ", "Stack (")) and line.endswith("(most recent call first):")
    ]
    if not heads:
        return ()
    frames = []
    for line in lines[heads[-1] + 1 :]:
        match = _FRAME.match(line)
        if match is None:
            break
        frames.append((match["path"], int(match["line"]), match["function"]))
    return tuple(reversed(frames[:_MOST_FRAMES]))


def _told(text: str) -> _Told | None:
    """Read what the test wrote. It may be anything: whatever does not have the exact form is no result."""
    told = _object(text)
    end, kind, message, frames = (told.get(key) for key in ("end", "type", "text", "frames"))
    if not (isinstance(end, str) and end in {"ok", "wrong", "exception", "memory", "exit"}):
        return None
    if not (isinstance(kind, str) and isinstance(message, str) and isinstance(frames, list)):
        return None
    read = []
    for frame in frames[-_MOST_FRAMES:]:
        match frame:
            case [str(path), int(line), str(function)]:
                read.append((path, line, function))
            case _:
                return None
    return _Told(end, kind, message, tuple(read))


def _object(text: str) -> dict[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
