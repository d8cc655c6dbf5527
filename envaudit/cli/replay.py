"""The report of an environment in which nothing has changed, written again without looking at it again.

Before anything else is imported, the cache is asked for the report of this very request. What it was made of is
compared (``cache.reports``), and if all of it is as it was, the report is written as it was, with the exit code it had.
In any other case, and whatever goes wrong on the way, the audit is done.
"""

from __future__ import annotations

import os
import sys
import time

from envaudit import __version__
from envaudit.cache.place import default_folder
from envaudit.cache.reports import FORMAT, find_report
from envaudit.cli.streams import check_destination, complain, deliver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BOOT = "/proc/sys/kernel/random/boot_id"
# Looked at for settings and for what the terminal can show, which is before or after the audit.
_VARIABLES = ("COLUMNS", "FORCE_COLOR", "HOME", "LINES", "NO_COLOR", "TERM")


def replay(arguments: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """Write the kept report of these arguments and return its exit code; ``None`` when the audit has to be done."""
    if "--no-cache" in arguments:
        return None
    request = request_of(arguments, environ)
    now = time.time()
    kept = find_report(default_folder(environ), request, now) if request else None
    if kept is None or not kept.holds(environ, now):
        return None
    for path, _, _ in kept.outputs:
        if path:
            check_destination(path)
    for path, append, text in kept.outputs:
        deliver(path, text, append=append)
    for line in kept.note.splitlines():
        complain(line)
    return kept.exit_code


def request_of(arguments: Sequence[str], environ: Mapping[str, str]) -> bytes:
    """Return everything that decides about a report but is no file of the target; empty if that cannot be said.

    That is what was asked, by whom, from where, with which program and on which machine since when it was started: a
    processor or a kernel does not change without that.
    """
    stdout = sys.stdout
    if os.name != "posix" or stdout is None:  # elsewhere a file can change without a trace in its status
        return b""
    try:
        terminal = stdout.isatty() and os.get_terminal_size(stdout.fileno()).columns
        machine = (tuple(os.uname()), _started(), os.sysconf("SC_PAGESIZE"), _libc())
        folder = os.getcwd()
    except (OSError, ValueError):
        return b""
    settings = sorted(
        (name, value) for name, value in environ.items() if name.startswith("ENVAUDIT_") or name in _VARIABLES
    )
    user = (os.geteuid(), os.getegid(), sorted(os.getgroups()))
    python = (sys.version, sys.executable, sys.prefix, sys.base_prefix, tuple(sys.flags), sys.path)
    everything = (FORMAT, __version__, list(arguments), folder, settings, terminal, machine, user, python)
    return repr(everything).encode("utf-8", "surrogatepass")


def _started() -> str:
    """Return what tells this start of the machine from all others, empty where the system does not say."""
    try:
        descriptor = os.open(_BOOT, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, 64).decode("ascii", "replace")
        finally:
            os.close(descriptor)
    except OSError:
        return ""


def _libc() -> str:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        return ""
