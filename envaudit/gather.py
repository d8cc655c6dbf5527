"""Read the target once and put everything that was read into one value: the facts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import exists, is_there, looking_inside, open_regular
from envaudit.model import Binary, Facts, Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from envaudit.binary import Code
    from envaudit.binary.symbols import Symbols
    from envaudit.cache.database import Cache
    from envaudit.cache.compiled import KeptFiles
    from envaudit.model import (
        BinaryFacts,
        Distribution,
        GeneratedCode,
        ImportPath,
        LinkedFile,
        NumpyNeed,
        RecordEntry,
        RunningNumpy,
        Target,
    )

# Files of these names are never loaded on the system; some wheels carry them for every system at once.
_OF_OTHER_SYSTEMS = {"linux": (".pyd", ".dll", ".dylib"), "macosx": (".pyd", ".dll"), "win": (".so", ".dylib")}


def gather_facts(
    target: Target, cache: Cache | None = None, *, symbols: bool = True, environ: Mapping[str, str] | None = None
) -> Facts:
    """Read metadata and compiled files of the target, in its image if it lies in one; nothing of it is run.

    With a cache, compiled files that an earlier run has read are not read again. Without ``symbols`` it is not asked
    whether each symbol and symbol version is there: what only ``LNK002`` to ``LNK004`` need takes a sixth of the time.
    ``environ`` are the variables that processes of the target get, those of this process if it is not given.
    """
    with looking_inside(target.root):
        given = os.environ if environ is None else environ
        return _gather(target, None if target.root else cache, {} if target.root else given, symbols)


def _gather(target: Target, cache: Cache | None, environ: Mapping[str, str], judge: bool) -> Facts:  # noqa: FBT001
    from envaudit.binary import code_for  # noqa: PLC0415
    from envaudit.cache.compiled import KeptFiles  # noqa: PLC0415
    from envaudit.linker import link_target  # noqa: PLC0415  importing the command line must stay cheap
    from envaudit.scan import scan_target  # noqa: PLC0415

    scan = scan_target(target)
    visible = [dist for dist in scan.distributions if not dist.hidden_by]
    numpy = _running_numpy(visible)
    files = [(entry, dist.site_dir, dist.info_path) for dist in visible for entry in dist.binaries]
    files += [(loose.entry, loose.site_dir, loose.owner) for loose in scan.loose_binaries]
    gaps: list[Gap] = []
    symbols: dict[str, Symbols] | None = {} if judge else None
    kept = KeptFiles(cache, code_for(numpy))
    kept.look_up((f"{site_dir}/{entry.path}", entry) for entry, site_dir, _ in files)
    binaries = tuple(_read_all(target, files, numpy, gaps, symbols, kept))
    links = link_target(target, binaries, environ, target.root, symbols, kept.get, judge=judge)
    kept.save()
    wanted = suspects(binaries, numpy)
    for file in _failing(links.files, visible):
        wanted.setdefault((file.owner, file.site_dir), []).append(frozenset({file.path}))
    generated = _read_generated(visible, wanted, gaps)
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
    )


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
        reason = _suspicion(binary.facts.numpy, numpy)
        if reason and ".libs/" not in binary.path:  # what a repair tool bundled is no module of the package
            groups.setdefault((binary.owner, binary.site_dir), {}).setdefault(reason, set()).add(binary.path)
    # A library is on the path when a module that is linked with it is.
    for binary in binaries:
        if binary.facts is not None and binary.facts.needed:
            for paths in groups.get((binary.owner, binary.site_dir), {}).values():
                if any(path.rpartition("/")[2] in binary.facts.needed for path in paths):
                    paths.add(binary.path)
    return {owner: [frozenset(paths) for paths in reasons.values()] for owner, reasons in groups.items()}


def _suspicion(need: NumpyNeed | None, numpy: RunningNumpy) -> str:
    """Name what a module may not have from the running NumPy; modules that fail alike have the same name."""
    if need is None or need.kind == "by-name":
        return ""
    too_large = any(
        expected is not None and actual is not None and expected > actual
        for expected, actual in (
            (need.expects.dtype, numpy.sizes.dtype),
            (need.expects.ndarray, numpy.sizes.ndarray),
            (need.expects.ufunc, numpy.sizes.ufunc),
        )
    )
    on_numpy2 = numpy.abi >> 24 >= 2 if numpy.abi is not None else not numpy.version.startswith(("0.", "1."))
    if need.built_for == "1.x" and on_numpy2:
        return "1.x"
    if too_large:
        return "size"
    return "feature" if need.feature and numpy.feature and need.feature > numpy.feature else ""


def _read_generated(visible: Sequence[Distribution], wanted: Suspects, gaps: list[Gap]) -> tuple[GeneratedCode, ...]:
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


def _read_all(  # noqa: PLR0917  two of them are what is read, two are where it goes
    target: Target,
    files: Iterable[tuple[RecordEntry, str, str]],
    numpy: RunningNumpy | None,
    gaps: list[Gap],
    symbols: dict[str, Symbols] | None,
    kept: KeptFiles,
) -> Iterator[Binary]:
    """Read every compiled file; one that cannot be read becomes a gap and stays in the list without facts.

    The symbols that are read with it are put into ``symbols``, by path; ``None`` for those who need none.
    """
    from envaudit.binary import code_for  # noqa: PLC0415

    code = code_for(numpy)
    elsewhere = _OF_OTHER_SYSTEMS.get(target.platform.partition("-")[0], ())
    for entry, site_dir, owner in files:
        path = f"{site_dir}/{entry.path}"
        facts: BinaryFacts | None = None
        missing = False
        if not entry.path.endswith(elsewhere):
            try:
                facts = _read(path, code, numpy, symbols, kept)
                if facts.format == "macho" and target.machine not in {"", facts.machine}:
                    facts = _of_slice(path, code, target.machine, facts)
            except ReadError as error:
                missing = not is_there(path)
                if not missing:  # a missing file is a finding, not something that could not be looked at
                    gaps.append(Gap("ABI", path, str(error)))
        yield Binary(entry.path, site_dir, owner, facts, has_source=_has_source(path), missing=missing)


def _read(
    path: str, code: Code, numpy: RunningNumpy | None, symbols: dict[str, Symbols] | None, kept: KeptFiles
) -> BinaryFacts:
    """Return the facts of one file; raises ``ReadError``."""
    from envaudit.binary import read_binary, read_both  # noqa: PLC0415

    stored = kept.get(path)
    if stored is not None:
        facts, explained = stored.facts, stored.explained
    else:
        explained = False
        facts, names = read_both(path, code, symbols=symbols is not None)
        if symbols is not None and names is not None:
            symbols[path] = names
    if not explained and numpy is not None and _suspicion(facts.numpy, numpy):
        facts, explained = read_binary(path, code), True  # a finding also says what has generated the code
    elif stored is not None:
        return facts
    kept.add(path, facts, explained=explained)
    return facts


def _of_slice(path: str, code: Code, machine: str, facts: BinaryFacts) -> BinaryFacts:
    """Return what the part of a universal file for this machine says; the facts as they are if it has none."""
    from envaudit.binary import read_binary  # noqa: PLC0415

    other = read_binary(path, code, machine)
    return other if other.machine == machine else facts


def _has_source(path: str) -> bool:
    """Say whether a ``.py`` of the same module lies beside a compiled file whose suffix names an interpreter."""
    folder, _, name = path.rpartition("/")
    module, _, suffix = name.partition(".")
    if not suffix.startswith(("cpython-", "cp3", "pypy")):
        return False
    return exists(f"{folder}/{module}.py")
