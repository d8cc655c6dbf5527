"""Read the target once and put everything that was read into one value: the facts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from envaudit.asked import Asked
from envaudit.errors import ReadError
from envaudit.files import is_folder, looking_inside, open_regular
from envaudit.gather_compiled import CompiledFiles, refusal
from envaudit.model import Facts, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from envaudit.binary import Closely
    from envaudit.binary.ahead import Ahead
    from envaudit.cache.database import Cache
    from envaudit.linker import Offered
    from envaudit.model import (
        Binary,
        Distribution,
        Gap,
        GeneratedCode,
        ImportPath,
        LinkedFile,
        MissingName,
        RunningNumpy,
        Target,
    )


class Integrity(NamedTuple):
    """How closely files are held against RECORD: whether they are looked at, whether every one is read."""

    compare: bool = True
    verify: bool = False


def gather_facts(
    target: Target,
    cache: Cache | None = None,
    asked: Asked = Asked(),  # noqa: B008  a value that cannot be changed
    *,
    environ: Mapping[str, str] | None = None,
    integrity: Integrity = Integrity(),  # noqa: B008  a value that cannot be changed
) -> Facts:
    """Read metadata and compiled files of the target, in its image if it lies in one; nothing of it is run.

    With a cache, compiled files that an earlier run has read are not read again. ``asked`` says what is read of each,
    ``environ`` are the variables that processes of the target get, those of this process if it is not given.
    """
    with looking_inside(target.root):
        given = os.environ if environ is None else environ
        kept = None if target.root else cache  # of an image nothing is known by what its RECORD says
        facts = _gather(target, kept, {} if target.root else given, asked, integrity)
        facts = replace(facts, names=_linked_names(facts, kept)) if asked.names else facts
    return _with_predictions(facts)  # by our own table, which is in no image


def _with_predictions(facts: Facts) -> Facts:
    """Add what is known of releases that have compiled files here, none of which could be read."""
    read = {binary.owner for binary in facts.binaries if binary.facts is not None}
    # A file that was not read at all, as those of other systems are not, is no gap and no reason to predict.
    unread = {gap.what for gap in facts.gaps if gap.code == "ABI"}
    owners = {
        binary.owner
        for binary in facts.binaries
        if binary.facts is None and binary.owner not in read and f"{binary.site_dir}/{binary.path}" in unread
    }
    if not owners:
        return facts
    from envaudit.rulebook import default_rules  # noqa: PLC0415  hardly any run needs them
    from envaudit.rulebook.derived import load_derived, predict  # noqa: PLC0415

    distributions = [dist for dist in facts.distributions if dist.info_path in owners]
    return replace(facts, predicted=predict(load_derived(default_rules()), distributions, read))


def _linked_names(facts: Facts, cache: Cache | None) -> tuple[MissingName, ...]:
    from envaudit.source.linked import linked_names  # noqa: PLC0415  not every run reads sources

    return linked_names(facts.target, tuple(facts.visible().values()), cache, dict(facts.prints))


def _gather(
    target: Target,
    cache: Cache | None,
    environ: Mapping[str, str],
    asked: Asked,
    integrity: Integrity,
) -> Facts:
    from envaudit.binary.ahead import Ahead  # noqa: PLC0415  importing the command line must stay cheap

    # With a cache it shows only after the scan which files have to be read.
    if cache is not None:
        return _gather_with(None, target, cache, environ, asked, integrity)
    from envaudit.linker import Offered, offered_by_interpreter  # noqa: PLC0415

    offered = offered_by_interpreter(target, environ, target.root) if asked.symbols else Offered()
    with Ahead(_closely(_expected_numpy(target), asked, offered)) as ahead:
        return _gather_with(ahead, target, cache, environ, asked, integrity, offered)


def _closely(numpy: RunningNumpy | None, asked: Asked, offered: Offered | None = None) -> Closely:
    """Return how closely compiled files are read for what is asked of them, beside this NumPy."""
    from envaudit.binary import Closely, code_for  # noqa: PLC0415

    names = offered.names if offered is not None else frozenset()
    return Closely(code_for(numpy), asked.numpy, asked.pybind11, asked.versions, asked.symbols, names)


def _expected_numpy(target: Target) -> RunningNumpy | None:
    """Return the NumPy that will most likely turn out to be the running one; nothing is judged by it."""
    from envaudit.binary import running_numpy  # noqa: PLC0415

    for site in target.site_dirs:
        if is_folder(f"{site.path}/numpy"):
            return running_numpy(f"{site.path}/numpy", "", "")
    return None


def _gather_with(  # noqa: PLR0917
    ahead: Ahead | None,
    target: Target,
    cache: Cache | None,
    environ: Mapping[str, str],
    asked: Asked,
    integrity: Integrity,
    offered: Offered | None = None,
) -> Facts:
    from envaudit.cache.compiled import KeptFiles  # noqa: PLC0415
    from envaudit.linker import link_target  # noqa: PLC0415
    from envaudit.scan import scan_target  # noqa: PLC0415

    tell = ahead.offer if ahead else None
    scan = scan_target(target, compare=integrity.compare, verify=integrity.verify, tell=tell)
    visible = [dist for dist in scan.distributions if not dist.hidden_by]
    numpy = _running_numpy(visible)
    files = [(entry, dist.site_dir, dist.info_path) for dist in visible for entry in dist.binaries]
    files += [(loose.entry, loose.site_dir, loose.owner) for loose in scan.loose_binaries]
    gaps: list[Gap] = []
    closely = _closely(numpy, asked, offered)
    kept = KeptFiles(cache, closely.code)
    kept.look_up((f"{site_dir}/{entry.path}", entry) for entry, site_dir, _ in files)
    compiled = CompiledFiles(target, numpy, kept, closely, ahead)
    binaries = tuple(compiled.read(files))
    gaps += compiled.gaps
    known = {"offered": offered} if offered is not None else {}
    links = link_target(
        target, binaries, environ, target.root, compiled.symbols, kept.get, judge=asked.symbols, **known
    )
    kept.save()
    changed = scan.changed
    if integrity.compare:
        from envaudit.scan.installed import add_blank  # noqa: PLC0415

        changed = add_blank(changed, visible, _unread(binaries))
    wanted = suspects(binaries, numpy)
    for file in _failing(links.files, visible):
        wanted.setdefault((file.owner, file.site_dir), []).append(frozenset({file.path}))
    generated = read_generated_code(visible, wanted, gaps)
    return Facts(
        target,
        scan.distributions,
        binaries,
        numpy,
        links=links.files,
        import_paths=tuple(_import_paths(target, visible, wanted, cache)),
        generated=generated,
        gaps=(*scan.gaps, *gaps, *links.gaps),
        page_size=links.page_size,
        os_version=links.os_version,
        cpu_flags=_cpu_flags() if links.page_size else frozenset(),  # a page size is known of this machine alone
        changed=changed,
        shared=scan.shared,
        prints=scan.prints,
    )


def _unread(binaries: Iterable[Binary]) -> dict[str, list[str]]:
    """Return the compiled files that are there and could not be read as such, by owner."""
    unread: dict[str, list[str]] = {}
    for binary in binaries:
        if binary.facts is None and not binary.missing and binary.owner:
            unread.setdefault(binary.owner, []).append(binary.path)
    return unread


def _cpu_flags() -> frozenset[str]:
    """Return what the first processor of this machine can do, empty where the system does not tell."""
    try:
        with open_regular("/proc/cpuinfo") as (descriptor, _):
            text = os.read(descriptor, 16384).decode("ascii", "replace")
    except (ReadError, OSError):
        return frozenset()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return frozenset(value.split())
    return frozenset()


# Files that a check may find fault with, by owner (an ``info_path``) and site folder; each group is of one fault.
Suspects = dict[tuple[str, str], list[frozenset[str]]]


def suspects(binaries: Sequence[Binary], numpy: RunningNumpy | None) -> Suspects:
    """Return the compiled files of which it matters whether their package imports them when it is imported.

    Sources are read for these alone. It may name files that are found to be good later: that costs only time.
    """
    groups: dict[tuple[str, str], dict[str, set[str]]] = {}
    for binary in binaries:
        if not binary.owner or binary.facts is None or numpy is None or binary.owner == numpy.info_path:
            continue
        fault = refusal(binary.facts.numpy, numpy)
        if fault and ".libs/" not in binary.path:  # what a repair tool bundled is no module of the package
            groups.setdefault((binary.owner, binary.site_dir), {}).setdefault(fault.code, set()).add(binary.path)
    # A library is on the path when a module that is linked with it is.
    for binary in binaries:
        if binary.facts is not None and binary.facts.needed:
            for paths in groups.get((binary.owner, binary.site_dir), {}).values():
                if any(path.rpartition("/")[2] in binary.facts.needed for path in paths):
                    paths.add(binary.path)
    return {owner: [frozenset(paths) for paths in reasons.values()] for owner, reasons in groups.items()}


def read_generated_code(
    visible: Sequence[Distribution], wanted: Suspects, gaps: list[Gap]
) -> tuple[GeneratedCode, ...]:
    """Read what protobuf's compiler wrote, and add the files that fail with the runtime to what is ``wanted``."""
    if not any(dist.generated for dist in visible):
        return ()
    from envaudit.scan.protobuf import fails_on, read_generated, runtime_of  # noqa: PLC0415  few targets have such files

    runtime = runtime_of(visible)
    generated = tuple(read_generated(visible, gaps))
    failing: dict[tuple[str, str], set[str]] = {}
    for code in generated:
        if runtime is not None and fails_on(code, runtime):
            failing.setdefault((code.owner, code.site_dir), set()).add(code.path)
    for owner, paths in failing.items():
        wanted.setdefault(owner, []).append(frozenset(paths))
    return generated


def _failing(files: Iterable[LinkedFile], visible: Iterable[Distribution]) -> Iterator[LinkedFile]:
    """Yield the modules that the loader refuses, without those of which it is known what happens then."""
    from envaudit.linker.known import known_effect  # noqa: PLC0415

    keys = {dist.info_path: dist.key for dist in visible}
    for file in files:
        fails = file.missing or file.missing_versions or file.undefined or file.undefined_python
        if fails and file.is_module and known_effect(keys.get(file.owner, ""), file.path) is None:
            yield file


def _import_paths(
    target: Target, visible: Iterable[Distribution], wanted: Suspects, cache: Cache | None
) -> Iterator[ImportPath]:
    """Read the sources of the distributions whose compiled files are under suspicion."""
    if not wanted:
        return
    from envaudit.scan.reach import import_time_modules  # noqa: PLC0415  few runs need to parse sources

    owners = {dist.info_path: dist for dist in visible}
    for (owner, site_dir), groups in wanted.items():
        if owner in owners:
            yield import_time_modules(site_dir, owners[owner], target, groups, cache)


def _running_numpy(visible: Iterable[Distribution]) -> RunningNumpy | None:
    """Read the NumPy that would be imported, by its own files."""
    from envaudit.binary import running_numpy  # noqa: PLC0415

    for dist in visible:
        if dist.key == "numpy":
            return running_numpy(os.path.join(dist.site_dir, "numpy"), dist.version, dist.info_path)
    return None
