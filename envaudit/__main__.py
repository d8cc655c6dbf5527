"""``python -m envaudit``."""

from __future__ import annotations

from envaudit.cli import run

if __name__ == "__main__":
    run()
