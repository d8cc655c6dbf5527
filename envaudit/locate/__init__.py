"""Find the environment to audit and describe it from its files.

Nothing of the target is run, unless no file says which Python it is: then its interpreter is asked, without any of
its packages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.errors import TargetError
from envaudit.locate.choose import TargetRequest, choose, find_python
from envaudit.locate.folder import python_of_folder
from envaudit.locate.library import minor
from envaudit.locate.markers import marker_environment
from envaudit.locate.place import recognise
from envaudit.locate.probe import Answer, ask
from envaudit.locate.python import behind_script, python_of_place
from envaudit.locate.sites import sites_of
from envaudit.model import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envaudit.locate.place import Place
    from envaudit.locate.python import Asking, Python

__all__ = ["TargetRequest", "locate"]


def locate(request: TargetRequest, environ: Mapping[str, str], cwd: str) -> Target:
    """Return the environment that a request, the variables and the working folder lead to.

    Raises ``TargetError`` with one sentence when there is none or nothing in it can be audited; what is wrong with
    the rest is in ``Target.problems``.
    """

    def asking(program: str) -> Answer:
        return ask(program, environ, cwd)

    choice = choose(request, environ, cwd)
    place = behind_script(recognise(choice.path), asking)
    python = _python(place, request, environ, cwd, asking)
    sites = sites_of(place, python, environ)
    problems = (*python.problems, *sites.problems)
    if not sites.folders and not any(problem.kind == "other-python" for problem in problems):
        unreadable = [problem for problem in problems if problem.kind == "unreadable"]
        why = f"{unreadable[0].path} {unreadable[0].detail}" if unreadable else "it has no folder of packages"
        raise TargetError(f"nothing in {choice.path} can be audited: {why}")
    release, machine = python.release, python.machine
    major, small = minor(release.python).split(".")
    return Target(
        kind=place.kind,
        prefix=python.prefix,
        base_prefix=python.base_prefix,
        executable=python.executable,
        python=release.python,
        version_info=(int(major), int(small)),
        implementation=release.implementation,
        free_threaded=release.free_threaded,
        platform=machine.platform,
        machine=machine.machine,
        libc=machine.libc,
        site_dirs=sites.folders,
        markers=marker_environment(release, machine),
        chosen_by=choice.chosen_by,
        problems=problems,
    )


def _python(place: Place, request: TargetRequest, environ: Mapping[str, str], cwd: str, asking: Asking) -> Python:
    """Describe the Python of a target; ``--python`` speaks only for a folder that does not say itself."""
    if place.kind != "site-packages":
        return python_of_place(place, asking)
    given = None
    if request.target and request.python:
        named = behind_script(recognise(find_python(request.python, environ, cwd).path), asking)
        given = python_of_place(named, asking)
    return python_of_folder(place, given, asking)
