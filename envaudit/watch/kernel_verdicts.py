"""The folder in which the verdicts on dead kernels are kept: few, of this user alone, the oldest go first."""

from __future__ import annotations

import json
import os
import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "ENVAUDIT_STATE_DIR"
MOST = 20
_LARGEST = 1024 * 1024
_NAME = re.compile(r"\d{8}-\d{6}-\d{6}-[A-Za-z0-9._-]{0,80}-\d+\.json")
_RECENT = 24 * 3600.0  # seconds for which the next start still shows a verdict


def verdict_folder(environ: Mapping[str, str]) -> str:
    """Return the folder: in ``ENVAUDIT_STATE_DIR``, else where the state of a user's programs lies."""
    given = environ.get(VARIABLE, "")
    if given:
        return os.path.join(os.path.abspath(os.path.expanduser(given)), "kernels")
    states = environ.get("XDG_STATE_HOME", "")
    base = states if os.path.isabs(states) else os.path.expanduser("~/.local/state")
    return os.path.join(base, "envaudit", "kernels")


def new_path(folder: str, kernel: str, pid: int) -> str:
    """Make the folder and return the path of a new verdict in it; raises ``OSError``."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    now = time.time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + f"-{int(now * 1e6) % 1_000_000:06d}"
    return os.path.join(folder, f"{stamp}-{re.sub(r'[^A-Za-z0-9._-]', '_', kernel)[:80]}-{pid}.json")


def keep(path: str, verdict: Mapping[str, Any]) -> None:
    """Write a verdict; of more than ``MOST`` the oldest are deleted. Raises ``OSError``."""
    _write(path, verdict)
    for old in kept(os.path.dirname(path))[MOST:]:
        _remove(old)


def kept(folder: str) -> list[str]:
    """Return the paths of the verdicts in a folder, the newest first."""
    try:
        names = [name for name in os.listdir(folder) if _NAME.fullmatch(name)]
    except OSError:
        return []
    return [os.path.join(folder, name) for name in sorted(names, reverse=True)]


def read(path: str) -> dict[str, Any]:
    """Return a verdict; an empty one where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            value = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def unseen(folder: str, connection: str, notebook: str) -> str:
    """Return the path of the last verdict on a kernel of this notebook that nobody was shown, or nothing.

    Jupyter starts a kernel again with the same ``connection`` file; ``notebook`` is the path it gives, if any.
    """
    for path in kept(folder):
        verdict = read(path)
        same = verdict.get("connection") == connection or (notebook and verdict.get("notebook") == notebook)
        if same:
            try:
                recent = time.time() - os.stat(path).st_mtime < _RECENT
            except OSError:
                recent = False
            return path if recent and not verdict.get("shown") and isinstance(verdict.get("display"), dict) else ""
    return ""


def note_shown(path: str) -> None:
    """Note that a verdict was shown; raises ``OSError``."""
    verdict = read(path)
    if verdict:
        _write(path, {**verdict, "shown": True})


def _write(path: str, verdict: Mapping[str, Any]) -> None:
    beside = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(json.dumps(verdict, indent=2) + "\n")
        os.replace(beside, path)
    except BaseException:
        _remove(beside)
        raise


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
