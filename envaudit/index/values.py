"""What an index says about a project, as frozen values."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from typing import Literal

    from packaging.utils import NormalizedName

_NAME_LIMIT = 255  # characters; no file can have a longer name
_SDIST_ENDINGS = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")


class IndexFile(NamedTuple):
    """One file that an index offers; ``url`` is without credentials, and empty when it leads where we do not go.

    ``version`` is as the file name spells it. ``hashes`` are pairs of algorithm and hexadecimal digest. ``yanked`` is
    the reason (perhaps empty) of a yanked file, ``None`` for others. ``size`` in bytes and ``uploaded`` (ISO 8601) are
    unknown (``None``, empty) on indexes that do not say. ``metadata`` is the sha256 of the METADATA file that the index
    serves beside the wheel, empty when it serves one without a digest, ``None`` when it does not say that it does.
    """

    name: str
    url: str
    version: str
    is_wheel: bool
    hashes: tuple[tuple[str, str], ...] = ()
    requires_python: str = ""
    yanked: str | None = None
    size: int | None = None
    uploaded: str = ""
    metadata: str | None = None

    @property
    def sha256(self) -> str:
        """The digest, empty when the index does not give it."""
        return dict(self.hashes).get("sha256", "")

    @property
    def tags(self) -> tuple[str, str, str]:
        """The compressed tags of a wheel, such as ``cp311``, ``cp311``, ``manylinux_2_17_x86_64``; empty for others."""
        parts = self.name[: -len(".whl")].rsplit("-", 3) if self.is_wheel else ()
        return (parts[1], parts[2], parts[3]) if len(parts) == 4 else ("", "", "")


class Project(NamedTuple):
    """What one index offers of a project.

    ``index`` is the address without credentials. ``status`` is that of PEP 792, with its reason; empty when the index
    does not say, which is not the same as ``active``.
    """

    key: NormalizedName
    index: str  # type: ignore[assignment]  # nobody looks for the place of an item
    files: tuple[IndexFile, ...]
    status: Literal["", "active", "archived", "quarantined", "deprecated"] = ""
    status_reason: str = ""

    def of_version(self, version: str) -> tuple[IndexFile, ...]:
        """Return the files of a version, however it is spelled."""
        wanted = _comparable(version)
        return tuple(file for file in self.files if file.version == version or _comparable(file.version) == wanted)

    def versions(self) -> tuple[str, ...]:
        """Return the versions there are files of, in the order of the page."""
        return tuple(dict.fromkeys(file.version for file in self.files))


@functools.lru_cache(maxsize=8192)
def _comparable(version: str) -> str:
    """Bring a version to one spelling; each stands in the names of dozens of files."""
    from packaging.utils import canonicalize_version  # noqa: PLC0415

    return canonicalize_version(version)


@functools.lru_cache(maxsize=256)
def _normalised(name: str) -> NormalizedName:
    """Normalise a name that stands in hundreds of file names."""
    return canonicalize_name(name)


@functools.lru_cache(maxsize=256)
def _sdist_pattern(key: NormalizedName) -> re.Pattern[str]:
    """Match a project's name, however it is spelled, and the version after it."""
    return re.compile("[-_.]+".join(map(re.escape, key.split("-"))) + "-(.+)", re.IGNORECASE)


def version_in(file_name: str, key: NormalizedName) -> tuple[str, bool] | None:
    """Return the version in the name of a file and whether it is a wheel; ``None`` when it is neither wheel nor sdist.

    The name of an sdist does not tell where the version starts, unless one knows the project's.
    """
    if len(file_name) > _NAME_LIMIT:
        return None
    if file_name.endswith(".whl"):
        parts = file_name[: -len(".whl")].split("-")
        if len(parts) not in {5, 6} or _normalised(parts[0]) != key:
            return None
        return parts[1], True
    for ending in _SDIST_ENDINGS:
        if file_name.endswith(ending):
            found = _sdist_pattern(key).fullmatch(file_name[: -len(ending)])
            return (found[1], False) if found else None
    return None
