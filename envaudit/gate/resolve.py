"""Let uv choose the versions that a file leaves open: ``uv pip compile``, which installs and builds nothing."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from envaudit.files_seen import doubt
from envaudit.gate.target import uv_platform
from envaudit.index.failure import without_userinfo
from envaudit.plain_versions import normalised

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packaging.utils import NormalizedName

    from envaudit.gate.target import Wish
    from envaudit.model_stated import Stated, StatedFile

_SECONDS = 120
_LONGEST = 4 * 1024 * 1024  # characters of an answer
_LINE = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==(?P<version>\S+)\s*(?:#\s*via\s+(?P<via>.*))?$"
)
_SHOWN = 1200  # characters of what uv said


class Chosen(NamedTuple):
    """A version that the resolver chose, and what asked for it."""

    name: str
    key: NormalizedName
    version: str
    via: tuple[NormalizedName, ...] = ()


class Resolution(NamedTuple):
    """What the resolver said: the versions, or that there is no solution, or why it could not say either."""

    chosen: tuple[Chosen, ...] = ()
    unsolvable: str = ""
    failure: str = ""


def find_uv(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return how uv is started, nothing when there is none."""
    beside = os.path.join(os.path.dirname(sys.executable), "uv")
    if os.access(beside, os.X_OK) and os.path.isfile(beside):
        return (beside,)  # what `python -m uv` would start, without a Python to do it
    if importlib.util.find_spec("uv") is not None:
        return (sys.executable, "-m", "uv")
    found = shutil.which("uv", path=environ.get("PATH"))
    return (found,) if found else ()


def resolve(
    file: StatedFile,
    stated: Sequence[Stated],
    wish: Wish,
    environ: Mapping[str, str],
    *,
    exclude_newer: str = "",
) -> Resolution:
    """Return the versions that uv would install today, or as of a moment (ISO 8601).

    It sees the requirements that were read, with the options of the file, and not the file itself, which may come from
    a commit. Without building, so that no code of a package is run.
    """
    doubt("what a resolver chooses depends on an index")
    uv = find_uv(environ)
    if not uv:
        return Resolution(failure="there is no uv, and without it open versions cannot be chosen")
    platform = uv_platform(wish.machine)
    with tempfile.TemporaryDirectory(prefix="envaudit-gate-") as folder:
        wanted, limits = os.path.join(folder, "requirements.in"), os.path.join(folder, "constraints.txt")
        _write(wanted, [*_options(file), *_lines(stated, constraint=False)])
        _write(limits, _lines(stated, constraint=True))
        command = [
            *uv, "pip", "compile", "--quiet", "--no-header", "--annotation-style", "line", "--no-build", "--color",
            "never", "--no-progress", "--python", os.path.realpath(sys.executable), "--python-version", wish.python,
            *(["--python-platform", platform] if platform else []),
            *(["--exclude-newer", exclude_newer] if exclude_newer else []),
            "--constraints", limits, wanted,
        ]  # fmt: skip
        return _run(command, _variables(environ), folder)


def _run(command: list[str], environ: Mapping[str, str], folder: str) -> Resolution:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
            env=dict(environ),
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return Resolution(failure=f"uv did not answer within {_SECONDS} s")
    except OSError as error:
        return Resolution(failure=f"uv cannot be started: {error}")
    said = without_userinfo(done.stderr.strip().replace(f"{folder}/", ""))[-_SHOWN:]
    if done.returncode == 0 and len(done.stdout) <= _LONGEST:
        return Resolution(chosen=tuple(_chosen(done.stdout)))
    if "No solution found" in done.stderr and "connect" not in done.stderr.lower():
        return Resolution(unsolvable=said)
    return Resolution(failure=f"uv could not choose versions: {' '.join(said.split())[:400]}")


def _chosen(text: str) -> list[Chosen]:
    """Read the lines that uv printed: ``numpy==2.2.6  # via pandas, scipy``."""
    found = []
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match:
            via = tuple(
                normalised(word.strip()) for word in (match["via"] or "").split(",") if not word.strip().startswith("-")
            )
            name = match["name"]
            found.append(Chosen(name, normalised(name), match["version"], via))
    return found


def _lines(stated: Sequence[Stated], *, constraint: bool) -> list[str]:
    """Write requirements for uv; what has only an address is left out, since uv would have to build it."""
    return [each.text() for each in stated if each.constraint == constraint and not each.url]


def _options(file: StatedFile) -> list[str]:
    return [f"{name} {value}".rstrip() for name, value in file.options if name != "--no-binary"]


def _write(path: str, lines: Sequence[str]) -> None:
    with open(path, "w", encoding="utf-8") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Give uv what pip was told about indexes, which it does not read itself."""
    env = {name: value for name, value in environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    if env.get("PIP_FIND_LINKS"):
        env.setdefault("UV_FIND_LINKS", ",".join(env["PIP_FIND_LINKS"].split()))
    if env.get("PIP_INDEX_URL"):
        env.setdefault("UV_DEFAULT_INDEX", env["PIP_INDEX_URL"])
    return env
