"""A real kill by the kernel for want of memory, in a control group made for it; where that is allowed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from envaudit.files_host import group_folders
from envaudit.watch.host import MIB
from tests.support.command import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="control groups are those of Linux")

LIMIT = 160 * MIB
INSIDE = """import os, sys
open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
from envaudit.cli import main
main(["run", "-p", sys.executable, "--memory-limit", "2G", "--json", "-o", "verdict.json", "p.py"])
"""


@pytest.fixture
def group() -> Iterator[Path]:
    """Make a group below our own that may use little memory."""
    own, mounts = (Path(f"/proc/self/{name}").read_text(encoding="utf-8") for name in ("cgroup", "mountinfo"))
    for folder in map(Path, group_folders(own, mounts)):
        limit = next((n for n in ("memory.limit_in_bytes", "memory.max") if (folder / n).exists()), None)
        made = folder / f"envaudit-test-{os.getpid()}"
        if limit is None:
            continue
        try:
            made.mkdir()
            (made / limit).write_text(str(LIMIT), encoding="ascii")
        except OSError:
            continue
        yield made
        for _ in range(100):
            try:
                made.rmdir()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("something still runs in the group")
    pytest.skip("no control group with a limit of memory can be made here")


def test_the_kernel_is_named_when_it_killed_for_want_of_memory(group: Path, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(f"def work():\n    return bytearray({4 * LIMIT})\nwork()\n")
    (tmp_path / "inside.py").write_text(INSIDE)
    subprocess.run(
        [sys.executable, "inside.py", group],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    told = json.loads((tmp_path / "verdict.json").read_text())
    assert (told["verdict"], told["sure"]) == ("out-of-memory", True)
    assert told["headline"] == "the kernel killed it: the memory of its container was used up"
    evidence = "\n".join(told["evidence"])
    assert "the container may use 160 MiB and has used 160 MiB at most" in evidence
    assert "the kernel counts 1 killed for want of memory in this group meanwhile" in evidence
