"""What uv's configuration says about indexes: ``[[index]]``, ``index-url``, ``extra-index-url``, ``find-links``.

The nearest ``uv.toml`` or ``[tool.uv]`` upward from the folder counts, then the user's own file.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import ConfigError, ReadError
from envaudit.files import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT = 1024 * 1024  # bytes of a configuration file


class UvSettings(NamedTuple):
    """What uv would ask, in its order; ``has_default`` says that the public index is replaced."""

    indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    has_default: bool = False


def uv_settings(environ: Mapping[str, str], cwd: str) -> UvSettings:
    """Read the first file that says anything about indexes; raises ``ConfigError`` when it is not TOML."""
    named = environ.get("UV_CONFIG_FILE")
    if named:
        return _from_table(_load(os.path.join(cwd, named)))
    if environ.get("UV_NO_CONFIG"):
        return UvSettings()
    for table in (_of_project(cwd), _load(_user_file(environ))):
        settings = _from_table(table)
        if settings != UvSettings():
            return settings
    return UvSettings()


def _user_file(environ: Mapping[str, str]) -> str:
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", ""), ".config")
    return os.path.join(config, "uv", "uv.toml")


def _of_project(cwd: str) -> dict[str, Any]:
    """Return the nearest configuration of a project, upward from a folder."""
    folder = os.path.abspath(cwd)
    while True:
        own = os.path.join(folder, "uv.toml")
        if os.path.isfile(own):
            return _load(own)
        project = os.path.join(folder, "pyproject.toml")
        if os.path.isfile(project) and "[tool.uv" in _text(project):
            tool = _load(project).get("tool")
            table = tool.get("uv") if isinstance(tool, dict) else None
            return table if isinstance(table, dict) else {}
        above = os.path.dirname(folder)
        if above == folder:
            return {}
        folder = above


def _text(path: str) -> str:
    try:
        return read_text(path, _LIMIT)
    except ReadError as error:
        raise ConfigError(path, "", str(error)) from error


def _load(path: str) -> dict[str, Any]:
    if not os.path.isfile(path):
        return {}
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415
    else:  # pragma: no cover
        import tomli as tomllib  # noqa: PLC0415

    try:
        return tomllib.loads(_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(path, "", f"not TOML ({type(error).__name__})") from error


def _from_table(table: dict[str, Any]) -> UvSettings:
    pip = table.get("pip")
    merged = {**table, **(pip if isinstance(pip, dict) else {})}
    indexes: list[str] = []
    last: list[str] = []
    listed = table.get("index")
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("url"), str) and not entry.get("explicit"):
            (last if entry.get("default") else indexes).append(entry["url"])
    indexes += [url for url in _list(merged.get("extra-index-url")) if url not in indexes]
    if isinstance(merged.get("index-url"), str) and not last:
        last.append(merged["index-url"])
    return UvSettings((*indexes, *last), tuple(_list(merged.get("find-links"))), bool(last))


def _list(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
