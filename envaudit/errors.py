"""The one exception tree. Each class fixes the exit code of a run that it ends.

::

    EnvauditError            2  anything a user can put right
    ├── UsageError           2  arguments that do not fit together
    ├── ConfigError          2  a configuration file or variable
    ├── TargetError          2  no such environment, or nothing in it can be read
    ├── RuleError            2  a rule file, with its path and the key inside it
    ├── RequirementError     2  a requirement or lock file, with file and line
    └── ReadError            -  bytes that do not have the promised form

``ReadError`` never leaves the gathering of facts: whoever reads a file turns it into a gap.
"""

from __future__ import annotations

TYPE_CHECKING = False  # mypy takes it for that of typing, which nothing that is imported first may import
if TYPE_CHECKING:
    from typing import ClassVar

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_ERROR = 2
EXIT_INCOMPLETE = 3
EXIT_INTERRUPTED = 130


class EnvauditError(Exception):
    """Root of all errors that are reported as one sentence, without a traceback."""

    exit_code: ClassVar[int] = EXIT_ERROR


class UsageError(EnvauditError):
    """The arguments of a command do not fit together."""


class ConfigError(EnvauditError):
    """A setting that cannot be understood.

    ``source`` is the file or environment variable, ``path`` the key inside it (``tool.envaudit.fail-on``).
    """

    def __init__(self, source: str, path: str, reason: str) -> None:
        where = f"{source}: {path}" if path else source
        super().__init__(f"{where}: {reason}")


class TargetError(EnvauditError):
    """There is no such environment, or nothing in it can be audited."""


class RuleError(EnvauditError):
    """A rule file that cannot be used; ``path`` leads to the key: ``match.all[0]``."""

    def __init__(self, file: str, path: str, reason: str) -> None:
        self.file = file
        self.path = path
        self.reason = reason
        super().__init__(f"{file}: {path}: {reason}" if path else f"{file}: {reason}")


class RequirementError(EnvauditError):
    """A requirement or lock file that cannot be read or understood; ``line`` is 0 where it is the whole file."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        self.file = file
        self.line = line
        self.reason = reason
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")


class ReadError(EnvauditError):
    """A file does not have the form it should have, is too large, or is not a regular file."""
