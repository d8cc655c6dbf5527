"""Ask package indexes about releases: what is installed, or what a file pins. What they do not answer is a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.index import Index, RemoteError, find_sources
from envaudit.index.advisories import ask_advisories
from envaudit.index.release import Release, find_releases
from envaudit.model import Gap, OnIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from packaging.utils import NormalizedName

    from envaudit.index.advisories import Known
    from envaudit.model import Distribution

_NOT_OFFERED = "the index does not offer them: {0} were not checked"


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


def ask_about(index: Index, asked: Sequence[Asked], *, advisories: bool = True) -> Answers:
    """Ask the indexes about each release, and with ``advisories`` about its known vulnerabilities.

    An index that does not answer leaves a gap, never "not there".
    """
    found: list[OnIndex] = []
    gaps: list[Gap] = []
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
    gaps += _without_status(releases.values())
    there = [release for release in releases.values() if release.files]
    known = ask_advisories(index, there) if advisories and there else None
    if known is not None:
        found = [each._replace(advisories=known.found.get(each.key, ())) for each in found]
        gaps += _not_known(known, releases)
    return Answers(tuple(found), tuple(gaps), releases)


def _without_status(releases: Iterable[Release]) -> Iterator[Gap]:
    """Yield a gap for each index that is too old to say whether a project is archived or quarantined."""
    silent: dict[str, int] = {}
    for release in releases:
        if not release.status:
            for page in release.indexes:
                where = page.rstrip("/").removesuffix(f"/{release.key}")
                silent[where] = silent.get(where, 0) + 1
    for where, number in silent.items():
        projects = f"{number} project{'s are' if number > 1 else ' is'}"
        yield Gap("IDX004", where, f"it does not say whether {projects} archived or quarantined")


def _not_known(known: Known, releases: Mapping[NormalizedName, Release]) -> Iterator[Gap]:
    for where, what in known.silent.items():
        number = f"{len(what)} releases" if len(what) > 1 else what[0]
        yield Gap("IDX005", f"known vulnerabilities on {where}", _NOT_OFFERED.format(number))
    for release in releases.values():
        if release.key in known.failures:
            yield Gap("IDX005", f"{release.key} {release.version}", str(known.failures[release.key]))


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
