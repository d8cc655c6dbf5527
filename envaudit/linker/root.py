"""The root in which a target's libraries are looked up; see ``envaudit.files_root``."""

from __future__ import annotations

from envaudit.files_root import Root

__all__ = ["Root"]
