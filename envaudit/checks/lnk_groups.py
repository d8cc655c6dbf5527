"""The files of one distribution that fail for one reason, and how bad that is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.checks.importing import Imports, what_stops
from envaudit.linker.known import known_effect
from envaudit.model import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envaudit.model import Binary, Distribution, Facts, LinkedFile

_BESIDE = re.compile(r"(?:^|/)(?:tests?|testing|examples?|benchmarks?)/")


class Weight(NamedTuple):
    """How bad the failure of a file is; ``symptom`` is empty when it is the loader's usual message."""

    severity: Severity
    symptom: str = ""


class Group(NamedTuple):
    """Files of one distribution (``None``: outside any) with one defect, worst first."""

    dist: Distribution | None
    files: tuple[tuple[LinkedFile, Weight], ...]

    @property
    def key(self) -> str:
        """Normalised name of the distribution, else the first part of the path."""
        return self.dist.key if self.dist else self.files[0][0].path.split("/", 1)[0]

    @property
    def version(self) -> str:
        """Version of the distribution, empty when there is none."""
        return self.dist.version if self.dist else ""

    @property
    def title(self) -> str:
        """How a message calls the distribution."""
        first = self.files[0][0]
        if self.dist:
            return f"{self.dist.name} {self.dist.version}"
        return f"{first.site_dir}/{self.key}, which no distribution lists,"

    @property
    def weight(self) -> Weight:
        """The worst of the files."""
        return self.files[0][1]

    def symptom(self, usual: str) -> str:
        """Return what a user sees: the known effect, what of the package still works, or the loader's message."""
        if self.weight.symptom:
            return self.weight.symptom
        if self.weight.severity is Severity.WARNING:
            return f"{what_stops([file.path for file, _ in self.files])}: {usual}"
        return usual

    @property
    def first(self) -> str:
        """Path of the worst file."""
        return f"{self.files[0][0].site_dir}/{self.files[0][0].path}"


def groups(facts: Facts, fails: Callable[[LinkedFile], bool]) -> Iterator[Group]:
    """Yield the files that fail and whose failure somebody will see, for each distribution."""
    failing = {(file.site_dir, file.path): file for file in facts.links if fails(file)}
    if not failing:
        return
    owners = {dist.info_path: dist for dist in facts.distributions if not dist.hidden_by}
    imports = Imports(facts)
    found: dict[str, list[tuple[LinkedFile, Weight]]] = {}
    for binary in facts.binaries:
        file = failing.get((binary.site_dir, binary.path))
        weight = _weigh(imports, owners.get(binary.owner), file, binary) if file else None
        if file is not None and weight is not None:
            found.setdefault(file.owner, []).append((file, weight))
    for owner, files in found.items():
        files.sort(key=lambda each: each[1].severity.rank)
        yield Group(owners.get(owner), tuple(files))


def _weigh(imports: Imports, dist: Distribution | None, file: LinkedFile, binary: Binary) -> Weight | None:
    """Say how bad it is that a file cannot be loaded, ``None`` when perhaps nobody ever loads it.

    A library that a distribution carries may be for another machine or an optional part: alone it says nothing. The
    modules that need it are told themselves.
    """
    effect = known_effect(dist.key, file.path) if dist else None
    if effect is not None:
        return Weight(effect.severity, effect.symptom)
    if not file.is_module:
        # Names are looked for in those libraries alone that bring operators for PyTorch.
        return Weight(Severity.WARNING, "OSError, from torch.ops.load_library") if file.undefined else None
    if _BESIDE.search(file.path):
        return Weight(Severity.NOTE)
    return Weight(Severity.ERROR if imports.breaks(binary) else Severity.WARNING)


def listed(names: list[str], limit: int = 3) -> str:
    """Join names for a sentence: ``a, b and c``, ``a, b, c and 4 more``."""
    unique = list(dict.fromkeys(names))
    shown = unique[:limit]
    if len(unique) > limit:
        return f"{', '.join(shown)} and {len(unique) - limit} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
