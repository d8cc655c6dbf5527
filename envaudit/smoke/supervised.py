"""Start supervisors, each of which runs one command under limits, and bring them all to an end together."""

from __future__ import annotations

import itertools
import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SUPERVISOR = Path(__file__).parent / "supervisor.py"
# On top of a command's own time: to start, to kill a tree, to clean up.
_SUPERVISOR_SECONDS = 30.0
MARKER = "ENVAUDIT_SMOKE"


class Supervisors:
    """The supervisors of one run. Each holds the reading end of a pipe; when it closes, it kills its command.

    ``token`` tells the processes of this run from those of any other.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._lock = threading.Lock()
        self._lifelines: set[int] = set()
        self._stopped = False
        self._numbers = itertools.count()

    def supervise(self, request: Callable[[str], dict[str, object]], seconds: float) -> tuple[str, str]:
        """Return what the supervisor of one command printed, or why there is nothing to read.

        ``request`` builds its request from the marker that its processes carry; ``seconds`` is the command's time.
        """
        import subprocess  # noqa: PLC0415 - only a run that tests needs it

        marker = f"{self._token}-{next(self._numbers)}"
        command = [sys.executable, "-I", str(_SUPERVISOR), json.dumps(request(marker))]
        with self._lock:
            if self._stopped:
                return "", "interrupted"
            reading, lifeline = os.pipe()
            self._lifelines.add(lifeline)
        try:
            supervisor = subprocess.Popen(
                command,
                stdin=reading,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # Ctrl-C reaches the audit only, which then closes the lifelines
            )
        except OSError as error:
            self._cut(lifeline)
            return "", f"the supervisor cannot be started: {error}"
        finally:
            os.close(reading)
        try:
            answer, words = supervisor.communicate(timeout=seconds + _SUPERVISOR_SECONDS)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.communicate()
            answer, words = "", "it did not answer in time"
        finally:
            self._cut(lifeline)
        if supervisor.returncode == 0 and answer:
            return answer, ""
        _sweep(marker)
        last = words.strip().splitlines()[-1:] or [f"it ended with status {supervisor.returncode}"]
        return "", f"the supervisor failed: {last[0][:300]}"

    def stop(self) -> None:
        """Have every supervisor kill its command, and start no more."""
        with self._lock:
            self._stopped = True
            for lifeline in self._lifelines:
                os.close(lifeline)
            self._lifelines.clear()

    def _cut(self, lifeline: int) -> None:
        with self._lock:
            if lifeline in self._lifelines:
                self._lifelines.discard(lifeline)
                os.close(lifeline)


def psutil_folder() -> str:
    """Return the folder psutil is imported from: ``-I`` hides the user's own site-packages from the supervisor."""
    from importlib.util import find_spec  # noqa: PLC0415 - only a run that tests needs it

    spec = find_spec("psutil")
    return str(Path(spec.origin).parent.parent) if spec is not None and spec.origin else ""


def _sweep(marker: str) -> None:
    """Kill what a dead supervisor could not: every process that carries the marker of its command."""
    import psutil  # noqa: PLC0415 - only a run that tests needs it

    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARKER) == marker:
                process.kill()
