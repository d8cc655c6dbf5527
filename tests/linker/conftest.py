"""The lab is a fixture of all tests of the linker."""

from __future__ import annotations

from tests.linker.lab import lab

__all__ = ["lab"]
