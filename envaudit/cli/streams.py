"""Writing: results to standard output or a file, complaints to standard error, and what a destination can show."""

from __future__ import annotations

import os
import stat
import sys

from envaudit.errors import EnvauditError, UsageError

TYPE_CHECKING = False  # mypy takes it for that of typing, whose import a run that finds nothing changed has no time for
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

PROGRAM = "envaudit"
_WIDTH_OF_A_FILE = 100
_WIDEST = 120  # longer lines are tiring to read, however wide the window is


def complain(text: str, *, escape: bool = True) -> None:
    """Write a line to standard error, with the name of the program; a closed stream is nobody's concern."""
    from envaudit.report.plain import plain  # noqa: PLC0415  most runs have nothing to complain about

    line = f"{PROGRAM}: {plain(text)}\n" if escape else text
    try:
        sys.stderr.write(_writable(line, sys.stderr))
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # closed, or None under pythonw
        return


def write_out(text: str) -> None:
    """Write a result to standard output. A reader that has seen enough (``| head``) is no error."""
    stream = sys.stdout
    if stream is None:
        raise EnvauditError("there is no standard output to write to; --output FILE writes to a file")
    try:
        stream.write(_writable(text, stream))
        stream.flush()
    except BrokenPipeError:
        _to_nowhere(stream)
    except (OSError, ValueError) as error:  # the disk is full, or the stream is closed
        _to_nowhere(stream)
        raise EnvauditError(f"cannot write to standard output: {_reason(error)}") from error


def close_quietly() -> None:
    """Flush standard output so that Python has nothing left to complain about when it ends."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except (OSError, ValueError):
            _to_nowhere(sys.stdout)


def _writable(text: str, stream: TextIO) -> str:
    r"""Replace what the encoding of a stream cannot say by ``\u....``."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _to_nowhere(stream: TextIO) -> None:
    """Let what is still buffered go to the null device, instead of failing again when Python ends."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        return


def _reason(error: OSError | ValueError) -> str:
    from envaudit.files import reason  # noqa: PLC0415  only on the way to an error

    return reason(error)


# --- files ----------------------------------------------------------------------------------------------------------


def check_destination(path: str, option: str = "--output") -> None:
    """Raise ``UsageError`` if a report could not be written there, before any work is done for it."""
    if os.path.isdir(path):
        raise UsageError(f"{option} {path}: this is a folder, not a file")
    folder = os.path.dirname(path)
    if not os.path.isdir(folder or os.curdir):
        raise UsageError(f"{option} {path}: there is no folder {folder}")


def deliver(path: str, text: str, *, append: bool = False) -> None:
    """Write a report to where it goes: a file, the end of one, or, for an empty path, standard output."""
    if not path:
        write_out(text)
    elif append:
        append_file(path, text)
    else:
        write_file(path, text)


def append_file(path: str, text: str) -> None:
    """Add a text to the end of a file, which others may add to as well."""
    try:
        with open(path, "ab") as stream:
            stream.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise EnvauditError(f"cannot write {path}: {_reason(error)}") from error


def write_file(path: str, text: str) -> None:
    """Write a file whole or not at all: readers see the old content until the new is complete.

    A link stays a link, permissions stay as they are, and a device or pipe is written to, never replaced.
    """
    data = text.encode("utf-8", "backslashreplace")
    try:
        mode = _mode(path)
        if mode is not None and not stat.S_ISREG(mode):
            with open(path, "wb") as stream:
                stream.write(data)
            return
        _replace(os.path.realpath(path), data, mode)
    except OSError as error:
        raise EnvauditError(f"cannot write {path}: {_reason(error)}") from error


def _mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _replace(path: str, data: bytes, mode: int | None) -> None:
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".{name[:200]}.{os.urandom(6).hex()}.tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(stream.fileno(), stat.S_IMODE(mode))
            stream.write(data)
        os.replace(beside, path)
    except BaseException:
        _delete(beside)
        raise


def _delete(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


# --- what a destination can show ------------------------------------------------------------------------------------


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person is looking at a stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False


def use_color(choice: str, stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Decide on colours for a stream: the setting, then ``NO_COLOR``, then ``FORCE_COLOR``, then what it is."""
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    return is_terminal(stream) and environ.get("TERM") != "dumb"


def width_of(stream: TextIO | None) -> int:
    """Return how many characters fit on a line."""
    if not is_terminal(stream):
        return _WIDTH_OF_A_FILE
    import shutil  # noqa: PLC0415  4 ms, for the compression it can do

    return min(shutil.get_terminal_size((_WIDTH_OF_A_FILE, 24)).columns, _WIDEST)
