"""``envaudit run``: run a program the way its user would, watched, and say why it ended."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from envaudit.cli.streams import check_destination, deliver, use_color, width_of
from envaudit.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_INTERRUPTED, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envaudit.cli.parser import Commands
    from envaudit.watch.judge import Verdict

_DESCRIPTION = """\
Run a script, a notebook or a module with the Python of an environment, and end with the reason it ended: out of memory,
a crash and the library it was in, a signal, a time limit, an exception. What it reads and writes passes through; the
verdict follows on standard error.
"""
_EXAMPLES = """\
examples:
  envaudit run train.py -- --epochs 3            the active environment
  envaudit run -p .venv analysis.ipynb           the cells of a notebook, in order, in one process
  envaudit run --memory-limit 2G -m package      a module, as python -m runs it
  envaudit run -f json -o verdict.json train.py  the verdict for a program

There is always a memory limit: without --memory-limit what the machine, the container and the session can give, less a
reserve for the rest. No process that the program has started outlives it.

exit code (never the program's own):
  0    it ended well
  1    it did not: an exception, a status of its own other than 0, a crash, a signal, the memory or time limit
  2    it could not be run: wrong arguments, no such file, no interpreter
  130  it was interrupted


The JSON follows envaudit/report/run.schema.json: "verdict" (ok, exit, exception, interrupted, out-of-memory, segfault,
bus-error, illegal-instruction, arithmetic-error, abort, stack-overflow, killed, native-exit, timeout), "headline",
"sure", "signal", "evidence", "change", "cell", "frames", "library", "memory" with samples over time, and more.
"""
_FORMATS = ("text", "json")
# In the JSON of a notebook: a line of a cell that begins with the mark of a command.
_COMMANDS = rb'"\s*(?:%%?|!)[A-Za-z]|\\n\s*(?:%%?|!)[A-Za-z]'


class Options:
    """What the command line says: the attributes that the parser sets."""

    python: str | None
    module: str
    timeout: str
    memory_limit: str
    format: str
    output: str
    words: list[str]

    def __init__(self, **found: Any) -> None:
        self.__dict__.update(found)


class Ran(NamedTuple):
    """A program that has ended: what it was, its limits, what was seen and how that is judged."""

    program: str
    python: str
    memory: int
    memory_from: str
    seen: dict[str, object]
    verdict: Verdict
    skipped: tuple[str, ...]


def add_parser(commands: Commands) -> None:
    """Add the arguments of the command."""
    import argparse  # noqa: PLC0415 - a plain command line needs none of it

    parser = commands.add_parser(
        "run",
        help="run a program or notebook and say why it ended",
        usage="envaudit run [options] SCRIPT|NOTEBOOK|-m MODULE [-- ARGS]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument("-p", "--python", metavar="TARGET", help="environment or interpreter (default: the active one)")
    parser.add_argument("-m", dest="module", default="", metavar="MODULE", help="run a module instead of a file")
    parser.add_argument("--timeout", default="0", metavar="SECONDS", help="stop it after so long (default: never)")
    parser.add_argument("--memory-limit", default="", metavar="SIZE", help="such as 2G (default: what there is)")
    parser.add_argument("-f", "--format", default="text", metavar="FORMAT", help="text (default) or json")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    parser.add_argument("-o", "--output", default="", metavar="FILE", help="write the verdict to a file")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="SCRIPT [-- ARGS]", help="the file, its arguments")


# What a plain command line is made of: loading argparse takes as long as half of all that happens before the start.
_PLAIN = {
    "-p": "python",
    "--python": "python",
    "-m": "module",
    "--timeout": "timeout",
    "--memory-limit": "memory_limit",
    "-f": "format",
    "--format": "format",
    "-o": "output",
    "--output": "output",
}


def plain_options(arguments: Sequence[str]) -> Options | None:
    """Return what the arguments of a plain command line say, as the parser would; ``None`` leaves it to the parser."""
    found = {"python": None, "module": "", "timeout": "0", "memory_limit": "", "format": "text", "output": ""}
    rest = list(arguments[1:])
    while rest and rest[0].startswith("-") and rest[0] != "--":
        word = rest.pop(0)
        if word == "--json":
            found["format"] = "json"
        elif word in _PLAIN and rest and not rest[0].startswith("-"):
            found[_PLAIN[word]] = rest.pop(0)
        else:
            return None
    return Options(**found, words=rest) if rest or found["module"] else None


def run(options: Options) -> int:
    """Run the program to its end and write the verdict."""
    if options.format not in _FORMATS:
        raise UsageError(f"--format {options.format}: choose text or json")
    if options.output:
        check_destination(options.output)
    ran = _ran(options)
    _write(ran, options)
    return exit_code(ran.verdict)


def exit_code(verdict: Verdict) -> int:
    """Return the exit code for a verdict."""
    return {"ok": EXIT_CLEAN, "interrupted": EXIT_INTERRUPTED}.get(verdict.kind, EXIT_FINDINGS)


def _ran(options: Options) -> Ran:
    from envaudit.watch.start import Program, begin  # noqa: PLC0415 - --help needs none of it

    kind, name, arguments = _program(options)
    timeout, (memory, memory_from) = _timeout(options.timeout), _memory(options.memory_limit)
    python = _python(options.python)
    with _cells(kind, name) as (runnable, skipped):
        program = Program(
            (python,),
            kind,
            runnable,
            arguments,
            _environment(kind),
            memory,
            timeout,
            output_to_errors=options.format == "json" and not options.output,
        )
        wait = begin(program, forked=True)
        # While the program starts there is time to load what is needed when it ends.
        from envaudit.cli import running_text  # noqa: F401, PLC0415
        from envaudit.watch.host import processors  # noqa: PLC0415
        from envaudit.watch.judge import judge  # noqa: PLC0415

        seen = wait()
    verdict = judge(seen, memory, timeout, processors())
    return Ran(name, python, memory, memory_from, seen, verdict, skipped)


def _program(options: Options) -> tuple[str, str, tuple[str, ...]]:
    """Return kind, name and arguments of the program; raises ``UsageError``."""
    words = list(options.words)
    if options.module:
        return "module", options.module, tuple(words[1:] if words[:1] == ["--"] else words)
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        raise UsageError("what is to be run? Name a script, a notebook, or -m and a module")
    name, arguments = words[0], words[1:]
    if not os.path.exists(name):
        raise UsageError(f"there is no file {name}")
    kind = "notebook" if name.endswith(".ipynb") else "script"
    return kind, name, tuple(arguments[1:] if arguments[:1] == ["--"] else arguments)


def _timeout(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 10**9:
        raise UsageError(f"--timeout {text}: give a number of seconds, 0 for no limit")
    return seconds


def _memory(text: str) -> tuple[int, str]:
    """Return the limit in bytes and where it comes from."""
    if not text:
        from envaudit.watch.host import reserve, room  # noqa: PLC0415

        found = room()
        return found.bytes - reserve(found.bytes), f"{found.why}, less a reserve"
    from envaudit.setting_kinds import KEYS  # noqa: PLC0415 - takes as long to load as the rest of this command

    try:
        wanted: int = KEYS["memory-limit"].accept(text)
    except ValueError as error:
        raise UsageError(f"--memory-limit {error}") from error
    return wanted, "--memory-limit"


def _python(place: str | None) -> str:
    """Return the interpreter of the target; raises ``UsageError`` when it has none."""
    from envaudit.locate import TargetRequest, locate, program_at_a_glance  # noqa: PLC0415

    request = TargetRequest(place, None)
    program = program_at_a_glance(request, os.environ, os.getcwd())
    if not program:
        target = locate(request, os.environ, os.getcwd(), "")
        program = target.executable
        if not program:
            raise UsageError(f"{place or target.prefix} has no interpreter that could run a program")
    return program


def _environment(kind: str) -> dict[str, str]:
    # A notebook draws into itself; there are no windows here.
    return {**({"MPLBACKEND": "Agg"} if kind == "notebook" else {}), **os.environ}


@contextmanager
def _cells(kind: str, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what the child is to run (of a notebook: a file of its cells) and what was left out of it."""
    if kind != "notebook":
        yield name, ()
        return
    import json  # noqa: PLC0415
    import re  # noqa: PLC0415
    import tempfile  # noqa: PLC0415

    from envaudit.files import read_bytes  # noqa: PLC0415
    from envaudit.source.notebook import read_notebook  # noqa: PLC0415

    raw = read_bytes(name)
    book = read_notebook(raw)
    lines = book.text.decode("utf-8", "surrogatepass").split("\n")
    ends = [cell.start for cell in book.cells[1:]] + [len(lines)]
    cells = [
        {"number": cell.number, "text": "\n".join(lines[cell.start : end])}
        for cell, end in zip(book.cells, ends, strict=True)
    ]
    skipped = [f"cell {cell.number} is no Python and was left out: {why}" for cell, why in book.broken]
    if re.search(_COMMANDS, raw):
        skipped.append("lines for IPython (%magic, !command) are not run here")
    with tempfile.TemporaryDirectory(prefix="envaudit-run-") as folder:
        path = os.path.join(folder, "cells.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(cells, file)
        yield path, tuple(skipped)


def _write(ran: Ran, options: Options) -> None:
    if options.format == "json":
        from envaudit.cli.running_data import as_json  # noqa: PLC0415

        deliver(options.output, as_json(ran, exit_code(ran.verdict)))
        return
    from envaudit.cli.running_text import text  # noqa: PLC0415

    if options.output:
        deliver(options.output, text(ran, width=100, color=False))
        return
    if sys.stderr is not None:  # closed by whoever wants to read nothing
        sys.stderr.write(text(ran, width_of(sys.stderr), color=use_color("auto", sys.stderr, os.environ)))
        sys.stderr.flush()
