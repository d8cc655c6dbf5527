"""Keep a report for the next run, if nothing but time can come between the two that is not noticed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import envaudit
from envaudit.cache.place import default_folder
from envaudit.cache.reports import VALUE_LIMIT, KeptReport, sealed
from envaudit.cli.replay import request_of
from envaudit.files_seen import doubt, signature_of_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.files_seen import Seen

# File systems count time in steps of up to two seconds. What was changed so short before it was read may change once
# more without a trace.
_STEP = 2 * 10**9
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Watched(Mapping[str, str]):
    """Variables that remember which of them were looked at, and what they were."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.looked_at: dict[str, str | None] = {}

    def __getitem__(self, name: str) -> str:
        self.looked_at[name] = self._environ.get(name)
        return self._environ[name]

    def __iter__(self) -> Iterator[str]:
        doubt("all variables were looked at")
        return iter(self._environ)

    def __len__(self) -> int:
        doubt("all variables were looked at")
        return len(self._environ)


class Keeper:
    """Takes note of when and with what a run has begun, and keeps its report in the end."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], seen: Seen) -> None:
        self._seen = seen
        self._folder = default_folder(environ)
        self._began = time.time_ns()
        self._request = request_of(arguments, environ)
        self.variables = Watched(environ)

    def started(self) -> str:
        """Return when the run has begun, with the offset of the local time, whose minutes people are shown."""
        from datetime import datetime  # noqa: PLC0415  many runs keep no report

        return datetime.fromtimestamp(self._began / 10**9).astimezone().isoformat(timespec="seconds")

    def may_keep(self) -> bool:
        """Whether the report could be kept, so that it is worth to render it for that."""
        return bool(self._request) and not self._seen.doubt

    def keep(self, outputs: Sequence[tuple[str, bool, str]], exit_code: int, note: str, until: float) -> str:
        """Keep what was written, for as long as it is right by the calendar; return why not, or nothing.

        ``outputs`` are the places, empty for standard output, whether the text is added to what is there, and the text.
        """
        seen = self._seen
        _note_program(seen)
        kept = KeptReport(outputs, exit_code, note, int(until), self.variables.looked_at)
        try:
            value = kept.dump(seen)
        except ValueError as error:  # also a path that the system could not name
            return f"it cannot be written down: {error}"
        if seen.doubt:
            return seen.doubt
        if seen.newest() >= self._began - _STEP:
            return "something was changed just before"
        if len(value) > VALUE_LIMIT:
            return f"it has {len(value)} bytes"
        from envaudit.cache.database import Cache  # noqa: PLC0415  as above

        cache = Cache(self._folder)
        cache.put_report(self._request, sealed(self._request, value))
        cache.close()
        return cache.unused


def _note_program(seen: Seen) -> None:
    """Note the files of this program and of all that it has loaded: an upgrade may judge in another way."""
    paths = {file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}
    paths |= set(_own_files())
    paths.add(os.path.realpath(sys.executable))
    for path in sorted(path for path in paths if isinstance(path, str)):
        signature = signature_of_path(path)
        seen.add_read(path, signature)
        if max(signature[4:]) >= envaudit.LOADED - _STEP:
            seen.add_doubt(f"{path} is newer than this process")


def _own_files() -> Iterator[str]:
    """Yield the files of the package; some are loaded by other processes alone."""
    for folder, folders, names in os.walk(_PACKAGE):
        folders[:] = [name for name in folders if name not in {"__pycache__", "pages", "catalogue"}]
        yield from (os.path.join(folder, name) for name in names)
