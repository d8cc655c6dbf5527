"""See rules happen: build the sets of a reproducer from real wheels, run its probe in the sandbox, and judge.

The only part of envaudit that installs anything, always into scratch folders of its own that are removed again.
"""

from __future__ import annotations

from envaudit.proof.building import Builder, BuildError
from envaudit.proof.probing import Ended
from envaudit.proof.verify import Outcome, Verifier

__all__ = ["BuildError", "Builder", "Ended", "Outcome", "Verifier"]
