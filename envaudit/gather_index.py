"""Ask package indexes about releases: what is installed, or what a file pins. What they do not answer is a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.index import Index, RemoteError, find_sources
from envaudit.index.release import Release, find_releases
from envaudit.model import Gap, OnIndex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packaging.utils import NormalizedName

    from envaudit.model import Distribution

_NO_ADVISORIES = Gap(
    "IDX", "known vulnerabilities", "this version of envaudit does not ask for them, and few indexes offer them"
)


class Asked(NamedTuple):
    """A release to ask about; ``hashes`` are those that a file demands (``sha256:0123...``)."""

    name: str
    key: NormalizedName
    version: str
    hashes: tuple[str, ...] = ()


class Answers(NamedTuple):
    """What indexes said, what they did not, and the releases that were found."""

    indexed: tuple[OnIndex, ...]
    gaps: tuple[Gap, ...]
    releases: Mapping[NormalizedName, Release]


def ask_about(index: Index, asked: Sequence[Asked]) -> Answers:
    """Ask the indexes about each release. An index that does not answer leaves a gap, never "not there"."""
    found: list[OnIndex] = []
    gaps: list[Gap] = [_NO_ADVISORIES] if asked else []
    releases: dict[NormalizedName, Release] = {}
    where = ", ".join(index.addresses)
    for one, answer in zip(asked, find_releases(index, [(each.name, each.version) for each in asked]), strict=True):
        what = f"{one.name} {one.version}"
        if isinstance(answer, RemoteError):
            if answer.kind == "missing":
                found.append(OnIndex(one.name, one.key, one.version, where, exists=False, known=False))
            else:
                gaps.append(Gap("IDX", what, str(answer)))
            continue
        gaps += [Gap("IDX", what, f"one of several indexes did not answer: {failure}") for failure in answer.failures]
        if not answer.files and answer.failures:
            continue
        releases[one.key] = answer
        found.append(_on_index(one, answer))
        if one.hashes and answer.files and not _comparable(one, answer):
            gaps.append(Gap("IDX006", what, "the index gives no digest of the kind that the file demands"))
    if found and not any(each.status for each in found):
        gaps.append(Gap("IDX004", where, "it does not say whether projects are archived or quarantined"))
    return Answers(tuple(found), tuple(gaps), releases)


def _on_index(one: Asked, answer: Release) -> OnIndex:
    return OnIndex(
        one.name,
        one.key,
        one.version,
        ", ".join(answer.indexes),
        known=bool(answer.files),
        yanked=answer.yanked,
        files=tuple(file.name for file in answer.files),
        missing=one.hashes if _comparable(one, answer) and answer.digests.isdisjoint(one.hashes) else (),
        status=answer.status,
        status_reason=answer.status_reason,
    )


def _comparable(one: Asked, answer: Release) -> bool:
    """Say whether file and index give digests of one kind."""
    ours = {each.partition(":")[0] for each in one.hashes}
    return not ours.isdisjoint(each.partition(":")[0] for each in answer.digests)


def ask_about_installed(
    distributions: Sequence[Distribution], environ: Mapping[str, str], cwd: str, cache_folder: str
) -> tuple[tuple[OnIndex, ...], tuple[Gap, ...]]:
    """Ask about what is installed. What did not come from an index, or is a local build, is a gap."""
    index = Index(find_sources(environ, cwd), environ, cache_folder=cache_folder)
    asked, gaps = [], []
    for dist in distributions:
        what = f"{dist.name} {dist.version}"
        if dist.direct_url is not None or dist.editable_path:
            gaps.append(Gap("IDX", what, "it was not installed from an index"))
        elif "+" in dist.version or not dist.version:
            gaps.append(Gap("IDX", what, "a local build, of which it is not known where it came from"))
        else:
            asked.append(Asked(dist.name, dist.key, dist.version))
    try:
        answers = ask_about(index, asked)
    finally:
        index.close()
    return answers.indexed, (*gaps, *answers.gaps)
