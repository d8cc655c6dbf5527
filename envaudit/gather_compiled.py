"""Read all compiled files of a target, as closely as the NumPy asks for that they run with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.binary import read_binary, read_both
from envaudit.binary.numpy_fit import misfit
from envaudit.errors import ReadError
from envaudit.files import exists, is_there
from envaudit.model import Binary, Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.binary import Closely
    from envaudit.binary.ahead import Ahead, ReadFile
    from envaudit.binary.numpy_fit import Misfit
    from envaudit.binary.symbols import Symbols
    from envaudit.cache.compiled import KeptFiles
    from envaudit.model import BinaryFacts, NumpyNeed, RecordEntry, RunningNumpy, Target

# Files of these names are never loaded on the system; some wheels carry them for every system at once.
_OF_OTHER_SYSTEMS = {"linux": (".pyd", ".dll", ".dylib"), "macosx": (".pyd", ".dll"), "win": (".so", ".dylib")}


def refusal(need: NumpyNeed | None, numpy: RunningNumpy | None) -> Misfit | None:
    """Return why a module fails when it is imported; a module that fails later, or not at all, is not refused."""
    fault = misfit(need, numpy) if need is not None and numpy is not None else None
    return None if fault is not None and fault.kind == "by-name" else fault


class CompiledFiles:
    """The compiled files of a target, read so ``closely``, or known from ``kept``.

    ``begun`` may have begun to read them. ``gaps`` says what could not be read. ``symbols`` are those that were read
    with the files, by path, for who links them.
    """

    def __init__(
        self, target: Target, numpy: RunningNumpy | None, kept: KeptFiles, closely: Closely, begun: Ahead | None = None
    ) -> None:
        self.gaps: list[Gap] = []
        self.symbols: dict[str, Symbols] = {}
        self._machine = target.machine
        self._own_suffix = _own_suffix(target)
        self._elsewhere = _OF_OTHER_SYSTEMS.get(target.platform.partition("-")[0], ())
        self._numpy = numpy
        self._closely = closely
        self._kept = kept
        self._begun = begun
        self._ahead: dict[str, ReadFile] = {}

    def read(self, files: Sequence[tuple[RecordEntry, str, str]]) -> Iterator[Binary]:
        """Read files, each given by its line in RECORD, its site folder and its owner.

        One that cannot be read becomes a gap and stays in the list without facts.
        """
        self._read_ahead([f"{site_dir}/{entry.path}" for entry, site_dir, _ in files])
        for entry, site_dir, owner in files:
            path = f"{site_dir}/{entry.path}"
            facts: BinaryFacts | None = None
            missing = False
            if not path.endswith(self._elsewhere):
                try:
                    facts = self._facts(path)
                except ReadError as error:
                    missing = not is_there(path)
                    if not missing:  # a missing file is a finding, not something that could not be looked at
                        self.gaps.append(Gap("ABI", path, str(error)))
            source = not path.endswith(self._own_suffix) and _has_source(path)
            yield Binary(entry.path, site_dir, owner, facts, has_source=source, missing=missing)

    def _read_ahead(self, paths: Sequence[str]) -> None:
        """Read the files that are not known in two processes, where that is faster."""
        wanted = [path for path in paths if not path.endswith(self._elsewhere) and self._kept.get(path) is None]
        if self._begun is not None and self._begun.closely == self._closely:
            self._begun.offer(wanted)
            self._ahead = self._begun.finish()
        elif len(wanted) > 1:
            from envaudit.binary.ahead import read_ahead  # noqa: PLC0415  a run that knows all files needs none of it

            self._ahead = read_ahead(wanted, self._closely)

    def _facts(self, path: str) -> BinaryFacts:
        """Return the facts of one file; raises ``ReadError``."""
        stored = self._kept.get(path)
        if stored is not None:
            facts, explained = stored.facts, stored.explained
        else:
            read = self._ahead.pop(path) if path in self._ahead else None
            facts, names = read or read_both(path, self._closely)
            explained = False
            if names is not None:
                self.symbols[path] = names
        if not explained and refusal(facts.numpy, self._numpy):
            facts, explained = (
                read_binary(path, self._closely.code),
                True,
            )  # a finding also says what has generated the code
        elif stored is not None:
            return self._of_slice(path, facts)
        self._kept.add(path, facts, explained=explained)
        return self._of_slice(path, facts)

    def _of_slice(self, path: str, facts: BinaryFacts) -> BinaryFacts:
        """Return what the part of a universal file for the target's machine says; the facts as they are if none is."""
        if facts.format != "macho" or self._machine in {"", facts.machine}:
            return facts
        other = read_binary(path, self._closely.code, self._machine)
        return other if other.machine == self._machine else facts


def _own_suffix(target: Target) -> str:
    """Return the ending of most modules that the target's own Python loads."""
    libc = "musl" if target.libc.startswith("musl") else "gnu"
    python = f"{target.version_info[0]}{target.version_info[1]}{'t' if target.free_threaded else ''}"
    return f".cpython-{python}-{target.machine}-linux-{libc}.so"


def _has_source(path: str) -> bool:
    """Say whether a ``.py`` of the same module lies beside a compiled file whose suffix names an interpreter."""
    folder, _, name = path.rpartition("/")
    module, _, suffix = name.partition(".")
    if not suffix.startswith(("cpython-", "cp3", "pypy")):
        return False
    return exists(f"{folder}/{module}.py")
