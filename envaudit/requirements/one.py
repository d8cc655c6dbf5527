"""One requirement, as pip reads it: a name with bounds, an address, a path, a wheel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from envaudit.model_stated import Stated
from envaudit.plain_versions import normalised

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_ADDRESS = re.compile(r"(?i)^(?:(?:git|hg|svn|bzr)\+[a-z+]+|https?|ftp|file)://|^(?:git|hg|svn|bzr)\+|^file:")
_ARCHIVE = re.compile(r"(?i)\.(?:whl|zip|tar\.gz|tgz|tar\.bz2|tbz|tar\.xz|txz|tlz|tar\.lz|tar\.lzma|tar)$")
_EXTRAS = re.compile(r"^(.+?)\[([A-Za-z0-9._, -]*)\]$")
_EGG = re.compile(r"(?:^|[#&])egg=([^&\[]+)(?:\[([^&\]]*)\])?")
_SAFE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class NamelessError(ValueError):
    """A path or an address that does not tell which project it holds; nothing is wrong with it."""


class Place(NamedTuple):
    """Where a requirement stands, and as what."""

    path: str
    line: int | None
    group: str = ""
    constraint: bool = False


def stated(text: str, place: Place, *, editable: bool = False, hashes: tuple[str, ...] = ()) -> Stated:
    """Return a requirement of a requirements file.

    Raises ``NamelessError`` for a source that names no project, any other ``ValueError`` for what is no requirement.
    """
    if editable or _is_source(text):
        return _source(text, place, hashes)
    return of_pep508(text, place, hashes=hashes)


def of_pep508(text: str, place: Place, *, hashes: tuple[str, ...] = ()) -> Stated:
    """Return a requirement that is written as PEP 508 says; raises ``ValueError``."""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415

    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise ValueError(str(error).splitlines()[0]) from error
    except RecursionError as error:
        raise ValueError("its marker is nested too deeply") from error
    marker = str(found.marker) if found.marker else ""
    url, version = found.url or "", exact(found)
    if url:
        version = _wheel_of(url)[1]
    return _made(found.name, place, specifier=str(found.specifier), version=version, extras=tuple(sorted(found.extras)),
                 marker=marker, url=shown_address(url), hashes=hashes)  # fmt: skip


def exact(requirement: Requirement) -> str:
    """Return the one version that a requirement admits, empty when it admits more than one."""
    for each in requirement.specifier:
        if each.operator in {"==", "==="} and not each.version.endswith(".*"):
            return each.version
    return ""


def _is_source(text: str) -> bool:
    """Say whether a line is an address or a path, and not a name with bounds."""
    head = re.split(r"\s;|;\s", text, maxsplit=1)[0].strip()
    if _ADDRESS.match(head):
        return True
    if re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*@", head):
        return False
    bare = _EXTRAS.match(head)
    path = bare[1] if bare else head
    if path.startswith((".", "/", "~", "\\")) or re.match(r"[A-Za-z]:[\\/]", path):
        return True
    return bool(_ARCHIVE.search(path)) or (("/" in path or "\\" in path) and not re.search(r"[<>=!~;\s]", path))


def _source(text: str, place: Place, hashes: tuple[str, ...]) -> Stated:
    """Read an address or a path, with what may follow it: extras and a marker."""
    head, _, marker = (part.strip() for part in [*re.split(r"(\s;|;\s)", text, maxsplit=1), "", ""][:3])
    direct = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?\s*@\s*(.+)$", head)
    if direct and not _ADDRESS.match(head):
        return _named_source(direct[1], direct[3], _words(direct[2]), marker, place, hashes)
    egg = _EGG.search(urlsplit(head).fragment) if "#" in head else None
    if egg:
        return _named_source(unquote(egg[1]), head, _words(egg[2]), marker, place, hashes)
    bare = _EXTRAS.match(head)
    path, extras = (bare[1], _words(bare[2])) if bare else (head, ())
    name, _ = _wheel_of(path)
    if not name:
        raise NamelessError("a path or an address that does not say which project and version it holds")
    return _named_source(name, path, extras, marker, place, hashes)


def _named_source(  # noqa: PLR0917  the parts of one line
    name: str, address: str, extras: tuple[str, ...], marker: str, place: Place, hashes: tuple[str, ...]
) -> Stated:
    name = re.split(r"[=<>!~]", name, maxsplit=1)[0]
    if not _SAFE.fullmatch(name):
        raise ValueError(f"{name[:60]!r} is no name of a project")
    _check_marker(marker)
    return _made(name, place, version=_wheel_of(address)[1], extras=extras, marker=marker,
                 url=shown_address(address), hashes=hashes)  # fmt: skip


def _made(name: str, place: Place, **fields: object) -> Stated:
    made = Stated(name, normalised(name), place.path, place.line, group=place.group, constraint=place.constraint)
    return made._replace(**fields)  # type: ignore[arg-type]


def _check_marker(marker: str) -> None:
    if marker:
        from packaging.markers import InvalidMarker, Marker  # noqa: PLC0415

        try:
            Marker(marker)
        except (InvalidMarker, RecursionError) as error:
            raise ValueError(f"not a marker: {marker[:80]!r}") from error


def _wheel_of(address: str) -> tuple[str, str]:
    """Return name and version of the wheel that an address or a path leads to, else nothing."""
    file = unquote(urlsplit(address).path if "://" in address else address.partition("#")[0])
    file = file.replace("\\", "/").rpartition("/")[2]
    parts = file[: -len(".whl")].split("-") if file.lower().endswith(".whl") else []
    return (parts[0], parts[1]) if len(parts) in {5, 6} else ("", "")


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(sorted(filter(None, (word.strip() for word in (text or "").split(",")))))


def shown_address(address: str) -> str:
    """Return an address or a path without user, password, query and fragment."""
    try:
        parts = urlsplit(address)
        if not parts.netloc:
            return address.partition("#")[0]
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        return re.sub(r"//[^/@]*@", "//", address)
