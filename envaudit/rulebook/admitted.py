"""Which releases built for NumPy 1.x let NumPy 2 in by their metadata: what a resolver would do, known without one.

``rules/derived/admits_numpy2.json`` lists them; ``fixtures/derived/derive_admitted.py`` writes it. Of a project that is
listed, every other release built for NumPy 1.x forbids NumPy 2, unless it is older than all that are listed; of other
projects nothing is known.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from envaudit import files
from envaudit.errors import ReadError, RuleError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.model import PredictedBuild

FILE = "derived/admits_numpy2.json"
_LIMIT = 4 * 1024 * 1024  # bytes; 90 projects take 9 kB


def with_admitted(
    folder: str, builds: Iterable[PredictedBuild], versions: dict[str, str]
) -> tuple[PredictedBuild, ...]:
    """Return the predictions with what is known of their metadata; ``versions`` are those of the distributions.

    Raises ``RuleError`` for a table that cannot be used; one that is not there knows nothing. Only releases that were
    measured count: what their neighbours declare says nothing about them.
    """
    path = str(Path(folder, FILE))
    projects = _projects(path) if files.exists(path) else {}
    found = []
    for build in builds:
        listed = projects.get(build.key)
        version = _version(versions.get(build.key, ""))
        admits = _admits(listed or "", version) if version is not None and build.basis == "measured" else None
        found.append(build._replace(admits_numpy2=admits))
    return tuple(found)


def _admits(listed: str, version: Version) -> bool | None:
    """Say whether a release is listed; of what is older than all that are listed, nothing is known."""
    releases = [found for text in listed.split() if (found := _version(text)) is not None]
    return version in releases if releases and version >= min(releases) else None


def _projects(path: str) -> dict[str, str]:
    try:
        data = json.loads(files.read_text(path, _LIMIT))
    except (ReadError, ValueError, RecursionError) as error:
        raise RuleError(path, "", str(error)) from error
    projects = data.get("projects") if isinstance(data, dict) and data.get("schema") == 1 else None
    if not isinstance(projects, dict) or not all(isinstance(each, str) for each in projects.values()):
        raise RuleError(path, "projects", "a table of releases by project is expected, in format 1")
    return projects


def _version(text: str) -> Version | None:
    try:
        return Version(Version(text).public)
    except InvalidVersion:
        return None
