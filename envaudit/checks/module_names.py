"""Which distribution has a module that is not installed, as far as that was measured (``fixtures/names/modules.py``).

A module need not be called what its distribution is called, and a distribution of that name may be somebody else's:
``google.protobuf`` comes with protobuf, and not with google. So nothing is guessed from the name of a module.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from envaudit.checks.fixes import install_command
from envaudit.model import Fix
from envaudit.plain_versions import normalised

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from envaudit.model import Facts


def distribution_with(module: str) -> str:
    """Return a requirement on the distribution that has a module, such as ``setuptools<82``; empty when none is known.

    Of ``google.protobuf.message`` the longest part that is known decides.
    """
    known = _known()
    while module:
        if module in known:
            return known[module]
        module = module.rpartition(".")[0]
    return ""


def project_with(module: str) -> NormalizedName:
    """Return the normalised name of the distribution that has a module, empty when none is known."""
    return normalised(distribution_with(module).partition("<")[0])


def fix_for(facts: Facts, module: str) -> tuple[Fix, ...]:
    """Offer to install what has a module, where that is known."""
    wanted = distribution_with(module)
    return (Fix(install_command(facts, [wanted]), (wanted,)),) if wanted else ()


@cache
def _known() -> dict[str, str]:
    text = resources.files("envaudit.checks").joinpath("module_names.txt").read_text(encoding="utf-8")
    return {module: project or module for module, _, project in (line.partition(" ") for line in text.splitlines())}
