"""Python sources read as a linker reads object files: what they need of other modules, and what modules offer."""

from __future__ import annotations
