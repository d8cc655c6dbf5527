"""What was read of files, kept for the next run; see ``database`` for where, and ``compiled`` for what."""

from __future__ import annotations

from envaudit.cache.compiled import KeptFiles
from envaudit.cache.database import Cache, Info, clear, default_folder

__all__ = ["Cache", "Info", "KeptFiles", "clear", "default_folder"]
