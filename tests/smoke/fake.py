"""An environment whose scipy does whatever a test wants, and the processes that are still there afterwards."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import psutil
from packaging.utils import canonicalize_name

from envaudit.model import SiteDir, Target
from envaudit.smoke import SmokeOptions, run_smoke

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.utils import NormalizedName

    from envaudit.model import SmokeResult

MIB = 1024 * 1024
SOLVE = "scipy.linalg.solve"


class FakeEnvironment:
    """A virtual environment with a scipy of one module, written anew for each test."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
        self.describe(folder)

    def describe(self, folder: Path) -> None:
        """Say where everything is in an environment that exists."""
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        self.site = folder / "lib" / version / "site-packages"
        self.target = Target(
            kind="venv",
            prefix=str(folder),
            base_prefix=sys.base_prefix,
            executable=str(folder / "bin" / "python"),
            python="{}.{}.{}".format(*sys.version_info[:3]),
            version_info=(sys.version_info[0], sys.version_info[1]),
            implementation="cpython",
            free_threaded=False,
            platform="linux-x86_64",
            machine="x86_64",
            libc="",
            site_dirs=(SiteDir(str(self.site)),),
            markers={},
            chosen_by="the test",
        )

    @property
    def module(self) -> Path:
        """The file that holds ``solve``."""
        return self.site / "scipy" / "linalg" / "__init__.py"

    def write(self, body: str) -> None:
        """Make ``body`` the whole of ``scipy.linalg.solve(matrix, right)``."""
        self.module.parent.mkdir(parents=True, exist_ok=True)
        (self.site / "scipy" / "__init__.py").write_text("")
        body = textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
        self.module.write_text(
            "import ctypes, os, signal, subprocess, sys, threading, time\n"
            f"def solve(matrix, right):\n{body}\n"
            "def right_answer(matrix):\n"
            "    return [6.0, 15.0, -23.0] if len(matrix) == 3 else [1.0] * len(matrix)\n"
        )

    def solve(self, body: str, timeout: float = 20.0, memory: int = 256 * MIB, output: int = MIB) -> SmokeResult:
        """Run the smoke test of ``solve``; the fixture ``fake`` has left no other in the list."""
        self.write(body)
        outcome = run_smoke(self.target, installed("scipy", "numpy"), SmokeOptions(timeout, memory, output, jobs=2))
        assert outcome.gaps == ()
        (result,) = outcome.results
        assert result.test == SOLVE
        return result


def installed(*names: str) -> dict[NormalizedName, str]:
    """Return a mapping as if these distributions were installed."""
    return {canonicalize_name(name): "1.0" for name in names}


def survivors(text: str) -> list[str]:
    """Return the command lines of living processes that hold ``text``."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            alive = process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        if alive and text in line:
            found.append(line)
    return found
