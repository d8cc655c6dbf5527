"""Start a kernel as Jupyter does, have it compute one cell, and keep its last words."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from envaudit.model import Gap
from envaudit.smoke.classify import classify
from envaudit.smoke.options import MIB, SmokeOptions
from envaudit.smoke.runner import _environment, _obstacle
from envaudit.smoke.supervised import Supervisors, psutil_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from envaudit.model import Kernel, Target

_HERE = Path(__file__).parent
_SECONDS = 45.0
_MEMORY = 1024 * MIB


def start_kernels(
    target: Target, installed: Collection[str], kernels: Sequence[Kernel]
) -> tuple[tuple[Kernel, ...], tuple[Gap, ...]]:
    """Return the kernels with how their start went, and those that could not be tried with the reason.

    The target plays the Jupyter server, so it must have ``jupyter_client``. Only Python kernels whose files are in
    order are started; each gets a minute and 1 GiB at most.
    """
    ready = [each for each in kernels if each.is_ipython() and not each.fault and not each.missing]
    ready = [each for each in ready if each.installed is None or "ipykernel" in dict(each.installed)]
    obstacle = _obstacle(target) if "jupyter-client" in installed else f"{target.prefix} has no jupyter_client"
    if obstacle:
        return tuple(kernels), tuple(Gap("JUP008", f"the start of {each.folder}", obstacle) for each in ready)
    options = SmokeOptions(timeout=_SECONDS, memory=_MEMORY, jobs=1)
    tried: list[Kernel] = []
    gaps: list[Gap] = []
    with tempfile.TemporaryDirectory(prefix="envaudit-kernel-", ignore_cleanup_errors=True) as folder:
        supervisors = Supervisors(Path(folder).name)
        try:
            for kernel in kernels:
                start, why = _start(target, kernel, options, folder, supervisors) if kernel in ready else ("", "")
                tried.append(kernel._replace(start=start))
                if why:
                    gaps.append(Gap("JUP008", f"the start of {kernel.folder}", why))
        finally:
            supervisors.stop()
    return tuple(tried), tuple(gaps)


def _start(
    target: Target, kernel: Kernel, options: SmokeOptions, folder: str, supervisors: Supervisors
) -> tuple[str, str]:
    """Return how the start of one kernel went, and why that cannot be told."""
    from packaging.utils import canonicalize_name  # noqa: PLC0415

    child = str(_HERE / "child.py")

    def request(marker: str) -> dict[str, object]:
        return {
            "command": [target.executable, "-B", child, str(_HERE / "kernel_start.py")],
            "environment": {**_environment(marker), "ENVAUDIT_KERNEL": kernel.folder},
            "folder": folder,
            "psutil": psutil_folder(),
            "timeout": options.timeout,
            "memory": options.memory,
            "output": options.output,
            "result": 256 * 1024,
            "limits": [
                ("RLIMIT_CORE", 0),
                ("RLIMIT_DATA" if sys.platform == "linux" else "RLIMIT_AS", 2 * options.memory),
            ],
        }

    answer, trouble = supervisors.supervise(request, options.timeout)
    result = classify(kernel.name, canonicalize_name("ipykernel"), answer, trouble, options, child)
    if result.end == "ok":
        return "ok", ""
    if result.end == "not-run":
        return "", result.error
    words = [line for line in result.stderr.strip().splitlines() if line.strip()]
    last = words[-1:] or [f"{result.exception}: {result.error}".strip(": ") or result.end]
    return last[0][:500], ""
