"""Which attributes the objects of a class have lost: rows of the measured tables, joined with what is installed."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

from envaudit.source.classes import NONE, Classes, gives
from envaudit.source.definitions import Definition
from envaudit.source.removed import PROJECTS, STANDARD_LIBRARY, Member, Removed, asked_classes, lost_members
from envaudit.source.stdlib import STANDARD

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from envaudit.source.modules import Modules
    from envaudit.source.statements import Statements


class Value(NamedTuple):
    """What an expression gives: an object of one of these classes, by their full names.

    With ``every`` the program has asked for that class itself (``isinstance``): an object of each class below it may
    be meant, and what fails for one of them fails.
    """

    classes: frozenset[str]
    every: bool = False


class LostMember(NamedTuple):
    """An attribute that objects of ``owner``, a class by its full name in the table, had in earlier releases."""

    owner: str
    name: str
    project: str
    known: Removed


class Members:
    """Answers what objects of libraries have lost, for one environment."""

    def __init__(
        self, modules: Modules, versions: Mapping[str, str], python: str, statements: Statements | None = None
    ) -> None:
        """``versions`` are those of the installed distributions by normalised name."""
        self.classes = Classes(modules, statements)
        self._versions = {**versions, STANDARD_LIBRARY: python}
        self.tops = tuple(top for top in PROJECTS if PROJECTS[top] in versions)
        self._lost_names: dict[str, Mapping[bytes, str]] = {}
        self._judged: dict[tuple[str, str], LostMember | None] = {}

    def project_of(self, top: str) -> str:
        """Return the project whose table knows a top-level module, empty when none does or it is not installed."""
        project = PROJECTS.get(top, STANDARD_LIBRARY if top in STANDARD else "")
        return project if project in self._versions else ""

    def rows(self, project: str) -> Mapping[str, tuple[Member, ...]]:
        """Return what the installed release has lost, by the last part of the name of its class."""
        return _rows(project, self._versions[project])

    def lost_names(self, full: str) -> Mapping[bytes, str]:
        """Return what objects of a class have lost and since which release, as ``name(`` where only a call is meant."""
        if full not in self._lost_names:
            project = self.project_of(full.partition(".")[0])
            rows = self.rows(project).get(full.rpartition(".")[2], ()) if project else ()
            owners = {owner for owner in {row.owner for row in rows} if self.class_of(owner) == full}
            is_open = self.classes.is_open(full) if owners else False
            names: dict[bytes, str] = {}
            for row in rows:
                if row.owner in owners and (not is_open or row.owner in asked_classes(project)):
                    name = row.known.name.rpartition(".")[2].encode()
                    for written in (name + b"(",) if is_open else (name, name + b"("):
                        names[written] = row.known.first_without
            self._lost_names[full] = names
        return self._lost_names[full]

    def names_lost(self, projects: Collection[str]) -> frozenset[str]:
        """Return the names of all attributes that objects of these projects have lost."""
        return frozenset(
            row.known.name.rpartition(".")[2]
            for project in projects
            for rows in self.rows(project).values()
            for row in rows
        )

    def lost(self, value: Value, name: str, *, called: bool) -> LostMember | None:
        """Say what was removed, when no object that a value may be has the attribute; ``None`` when one may have it."""
        found: LostMember | None = None
        for full in sorted(value.classes - {NONE}):
            judged = self._judge(full, name)
            if judged is not None and self._is_closed(full, judged, called=called):
                if not value.every or self.is_lost_below(full, name):
                    found = found or judged
            elif not value.every and self.classes.has_member(full, name) is not False:
                return None
        if found is not None and not value.every and self._is_below(value, name):
            return None
        return found

    def is_lost_below(self, full: str, name: str) -> bool:
        """Whether one of the classes below a class, if there are any, has lost an attribute as well."""
        below = self.classes.below(full)
        return not below or any(self._judge(each, name) is not None for each in below)

    def _is_below(self, value: Value, name: str) -> bool:
        """Whether a class below one that has lost an attribute has it: an object of that may be meant."""
        return any(
            self.classes.has_member(below, name)
            for full in value.classes - {NONE}
            for below in self.classes.below(full)
        )

    def class_of(self, full: str) -> str | None:
        """Return the class that a dotted name of a library stands for, by its own full name."""
        return self.classes.annotated_class(full)

    def is_property(self, value: Value, name: str) -> bool:
        """Whether an attribute of an object is computed when it is asked for."""
        return any(self.classes.is_property(full, name) for full in value.classes - {NONE})

    def result(self, value: Value, method: str) -> Value | None:
        """Return what a method, or a property, of an object gives; ``None`` when that is not known."""
        classes = value.classes - {NONE}
        found: set[str] = set()
        for full in classes:
            of_one = self.classes.returned(full, method)
            if of_one is None and value.every:
                # What a class does not have itself, the classes below it have.
                some = [self.classes.returned(below, method) for below in self.classes.below(full)]
                of_one = frozenset(each for one in some if one is not None for each in one) or None
            if of_one is None:
                return None
            found |= of_one
        return Value(frozenset(found), value.every) if found else None

    def _judge(self, full: str, name: str) -> LostMember | None:
        key = (full, name)
        if key not in self._judged:
            self._judged[key] = self._look_up(full, name)
        return self._judged[key]

    def _look_up(self, full: str, name: str) -> LostMember | None:
        """Go through a class and all that it inherits from, until one gives the attribute or has lost it."""
        for each in self.classes.family(full):
            if not isinstance(each, Definition):
                return None
            if gives(each.text, name):
                return None
            project = self.project_of(each.module.partition(".")[0])
            for row in self.rows(project).get(each.name, ()) if project else ():
                if row.known.name.rpartition(".")[2] != name:
                    continue
                defined = self.classes.define(row.owner)
                if defined is not None and defined.dotted == each.dotted:
                    if each.dotted != full and self.classes.has_member(full, name):
                        return None  # of another base
                    return LostMember(row.owner, name, project, row.known)
        return None

    def _is_closed(self, full: str, lost: LostMember, *, called: bool) -> bool:
        """Whether a class has no more attributes than are written down.

        One that decides by code (``__getattr__``) is closed when an object of it was asked for the name in vain, and
        the program calls what it gets: content that is found under that name (a column) cannot be called.
        """
        if not self.classes.is_open(full):
            return True
        return called and lost.owner in asked_classes(lost.project)


@functools.cache
def _rows(project: str, version: str) -> Mapping[str, tuple[Member, ...]]:
    found: dict[str, list[Member]] = {}
    for row in lost_members(project, version):
        found.setdefault(row.owner.rpartition(".")[2], []).append(row)
    # The spelling that people import a class by comes first.
    return {
        name: tuple(sorted(rows, key=lambda row: (row.owner.count("."), row.owner))) for name, rows in found.items()
    }
