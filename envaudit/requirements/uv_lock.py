"""``uv.lock``: one resolution for all platforms, of which a walk from the project picks what one target installs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envaudit.errors import RequirementError
from envaudit.model_stated import Stated, StatedFile
from envaudit.plain_versions import normalised
from envaudit.requirements.lock_files import file_name, packages_of, places_of
from envaudit.requirements.one import shown_address
from envaudit.requirements.toml_text import table, tables, word, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.requirements.one import Place

_ITSELF = ("virtual", "editable")


def read_uv_lock(path: str, document: dict[str, Any], lines: Sequence[str]) -> StatedFile:
    """Return the packages of a lock file and where a walk has to start; raises ``RequirementError``."""
    if document.get("version") != 1:
        raise RequirementError(path, 1, f"version {str(document.get('version'))[:20]}: only version 1 is known")
    packages = packages_of(document, "package", path)
    places = places_of(lines, "package", packages, path)
    roots: list[str] = []
    found = []
    for package, place in zip(packages, places, strict=True):
        source = table(package.get("source"))
        if any(kind in source for kind in _ITSELF):
            roots += _needs(package, every=True)
        else:
            found.append(_package(package, source, place))
    manifest = table(document.get("manifest"))
    wanted = [*tables(manifest.get("requirements"))]
    for group in table(manifest.get("dependency-groups")).values():
        wanted += tables(group)
    roots += [_edge(each) for each in wanted]
    if not roots:  # a lock without a project: everything in it is wanted
        roots = [each.name for each in found]
    return StatedFile(path, "uv", tuple(found), complete=True, roots=tuple(dict.fromkeys(roots)), files=(path,),
                      requires_python=word(document.get("requires-python")))  # fmt: skip


def _package(package: dict[str, Any], source: dict[str, Any], place: Place) -> Stated:
    version = word(package.get("version"))
    files = [*tables(package.get("wheels")), *([table(package["sdist"])] if "sdist" in package else [])]
    forks = words(package.get("resolution-markers"))
    direct = next((word(source[kind]) for kind in ("git", "url", "path", "directory") if kind in source), "")
    uploads = [word(file.get("upload-time")) for file in files if word(file.get("upload-time"))]
    return Stated(
        package["name"],
        normalised(package["name"]),
        place.path,
        place.line,
        f"=={version}" if version else "",
        version,
        marker=" or ".join(f"({each})" for each in forks),
        url=shown_address(direct),
        hashes=tuple(word(file.get("hash")) for file in files if word(file.get("hash"))),
        files=tuple(filter(None, (file_name(file) for file in files))),
        requires=tuple(_needs(package)),
        uploaded=min(uploads, default=""),
    )


def _needs(package: dict[str, Any], *, every: bool = False) -> Iterator[str]:
    """Yield what a package needs, as PEP 508 writes it; of the project itself also extras and groups, all of them."""
    yield from (_edge(each) for each in tables(package.get("dependencies")))
    for extra, edges in table(package.get("optional-dependencies")).items():
        yield from (_edge(each, "" if every else extra) for each in tables(edges))
    if every:
        for edges in table(package.get("dev-dependencies")).values():
            yield from (_edge(each) for each in tables(edges))


def _edge(edge: dict[str, Any], extra: str = "") -> str:
    extras = words(edge.get("extra", edge.get("extras")))
    named = f"[{','.join(extras)}]" if extras else ""
    markers = [f"({word(edge.get('marker'))})"] if word(edge.get("marker")) else []
    markers += [f"extra == '{extra}'"] if extra else []
    return f"{word(edge.get('name'))}{named}" + (f" ; {' and '.join(markers)}" if markers else "")
