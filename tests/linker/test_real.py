"""Every compiled file of real wheels: what envaudit says against what the loader says."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from envaudit.gather import gather_facts
from envaudit.locate import TargetRequest, locate
from tests.linker.lab import is_sound, needs_gcc
from tests.support.environments import build_environment, python_of

if TYPE_CHECKING:
    from pathlib import Path

# Loads each file in a child of its own, so that no file finds what another has loaded.
_LOADER = """
import _ctypes, json, os, sys
said = {}
for path in sys.stdin.read().splitlines():
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            _ctypes.dlopen(path, os.RTLD_NOW)
            text = "loaded"
        except OSError as error:
            text = str(error)
        os.write(writing, text.encode()[:4000])
        os._exit(0)
    os.close(writing)
    os.wait()
    said[path] = os.read(reading, 4000).decode() or "died"
    os.close(reading)
print(json.dumps(said))
"""


@pytest.mark.network
@needs_gcc
def test_the_loader_agrees_on_every_module_of_real_wheels(tmp_path: Path) -> None:
    wheels = ["numpy==1.26.4", "h5py==3.10.0", "lxml==5.2.2", "pillow==10.3.0", "numba==0.59.1", "llvmlite==0.42.0"]
    environment = build_environment(tmp_path / "env", "3.11", wheels, "--only-binary", ":all:", "--no-deps")
    facts = gather_facts(locate(TargetRequest(str(environment)), os.environ, "/"))
    files = {f"{file.site_dir}/{file.path}": file for file in facts.links}
    done = subprocess.run(
        [python_of(environment), "-I", "-S", "-c", _LOADER],
        input="\n".join(files),
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    modules = {path: file for path, file in files.items() if file.is_module}
    assert len(modules) > 50
    wrong = {path: said[path] for path, file in modules.items() if is_sound(file) != (said[path] == "loaded")}
    assert wrong == {}
    failing = [file for file in modules.values() if not is_sound(file)]
    assert [name for file in failing for name, _ in file.missing] == ["libtbb.so.12"]
    assert facts.gaps == ()
