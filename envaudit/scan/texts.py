"""The small files of an info folder: entry_points.txt, direct_url.json, top_level.txt."""

from __future__ import annotations

from typing import Any

from envaudit.errors import ReadError
from envaudit.model import DirectUrl, EntryPoint
from envaudit.scan.names import short


def parse_entry_points(text: str) -> tuple[tuple[EntryPoint, ...], tuple[tuple[str, int], ...]]:
    """Read entry_points.txt: ``[group]`` lines and ``name = value`` lines; also what is wrong and in which line."""
    points: list[EntryPoint] = []
    problems: list[tuple[str, int]] = []
    group = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            group = line[1:-1].strip()
            continue
        name, sign, value = line.partition("=")
        if not group or not sign or not name.strip() or not value.strip():
            problems.append((f"not '[group]' or 'name = module:object': {short(line)!r}", number))
            continue
        points.append(EntryPoint(group, name.strip(), value.strip()))
    return tuple(points), tuple(problems)


def parse_direct_url(text: str) -> DirectUrl:
    """Read direct_url.json (PEP 610) and drop what may be a secret; raises ``ReadError``."""
    import json  # noqa: PLC0415  # few distributions have this file

    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"not JSON: {short(str(error))}") from error
    url = content.get("url") if isinstance(content, dict) else None
    if not isinstance(url, str) or not url:
        raise ReadError("no text under 'url'")
    folder = content.get("dir_info")
    editable = isinstance(folder, dict) and folder.get("editable") is True
    return DirectUrl(without_secrets(url), editable, _local_path(url))


def without_secrets(url: str) -> str:
    """Return an address without user, password, query and fragment; ``git@`` is no secret and stays."""
    url = url.partition("#")[0].partition("?")[0]
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    keep = "git@" if at and user == "git" else ""
    return f"{scheme}://{keep}{host}{slash}{path}"


def _local_path(url: str) -> str:
    """Return the path of a ``file:`` address, or an empty string."""
    scheme, found, rest = url.partition("://")
    if not found or scheme.lower() != "file":
        return ""
    from urllib.parse import unquote  # noqa: PLC0415  # only for local installs

    _, slash, path = rest.partition("/")
    path = slash + unquote(path.partition("#")[0].partition("?")[0])
    if path[2:3] == ":":  # file:///C:/project
        path = path[1:]
    return "" if "\0" in path else path
