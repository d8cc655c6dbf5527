"""Where the cache lies, and whether somebody else may have written there.

Next to nothing is imported here, as in ``reports``: a run that finds nothing changed is over before others have begun.
"""

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "ENVAUDIT_CACHE_DIR"
FILE_NAME = "facts.sqlite3"
BUSY = 0.5  # seconds to wait for another run; then this one does without


def default_folder(environ: Mapping[str, str]) -> str:
    """Return the folder of the cache: ``ENVAUDIT_CACHE_DIR``, else where the system keeps caches of users."""
    given = environ.get(VARIABLE)
    if given:
        return os.path.abspath(os.path.expanduser(given))
    if sys.platform == "linux" and "ANDROID_DATA" not in os.environ:  # as platformdirs, whose import takes 10 ms
        caches = os.environ.get("XDG_CACHE_HOME", "")
        return os.path.join(caches if caches.strip() else os.path.expanduser("~/.cache"), "envaudit")
    from platformdirs import user_cache_dir  # noqa: PLC0415  only where nobody says where

    return user_cache_dir("envaudit", appauthor=False)


def made_folder_is_unsafe(folder: str) -> str:
    """Make the folder if it is not there; say why it must not be trusted."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except (OSError, ValueError) as error:
        return f"its folder cannot be used: {getattr(error, 'strerror', None) or error}"
    return folder_is_unsafe(folder)


def folder_is_unsafe(folder: str) -> str:
    """Say why a folder must not be trusted."""
    try:
        status = os.stat(folder)
    except (OSError, ValueError) as error:
        return f"its folder cannot be used: {getattr(error, 'strerror', None) or error}"
    return _foreign(status, "its folder")


def file_is_unsafe(path: str) -> str:
    """Say why a file must not be trusted; nothing when it is not there."""
    try:
        status = os.lstat(path)
    except OSError:
        return ""
    return _foreign(status, "it") if stat.S_ISREG(status.st_mode) else "it is no regular file"


def _foreign(status: os.stat_result, what: str) -> str:
    """Say why somebody else may have written here."""
    if not hasattr(os, "geteuid"):  # pragma: no cover  Windows has other means, and folders of users are theirs
        return ""
    if status.st_uid != os.geteuid():
        return f"{what} belongs to another user"
    return f"{what} can be written by others" if status.st_mode & 0o022 else ""
