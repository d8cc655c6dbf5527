"""How a report is to look; the command line decides it from where the report goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from envaudit.model import Severity
    from envaudit.settings import Format

QUIET = -1
NORMAL = 0
VERBOSE = 1


class ReportOptions(NamedTuple):
    """Format, colour, width in characters, and how much is said.

    ``verbosity`` is ``QUIET``, ``NORMAL`` or ``VERBOSE``. Paths below ``root`` are shown relative to it.
    ``anchor`` is the file, relative to ``root``, that stands for findings which belong to no line of any file: some
    services show nothing without one. ``fail_on`` is the severity from which on a finding counts as a failure,
    errors when it is not given.
    """

    format: Format = "text"
    color: bool = False
    width: int = 100
    verbosity: int = NORMAL
    root: str = ""
    anchor: str = "pyproject.toml"
    fail_on: Severity | None = None
