"""The links of a target for programs: JSON, and a graph in the language of Graphviz."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from envaudit.report.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Distribution, Facts, LinkedFile

SCHEMA_VERSION = 1


def as_json(facts: Facts, owner: str, root: str) -> str:
    """Return the document that ``envaudit link --help`` describes, in ASCII."""
    target = facts.target
    owners = {dist.info_path: dist for dist in facts.distributions}
    document = {
        "schema_version": SCHEMA_VERSION,
        "target": {
            "prefix": target.prefix,
            "python": target.python,
            "platform": target.platform,
            "libc": target.libc,
        },
        "root": root,
        "gaps": [{"code": gap.code, "what": gap.what, "why": gap.why} for gap in facts.gaps if gap.code == "LNK"],
        "files": [_file(file, owners) for file in facts.links if owner in {"", file.owner}],
    }
    return json.dumps(document, indent=2, default=str) + "\n"


def _file(file: LinkedFile, owners: dict[str, Distribution]) -> dict[str, Any]:
    dist = owners.get(file.owner)
    return {
        "path": f"{file.site_dir}/{file.path}",
        "distribution": dist.key if dist else "",
        "version": dist.version if dist else "",
        "is_module": file.is_module,
        "needs": [
            {
                "name": need.name,
                "path": need.path,
                "how": need.how,
                "distribution": owners[need.owner].key if need.owner in owners else "",
            }
            for need in file.resolved
        ],
        "missing": [{"name": name, "asked_by": asks} for name, asks in file.missing],
        "unseen": [{"name": name, "place": place} for name, place in file.unseen],
        "missing_versions": [{"library": library, "version": version} for library, version in file.missing_versions],
        "undefined": list(file.undefined),
        "undefined_python": list(file.undefined_python),
        "unread": file.unread,
    }


def as_dot(facts: Facts, owner: str) -> str:
    """Return a directed graph: distributions and what they load; with ``owner``, the files of that distribution."""
    lines = ["digraph links {", "  rankdir=LR;", "  node [shape=box];"]
    nodes: dict[str, str] = {}
    edges: dict[tuple[str, str], None] = {}
    for source, destination, style in _edges(facts, owner):
        nodes.setdefault(source, "")
        nodes[destination] = style or nodes.get(destination, "")
        if source != destination:
            edges[source, destination] = None
    lines += [f"  {_quoted(name)}{style};" for name, style in sorted(nodes.items())]
    lines += [f"  {_quoted(source)} -> {_quoted(destination)};" for source, destination in sorted(edges)]
    return "\n".join([*lines, "}"]) + "\n"


def _edges(facts: Facts, owner: str) -> Iterator[tuple[str, str, str]]:
    titles = {dist.info_path: f"{dist.name} {dist.version}" for dist in facts.distributions}
    for file in facts.links:
        if owner not in {"", file.owner}:
            continue
        source = file.path if owner else titles.get(file.owner, file.path)
        for need in file.resolved:
            if owner:
                name = need.path.removeprefix(f"{file.site_dir}/") if need.owner else need.name
            else:
                name = titles.get(need.owner, need.name)
            yield source, name, "" if need.owner else " [shape=ellipse]"
        own = f"{file.site_dir}/{file.path}"
        for name, asks in file.missing:
            if asks == own:
                yield source, name, " [shape=ellipse, color=red, style=dashed]"


def _quoted(name: str) -> str:
    text = plain(name).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
