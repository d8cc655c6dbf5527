"""Requirement and lock files: what they ask for, each requirement with the file and the line that it stands in.

A file that cannot be understood is a ``RequirementError``; what can be understood and not judged (a conda package, a
path without a name) is ``NotRead``. Nothing is installed, fetched or run.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envaudit.errors import RequirementError
from envaudit.requirements.reading import Reading, from_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envaudit.model_stated import FileKind, StatedFile

__all__ = ["Reading", "from_disk", "kind_of", "read_requirements"]

_NAMES: dict[str, FileKind] = {
    "pyproject.toml": "pyproject",
    "uv.lock": "uv",
    "poetry.lock": "poetry",
    "pdm.lock": "pdm",
    "pipfile.lock": "pipfile",
    "environment.yml": "environment",
    "environment.yaml": "environment",
}
_PATTERNS: tuple[tuple[str, FileKind], ...] = (
    (r"pylock(\.[^.]+)?\.toml", "pylock"),
    (r".*conda-lock\.ya?ml", "conda-lock"),
    (r".*env.*\.ya?ml", "environment"),
    (r".*\.(txt|in)", "requirements"),
    (r".*\.py", "script"),
)


def kind_of(path: str) -> FileKind | None:
    """Return which kind of file a name stands for, ``None`` when it stands for none."""
    name = os.path.basename(path).lower()
    if name in _NAMES:
        return _NAMES[name]
    return next((kind for pattern, kind in _PATTERNS if re.fullmatch(pattern, name)), None)


def read_requirements(
    path: str, environ: Mapping[str, str], open_file: Callable[[str], bytes] = from_disk
) -> StatedFile:
    """Return what a file asks for; raises ``RequirementError`` with file, line and reason.

    ``open_file`` returns the bytes of a path; it may read them from a commit.
    """
    kind = kind_of(path)
    reading = Reading(environ, open_file)
    if kind == "requirements":
        from envaudit.requirements.pip_file import read_pip_file  # noqa: PLC0415  a run needs one or two of the readers

        return read_pip_file(path, reading)
    if kind in {"pyproject", "script"}:
        from envaudit.requirements.project_file import read_project, read_script  # noqa: PLC0415

        return read_project(path, reading) if kind == "pyproject" else read_script(path, reading)
    if kind in {"environment", "conda-lock"}:
        from envaudit.requirements.conda_file import read_conda_lock, read_environment  # noqa: PLC0415

        return read_environment(path, reading) if kind == "environment" else read_conda_lock(path, reading)
    if kind is None:
        raise RequirementError(path, 0, "its name is not that of a requirement or lock file")
    from envaudit.requirements.lock_files import read_lock  # noqa: PLC0415

    return read_lock(path, kind, reading)
