"""envaudit links a Python environment: it names every need of a distribution that nothing installed can meet."""

from __future__ import annotations

import time

TYPE_CHECKING = False  # mypy takes it for that of typing, which nothing that is imported first may import
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

LOADED = time.time_ns()  # what the files of the program say after this moment need not be what runs


def load_ipython_extension(shell: Any) -> None:
    """Register the magic ``%envaudit``; IPython calls this for ``%load_ext envaudit``."""
    from importlib import import_module  # noqa: PLC0415 - only a notebook needs it

    import_module("envaudit.jupyter").register(shell)
