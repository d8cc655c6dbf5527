"""What all readers of requirement files share: how a file is opened, and which variables there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envaudit import files
from envaudit.errors import ReadError, RequirementError
from envaudit.requirements.text import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Reading(NamedTuple):
    """How files are read.

    ``content`` returns the bytes of a path and raises ``ReadError``; it may read from a commit instead of the disk.
    """

    environ: Mapping[str, str]
    content: Callable[[str], bytes]

    def data(self, path: str, by: tuple[str, int] | None = None) -> bytes:
        """Return the content of a file; raises ``RequirementError`` at the line that names it, else at the file."""
        try:
            return self.content(path)
        except ReadError as error:
            if by is None:
                raise RequirementError(path, 0, f"cannot be read: {error}") from error
            raise RequirementError(*by, f"{path} cannot be read: {error}") from error


def from_disk(path: str) -> bytes:
    """Return the content of a file of this machine; raises ``ReadError``."""
    return files.read_bytes(path, LIMIT)
