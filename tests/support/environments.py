"""Real environments from real wheels, for tests and for the commands that measure.

uv does the building; it is a test dependency and is started as ``python -m uv``. Nothing here knows an index: uv takes
it from its own configuration and, so that both installers see the same one, from pip's.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

UV = (sys.executable, "-m", "uv")
# A wheel cannot take longer than this to arrive on a slow line; a hung download must not hang a test run.
_BUILD_SECONDS = 600


class BuildError(Exception):
    """An environment could not be built; the text is the end of what uv said."""


@functools.cache
def find_python(version: str) -> str:
    """Return the real path of an interpreter of a minor version such as ``3.9``; raises ``BuildError``.

    Version managers put stand-ins on the PATH that only work for the version they are set to, so each candidate is
    asked for itself.
    """
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        return os.path.realpath(sys.executable)
    name = f"python{version}"
    managed = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [
        *(shutil.which(name, path=folder) for folder in os.environ.get("PATH", "").split(os.pathsep)),
        *sorted(str(path) for path in managed.glob(f"versions/{version}.*/bin/{name}")),
    ]
    for candidate in candidates:
        if candidate is None:
            continue
        answer = subprocess.run(
            [candidate, "-I", "-S", "-c", "import sys; print(sys.executable)"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if answer.returncode == 0 and answer.stdout.strip():
            return os.path.realpath(answer.stdout.strip())
    raise BuildError(f"no Python {version} on this machine")


def build_environment(
    folder: Path, version: str, requirements: Sequence[str], *options: str, seed: bool = False
) -> Path:
    """Make a virtual environment with ``requirements`` in it and return its folder; raises ``BuildError``.

    ``options`` are further options of ``uv pip install``; ``seed`` adds pip.
    """
    run_uv("venv", "--quiet", *(["--seed"] if seed else []), "--python", find_python(version), str(folder))
    if requirements:
        run_uv("pip", "install", "--quiet", "--python", python_of(folder), *options, *requirements)
    return folder


def python_of(folder: Path) -> str:
    """Return the interpreter of an environment."""
    return str(folder / "bin" / "python")


def run_uv(*arguments: str) -> None:
    """Run uv; raises ``BuildError`` with the end of its message when it fails."""
    try:
        done = subprocess.run(
            [*UV, *arguments], capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False, env=installing()
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"uv {arguments[0]} did not end in {_BUILD_SECONDS} s") from error
    if done.returncode != 0:
        raise BuildError(done.stderr.strip()[-2000:])


def installing() -> dict[str, str]:
    """Give uv what pip was told about indexes and wheels, which it does not read itself."""
    env = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    if env.get("PIP_FIND_LINKS"):
        env.setdefault("UV_FIND_LINKS", ",".join(env["PIP_FIND_LINKS"].split()))
    if env.get("PIP_INDEX_URL"):
        env.setdefault("UV_DEFAULT_INDEX", env["PIP_INDEX_URL"])
    return env
