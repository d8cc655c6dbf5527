"""The inventory of an environment as a value and as JSON, described by ``envaudit/report/inspect.schema.json``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit import __version__
from envaudit.checks.declared import applying
from envaudit.files import looking_inside
from envaudit.plain_versions import name_of
from envaudit.scan import depth_below_prefix
from envaudit.scan.inventory import Size, author_of, is_wheel, measure, origin_of, read_direct_url, read_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envaudit.model import Binary, Distribution, Facts

SCHEMA_VERSION = 1
_GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)")


class Item(NamedTuple):
    """One distribution; ``requires`` and ``required_by`` are normalised names, without extras."""

    dist: Distribution
    origin: str
    direct_url: dict[str, Any] | None
    size: Size
    binaries: tuple[Binary, ...]
    requires: tuple[str, ...]
    required_by: tuple[str, ...]

    @property
    def numpy(self) -> tuple[str, str]:
        """The NumPy generation its modules are built for (``1.x``, ``2.x``, ``both``), and the lowest they accept."""
        needs = [binary.facts.numpy for binary in self.binaries if binary.facts and binary.facts.numpy]
        built = {need.built_for for need in needs} - {"unknown"}
        kind = next((kind for kind in ("1.x", "2.x", "both") if kind in built), "unknown" if needs else "")
        least = max((need.feature_text for need in needs), key=_version, default="")
        return kind, least

    @property
    def glibc(self) -> str:
        """The newest version of glibc whose symbols its compiled files ask for, empty for none."""
        found = [
            (int(match[1]), int(match[2]))
            for binary in self.binaries
            if binary.facts
            for need in binary.facts.versions_needed
            for name in need.versions
            if (match := _GLIBC.fullmatch(name) or _GLIBC.match(name))
        ]
        return ".".join(map(str, max(found))) if found else ""


class Inventory(NamedTuple):
    """Everything that is installed, in the order in which it is shown."""

    facts: Facts
    items: tuple[Item, ...]


def inventory(facts: Facts, *, by_size: bool = False) -> Inventory:
    """Measure every distribution and ask who needs it."""
    wanted = {dist.info_path: _requires(dist, facts.target.markers) for dist in facts.distributions}
    needed: dict[str, set[str]] = {}
    for dist in facts.visible().values():
        for name in wanted[dist.info_path]:
            needed.setdefault(name, set()).add(dist.key)
    binaries: dict[str, list[Binary]] = {}
    for binary in facts.binaries:
        binaries.setdefault(binary.owner, []).append(binary)
    items = []
    with looking_inside(facts.target.root):
        for dist in facts.distributions:
            direct_url = read_direct_url(dist)
            items.append(
                Item(
                    dist,
                    origin_of(dist, direct_url),
                    direct_url,
                    measure(dist, depth_below_prefix(dist.site_dir)),
                    tuple(binaries.get(dist.info_path, ())),
                    wanted[dist.info_path],
                    tuple(sorted(needed.get(dist.key, ()))),
                )
            )
    items.sort(key=lambda item: (-item.size.size if by_size else 0, item.dist.key, item.dist.info_path))
    return Inventory(facts, tuple(items))


def _requires(dist: Distribution, markers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names a distribution requires here without any extra; a line that is no requirement is left out."""
    # Most lines have no marker, and parsing one takes long.
    here = (text for text in dist.requires if ";" not in text or applying(text, markers) is not None)
    return tuple(sorted({name for text in here if (name := name_of(text)) is not None}))


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


# --- JSON -----------------------------------------------------------------------------------------------------------


def as_json(items: Inventory) -> str:
    """Return the inventory as a JSON document in ASCII."""
    return json.dumps(_sound(document(items)), indent=2, allow_nan=False) + "\n"


def document(items: Inventory) -> dict[str, Any]:
    """Return the inventory as plain dicts and lists: the keys of ``pip inspect`` and those of envaudit."""
    target = items.facts.target
    pip = items.facts.visible().get("pip")  # type: ignore[call-overload]  # a normalised name
    with looking_inside(target.root):
        installed = [_installed(item) for item in items.items]
    return {
        "version": "1",
        "pip_version": pip.version if pip else None,
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "envaudit", "version": __version__},
        "target": {
            "kind": target.kind,
            "prefix": target.prefix,
            "root": target.root,
            "executable": target.executable,
            "python": target.python,
            "implementation": target.implementation,
            "platform": target.platform,
            "libc": target.libc,
            "chosen_by": target.chosen_by,
            "sites": [{"path": site.path, "origin": site.origin} for site in target.site_dirs],
        },
        "installed": installed,
        "environment": dict(target.markers),
        "gaps": [{"code": gap.code, "what": gap.what, "why": gap.why} for gap in items.facts.gaps],
    }


def _installed(item: Item) -> dict[str, Any]:
    dist = item.dist
    entry: dict[str, Any] = {"metadata": read_metadata(dist), "metadata_location": dist.info_path}
    if item.direct_url is not None:
        entry["direct_url"] = item.direct_url
    if dist.installer:
        entry["installer"] = dist.installer
    if is_wheel(dist):
        entry["requested"] = dist.requested
    kind, least = item.numpy
    return entry | {
        "key": dist.key,
        "origin": item.origin,
        "site": dist.site_dir,
        "hidden_by": dist.hidden_by or None,
        "editable_path": dist.editable_path or None,
        "size": item.size.size,
        "files": item.size.files,
        "missing_files": item.size.missing,
        "counted_by_record": item.size.known,
        "binaries": [_binary(binary) for binary in item.binaries],
        "requires": list(item.requires),
        "required_by": list(item.required_by),
        "top_level": list(dist.top_level),
        "wheel": {"tags": list(dist.wheel_tags or ()), "generator": author_of(dist)},
        "facts": {
            "numpy": {"built_for": kind, "at_least": least or None} if kind else None,
            "glibc": item.glibc or None,
            "entry_points": [
                {"group": point.group, "name": point.name, "value": point.value} for point in dist.entry_points
            ],
            "problems": [
                {"kind": problem.kind, "path": problem.path, "detail": problem.detail} for problem in dist.problems
            ],
        },
    }


def _binary(binary: Binary) -> dict[str, Any]:
    facts = binary.facts
    return {
        "path": f"{binary.site_dir}/{binary.path}",
        "format": facts.format if facts else None,
        "machine": facts.machine if facts else None,
        "needs": list(facts.needed) if facts else [],
        "missing": binary.missing,
    }


def _sound(value: Any) -> Any:
    """Replace what no JSON reader takes: halves of characters out of names that are not UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _sound(each) for key, each in value.items()}
    return [_sound(each) for each in value] if isinstance(value, (list, tuple)) else value
