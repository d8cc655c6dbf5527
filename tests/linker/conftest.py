"""Fixtures for this folder."""

from __future__ import annotations

from tests.linker.lab import lab
from tests.linker.other_lab import mac, win

__all__ = ["lab", "mac", "win"]
