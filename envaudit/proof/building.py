"""Environments from real wheels, built by uv in scratch folders."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from envaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

# A wheel cannot take longer than this to arrive on a slow line; a hung download must not hang a run.
_BUILD_SECONDS = 600
_ASK_SECONDS = 60
_SHOWN = 2000  # characters of what uv said


class BuildError(Exception):
    """An environment could not be built; the text is the end of what uv said."""


class Builder:
    """Builds environments; ``stop`` ends every build that is under way and lets no other begin.

    Raises ``UsageError`` when there is no uv. Nothing here knows an index: uv takes it from its own configuration
    and, so that both installers see the same one, from pip's variables.
    """

    def __init__(self) -> None:
        self._uv = _find_uv()
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False
        self._pythons: dict[str, str] = {}

    def python(self, version: str) -> str:
        """Return the real path of an interpreter of a minor version such as ``3.9``; raises ``BuildError``."""
        with self._lock:
            known = self._pythons.get(version, "")
        found = known or _find_python(version)
        with self._lock:
            self._pythons[version] = found
        return found

    def build(self, folder: Path, version: str, requirements: Sequence[str], *options: str) -> str:
        """Make an environment with ``requirements`` and return its interpreter; raises ``BuildError``.

        ``options`` are further options of ``uv pip install``.
        """
        self._run("venv", "--quiet", "--python", self.python(version), str(folder))
        python = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        if requirements:
            self._run("pip", "install", "--quiet", "--python", python, *options, *requirements)
        return python

    def stop(self) -> None:
        """End all builds."""
        with self._lock:
            self._stopped = True
            for child in self._running:
                with suppress(OSError):
                    child.kill()

    def _run(self, *arguments: str) -> None:
        with self._lock:
            if self._stopped:
                raise BuildError("interrupted")
            child = subprocess.Popen(
                [*self._uv, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=_environment(),
                start_new_session=True,
            )
            self._running.add(child)
        try:
            _, words = child.communicate(timeout=_BUILD_SECONDS)
        except subprocess.TimeoutExpired as error:
            child.kill()
            child.communicate()
            raise BuildError(f"uv {arguments[0]} did not end in {_BUILD_SECONDS} s") from error
        finally:
            with self._lock:
                self._running.discard(child)
        if child.returncode != 0:
            raise BuildError(words.strip()[-_SHOWN:] or f"uv {arguments[0]} ended with status {child.returncode}")


def _find_uv() -> tuple[str, ...]:
    if importlib.util.find_spec("uv") is not None:
        return (sys.executable, "-m", "uv")
    found = shutil.which("uv")
    if found is None:
        raise UsageError("rules are verified with uv, and there is none: install it with `python -m pip install uv`")
    return (found,)


def _find_python(version: str) -> str:
    """Ask each candidate for itself: version managers put stand-ins on the PATH that may be for another version."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        return os.path.realpath(sys.executable)
    name = f"python{version}"
    managed = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [
        *(shutil.which(name, path=folder) for folder in os.environ.get("PATH", "").split(os.pathsep)),
        *sorted(str(path) for path in managed.glob(f"versions/{version}.*/bin/{name}")),
    ]
    for candidate in filter(None, candidates):
        with suppress(OSError, subprocess.TimeoutExpired):
            answer = subprocess.run(
                [candidate, "-I", "-S", "-c", "import sys; print(sys.executable)"],
                capture_output=True,
                text=True,
                timeout=_ASK_SECONDS,
                check=False,
            )
            if answer.returncode == 0 and answer.stdout.strip():
                return os.path.realpath(answer.stdout.strip())
    raise BuildError(f"no Python {version} on this machine")


def _environment() -> dict[str, str]:
    """Give uv what pip was told about indexes and wheels, which it does not read itself."""
    env = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    if env.get("PIP_FIND_LINKS"):
        env.setdefault("UV_FIND_LINKS", ",".join(env["PIP_FIND_LINKS"].split()))
    if env.get("PIP_INDEX_URL"):
        env.setdefault("UV_DEFAULT_INDEX", env["PIP_INDEX_URL"])
    return env
