"""Environments of macOS and Windows made of forged files, to be linked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from envaudit.binary import read_binary
from envaudit.linker import link_target
from envaudit.model import Binary, Facts, SiteDir
from tests.binary.forge_named import mach, pe
from tests.support.facts import make_dist, make_target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from envaudit.linker import Links
    from envaudit.model import LinkedFile, Target

CORE = ".cpython-311-darwin.so"


class OtherLab:
    """A site folder in which the first folder of a path is its distribution."""

    def __init__(self, folder: Path, platform: str) -> None:
        self.prefix = folder / "env"
        self.windows = platform.startswith("win")
        self.site = self.prefix / ("Lib/site-packages" if self.windows else "lib/python3.11/site-packages")
        self.site.mkdir(parents=True)
        self._platform = platform
        self._machine = {"win-amd64": "AMD64", "win32": "x86"}.get(platform, platform.partition("-")[2])

    def write(self, path: str, content: bytes) -> Path:
        """Write a file of the site folder."""
        target = self.site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    def mach(self, path: str, *commands: tuple[int, str], **fields: Any) -> Path:
        """Forge a Mach-O file."""
        return self.write(path, mach(*commands, **fields))

    def pe(self, path: str, *libraries: tuple[str, tuple[str | int, ...]], **fields: Any) -> Path:
        """Forge a PE file."""
        return self.write(path, pe(*libraries, **fields))

    def target(self, **changes: Any) -> Target:
        """Return the target; its machine is not at hand."""
        fields: dict[str, Any] = {
            "prefix": str(self.prefix),
            "base_prefix": "C:/Python311" if self.windows else "/opt/python",
            "executable": "",
            "platform": self._platform,
            "machine": self._machine,
            "libc": "",
            "site_dirs": (SiteDir(str(self.site)),),
        }
        return make_target(**{**fields, **changes})

    def binaries(self) -> list[Binary]:
        """Return all files of the site folder."""
        found = []
        for file in sorted(path for path in self.site.rglob("*") if path.is_file()):
            path = file.relative_to(self.site).as_posix()
            owner = f"{self.site}/{path.split('/', 1)[0].removesuffix('.libs')}-1.0.dist-info"
            found.append(Binary(path, str(self.site), owner, read_binary(str(file), machine=self._machine)))
        return found

    def links(self, environ: Mapping[str, str] | None = None, root: str = "", **changes: Any) -> Links:
        """Return what envaudit says."""
        return link_target(self.target(**changes), self.binaries(), environ or {}, root)

    def link(self, path: str, environ: Mapping[str, str] | None = None, root: str = "", **changes: Any) -> LinkedFile:
        """Return what envaudit says of one file."""
        return next(file for file in self.links(environ, root, **changes).files if file.path == path)

    def facts(self, *distributions: str, root: str = "", **changes: Any) -> Facts:
        """Return the facts; ``distributions`` are names of version 1.0."""
        links = self.links(root=root, **changes)
        dists = tuple(
            make_dist(name, site_dir=str(self.site), info_path=f"{self.site}/{name}-1.0.dist-info")
            for name in distributions
        )
        return Facts(
            self.target(**changes), dists, tuple(self.binaries()), links=links.files, os_version=links.os_version
        )


def found(file: LinkedFile) -> dict[str, tuple[str, str]]:
    """Return where the file's own names lead: the end of the path and the rule."""
    return {each.name: (each.path.rpartition("/site-packages/")[2], each.how) for each in file.resolved}


def missing(file: LinkedFile) -> list[str]:
    """Return the names that are nowhere."""
    return [name for name, _ in file.missing]


@pytest.fixture
def mac(tmp_path: Path) -> OtherLab:
    return OtherLab(tmp_path, "macosx-arm64")


@pytest.fixture
def win(tmp_path: Path) -> OtherLab:
    return OtherLab(tmp_path, "win-amd64")
