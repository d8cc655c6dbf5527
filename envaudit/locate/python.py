"""Which Python a recognised environment runs on: from its files, and only else by asking its interpreter."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from envaudit.errors import ReadError, TargetError
from envaudit.files import inside, is_file, is_folder, open_regular, real
from envaudit.locate.compiled import machine_of_files
from envaudit.locate.library import (
    Library,
    Release,
    find_library,
    minor,
    plain_version,
    release_of_library,
    release_of_name,
    release_of_program,
)
from envaudit.locate.machine import Machine, host_machine, machine_of_program, usual_machine
from envaudit.locate.place import library_names, recognise
from envaudit.locate.pyvenv import PyvenvCfg, read_pyvenv_cfg
from envaudit.model import TargetProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from envaudit.locate.place import Place
    from envaudit.locate.probe import Answer

    Asking = Callable[[str], Answer]

_NAMES = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalVM"}


class Python(NamedTuple):
    """The Python of a target.

    ``executable`` is empty when there is none that could be started. ``lib_name`` is the name of its folder in
    ``lib`` (``python3.13t``); ``cfg`` is set for a virtual environment.
    """

    executable: str
    prefix: str
    base_prefix: str
    lib_name: str
    release: Release
    machine: Machine
    cfg: PyvenvCfg | None = None
    problems: tuple[TargetProblem, ...] = ()


def behind_script(place: Place, asking: Asking) -> Place:
    """Follow a stand-in (the shell scripts of version managers) to the interpreter it starts."""
    if place.kind != "interpreter" or not place.program or not _is_script(place.program):
        return place
    try:
        executable = asking(place.program).executable
    except ReadError as error:
        raise TargetError(f"{place.program} is a script that stands in for Python, but {error}") from error
    if not is_file(executable) or _is_script(executable):
        raise TargetError(f"{place.program} is a script, and what it starts does not say where it is")
    return recognise(executable)


def python_of_place(place: Place, asking: Asking) -> Python:
    """Describe the Python of an environment; raises ``TargetError`` when neither files nor the interpreter tell."""
    if place.kind == "venv":
        return _of_venv(place, asking)
    return _of_program(place, asking) if is_file(place.program) else _without_program(place)


def _of_program(place: Place, asking: Asking) -> Python:
    """Describe an interpreter that is there, of a prefix of its own."""
    library = find_library(place.program)
    release = release_of_library(library) if library else None
    base = library.prefix if library else place.prefix
    if release is None:
        try:
            answer = asking(place.program)
            release, base = _release_of_answer(answer), base or answer.base_prefix
        except ReadError as error:
            release = release_of_program(place.program, library) if library else None
            if release is None:
                raise TargetError(f"{place.program}: no file says which Python this is, and {error}") from error
    prefix = place.prefix or base
    problems: tuple[TargetProblem, ...] = ()
    if real(prefix) != real(base):
        # The packages are in one prefix, the library in another, and no pyvenv.cfg says that they belong together.
        detail = f"pyvenv.cfg is missing: started from here, Python uses the packages of {base}"
        problems = (TargetProblem("base-missing", prefix, detail),)
    machine = _machine(place.program, prefix)
    return Python(place.program, prefix, base, _lib_name(release, library), release, machine, None, problems)


def _of_venv(place: Place, asking: Asking) -> Python:
    """Describe a virtual environment; the Python it was made from may be another by now, or gone."""
    cfg = read_pyvenv_cfg(f"{place.prefix}/pyvenv.cfg")
    runs = is_file(place.program)
    library = _library_of_venv(place, cfg)
    release = _release_of_venv(place, cfg, library)
    if release is None and runs:
        with contextlib.suppress(ReadError):
            release = _release_of_answer(asking(place.program))
    if release is None and library:
        release = release_of_program(place.program, library)  # it does not run
    if release is None:
        raise TargetError(f"no file of {place.prefix} says which Python it is for, and its interpreter does not run")
    lib_name = _lib_name(release, library)
    if library is None:
        same = [name for name in _names_in(place.prefix) if _is_release(name, release)]
        lib_name = same[0] if same else lib_name
    base = library.prefix if library else os.path.dirname(cfg.home)
    machine = _machine(place.program, place.prefix)
    executable = place.program if runs else ""
    problems = _base_missing(place, cfg)
    if problems and machine.system != host_machine().system:
        problems = (_elsewhere(place, machine),)
    return Python(executable, place.prefix, base, lib_name, release, machine, cfg, problems)


def _library_of_venv(place: Place, cfg: PyvenvCfg) -> Library | None:
    """Find the standard library that a virtual environment borrows."""
    names = (f"python{minor(cfg.version)}", "python3", "python", "pypy3", "python.exe")
    programs = [f"{cfg.home}/{name}" for name in names if cfg.home]
    if not real(place.program).startswith(f"{real(place.prefix)}/"):
        programs.insert(0, place.program)  # a link; a copied interpreter leads nowhere but into the environment
    for program in programs:
        library = find_library(program) if is_file(program) else None
        if library:
            return library
    return None


def _release_of_venv(place: Place, cfg: PyvenvCfg, library: Library | None) -> Release | None:
    """Return the version by files: of the library in use, else what pyvenv.cfg recorded, else a folder's name."""
    named = release_of_name(library.name) if library else None
    found = release_of_library(library) if library else None
    if found:
        return found
    if cfg.version and (named is None or minor(cfg.version) == named.python):
        implementation = _NAMES.get(cfg.implementation.lower(), "CPython")
        free_threaded = named.free_threaded if named else f"python{minor(cfg.version)}t" in _names_in(place.prefix)
        return Release(cfg.version, implementation, "", free_threaded)
    if is_file(place.program):
        return None  # it can be asked
    names = [release for name in _names_in(place.prefix) if (release := release_of_name(name))]
    return names[0] if len(names) == 1 else None


def _elsewhere(place: Place, machine: Machine) -> TargetProblem:
    """Say that an environment belongs to another system, where what it leads to may well be."""
    detail = f"it is for {machine.platform}: whether the Python it was made from is there cannot be seen from here"
    return TargetProblem("assumed-python", place.prefix, detail)


def _base_missing(place: Place, cfg: PyvenvCfg) -> tuple[TargetProblem, ...]:
    """Say that the interpreter of a virtual environment cannot start, when files show it."""
    if not place.program:
        return (TargetProblem("base-missing", place.prefix, "there is no Python interpreter in it"),)
    if not is_file(place.program):
        end = inside(real(place.program))
        return (TargetProblem("base-missing", place.program, f"it leads to {end}, which does not exist"),)
    if cfg.home and not is_folder(cfg.home):
        detail = f"home = {inside(cfg.home)}, which does not exist any more"
        return (TargetProblem("base-missing", f"{place.prefix}/pyvenv.cfg", detail),)
    return ()


def _without_program(place: Place) -> Python:
    """Describe a prefix without an interpreter: what ``pip install --prefix`` makes, or a damaged conda environment."""
    libraries = [Library(place.prefix, folder) for folder in library_names(place.prefix)]
    releases = [
        (release_of_library(library) or release, library)
        for library in libraries
        if (release := release_of_name(library.name))
    ]
    if not releases:
        raise TargetError(f"there is no Python in {place.prefix}, so no packages of Python can be in it")
    release, library = max(releases, key=lambda pair: _order(pair[0].python))
    problem = TargetProblem("base-missing", place.prefix, "there is no Python interpreter in it")
    machine = _machine(place.program, place.prefix)
    return Python("", place.prefix, place.prefix, library.name, release, machine, None, (problem,))


def _release_of_answer(answer: Answer) -> Release:
    """Translate what an interpreter said of itself."""
    implementation = _NAMES.get(answer.implementation, answer.implementation)
    version = plain_version(answer.version)
    return Release(version, implementation, answer.implementation_version, answer.free_threaded)


def _lib_name(release: Release, library: Library | None) -> str:
    """Return the name of the library folder: that of the library itself, else the usual one."""
    if library and library.name != "Lib":
        return library.name
    stem = "pypy" if release.implementation == "PyPy" else "python"
    return f"{stem}{minor(release.python)}{'t' if release.free_threaded else ''}"


def _names_in(prefix: str) -> list[str]:
    """Return the names of the library folders with site-packages in a prefix: ``python3.11``."""
    return [folder.rpartition("/")[2] for folder in library_names(prefix)]


def _is_release(lib_name: str, release: Release) -> bool:
    """Say whether a library folder is for this version."""
    named = release_of_name(lib_name)
    return named is not None and named.python == minor(release.python)


def _order(version: str) -> tuple[int, ...]:
    """Return what sorts 3.9 before 3.11."""
    return tuple(int(part) for part in version.split(".")[:2])


def _machine(program: str, prefix: str) -> Machine:
    """Return the machine of an interpreter, else that of the compiled files installed for it, else the usual one."""
    try:
        return machine_of_program(program)
    except ReadError:
        folders = [f"{prefix}/{lib}/site-packages" for lib in library_names(prefix)] if prefix else []
        return machine_of_files(folders) or usual_machine()


def _is_script(program: str) -> bool:
    """Say whether a program is a script, which is no interpreter but starts one."""
    try:
        with open_regular(program) as (descriptor, _):
            return os.read(descriptor, 2) == b"#!"
    except (ReadError, OSError):
        return False
