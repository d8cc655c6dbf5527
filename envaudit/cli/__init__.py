"""The command line: the only place that reads arguments and terminals, and the only one that writes.

``main`` is the whole program as a function. Results go to standard output, everything else to standard error, and
each way a run can end has its exit code; no traceback is ever shown to somebody who did not ask for one.
"""

from __future__ import annotations

import gc
import os
import sys

from envaudit.cli.streams import close_quietly, complain
from envaudit.errors import EXIT_CLEAN, EXIT_ERROR, EXIT_INCOMPLETE, EXIT_INTERRUPTED, EnvauditError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

_COLLECT_AFTER = 200_000  # values; Python's own is 700


def run() -> NoReturn:
    """Run the program with the arguments of the process and end the process."""
    # A run makes some 500,000 small values and hardly a cycle among them: with Python's own thresholds a fifth of its
    # time would go into looking for garbage again and again.
    gc.set_threshold(_COLLECT_AFTER)
    code = main()
    # What is left is given back by the system at once; the interpreter would look at each value twice before.
    gc.freeze()
    raise SystemExit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (0 clean, 1 findings, 2 cannot be done, 3 incomplete, 130 stopped)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        unchanged = _unchanged(arguments)
        return _run_command(arguments) if unchanged is None else unchanged
    except EnvauditError as error:
        complain(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        complain("interrupted")
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one boundary: a bug of ours must not look like a finding
        return _confess(error, arguments)
    finally:
        close_quietly()


def _unchanged(arguments: list[str]) -> int | None:
    """Write the report again that was made of this environment if nothing has changed; ``None`` if it has to be made.

    Nothing that is not needed for that has been imported so far, and it has to stay so.
    """
    if arguments[:1] != ["check"]:
        return None
    from envaudit.cli.replay import replay  # noqa: PLC0415

    return replay(arguments, os.environ)


def _run_command(arguments: list[str]) -> int:
    if arguments[:1] == ["run"]:
        from envaudit.cli import running  # noqa: PLC0415 - as below

        plain = running.plain_options(arguments)
        if plain is not None:
            return running.run(plain)
    from envaudit.cli.parser import parse  # noqa: PLC0415 - an import that fails or is interrupted is handled above

    try:
        options = parse(arguments)
    except SystemExit as stop:  # --help and --version have been printed
        return stop.code if isinstance(stop.code, int) else EXIT_ERROR if stop.code else EXIT_CLEAN
    options.arguments = tuple(arguments)
    result: int = options.run(options)
    return result


def _confess(error: Exception, arguments: list[str]) -> int:
    """Say that the fault is ours; the traceback is for those who asked for details."""
    wants_details = os.environ.get("ENVAUDIT_DEBUG", "0") not in {"", "0"} or _asked_for_details(arguments)
    if wants_details:
        import traceback  # noqa: PLC0415

        complain("".join(traceback.format_exception(error)), escape=False)
    what = f"{type(error).__name__}: {error}".removesuffix(": ")
    more = "" if wants_details else " (-v shows where)"
    complain(
        f"error: envaudit itself failed, and this says nothing about the environment: {what}{more}; please report it"
    )
    return EXIT_INCOMPLETE


def _asked_for_details(arguments: list[str]) -> bool:
    return any(each == "--verbose" or (each.startswith("-v") and set(each[1:]) == {"v"}) for each in arguments)
