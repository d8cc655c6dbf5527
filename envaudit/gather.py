"""Read the target once and put everything that was read into one value: the facts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.model import Binary, Facts, Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envaudit.model import BinaryFacts, Distribution, RecordEntry, RunningNumpy, Target

# Files of these names are never loaded on the system; some wheels carry them for every system at once.
_OF_OTHER_SYSTEMS = {"linux": (".pyd", ".dll", ".dylib"), "macosx": (".pyd", ".dll"), "win": (".so", ".dylib")}


def gather_facts(target: Target) -> Facts:
    """Read metadata and compiled files of the target; nothing of it is run."""
    from envaudit.scan import scan_target  # noqa: PLC0415  importing the command line must stay cheap

    scan = scan_target(target)
    visible = [dist for dist in scan.distributions if not dist.hidden_by]
    numpy = _running_numpy(visible)
    files = [(entry, dist.site_dir, dist.info_path) for dist in visible for entry in dist.binaries]
    files += [(loose.entry, loose.site_dir, loose.owner) for loose in scan.loose_binaries]
    gaps: list[Gap] = []
    binaries = tuple(_read_all(target, files, numpy, gaps))
    return Facts(target, scan.distributions, binaries, numpy, gaps=(*scan.gaps, *gaps))


def _running_numpy(visible: Iterable[Distribution]) -> RunningNumpy | None:
    """Read the NumPy that would be imported, by its own files."""
    from envaudit.binary import running_numpy  # noqa: PLC0415

    for dist in visible:
        if dist.key == "numpy":
            return running_numpy(os.path.join(dist.site_dir, "numpy"), dist.version, dist.info_path)
    return None


def _read_all(
    target: Target, files: Iterable[tuple[RecordEntry, str, str]], numpy: RunningNumpy | None, gaps: list[Gap]
) -> Iterator[Binary]:
    """Read every compiled file; one that cannot be read becomes a gap and stays in the list without facts."""
    from envaudit.binary import code_for, read_binary  # noqa: PLC0415

    code = code_for(numpy)
    elsewhere = _OF_OTHER_SYSTEMS.get(target.platform.partition("-")[0], ())
    for entry, site_dir, owner in files:
        path = f"{site_dir}/{entry.path}"
        facts: BinaryFacts | None = None
        if not entry.path.endswith(elsewhere):
            try:
                facts = read_binary(path, code=code)
            except ReadError as error:
                gaps.append(Gap("ABI", path, str(error)))
        yield Binary(entry.path, site_dir, owner, facts, has_source=_has_source(path))


def _has_source(path: str) -> bool:
    """Say whether a ``.py`` of the same module lies beside a compiled file whose suffix names an interpreter."""
    folder, _, name = path.rpartition("/")
    module, _, suffix = name.partition(".")
    if not suffix.startswith(("cpython-", "cp3", "pypy")):
        return False
    return os.path.exists(f"{folder}/{module}.py")
