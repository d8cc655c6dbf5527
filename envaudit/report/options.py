"""How a report is to look; the command line decides it from where the report goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Literal

QUIET = -1
NORMAL = 0
VERBOSE = 1


class ReportOptions(NamedTuple):
    """Format, colour, width in characters, and how much is said.

    ``verbosity`` is ``QUIET``, ``NORMAL`` or ``VERBOSE``. Paths below ``root`` are shown relative to it.
    """

    format: Literal["text", "json"] = "text"
    color: bool = False
    width: int = 100
    verbosity: int = NORMAL
    root: str = ""
