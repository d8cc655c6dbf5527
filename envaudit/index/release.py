"""One release on the indexes: is it there, was it withdrawn, and which of its wheels would be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.index.failure import RemoteError
from envaudit.index.numpy_class import WheelClass, classify_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packaging.utils import NormalizedName

    from envaudit.index.client import Index, Offer
    from envaudit.index.values import IndexFile

_CLASS = "numpy-class-1"  # raise the number when the reader of compiled files learns something new


class Release(NamedTuple):
    """What the indexes say about one version of a project.

    ``files`` is empty when there is no such version. ``yanked`` is the reason (perhaps empty) when all of its files
    were yanked, else ``None``. ``status`` and ``status_reason`` are those of the project (PEP 792), the first that an
    index gives. ``indexes`` have the project, as they may be shown, ``pages`` this version. ``failures`` are indexes
    that could not be asked: with one of them, a version that is not there may be there all the same.
    """

    key: NormalizedName
    version: str
    files: tuple[IndexFile, ...]
    yanked: str | None
    status: str
    status_reason: str
    indexes: tuple[str, ...]
    failures: tuple[RemoteError, ...]
    pages: tuple[str, ...] = ()

    @property
    def digests(self) -> frozenset[str]:
        """All digests that are offered, as ``sha256:0123...``."""
        return frozenset(f"{kind}:{value}" for file in self.files for kind, value in file.hashes)

    def wheel_for(self, tags: Mapping[str, int]) -> IndexFile | None:
        """Return the wheel that an installer would take: of the best tag (``cp311-cp311-linux_x86_64`` -> rank)."""
        best: tuple[int, IndexFile] | None = None
        for file in self.files:
            ranks = [tags[tag] for tag in _single_tags(file) if tag in tags] if file.is_wheel else []
            if ranks and (best is None or min(ranks) < best[0]):
                best = min(ranks), file
        return best[1] if best else None


def release_in(offer: Offer, key: NormalizedName, version: str) -> Release:
    """Return one version out of what the indexes offer of its project."""
    files = offer.of_version(version)
    reasons = [file.yanked for file in files]
    stated = [page for page in offer.pages if page.status]
    return Release(
        key,
        version,
        files,
        next((reason for reason in reasons if reason), "") if files and None not in reasons else None,
        stated[0].status if stated else "",
        stated[0].status_reason if stated else "",
        tuple(page.index for page in offer.pages),
        offer.failures,
        tuple(page.index for page in offer.pages if page.of_version(version)),
    )


def find_releases(index: Index, pins: Sequence[tuple[str, str]]) -> list[Release | RemoteError]:
    """Return what the indexes say about exact versions, in the order of the pins."""
    from packaging.utils import canonicalize_name  # noqa: PLC0415

    offers = index.releases(pins)
    found: list[Release | RemoteError] = []
    for name, version in pins:
        key = canonicalize_name(name)
        offer = offers[key, version]
        found.append(offer if isinstance(offer, RemoteError) else release_in(offer, key, version))
    return found


def built_for(index: Index, file: IndexFile) -> WheelClass:
    """Return what a wheel was built for, by parts of it, or as it was found out before; raises ``RemoteError``."""
    kept = index.lasting(_CLASS, file)
    if kept is not None:
        numpy_class, _, shown_by = kept.decode("utf-8", "replace").partition(" ")
        if numpy_class in {"1.x", "pybind11", "rust", "by-name", "2", "none"}:
            return WheelClass(numpy_class, shown_by, 0, 0)  # type: ignore[arg-type]
    found = classify_wheel(index.open(file))
    index.keep(_CLASS, file, f"{found.numpy_class} {found.file}".encode())
    return found


def _single_tags(file: IndexFile) -> list[str]:
    """Return the tags of a wheel one by one."""
    python, abi, platform = (part.split(".") for part in file.tags)
    return [f"{one}-{two}-{three}" for one in python for two in abi for three in platform]
