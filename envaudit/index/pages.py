"""The page of a project, in the two forms of the Simple API: JSON (PEP 691) and HTML (PEP 503).

A page is foreign text: what does not have the promised type counts as not said. A file whose link leads nowhere we go
is there all the same, without an address; only what is no page at all is a ``RemoteError``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from envaudit.errors import ReadError
from envaudit.index.failure import RemoteError
from envaudit.index.html_tags import tags
from envaudit.index.values import IndexFile, Project, version_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.utils import NormalizedName

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "application/vnd.pypi.simple.v1+html"
ACCEPT = f"{JSON_TYPE}, {HTML_TYPE};q=0.2, text/html;q=0.1"

FILE_LIMIT = 200_000  # files of a project; the largest known has 40,000
_WHOLE = re.compile(r"https://[A-Za-z0-9.-]+/(?!.*/\.)[\x21-\x7e]*")
_HASH = re.compile(r"[0-9a-f]{32,128}")
_WITH_STATUS = 4  # the Simple API 1.4 brought the status of projects
_STATUSES = ("active", "archived", "quarantined", "deprecated")


def parse_page(data: bytes, content_type: str, address: str, key: NormalizedName) -> Project:
    """Read a page that was found at ``address``, where relative links start; raises ``RemoteError``."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON_TYPE or kind.endswith("+json") or kind == "application/json":
        return _parse_json(data, address, key)
    if kind in {HTML_TYPE, "text/html", "application/xhtml+xml"}:
        return _parse_html(data.decode("utf-8", "replace"), address, key)
    raise RemoteError(address, f"neither JSON nor HTML of the Simple API: {kind or 'no content type'}", "wrong")


def _parse_json(data: bytes, address: str, key: NormalizedName) -> Project:
    try:
        page = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RemoteError(address, "not JSON", "wrong") from error
    entries = page.get("files") if isinstance(page, dict) else None
    if not isinstance(entries, list) or len(entries) > FILE_LIMIT:
        raise RemoteError(address, "no page of the Simple API: it has no list of files", "wrong")
    version = str(_table(page, "meta").get("api-version", "1.0"))
    major = version.partition(".")[0]
    if major != "1":
        raise RemoteError(address, f"Simple API {major}, which this version of envaudit does not know", "wrong")
    files = tuple(file for entry in entries if isinstance(entry, dict) for file in _json_file(entry, address, key))
    status = _table(page, "project-status")
    return Project(key, address, files, _status(status.get("status"), version), _text(status.get("reason")))


def _json_file(entry: dict[str, Any], address: str, key: NormalizedName) -> Iterator[IndexFile]:
    name, url = _text(entry.get("filename")), _text(entry.get("url"))
    found = version_in(name, key)
    link = joined(address, url) if url else ""
    if found is None:
        return
    hashes = _table(entry, "hashes")
    yanked = entry.get("yanked", False)
    size = entry.get("size")
    yield IndexFile(
        name,
        link,
        *found,
        hashes=tuple((str(kind), value) for kind, value in sorted(hashes.items()) if _is_hash(value)),
        requires_python=_text(entry.get("requires-python")),
        yanked=yanked if isinstance(yanked, str) else "" if yanked is True else None,
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        uploaded=_text(entry.get("upload-time"))[:40],
        metadata=_metadata(entry.get("core-metadata", entry.get("dist-info-metadata"))),
    )


def _metadata(value: object) -> str | None:
    """Return what PEP 658 and 714 say about the METADATA beside a wheel, see ``IndexFile.metadata``."""
    if isinstance(value, dict):
        digest = value.get("sha256")
        return digest if _is_hash(digest) else ""
    if isinstance(value, str):
        kind, _, digest = value.partition("=")
        return digest if kind == "sha256" and _is_hash(digest) else "" if value != "false" else None
    return "" if value is True else None


def _parse_html(text: str, address: str, key: NormalizedName) -> Project:
    base = ""
    meta: dict[str, str] = {}
    anchors: list[dict[str, str]] = []
    try:
        for tag, attributes in tags(text):
            if tag == "a" and attributes.get("href"):
                anchors.append(attributes)
                if len(anchors) > FILE_LIMIT:
                    break
            elif tag == "base":
                base = base or attributes.get("href", "")
            elif tag == "meta" and attributes.get("name", "").startswith("pypi:"):
                meta[attributes["name"]] = attributes.get("content", "")
    except ReadError as error:
        raise RemoteError(address, f"HTML that cannot be read: {error}", "wrong") from error
    if len(anchors) > FILE_LIMIT:
        raise RemoteError(address, f"more than the {FILE_LIMIT} files that are read", "too-large")
    version = meta.get("pypi:repository-version", "1.0")
    major = version.partition(".")[0]
    if major != "1":
        raise RemoteError(address, f"Simple API {major}, which this version of envaudit does not know", "wrong")
    base = joined(address, base) or address
    files = tuple(file for anchor in anchors for file in _html_file(anchor, base, key))
    if not files and not text.lstrip()[:200].lower().startswith(("<!doctype html", "<html", "<a ")):
        raise RemoteError(address, "no page of the Simple API: it is not HTML", "wrong")
    status = _status(meta.get("pypi:project-status"), version)
    return Project(key, address, files, status, meta.get("pypi:project-status-reason", ""))


def _html_file(anchor: dict[str, str], base: str, key: NormalizedName) -> Iterator[IndexFile]:
    place, _, fragment = anchor["href"].strip().partition("#")
    name = unquote(place.partition("?")[0]).rpartition("/")[2]
    found = version_in(name, key)
    if found is None:
        return
    link = joined(base, place)
    kind, _, digest = fragment.partition("&")[0].partition("=")
    yield IndexFile(
        name,
        link,
        *found,
        hashes=((kind, digest),) if kind and _is_hash(digest) else (),
        requires_python=anchor.get("data-requires-python", ""),
        yanked=anchor.get("data-yanked"),
        metadata=_metadata(anchor.get("data-core-metadata", anchor.get("data-dist-info-metadata"))),
    )


def joined(base: str, link: str) -> str:
    """Return where a link leads, empty when that is no place the page may send us to.

    A page of the network leads to the network alone, and one of https to https. Credentials in a link are not sent:
    those of the index are, to its own host.
    """
    if _WHOLE.fullmatch(link):
        return link  # as nearly all are, and a page may have thousands
    try:
        parts = urlsplit(urljoin(base, link))
        allowed = ("https",) if base.startswith("https:") else ("http", "https", *_local(base))
        if parts.scheme not in allowed:
            return ""
        url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError:
        return ""
    return "" if any(letter <= " " for letter in url) else url


def _local(base: str) -> tuple[str, ...]:
    return ("file",) if base.startswith("file:") else ()


def _status(value: object, version: str) -> Any:
    """Return a status; without one a project is active, if the index is new enough to say otherwise (API 1.4)."""
    minor = version.partition(".")[2]
    if value is None and minor.isascii() and minor.isdigit() and len(minor) < 9 and int(minor) >= _WITH_STATUS:
        return "active"
    return value if value in _STATUSES else ""


def _table(page: dict[str, Any], name: str) -> dict[str, Any]:
    value = page.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value[:4096] if isinstance(value, str) else ""


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None
