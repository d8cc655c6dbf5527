"""Describe the environment to audit from its files: what ``locate`` in the package does.

It is loaded only when somebody asks: a program that only needs an interpreter to start has no time for it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from envaudit.errors import ReadError, TargetError
from envaudit.files import target_root
from envaudit.locate.choose import choose, find_python
from envaudit.locate.folder import python_of_folder
from envaudit.locate.library import minor
from envaudit.locate.machine import machine_of_program, runs_here
from envaudit.locate.markers import marker_environment
from envaudit.locate.place import recognise
from envaudit.locate.python import behind_script, python_of_place
from envaudit.locate.sites import sites_of
from envaudit.model import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envaudit.locate.choose import TargetRequest
    from envaudit.locate.place import Place
    from envaudit.locate.probe import Answer
    from envaudit.locate.python import Asking, Python


def describe(request: TargetRequest, environ: Mapping[str, str], cwd: str) -> Target:
    """Return the environment that is meant, for ``locate``, which says more."""

    def asking(program: str) -> Answer:
        if target_root().foreign:
            raise ReadError("nothing in an image is started")
        machine = None
        with suppress(ReadError):  # a script names no machine
            machine = machine_of_program(program)
        if machine and not runs_here(machine):
            raise ReadError(f"this machine cannot start a program for {machine.platform}")
        from envaudit.locate.probe import ask  # noqa: PLC0415  hardly any interpreter has to be asked

        return ask(program, environ, cwd)

    choice = choose(request, environ, cwd)
    place = behind_script(recognise(choice.path), asking)
    python = _python(place, request, environ, cwd, asking)
    sites = sites_of(place, python, environ)
    problems = (*python.problems, *sites.problems)
    if not sites.folders and not any(problem.kind in {"other-python", "other-base"} for problem in problems):
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
        root=target_root().prefix,
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
