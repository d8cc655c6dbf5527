"""Known vulnerabilities of releases, where an index offers them: in its JSON of releases, beside the Simple API.

The address is that of the project page with ``simple`` replaced: ``<root>/pypi/<project>/<version>/json``. Nobody else
is asked. An index that has no such document offers nothing, and has not said that there is nothing to know.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.index.clock import run_all
from envaudit.index.failure import RemoteError, shown
from envaudit.model import Advisory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envaudit.index.client import Index
    from envaudit.index.release import Release

_PAGE = re.compile(r"(https?://.+/)simple/([^/]+)/?")
_PROBES = 2  # releases that are looked for before an index is taken to offer nothing
_MOST = 1000  # advisories of one release; the most seen are about 400
_LONGEST = 400  # characters of a summary
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")


class Known(NamedTuple):
    """The advisories of each release that was asked about, and what was not answered.

    ``silent`` are indexes that do not offer any, as they may be shown.
    """

    found: dict[str, tuple[Advisory, ...]]
    failures: dict[str, RemoteError]
    silent: dict[str, tuple[str, ...]]


def ask_advisories(index: Index, releases: Sequence[Release]) -> Known:
    """Ask the index that has a release about its vulnerabilities; a few requests at a time, kept as pages are."""
    known = Known({}, {}, {})
    groups: dict[str, list[tuple[Release, str]]] = {}
    for release in releases:
        root = _root(release)
        address = f"{root}pypi/{release.key}/{release.version}/json" if root else ""
        groups.setdefault(root, []).append((release, address))
    for root, group in groups.items():
        if not root or index.is_silent(root) or not _offers(index, group[:_PROBES]):
            if root:
                index.keep_silent(root)
            where = root or next(iter(group[0][0].indexes), "what has no address")
            known.silent[shown(where)] = tuple(f"{release.key} {release.version}" for release, _ in group)
            continue
        calls = [partial(_ask, index, release, address) for release, address in group]
        for (release, _), answer in zip(group, run_all(calls, index.deadline), strict=True):
            if isinstance(answer, RemoteError):
                known.failures[release.key] = answer
            else:
                known.found[release.key] = answer
    return known


def _root(release: Release) -> str:
    """Return what stands before ``simple/`` in the address of the first page with files of the release."""
    for page in release.pages:
        match = _PAGE.fullmatch(page)
        if match and match[2].lower() == release.key:
            return match[1]
    return ""


def _offers(index: Index, group: Sequence[tuple[Release, str]]) -> bool:
    """Say whether an index has such documents at all. One that does not answer is asked, and fails, for each."""
    for _, address in group:
        try:
            _vulnerabilities(index.document(address), address)
        except RemoteError as error:
            if error.kind not in {"missing", "wrong"}:
                return True
        else:
            return True
    return False


def _ask(index: Index, release: Release, address: str) -> tuple[Advisory, ...]:
    return parse_advisories(index.document(address), address, release)


def parse_advisories(data: bytes, address: str, release: Release) -> tuple[Advisory, ...]:
    """Read what a document says about a release, without what was withdrawn; raises ``RemoteError``."""
    found: list[Advisory] = []
    for entry in _vulnerabilities(data, address, release):
        if not isinstance(entry, dict) or entry.get("withdrawn"):
            continue
        names = [name for name in (_text(entry.get("id")), *_texts(entry.get("aliases"))) if _ID.fullmatch(name)]
        if not names:
            raise RemoteError(address, "a vulnerability without an id", "wrong")
        text = next(filter(None, map(_text, (entry.get("summary"), entry.get("details")))), "")
        fixed = tuple(each[:80] for each in _texts(entry.get("fixed_in")))
        one = Advisory(names[0], tuple(dict.fromkeys(names[1:])), _short(text), fixed, _link(entry.get("link")))
        found = _joined(found, one)
    return tuple(found)


def _vulnerabilities(data: bytes, address: str, release: Release | None = None) -> list[Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RemoteError(address, "not JSON", "wrong") from error
    listed = document.get("vulnerabilities") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > _MOST:
        raise RemoteError(address, "it has no list of vulnerabilities", "wrong")
    info = document.get("info")
    if release is not None and isinstance(info, dict) and isinstance(info.get("version"), str):
        from packaging.utils import canonicalize_version  # noqa: PLC0415

        if canonicalize_version(info["version"][:200]) != canonicalize_version(release.version):
            raise RemoteError(address, "it is about another version", "wrong")
    return listed


def _joined(found: list[Advisory], one: Advisory) -> list[Advisory]:
    """Add an advisory; databases tell of the same one under several names, each an alias of the other."""
    names = {one.id, *one.aliases}
    for place, other in enumerate(found):
        if names & {other.id, *other.aliases}:
            aliases = tuple(name for name in dict.fromkeys((*other.aliases, one.id, *one.aliases)) if name != other.id)
            fixed = tuple(dict.fromkeys((*other.fixed_in, *one.fixed_in)))
            both = other._replace(aliases=aliases, fixed_in=fixed, summary=other.summary or one.summary)
            return [*found[:place], both, *found[place + 1 :]]
    return [*found, one]


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)][:100] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _short(text: str) -> str:
    line = " ".join(text[: 4 * _LONGEST].split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def _link(value: object) -> str:
    text = _text(value)
    return text if re.fullmatch(r"https?://[\x21-\x7e]{1,300}", text) and "@" not in text else ""
