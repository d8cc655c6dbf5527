"""What conda believes to have installed, where pip has installed something else over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envaudit.errors import ReadError
from envaudit.files import list_folder, read_bytes
from envaudit.model import CondaRecord, Gap
from envaudit.scan.names import normalised, of_info_name, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envaudit.model import Distribution, Target

# The package of conda that holds a distribution of another name.
_OTHER_NAMES = {"pytorch": "torch", "pytables": "tables", "matplotlib-base": "matplotlib", "pytorch-cpu": "torch"}
_LIMIT = 64 * 1024 * 1024


def read_conda(target: Target, visible: Iterable[Distribution], gaps: list[Gap]) -> Iterator[CondaRecord]:
    """Yield the records of conda for distributions that another installer has put in place since."""
    if target.kind != "conda":
        return
    by_others = {dist.key: dist for dist in visible if dist.installer and dist.installer != "conda"}
    folder = f"{target.prefix}/conda-meta"
    try:
        names = [entry.name for entry in list_folder(folder) if entry.name.endswith(".json")]
    except ReadError as error:
        gaps.append(Gap("ENV007", folder, f"the folder cannot be listed: {error}"))
        return
    for file in names:
        name = file.removesuffix(".json").rsplit("-", 2)[0]  # name-version-build
        dist = by_others.get(normalised(_OTHER_NAMES.get(name, name)))
        if dist is None:
            continue
        try:
            version = _version_of(f"{folder}/{file}", dist)
        except ReadError as error:
            gaps.append(Gap("ENV007", f"{folder}/{file}", str(error)))
            continue
        if version:
            yield CondaRecord(name, version, f"{folder}/{file}", dist.info_path)


def _version_of(path: str, dist: Distribution) -> str:
    """Return the version that a record states when its files hold metadata of the distribution, else nothing."""
    import json  # noqa: PLC0415  # few environments are conda's

    try:
        record: Any = json.loads(read_bytes(path, _LIMIT))
    except (ValueError, RecursionError) as error:
        raise ReadError(f"not JSON: {short(str(error))}") from error
    files = record.get("files") if isinstance(record, dict) else None
    if not isinstance(files, list):
        raise ReadError("no list under 'files'")
    for file in files:
        parts = file.split("/") if isinstance(file, str) else []
        for part in parts:
            if part.endswith((".dist-info", ".egg-info")) and normalised(of_info_name(part)[0]) == dist.key:
                version = record.get("version")
                return version if isinstance(version, str) else of_info_name(part)[1]
    return ""
