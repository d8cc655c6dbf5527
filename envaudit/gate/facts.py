"""The facts of a target that is only described: the same values that are read of an installed one, without files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit.asked import Asked
from envaudit.gate.resolve import Chosen, Resolution, resolve
from envaudit.gate.select import applying, python_admitted
from envaudit.gate.target import described_target
from envaudit.model import Admitted, Described, Distribution, Facts, Gap, OnIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from packaging.utils import NormalizedName

    from envaudit.gate.deep import Deep
    from envaudit.gate.target import Wish
    from envaudit.gather_index import Asked as AskedRelease
    from envaudit.index import Index, IndexFile
    from envaudit.model import Target
    from envaudit.model_stated import Stated, StatedFile

_NAMES_UNREAD = "which names packages ask of each other stands in their wheels, and these are only read with --deep"


def _at_once() -> None:
    """Wait for nothing."""


class Means(NamedTuple):
    """What may be used to find out more.

    ``indexes`` are ``None`` offline, and then nothing is resolved either.

    ``ready`` returns when what was asked ahead has been answered. With ``deep``, wheels are read, for
    what is ``asked``.
    """

    environ: Mapping[str, str]
    indexes: Index | None
    resolve: bool
    exclude_newer: str = ""
    ready: Callable[[], None] = _at_once
    deep: bool = False
    asked: Asked = Asked()


class _Settled(NamedTuple):
    """A distribution whose version is known; ``stated`` is the line that says so, if one does."""

    name: str
    key: NormalizedName
    version: str
    stated: Stated | None
    via: tuple[NormalizedName, ...] = ()


def describe(file: StatedFile, wish: Wish, means: Means, chosen_by: str) -> Facts:
    """Return the facts of the target that a file describes for one Python and platform."""
    target = described_target(wish, file.path, chosen_by)
    stated, unknown = applying(file, target)
    gaps = [_gap(each.path, each.line, each.what, each.why) for each in (*file.not_read, *unknown)]
    if not python_admitted(file, target):
        why = f"the file is for Python {file.requires_python}, so what it says of Python {wish.python} means little"
        gaps.append(Gap("PLT001", file.path, why))
    resolution = _resolved(file, stated, wish, means)
    if resolution.failure:
        gaps.append(Gap("DEP, ABI, EA", f"open versions in {file.path}", resolution.failure))
    settled = _settled(stated, resolution.chosen, file, gaps)
    known = {each.key for each in settled}
    ranges = () if resolution.chosen else _ranges(stated, known)
    complete = file.complete or bool(resolution.chosen)
    described = Described(file.path, file.kind, complete, stated, ranges, resolution.unsolvable)
    return _with_knowledge(Facts(target, described=described, gaps=tuple(gaps)), settled, means)


def _resolved(file: StatedFile, stated: Sequence[Stated], wish: Wish, means: Means) -> Resolution:
    """Let uv choose what is open, where that is allowed and anything is open."""
    wanted = [each for each in stated if not each.constraint and not each.url]
    if file.complete or not wanted:
        return Resolution()
    if not means.resolve:
        settled = all(each.version for each in wanted)
        why = "only what is pinned is judged, and ranges as a whole: nothing is resolved without an index"
        return Resolution(failure="" if settled else why)
    found = resolve(file, stated, wish, means.environ, exclude_newer=means.exclude_newer)
    main = [each for each in stated if not each.group]
    if not found.unsolvable or len(main) == len(stated):
        return found
    # Extras and groups need not go together; what is always installed has to.
    alone = resolve(file, main, wish, means.environ, exclude_newer=means.exclude_newer)
    why = "its extras and groups cannot all be installed together, so only what is always installed was resolved"
    return alone._replace(failure=alone.failure or why) if not alone.unsolvable else alone


def _settled(
    stated: Sequence[Stated], chosen: Sequence[Chosen], file: StatedFile, gaps: list[Gap]
) -> tuple[_Settled, ...]:
    """Return what has one version: by the resolver, else by a pin."""
    lines: dict[NormalizedName, Stated] = {}
    found: dict[NormalizedName, _Settled] = {}
    for each in stated:
        if not each.constraint:
            lines.setdefault(each.key, each)
    for one in chosen:
        found[one.key] = _Settled(one.name, one.key, one.version, lines.get(one.key), one.via)
    limits = {each.key: each for each in stated if each.constraint and each.version}
    for each in stated:
        if each.constraint or (each.key in found and found[each.key].version == each.version):
            continue
        pinned = each if each.version else limits.get(each.key)
        if each.key in found:
            if each.version and not chosen:
                what = f"{each.name} {each.version}"
                gaps.append(_gap(each.path, each.line, what, f"{found[each.key].version} is pinned as well"))
        elif pinned is not None:
            found[each.key] = _Settled(each.name, each.key, pinned.version, each if each.version else pinned)
        elif each.url or file.complete:
            gaps.append(_gap(each.path, each.line, each.name, "a source whose version is only known when it is built"))
    return tuple(found.values())


def _ranges(stated: Sequence[Stated], known: set[NormalizedName]) -> tuple[Admitted, ...]:
    """Return what has no version yet, each with all bounds that are stated for it."""
    wanted: dict[NormalizedName, Stated] = {}
    for each in stated:
        if not each.constraint and not each.url and each.key not in known:
            wanted.setdefault(each.key, each)
    found = []
    for key, first in wanted.items():
        bounds = [each.specifier for each in stated if each.key == key and each.specifier]
        found.append(Admitted(first.name, key, ",".join(dict.fromkeys(bounds)), first.path, first.line))
    return tuple(found)


# --- what is known of releases --------------------------------------------------------------------------------------


def _with_knowledge(facts: Facts, settled: Sequence[_Settled], means: Means) -> Facts:
    """Add what the index, the lock file and the derived tables know of the releases."""
    from envaudit.gather_index import ask_about  # noqa: PLC0415  what is not needed by uv is imported beside it
    from envaudit.rulebook import default_folder, default_rules  # noqa: PLC0415
    from envaudit.rulebook.admitted import with_admitted  # noqa: PLC0415
    from envaudit.rulebook.derived import load_derived, predict  # noqa: PLC0415

    assert facts.described is not None
    path = facts.described.path
    gaps = list(facts.gaps)
    wheels: dict[NormalizedName, IndexFile] = {}
    indexed: tuple[OnIndex, ...] = ()
    if means.indexes is None:
        gaps.append(Gap("IDX", path, "no index was asked, because of --offline"))
        indexed = tuple(_by_lock(each, path) for each in settled if each.stated and each.stated.files)
    else:
        asked = [_asked(each) for each in settled if not (each.stated and each.stated.url)]
        means.ready()  # not to ask twice
        answers = ask_about(means.indexes, asked)
        gaps += answers.gaps
        indexed = answers.indexed
        for key, release in answers.releases.items():
            fitting = next((file for file in release.files if file.is_wheel and _fits(file.name, facts.target)), None)
            wheels.update({key: fitting} if fitting else {})
    metadata = _metadata(settled, wheels, facts.described, means, gaps)
    distributions = tuple(
        _distribution(each, settled, facts, metadata.get(each.key), wheels.get(each.key)) for each in settled
    )
    if means.deep and means.indexes is not None:
        from envaudit.gate.deep import read_deep  # noqa: PLC0415  it takes what reads an installed environment

        deep = read_deep(
            facts.target, distributions, wheels, means.indexes, means.asked, complete=facts.described.complete
        )
        gaps += deep.gaps
        facts = _with_wheels(facts, deep)
        distributions = tuple(_as_inside(each, deep.inside.get(each.key)) for each in distributions)
        read = deep.whole
    else:
        read = frozenset()
        gaps.append(Gap("API", path, _NAMES_UNREAD))
    uploaded = {key: file.uploaded for key, file in wheels.items() if file.uploaded}
    uploaded.update({each.key: each.stated.uploaded for each in settled if each.stated and each.stated.uploaded})
    versions: dict[str, str] = {each.key: each.version for each in settled}
    # What has wheels, and none for this target, will be built with whatever NumPy there is then.
    built_anew = {each.key for each in indexed if any(name.endswith(".whl") for name in each.files)}
    judged = [each for each in distributions if each.wheel_tags or each.key not in built_anew]
    judged = [each for each in judged if each.key not in read]
    builds = predict(load_derived(default_rules()), judged, (), uploaded)
    predicted = with_admitted(default_folder(), builds, versions)
    return facts._replace(distributions=distributions, predicted=predicted, indexed=indexed, gaps=tuple(gaps))


def _with_wheels(facts: Facts, deep: Deep) -> Facts:
    """Add what was read of wheels."""
    assert facts.described is not None
    return facts._replace(
        binaries=deep.binaries,
        numpy=deep.numpy,
        import_paths=deep.import_paths,
        names=deep.names,
        generated=deep.generated,
        described=facts.described._replace(wheels=tuple(deep.wheels.items()), whole=deep.whole),
    )


def _as_inside(dist: Distribution, inside: Distribution | None) -> Distribution:
    """Say of a distribution what its wheel says."""
    if inside is None:
        return dist
    return dist._replace(
        requires=inside.requires,
        requires_python=inside.requires_python,
        provides_extra=inside.provides_extra,
        top_level=inside.top_level,
        binaries=inside.binaries,
        generated=inside.generated,
        wheel_tags=inside.wheel_tags or dist.wheel_tags,
    )


def _asked(each: _Settled) -> AskedRelease:
    from envaudit.gather_index import Asked as AskedRelease  # noqa: PLC0415

    return AskedRelease(each.name, each.key, each.version, each.stated.hashes if each.stated else ())


def _by_lock(each: _Settled, path: str) -> OnIndex:
    """Return what a lock file says of a release: the files that there were when it was made."""
    return OnIndex(each.name, each.key, each.version, path, files=each.stated.files if each.stated else ())


def _metadata(
    settled: Sequence[_Settled],
    wheels: Mapping[NormalizedName, IndexFile],
    described: Described,
    means: Means,
    gaps: list[Gap],
) -> dict[NormalizedName, tuple[tuple[str, ...], str]]:
    """Return Requires-Dist and Requires-Python of locked releases; what a resolver chose fits by its making."""
    locked = [each for each in settled if not each.via and not (each.stated and each.stated.requires)]
    if means.indexes is None or any(each.via for each in settled):
        if means.indexes is None and described.complete and locked and len(locked) == len(settled):
            gaps.append(Gap("DEP", described.path, "the file does not repeat what its packages need of each other"))
        return {}
    from envaudit.index import RemoteError  # noqa: PLC0415
    from envaudit.scan.headers import parse_headers  # noqa: PLC0415

    found = {}
    chosen = [(each, wheels[each.key]) for each in locked if each.key in wheels]
    for (each, _), content in zip(chosen, means.indexes.all_metadata([file for _, file in chosen]), strict=True):
        if isinstance(content, RemoteError):
            gaps.append(Gap("DEP", f"{each.name} {each.version}", str(content)))
        else:
            headers = parse_headers(content)
            python = headers.first("requires-python")
            found[each.key] = headers.all("requires-dist"), "" if python == "UNKNOWN" else python
    return found


def _distribution(
    each: _Settled,
    settled: Sequence[_Settled],
    facts: Facts,
    metadata: tuple[tuple[str, ...], str] | None,
    wheel: IndexFile | None,
) -> Distribution:
    assert facts.described is not None
    stated = each.stated
    requires, python = metadata or (stated.requires if stated else (), stated.requires_python if stated else "")
    if not requires:  # the resolver tells who asked for whom
        requires = tuple(other.name for other in settled if each.key in other.via)
    names = [wheel.name] if wheel else [name for name in stated.files if name.endswith(".whl")] if stated else []
    fitting = next((name for name in names if _fits(name, facts.target)), "")
    path = stated.path if stated else facts.described.path
    return Distribution(
        name=each.name,
        key=each.key,
        version=each.version,
        info_path=f"{path}#{each.key}",
        site_dir=path,
        metadata_path=path,
        requires=requires,
        requires_python=python,
        wheel_tags=tuple(_tags(fitting)) or None,
    )


def _fits(name: str, target: Target) -> bool:
    from envaudit.checks.tags import Fit, fits  # noqa: PLC0415

    tags = _tags(name) if name.endswith(".whl") else []
    return bool(tags) and fits(tags, target) is Fit.YES


def _tags(name: str) -> list[str]:
    parts = name[: -len(".whl")].rsplit("-", 3)[1:]
    if len(parts) != 3:
        return []
    python, abi, platform = (part.split(".") for part in parts)
    return [f"{one}-{two}-{three}" for one in python for two in abi for three in platform]


def _gap(path: str, line: int | None, what: str, why: str) -> Gap:
    return Gap("DEP, ABI, EA", f"{path}:{line}: {what}" if line else f"{path}: {what}", why)
