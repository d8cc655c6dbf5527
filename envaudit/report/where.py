"""Where a finding belongs in the files of a project, as services that comment on files want to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from envaudit.model import Finding
    from envaudit.report.options import ReportOptions


class Place(NamedTuple):
    """A file and a line in it, counted from 1; ``exact`` if the finding is about this very line or file.

    ``path`` is relative to the folder of the project, with slashes. It may hold anything that a name of a file can.
    """

    path: str
    line: int
    exact: bool


def place_of(finding: Finding, options: ReportOptions) -> Place:
    """Return the place of a finding in the project; what lies outside of it, or nowhere, is put on the anchor."""
    if finding.location is not None:
        path = _below(finding.location.path, options.root)
        if path:
            return Place(path, max(finding.location.line or 1, 1), exact=True)
    return Place(options.anchor, 1, exact=False)


def as_uri(path: str) -> str:
    """Return a relative path as a URI reference; bytes that are no UTF-8 stay what they are."""
    quoted = quote(path.encode("utf-8", "surrogateescape"), safe="/~")
    return f"./{quoted}" if quoted.startswith("/") else quoted


def _below(path: str, root: str) -> str:
    """Return a path relative to the root; empty for one that lies elsewhere."""
    plain = path.replace("\\", "/")
    base = root.replace("\\", "/").rstrip("/")
    if base and plain.startswith(f"{base}/"):
        plain = plain[len(base) + 1 :]
    parts = [part for part in plain.split("/") if part not in {"", "."}]
    is_outside = plain.startswith("/") or plain[1:2] == ":" or ".." in parts
    return "" if is_outside else "/".join(parts)
