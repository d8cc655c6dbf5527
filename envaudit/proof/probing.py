"""Run a probe in an environment, in the sandbox of the smoke tests, and say how it ended."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple

from envaudit.proof.building import BuildError
from envaudit.smoke.supervised import MARKER, Supervisors, psutil_folder

if TYPE_CHECKING:
    from pathlib import Path

PROBE_SECONDS = 180.0
MEMORY = 4 * 1024**3  # bytes a probe may use
_OUTPUT = 4 * 1024**2  # bytes a probe may write
_FILE_SIZE = 1024**3
_KEPT = 4000  # characters of output that are kept for the report

# Everything goes to one place, as on a terminal; the argument is the descriptor of a result nobody waits for.
_BOOT = "import os, sys; os.dup2(2, 1); os.close(int(sys.argv.pop())); exec(compile({probe!r}, '<probe>', 'exec'))"


class Ended(NamedTuple):
    """How a probe ended: exit status, name of a signal or ``timeout``, ``memory``, ``output``; and its last words."""

    exit: int | str
    output: str

    def __str__(self) -> str:
        return f"exit {self.exit}" if isinstance(self.exit, int) else self.exit


class Prober:
    """Runs probes; ``stop`` ends all of them."""

    def __init__(self, folder: Path, memory: int = MEMORY, seconds: float = PROBE_SECONDS) -> None:
        self._folder = folder
        self._memory = memory
        self._seconds = seconds
        self._supervisors = Supervisors(folder.name)

    def probe(self, python: str, probe: str) -> Ended:
        """Run Python code under limits, in an empty folder, without the user's settings.

        Raises ``BuildError`` when it could not be started.
        """
        answer, trouble = self._supervisors.supervise(
            lambda marker: self._request(python, probe, marker), self._seconds
        )
        seen = json.loads(answer) if answer else {}
        if trouble or not seen.get("started"):
            raise BuildError(trouble or f"the probe could not be started: {seen.get('why')}")
        output = str(seen["stderr"])[-_KEPT:]
        if seen["cause"]:
            return Ended(str(seen["cause"]), output)
        status = int(seen["status"])
        return Ended(signal.Signals(-status).name if status < 0 else status, output)

    def stop(self) -> None:
        """End all probes."""
        self._supervisors.stop()

    def _request(self, python: str, probe: str, marker: str) -> dict[str, object]:
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
        return {
            "command": [python, "-B", "-W", "ignore", "-c", _BOOT.format(probe=probe)],
            "environment": {
                **kept,
                **dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP"), "{folder}"),
                "LANG": "C.UTF-8",
                "MPLBACKEND": "Agg",
                "OMP_NUM_THREADS": "2",
                "OPENBLAS_NUM_THREADS": "2",
                "PYTHONNOUSERSITE": "1",
                MARKER: marker,
            },
            "folder": str(self._folder),
            "psutil": psutil_folder(),
            "timeout": self._seconds,
            "memory": self._memory,
            "output": _OUTPUT,
            "result": 16,
            "limits": [
                ("RLIMIT_CORE", 0),
                ("RLIMIT_DATA" if sys.platform == "linux" else "RLIMIT_AS", self._memory),
                ("RLIMIT_CPU", math.ceil(self._seconds * (os.cpu_count() or 1)) + 10),
                ("RLIMIT_FSIZE", _FILE_SIZE),
            ],
        }
