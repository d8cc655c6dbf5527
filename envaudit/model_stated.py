"""What requirement and lock files state, as frozen values: each requirement with the file and the line it stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Literal

    from packaging.utils import NormalizedName

    FileKind = Literal[
        "requirements", "pyproject", "script", "environment",
        "pylock", "uv", "poetry", "pdm", "pipfile", "conda-lock",
    ]  # fmt: skip


class Stated(NamedTuple):
    """One requirement or one locked package.

    ``specifier`` is as written (``>=1.22,<2``), ``version`` the one version it admits, empty when it admits several.
    ``url`` is that of a direct reference, without credentials. ``hashes`` are ``sha256:0123...``, ``files`` the names
    of the files that a lock file lists. ``requires`` are the requirements (PEP 508) that a lock file repeats from the
    metadata. ``uploaded`` is ISO 8601. ``group`` names the extra or the dependency group, empty for what is always
    installed. ``constraint`` says that it installs nothing, and only limits what others ask for.
    """

    name: str
    key: NormalizedName
    path: str
    line: int | None = None
    specifier: str = ""
    version: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    url: str = ""
    hashes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    requires_python: str = ""
    uploaded: str = ""
    group: str = ""
    constraint: bool = False

    def text(self) -> str:
        """Return the requirement as PEP 508 writes it, without its marker and with no address."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.name}{extras}{self.specifier}"


class NotRead(NamedTuple):
    """A part of a file that is not judged, and why."""

    path: str
    line: int | None
    what: str
    why: str


class StatedFile(NamedTuple):
    """A file with everything that it includes.

    ``complete`` says that it lists everything that will be installed, as lock files do: nothing is left to a resolver.
    ``roots`` are the requirements from which a lock file is to be walked, where only a walk tells what is installed on
    which platform; empty where each package carries its own marker. ``options`` are those that name indexes or steer
    the choice of releases, as pairs (``--pre``, empty value).
    ``files`` are all that were read, the file itself first.
    """

    path: str
    kind: FileKind
    stated: tuple[Stated, ...]
    not_read: tuple[NotRead, ...] = ()
    complete: bool = False
    requires_python: str = ""
    roots: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()
