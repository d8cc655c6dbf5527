"""Run the command as a user does, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent


class Ran(NamedTuple):
    """What a run left behind."""

    status: int
    stdout: str
    stderr: str

    def report(self) -> dict[str, Any]:
        """Return the JSON report it printed."""
        loaded: dict[str, Any] = json.loads(self.stdout)
        return loaded

    def errors(self) -> list[tuple[str, str]]:
        """Return code and distribution of every error."""
        return [(f["code"], f["distribution"]) for f in self.report()["findings"] if f["severity"] == "error"]


def envaudit(*arguments: str, timeout: float = 300, cwd: str = "", **variables: str) -> Ran:
    """Run ``envaudit`` with these arguments, without the configuration of this repository."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ENVAUDIT_")}
    env["ENVAUDIT_CACHE_DIR"] = os.environ.get("ENVAUDIT_CACHE_DIR", "")
    env |= {"ENVAUDIT_NO_CONFIG": "1", "NO_COLOR": "1", **variables}
    done = subprocess.run(
        [sys.executable, "-m", "envaudit", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=cwd or ROOT,
        env=env,
    )
    assert "Traceback (most recent call last)" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def check(target: object, *arguments: str, timeout: float = 300) -> Ran:
    """Run a check and ask for the JSON report."""
    return envaudit("check", str(target), "--format", "json", *arguments, timeout=timeout)
