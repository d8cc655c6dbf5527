"""Real shared objects from a few lines of C, what envaudit says of them, and what the loader of this machine does."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from envaudit.binary import read_binary
from envaudit.linker import link_target
from envaudit.model import Binary, Facts, LinkedFile, SiteDir, Target
from tests.support.facts import make_dist, make_target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from envaudit.linker import Links

_ON_GLIBC = sys.platform == "linux" and bool(os.confstr("CS_GNU_LIBC_VERSION"))
needs_gcc = pytest.mark.skipif(
    not _ON_GLIBC or shutil.which("gcc") is None, reason="compiles and loads shared objects: needs gcc and glibc"
)
needs_gxx = pytest.mark.skipif(not _ON_GLIBC or shutil.which("g++") is None, reason="needs g++ and glibc")

# Loads one file after the other the way Python loads modules, and says what the loader said of the last.
_LOADER = """
import os, sys, _ctypes
for path in sys.argv[1:]:
    try:
        _ctypes.dlopen(path, os.RTLD_NOW)
    except OSError as error:
        print(error)
        break
else:
    print("loaded")
"""


class Lab:
    """A site folder whose files are compiled on the spot."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.site.mkdir(parents=True)
        self.executable = os.path.realpath(sys.executable)

    def build(self, path: str, source: str, *flags: str, shared: bool = True) -> Path:
        """Compile ``source`` (C, or C++ when the flags ask for it) into a file below the site folder."""
        target = self.site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        language = "c++" if "-xc++" in flags else "c"
        compiler = "g++" if language == "c++" else "gcc"
        kind = ["-shared", "-fPIC"] if shared else []
        command = [compiler, f"-x{language}", "-", "-xnone", *kind, "-o", str(target), "-O1"]
        command += [flag for flag in flags if flag != "-xc++"]
        subprocess.run(command, input=source, text=True, check=True, cwd=self.site, capture_output=True)
        return target

    def module(self, path: str, body: str = "", *flags: str) -> Path:
        """Compile an extension module; its ``PyInit_`` calls nothing."""
        stem = path.rsplit("/", 1)[-1].split(".", 1)[0]
        extern = 'extern "C" ' if "-xc++" in flags else ""
        return self.build(path, f"{body}\n{extern}void *PyInit_{stem}(void) {{ return 0; }}\n", *flags)

    def target(self, **changes: Any) -> Target:
        """Return the target: this interpreter, on this machine, with the site folder."""
        fields: dict[str, Any] = {
            "executable": self.executable,
            "machine": platform.machine(),
            "platform": f"linux-{platform.machine()}",
            "libc": os.confstr("CS_GNU_LIBC_VERSION"),
            "site_dirs": (SiteDir(str(self.site)),),
        }
        version = f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}"
        return make_target(version, **{**fields, **changes})

    def binaries(self) -> list[Binary]:
        """Return all files of the site folder; the first folder of a path is its distribution."""
        found = []
        for file in sorted(self.site.rglob("*.so*")):
            path = file.relative_to(self.site).as_posix()
            owner = f"{self.site}/{path.split('/', 1)[0].removesuffix('.libs')}-1.0.dist-info"
            found.append(Binary(path, str(self.site), owner, read_binary(str(file))))
        return found

    def links(self, environ: Mapping[str, str] | None = None, root: str = "", **changes: Any) -> Links:
        """Return what envaudit says."""
        return link_target(self.target(**changes), self.binaries(), environ or {}, root)

    def link(self, path: str, environ: Mapping[str, str] | None = None, root: str = "", **changes: Any) -> LinkedFile:
        """Return what envaudit says of one file."""
        return next(file for file in self.links(environ, root, **changes).files if file.path == path)

    def facts(self, *distributions: str, environ: Mapping[str, str] | None = None, **changes: Any) -> Facts:
        """Return the facts of the target; ``distributions`` are names of version 1.0."""
        links = self.links(environ, **changes)
        dists = tuple(
            make_dist(name, site_dir=str(self.site), info_path=f"{self.site}/{name}-1.0.dist-info")
            for name in distributions
        )
        return Facts(
            self.target(**changes), dists, tuple(self.binaries()), links=links.files, page_size=links.page_size
        )

    def load(self, *paths: str, environ: Mapping[str, str] | None = None) -> str:
        """Return what the loader says when the files are loaded one after the other: ``loaded``, or its message."""
        done = subprocess.run(
            [self.executable, "-I", "-S", "-c", _LOADER, *(str(self.site / path) for path in paths)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env={**(environ or {})},
        )
        return done.stdout.strip()


def is_sound(file: LinkedFile) -> bool:
    """Whether envaudit says that the loader takes the file."""
    return not (file.missing or file.missing_versions or file.undefined or file.undefined_python or file.unread)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)
