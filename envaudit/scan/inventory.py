"""What only an inventory needs of a distribution: its whole metadata, where it came from, its size on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.errors import ReadError
from envaudit.files import list_folder, read_bytes, size_of
from envaudit.scan.headers import parse_headers
from envaudit.scan.record import outside
from envaudit.scan.texts import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.model import Distribution

# Headers of core metadata that may come several times; JSON has a list for each, also when it came once.
_REPEATED = frozenset(
    (
        *("dynamic", "platform", "supported_platform", "classifier", "requires_dist", "requires_external"),
        *("project_url", "provides_extra", "provides_dist", "obsoletes_dist", "license_file"),
    )
)
_WALK_LIMIT = 50_000


class Size(NamedTuple):
    """Files that a distribution installed: how many are there, their bytes, and how many are not there.

    ``known`` is false when no RECORD says which they are and its packages were counted instead.
    """

    files: int
    size: int
    missing: int
    known: bool


def read_metadata(dist: Distribution) -> dict[str, Any]:
    """Return METADATA in the form that PEP 566 gives it in JSON; of what cannot be read, name and version."""
    from email.parser import Parser  # noqa: PLC0415  48 ms for 288 distributions, which only an inventory pays

    least: dict[str, Any] = {"name": dist.name, "version": dist.version}
    if not dist.metadata_path:
        return least
    try:
        text = read_bytes(dist.metadata_path).decode("utf-8", "surrogateescape")
    except ReadError:
        return least
    message = Parser().parsestr(text)
    result: dict[str, Any] = {}
    for name, raw in message.items():
        key, value = name.lower().replace("-", "_"), _dedented(str(raw))
        if key in _REPEATED:
            result.setdefault(key, []).append(value)
        elif key == "keywords":
            result[key] = [word.strip() for word in value.split(",")] if "," in value else value.split()
        else:
            result.setdefault(key, value)
    body = message.get_payload()
    if isinstance(body, str) and body:
        result["description"] = body
    return {**least, **result}


def _dedented(value: str) -> str:
    """Undo how setuptools wrote a header of several lines: it moved all but the first by eight blanks."""
    if "\n" not in value:
        return value
    import textwrap  # noqa: PLC0415

    return textwrap.dedent(" " * 8 + value)


def read_direct_url(dist: Distribution) -> dict[str, Any] | None:
    """Return direct_url.json (PEP 610) without what may be a secret, ``None`` when there is none that can be read."""
    import json  # noqa: PLC0415

    if dist.direct_url is None:
        return None
    try:
        content: Any = json.loads(read_bytes(f"{dist.info_path}/direct_url.json"))
    except (ReadError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not isinstance(content.get("url"), str):
        return None
    return {**content, "url": without_secrets(content["url"])}


def origin_of(dist: Distribution, direct_url: dict[str, Any] | None) -> str:
    """Name where a distribution was installed from.

    ``editable``, ``vcs``, ``archive`` and ``local`` are of PEP 610; without such a file an installer took it from an
    ``index``, ``conda`` from a channel; what nobody signed is ``system`` where a system installs, else ``unknown``.
    """
    if direct_url is not None:
        if dist.editable_path:
            return "editable"
        kinds = {"vcs_info": "vcs", "archive_info": "archive"}
        return next((kind for key, kind in kinds.items() if key in direct_url), "local")
    if dist.installer in {"conda", "debian", "rpm"}:
        return "conda" if dist.installer == "conda" else "system"
    if dist.installer:
        return "index"
    return "system" if dist.site_dir.endswith("/dist-packages") else "unknown"


def is_wheel(dist: Distribution) -> bool:
    """Say whether a distribution was installed by the standards, so that ``requested`` means something."""
    return dist.info_path.endswith(".dist-info")


def author_of(dist: Distribution) -> str:
    """Return the tool that built the wheel, empty when no WHEEL says so."""
    try:
        return parse_headers(read_bytes(f"{dist.info_path}/WHEEL")).first("generator")
    except ReadError:
        return ""


def measure(dist: Distribution, depth: int) -> Size:
    """Count the files of RECORD on disk; without one, what lies in the packages of the distribution."""
    if not dist.has_record:
        names = dist.top_level or (dist.key.replace("-", "_"),)
        sizes = [size for name in names for size in _walk(f"{dist.site_dir}/{name}")]
        return Size(len(sizes), sum(sizes), 0, known=False)
    files = total = missing = 0
    for path in _listed(f"{dist.info_path}/RECORD", depth):
        size = size_of(f"{dist.site_dir}/{path}")
        if size is None:
            missing += 1
        else:
            files, total = files + 1, total + size
    return Size(files, total, missing, known=True)


def _listed(record: str, depth: int) -> Iterator[str]:
    """Yield the paths of RECORD that do not leave the environment."""
    import csv  # noqa: PLC0415

    try:
        text = read_bytes(record).decode("utf-8", "surrogateescape")
    except ReadError:
        return
    quoted = '"' in text
    for line in text.replace("\0", "\ufffd").splitlines():
        try:
            path = next(csv.reader([line]), [""])[0] if quoted and '"' in line else line.partition(",")[0]
        except csv.Error:  # a field of more than 131,072 characters is no path
            continue
        if path and "\ufffd" not in path and not outside(path, depth):
            yield path


def _walk(path: str) -> Iterator[int]:
    """Yield the sizes of the files below a package, or of the module of that name."""
    single = size_of(f"{path}.py")
    if single is not None:
        yield single
    waiting, seen = [path], 0
    while waiting and seen < _WALK_LIMIT:
        try:
            entries = list_folder(waiting.pop())
        except ReadError:
            continue
        seen += len(entries)
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            else:
                yield size_of(entry.path) or 0
