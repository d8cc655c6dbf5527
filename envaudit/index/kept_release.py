"""What an index says about one version of a project, in a form that can be kept. What is kept is sealed and our own."""

from __future__ import annotations

import json
from typing import Any

from envaudit.index.values import IndexFile, Project


def dump_project(project: Project) -> bytes:
    """Return the text to keep."""
    return json.dumps(project, separators=(",", ":")).encode("ascii")


def load_project(text: bytes) -> Project | None:
    """Read what ``dump_project`` wrote; ``None`` for anything else."""
    try:
        key, index, files, status, reason = json.loads(text)
        return Project(key, index, tuple(map(_file, files)), status, reason)
    except (ValueError, TypeError, RecursionError):
        return None


def _file(fields: list[Any]) -> IndexFile:
    made = IndexFile(*fields)
    return made._replace(hashes=tuple((str(kind), str(value)) for kind, value in made.hashes))
