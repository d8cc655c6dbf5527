"""The magic ``%envaudit`` of IPython and Jupyter: audit the environment of the running kernel, look at its memory.

``%load_ext envaudit`` registers it. IPython is never imported: what is needed of it comes with the shell.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_USAGE = """\
%envaudit check [-v] [--smoke]   audit the environment of this kernel; --smoke also tries it out
%envaudit memory [COUNT]         memory in use, its limit, and the COUNT largest objects (default: 10)
"""
_LARGEST = 10


class Shown(NamedTuple):
    """What a command shows: for front-ends that draw HTML, and for those that do not."""

    text: str
    html: str


def register(shell: Any) -> None:
    """Add the magic to an IPython shell."""
    shell.register_magic_function(_bound(shell), "line", "envaudit")


def _bound(shell: Any) -> Callable[[str], None]:
    def envaudit(line: str) -> None:
        """Audit the environment of this kernel, or look at its memory."""
        from envaudit.errors import EnvauditError  # noqa: PLC0415 - %load_ext is to take no time

        try:
            shown = _answer(shell, shlex.split(line))
        except (EnvauditError, ValueError) as error:
            shown = Shown(f"envaudit: {error}\n{_USAGE}", "")
        data = {"text/plain": shown.text.rstrip("\n")}
        if shown.html and hasattr(shell, "kernel"):  # a terminal would print both
            data["text/html"] = shown.html
        if hasattr(shell, "kernel"):
            shell.display_pub.publish(data=data, metadata={})
        else:
            sys.stdout.write(shown.text)

    return envaudit


def _answer(shell: Any, words: list[str]) -> Shown:
    match words:
        case ["check", *flags] if set(flags) <= {"-v", "--verbose", "--smoke"}:
            return _checked(smoke="--smoke" in flags, verbose=bool({"-v", "--verbose"} & set(flags)))
        case ["memory"]:
            return _memory(shell, _LARGEST)
        case ["memory", count] if count.isdigit() and int(count):
            return _memory(shell, int(count))
        case []:
            return Shown(_USAGE, "")
        case _:
            raise ValueError(f"%envaudit {' '.join(words)}: there is no such command")


def _checked(*, smoke: bool, verbose: bool) -> Shown:
    from envaudit.audit import audit  # noqa: PLC0415
    from envaudit.jupyter.memory import watched  # noqa: PLC0415
    from envaudit.jupyter.shown import as_html  # noqa: PLC0415
    from envaudit.report import NORMAL, VERBOSE, ReportOptions, render  # noqa: PLC0415
    from envaudit.settings import load_settings  # noqa: PLC0415

    environ, cwd = os.environ, os.getcwd()
    flags = {"target": sys.executable, "smoke": "auto" if smoke else "none", "verbose": verbose or None}
    settings = load_settings(flags, environ, cwd)
    options = ReportOptions(verbosity=VERBOSE if verbose else NORMAL, root=cwd, fail_on=settings.fail_on)
    report = audit(settings, environ, cwd)
    if watched():  # that limit is the one the kernel was installed with
        kept = tuple(each for each in report.findings if (each.code, each.subject) != ("HST002", "ulimit-d"))
        report = report._replace(findings=kept)
    return Shown(render(report, options), as_html(report, options))


def _memory(shell: Any, count: int) -> Shown:
    from envaudit.jupyter.memory import look, measured  # noqa: PLC0415
    from envaudit.jupyter.shown import memory_as_html, memory_as_text  # noqa: PLC0415

    hidden = set(getattr(shell, "user_ns_hidden", ()))
    names = {name: value for name, value in shell.user_ns.items() if name not in hidden and not name.startswith("_")}
    use, largest = look(), measured(names)[:count]
    return Shown(memory_as_text(use, largest), memory_as_html(use, largest))
