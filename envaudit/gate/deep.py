"""``--deep``: the wheels of a described target are read from the index, as if they were installed.

Sources and metadata of each wheel are unpacked into a folder of our own, of compiled files their facts are taken, and
then the same readers are at work as for an installed environment. Nothing is run. In what they say the folder is
replaced by the names of the wheels.
"""

from __future__ import annotations

import os
import sys
import tempfile
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from envaudit.binary import code_for
from envaudit.binary.numpy_runtime import running_numpy
from envaudit.files import reason
from envaudit.gather import read_generated_code, suspects
from envaudit.index.clock import run_all
from envaudit.index.contents import TREE_LIMIT, Contents, Room, Tree, read_contents
from envaudit.index.failure import RemoteError
from envaudit.model import Binary, Gap, SiteDir

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from packaging.utils import NormalizedName

    from envaudit.asked import Asked
    from envaudit.gather import Suspects
    from envaudit.index import Index, IndexFile
    from envaudit.model import Distribution, GeneratedCode, ImportPath, MissingName, RunningNumpy, Target

SECONDS = 600.0  # for everything that is asked of indexes with --deep; without it a minute


class Deep(NamedTuple):
    """What wheels said, in terms of the described target.

    ``wheels`` are the names of those that were read, by the key of their distribution, ``whole`` the keys of those of
    which every compiled file was. ``inside`` is what each wheel says about itself.
    """

    binaries: tuple[Binary, ...] = ()
    numpy: RunningNumpy | None = None
    import_paths: tuple[ImportPath, ...] = ()
    names: tuple[MissingName, ...] = ()
    generated: tuple[GeneratedCode, ...] = ()
    gaps: tuple[Gap, ...] = ()
    wheels: Mapping[NormalizedName, str] = MappingProxyType({})
    whole: frozenset[str] = frozenset()
    inside: Mapping[NormalizedName, Distribution] = MappingProxyType({})


class _Read(NamedTuple):
    """One wheel and what it holds."""

    dist: Distribution
    file: IndexFile
    contents: Contents


def read_deep(
    target: Target,
    distributions: Sequence[Distribution],
    wheels: Mapping[NormalizedName, IndexFile],
    index: Index,
    asked: Asked,
    *,
    complete: bool,
) -> Deep:
    """Read the wheels of distributions; ``complete`` says that nothing else will be installed.

    ``asked`` says whether compiled files are read (``numpy``) and sources linked (``names``).
    """
    gaps: list[Gap] = []
    wanted = [(dist, wheels[dist.key]) for dist in distributions if dist.key in wheels]
    no_wheel = "there is no wheel for this target to be read"
    gaps += [Gap("ABI, API", f"{d.name} {d.version}", no_wheel) for d in distributions if d.key not in wheels]
    version = next((dist.version for dist in distributions if dist.key == "numpy"), "")
    code = code_for(running_numpy("", version, "") if version else None)
    room = Room()
    # The small ones first, so that one giant does not use up what there is for all.
    wanted.sort(key=lambda each: (each[1].size or 0, each[0].key))
    with tempfile.TemporaryDirectory(prefix="envaudit-gate-") as folder:
        tree = Tree(folder)

        def fetch(dist: Distribution, file: IndexFile) -> Contents:
            contents = read_contents(index, file, code, room, compiled=asked.numpy and dist.key != "numpy")
            try:
                written = tree.add(file.name, contents.files)
            except OSError as error:  # a folder where another wheel has a file, or a full disk
                raise RemoteError(file.url, f"it cannot be unpacked: {reason(error)}", "wrong") from error
            if not written:
                raise RemoteError(file.url, f"more than {TREE_LIMIT >> 20} MiB of sources in one run", "too-large")
            return contents._replace(files=())

        answers = run_all([partial(fetch, dist, file) for dist, file in wanted], index.deadline)
        read = list(_sorted_out(wanted, answers, gaps))
        return _judged(target, folder, read, gaps, asked, whole=complete and len(read) == len(distributions))


def _sorted_out(
    wanted: Sequence[tuple[Distribution, IndexFile]], answers: Sequence[Contents | RemoteError], gaps: list[Gap]
) -> Iterator[_Read]:
    """Yield what was read, and say what was not."""
    for (dist, file), answer in zip(wanted, answers, strict=True):
        if isinstance(answer, RemoteError):
            gaps.append(Gap("ABI, API", f"{dist.name} {dist.version}", str(answer)))
            continue
        if answer.unread:
            gaps.append(Gap("ABI", f"{dist.name} {dist.version}", f"{file.name}: {answer.unread}"))
        yield _Read(dist, file, answer)


def _judged(target: Target, folder: str, read: Sequence[_Read], gaps: list[Gap], asked: Asked, *, whole: bool) -> Deep:
    from envaudit.scan import scan_target  # noqa: PLC0415

    here = sys.version_info[:2] == target.version_info and sys.implementation.name == target.implementation.lower()
    inner = target._replace(
        prefix=folder, base_prefix=sys.base_prefix if here else "", site_dirs=(SiteDir(folder),), root=""
    )
    if not here and asked.names:
        why = f"this machine runs another Python than {target.python}, so only modules that Python lost are known"
        gaps.append(Gap("API", "names of Python's own library", why))
    visible = {dist.key: dist for dist in scan_target(inner, compare=False).distributions if not dist.hidden_by}
    known = {one.dist.key: one for one in read}
    unpacked = {visible[key].info_path: one for key, one in known.items() if key in visible}
    binaries = tuple(
        Binary(place, folder, visible[key].info_path, facts, has_source=_has_source(folder, place))
        for key, one in known.items()
        if key in visible
        for place, facts in one.contents.compiled
    )
    numpy = visible.get(_key("numpy"))
    running = running_numpy(os.path.join(folder, "numpy"), numpy.version, numpy.info_path) if numpy else None
    wanted = suspects(binaries, running)
    generated = read_generated_code(tuple(visible.values()), wanted, gaps) if asked.names else ()
    paths = tuple(_import_paths(inner, visible, wanted))
    names = tuple(_names(inner, visible, whole=whole)) if asked.names else ()
    return Deep(
        tuple(_outside(each, unpacked) for each in binaries),
        running._replace(info_path=unpacked[running.info_path].dist.info_path) if running else None,
        tuple(each._replace(owner=unpacked[each.owner].dist.info_path) for each in paths if each.owner in unpacked),
        tuple(_named(each, unpacked) for each in names if each.owner in unpacked),
        tuple(_of_wheel(each, unpacked) for each in generated if each.owner in unpacked),
        tuple(gaps),
        {key: one.file.name for key, one in known.items() if key in visible},
        frozenset(key for key, one in known.items() if key in visible and not one.contents.unread),
        {key: visible[key] for key in known if key in visible},
    )


def _key(name: str) -> NormalizedName:
    from packaging.utils import canonicalize_name  # noqa: PLC0415

    return canonicalize_name(name)


def _import_paths(
    target: Target, visible: Mapping[NormalizedName, Distribution], wanted: Suspects
) -> Iterator[ImportPath]:
    from envaudit.scan.reach import import_time_modules  # noqa: PLC0415

    owners = {dist.info_path: dist for dist in visible.values()}
    for (owner, site_dir), groups in wanted.items():
        yield import_time_modules(site_dir, owners[owner], target, groups)


def _names(target: Target, visible: Mapping[NormalizedName, Distribution], *, whole: bool) -> Iterator[MissingName]:
    """Link the names. Where not everything could be unpacked, a module that nobody has may come with what was not."""
    from envaudit.source.link_all import link_names  # noqa: PLC0415

    for missing in link_names(target, tuple(visible.values())):
        if whole or missing.provider == "python" or missing.provider in visible:
            yield missing


def _outside(binary: Binary, unpacked: Mapping[str, _Read]) -> Binary:
    one = unpacked[binary.owner]
    return binary._replace(site_dir=one.file.name, owner=one.dist.info_path)


def _named(missing: MissingName, unpacked: Mapping[str, _Read]) -> MissingName:
    one = unpacked[missing.owner]
    return missing._replace(site_dir=one.file.name, owner=one.dist.info_path)


def _of_wheel(code: GeneratedCode, unpacked: Mapping[str, _Read]) -> GeneratedCode:
    one = unpacked[code.owner]
    return code._replace(site_dir=one.file.name, owner=one.dist.info_path)


def _has_source(folder: str, place: str) -> bool:
    path, _, name = place.rpartition("/")
    return os.path.isfile(os.path.join(folder, path, f"{name.partition('.')[0]}.py"))
