"""Which public names large libraries and Python itself have removed, and in which release: measured, not collected.

Some modules make their names when they are asked for them, so that reading a module does not tell which it has not.
``fixtures/names/measure.py`` has installed releases of these projects one by one, has asked each for every name that
any of them had, and has written down where a name disappeared: a file for each project, in ``removed_names``.
"""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packaging.version import Version

# The standard library stands in the table like a distribution whose version is that of Python.
STANDARD_LIBRARY = "python"

# Names that a table knows, by the import package they belong to.
PROJECTS = {
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "sklearn": "scikit-learn",
    "matplotlib": "matplotlib",
    "mpl_toolkits": "matplotlib",
    "pylab": "matplotlib",
    "jinja2": "jinja2",
    "werkzeug": "werkzeug",
    "flask": "flask",
    "markupsafe": "markupsafe",
    "itsdangerous": "itsdangerous",
    "sqlalchemy": "sqlalchemy",
    "setuptools": "setuptools",
    "pkg_resources": "setuptools",
    "networkx": "networkx",
    "click": "click",
    "attr": "attrs",
    "attrs": "attrs",
    "importlib_metadata": "importlib-metadata",
    "pydantic": "pydantic",
    "google": "protobuf",
    "requests": "requests",
    "urllib3": "urllib3",
    "typing_extensions": "typing-extensions",
    "traitlets": "traitlets",
    "jupyter_client": "jupyter-client",
    "ipykernel": "ipykernel",
    "IPython": "ipython",
    "numba": "numba",
    "dask": "dask",
}


class Removed(NamedTuple):
    """A name that a release does not have any more.

    ``last_with`` and ``first_without`` are the measured releases around its disappearance. ``instead`` is what to use
    now, as far as known, by ``origin``: ``same object`` (another name of it, in the last release that had both) or
    ``message`` (what that release said about it). ``member`` says that it is an attribute of a class. ``sure`` is false
    for releases newer than all that were measured.
    """

    project: str
    name: str
    last_with: str
    first_without: str
    instead: str
    origin: str
    member: bool
    sure: bool


class Member(NamedTuple):
    """An attribute that objects of a class, ``owner`` by its dotted name, do not have any more."""

    owner: str
    known: Removed


class _Table(NamedTuple):
    """The file of a project as it is, and the releases it was measured on.

    ``asked`` are classes with ``__getattr__`` of which an object was asked for what the class has lost, in vain.
    """

    text: str
    releases: tuple[str, ...]
    asked: frozenset[str] = frozenset()


def removed(project: str, installed: str, name: str) -> Removed | None:
    """Return how a dotted name, or a part it begins with, was removed before the ``installed`` release of a project.

    ``project`` is a normalised name such as ``scikit-learn``, or ``STANDARD_LIBRARY``. ``None`` means that nothing is
    known: the name is there, never was, or nobody measured it.
    """
    table = _table(project)
    version = _version(installed)
    if table is None or version is None:
        return None
    if project == STANDARD_LIBRARY:
        version = _version(".".join(map(str, version.release[:2]))) or version
    found = _search(project, table, version, name)
    if found is None or not found.instead.startswith(f"{name.partition('.')[0]}."):
        return found
    # What was to be used instead may be gone by now as well.
    return found if _search(project, table, version, found.instead) is None else found._replace(instead="", origin="")


def lost_members(project: str, installed: str) -> tuple[Member, ...]:
    """Return every attribute of a class that is still there, but not the attribute, in the ``installed`` release."""
    table = _table(project)
    version = _version(installed)
    if table is None or version is None:
        return ()
    if project == STANDARD_LIBRARY:
        version = _version(".".join(map(str, version.release[:2]))) or version
    newest = _version(table.releases[-1]) if table.releases else None
    sure = newest is not None and version <= newest
    gone: set[str] = set()
    rows: list[tuple[str, list[str]]] = []
    without: dict[tuple[str, str], bool] = {}
    for line in table.text.splitlines():
        name, *fields = line.split("\t")
        if len(fields) < 2:
            continue
        span = (fields[1], fields[2] if len(fields) > 2 else "")
        if span not in without:
            without[span] = _between(version, *span, table.releases)
        if not without[span]:
            continue
        if "()" in name:
            rows.append((name, [*fields, "", "", ""]))
        else:
            gone.add(name)
    found = []
    for name, fields in rows:
        owner, _, member = name.partition("().")
        if gone.isdisjoint(_beginnings(owner)):
            instead = fields[3] if fields[3] not in gone else ""
            origin = fields[4] if instead else ""
            known = Removed(project, f"{owner}.{member}", fields[0], fields[1], instead, origin, member=True, sure=sure)
            found.append(Member(owner, known))
    return tuple(found)


def is_newer(one: str, other: str) -> bool:
    """Say whether a release is newer than another; true when one of them is no version."""
    first, second = _version(one), _version(other)
    return first is None or second is None or first > second


def asked_classes(project: str) -> frozenset[str]:
    """Return the classes that decide by code what they have, and whose objects were asked."""
    table = _table(project)
    return table.asked if table is not None else frozenset()


def _beginnings(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _search(project: str, table: _Table, version: Version, name: str) -> Removed | None:
    newest = _version(table.releases[-1]) if table.releases else None
    for written in _spellings(name):
        if written not in _names(project):
            continue
        for line in _lines(table.text, written):
            last_with, first_without, back_in, instead, origin = (*line, "", "", "")[:5]
            if _between(version, first_without, back_in, table.releases):
                shown = written.replace("()", "")
                sure = newest is not None and version <= newest
                return Removed(project, shown, last_with, first_without, instead, origin, shown != written, sure)
    return None


def _spellings(name: str) -> Iterator[str]:
    """Yield what stands in the table for a name: its beginnings, shortest first, also as members of classes."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])
        if count > 2:
            yield f"{'.'.join(parts[: count - 1])}().{parts[count - 1]}"


def _lines(text: str, written: str) -> Iterator[list[str]]:
    """Yield the fields of each line about a name."""
    start = f"\n{written}\t"
    at = text.find(start)
    while at >= 0:
        end = text.find("\n", at + 1)
        fields = text[at + len(start) : end].split("\t")
        if len(fields) >= 2:
            yield fields
        at = text.find(start, end)


def _between(version: Version, first_without: str, back_in: str, releases: Sequence[str]) -> bool:
    """Whether a release is one without the name.

    A name that was missing in a single release was removed by mistake, and came back nobody knows when in between:
    ``matplotlib.cm.get_cmap`` in 3.9.1, between the measured 3.9.0 and 3.10.0.
    """
    start, end = _version(first_without), _version(back_in)
    if end is None or start is None:
        return start is not None and version >= start
    measured = [release for release in map(_version, releases) if release is not None and start <= release < end]
    return start <= version < end if len(measured) > 1 else version == start


@functools.cache
def _names(project: str) -> frozenset[str]:
    """Return what stands at the beginning of a line: most names that are asked for do not."""
    table = _table(project)
    return frozenset(line.partition("\t")[0] for line in table.text.split("\n")) if table is not None else frozenset()


@functools.cache
def _version(text: str) -> Version | None:
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415  few runs look a name up

    try:
        return Version(text)
    except InvalidVersion:
        return None


@functools.cache
def _table(project: str) -> _Table | None:
    """Read the file of a project, ``None`` when it was not measured."""
    if project != STANDARD_LIBRARY and project not in PROJECTS.values():
        return None
    file = resources.files("envaudit").joinpath("source").joinpath("removed_names").joinpath(f"{project}.txt")
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return None
    heads = dict(re.findall(r"^# (releases|asked): (.*)$", text, re.MULTILINE))
    return _Table(text, tuple(heads.get("releases", "").split()), frozenset(heads.get("asked", "").split()))
