"""Ask an interpreter about itself. Only for what no file says: it is the one program of the target started by an audit.

It gets ``-I -S``, so that it reads no ``.pth`` file, no ``sitecustomize`` and no variable, and a few lines that any
Python from 3.6 on understands; it has a few seconds and may write a few kilobytes.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import ReadError
from envaudit.files_seen import doubt
from envaudit.locate.library import plain_version

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

PROBE_SECONDS = 10.0
_OUTPUT_LIMIT = 16384
# What a stand-in of a version manager needs to find the real interpreter, and a dynamic loader its libraries.
_PASSED_ON = ("PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "PYENV_ROOT", "PYENV_VERSION")

_SCRIPT = """
import sys, json
v = sys.version_info
i = sys.implementation
def word(t):
    s = "%d.%d.%d" % (t[0], t[1], t[2])
    if t[3] != "final":
        s += {"alpha": "a", "beta": "b", "candidate": "rc"}.get(t[3], t[3]) + str(t[4])
    return s
try:
    import sysconfig
    free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
except Exception:
    free = False
print(json.dumps({
    "version": word(v), "implementation": i.name, "implementation_version": word(i.version),
    "executable": sys.executable, "prefix": sys.prefix, "base_prefix": sys.base_prefix, "free_threaded": free,
}))
"""


class Answer(NamedTuple):
    """What an interpreter said of itself; versions are full (``3.11.7``, ``3.14.0rc1``)."""

    version: str
    implementation: str
    implementation_version: str
    executable: str
    prefix: str
    base_prefix: str
    free_threaded: bool


def ask(program: str, environ: Mapping[str, str], cwd: str) -> Answer:
    """Start an interpreter and return its answer; raises ``ReadError`` when there is none that can be understood."""
    import json  # noqa: PLC0415  # files usually say everything, and nothing is asked
    import subprocess  # noqa: PLC0415

    doubt(f"{program} was started")
    env = {name: environ[name] for name in _PASSED_ON if name in environ}
    try:
        process = subprocess.Popen(
            [program, "-I", "-S", "-c", _SCRIPT],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ReadError(f"it cannot be started: {error}") from error
    try:
        output = _output(process, time.monotonic() + PROBE_SECONDS)
    finally:
        _end(process)
    try:
        answer: Any = json.loads(output)
        texts = {name: answer[name] for name in Answer._fields if name != "free_threaded"}
        free_threaded = answer["free_threaded"] is True
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ReadError("it gave no answer when asked for its version") from error
    if not all(isinstance(text, str) and len(text) < _OUTPUT_LIMIT for text in texts.values()):
        raise ReadError("it gave an answer that is not understood when asked for its version")
    if not plain_version(texts["version"]):
        raise ReadError("it gave a version that is none when asked for it")
    return Answer(**texts, free_threaded=free_threaded)


def _output(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """Read what a process writes, up to a limit in size and time."""
    stdout = process.stdout
    if stdout is None:
        return b""
    chunks: list[bytes] = []
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while sum(map(len, chunks)) < _OUTPUT_LIMIT:
            if not selector.select(max(deadline - time.monotonic(), 0)):
                raise ReadError(f"it did not answer within {PROBE_SECONDS:.0f} seconds")
            chunk = os.read(stdout.fileno(), _OUTPUT_LIMIT)
            if not chunk:
                break
            chunks.append(chunk)
    return b"".join(chunks)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started, and wait for it."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
