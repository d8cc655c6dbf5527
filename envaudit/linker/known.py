"""Files that fail without harm, or that are loaded by name although they are no modules: what then happens.

Each entry was tried: numba 0.58 and 0.68 without libtbb choose another threading layer; torchvision 0.28 and 0.29 for
CUDA on a torch without stop for want of their operators, and torchaudio 2.11 without _torchaudio. That torchvision
goes on without image.so is what its ``io/image.py`` does: it catches the error and warns.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envaudit.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.model import Resolved


class Effect(NamedTuple):
    """How bad the failure of one file is, and what a user sees."""

    severity: Severity
    symptom: str


_EFFECTS = {
    ("numba", "tbbpool"): Effect(Severity.NOTE, "numba chooses another threading layer and says nothing"),
    ("numba", "omppool"): Effect(Severity.NOTE, "numba chooses another threading layer and says nothing"),
    ("torchvision", "image"): Effect(
        Severity.WARNING, "torchvision warns that it failed to load its image extension and goes on"
    ),
    ("torchvision", "_C"): Effect(Severity.ERROR, "RuntimeError: operator torchvision::nms does not exist"),
    ("torchaudio", "libtorchaudio"): Effect(Severity.ERROR, "OSError: Could not load this library"),
    ("torchaudio", "_torchaudio"): Effect(Severity.ERROR, "OSError: Could not load this library"),
}


# The libraries with PyTorch's operators, of every system.
_TORCH = re.compile(r"(?:.*/)?(?:lib)?(?:c10|torch|torch_cpu)\.(?:so|dylib|dll)")


def has_operators(owner: str, resolved: Iterable[Resolved]) -> bool:
    """Say whether a file that is no module is loaded all the same: it brings operators for another package's PyTorch.

    ``torch.ops.load_library`` wants all its names at once, as an import does. PyTorch's own libraries do not count.
    """
    return any(need.owner and need.owner != owner and _TORCH.fullmatch(need.name) for need in resolved)


def known_effect(distribution: str, path: str) -> Effect | None:
    """Return what happens without a file of a distribution (its normalised name), ``None`` where nothing is known."""
    stem = path.rpartition("/")[2].partition(".")[0].removesuffix("_stable")
    return _EFFECTS.get((distribution, stem))
