"""The frozen values about the user's own code: what it asks of the environment that the environment does not have."""

from __future__ import annotations

from typing import NamedTuple


class Removal(NamedTuple):
    """What is known about a name that a library has removed.

    ``last_with`` is the newest measured release that still had it, ``first_without`` the first without it, ``instead``
    what to use now, empty when that is not known. ``sure`` is false for a release newer than all that were measured.
    """

    last_with: str
    first_without: str
    instead: str
    sure: bool


class CodePlace(NamedTuple):
    """Where a need stands: the line of the file, ``None`` if unknown, and in a notebook the cell in words."""

    line: int | None
    cell: str = ""


class CodeNeed(NamedTuple):
    """A name or a module that a file of the user's asks for and that is not there.

    ``kind`` is ``top`` (nobody has the top-level module), ``module`` (its package has no such module) or ``name``.
    ``inside`` is the path relative to what the user named. ``name`` is the full dotted name, that of an attribute of a
    class for a ``member``. ``form`` is that of ``MissingName``. ``at_import`` says that it runs when the file does,
    else when one of its functions is called. ``provider`` is the normalised name of the distribution that should have
    it, ``python`` for the standard library, empty for ``top``. ``beside`` says that the file lies where no program
    starts (tests, docs) and was not named itself.
    """

    path: str
    inside: str
    kind: str
    name: str
    form: str
    at_import: bool
    places: tuple[CodePlace, ...]
    provider: str = ""
    beside: bool = False
    member: bool = False
    removal: Removal | None = None
