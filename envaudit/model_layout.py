"""The frozen value types of what lies around the distributions; part of ``envaudit.model``.

Other modules import the classes from ``envaudit.model``, which holds all value types together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Literal

    FaultKind = Literal["module", "folder", "source", "syntax", "nspkg", "undecodable", "customize"]
    LeftoverKind = Literal["renamed", "nspkg", "emptied"]
    PlaceKind = Literal["cwd", "PYTHONPATH", "stdlib", "site", "system", "user", "pth"]


class StartupFault(NamedTuple):
    """Something that every start of the interpreter does and that cannot work.

    ``kind``: ``module`` (an ``import`` line whose module ``name`` is nowhere), ``folder`` (a path line that leads
    nowhere), ``source`` (an import hook of an editable install leads nowhere), ``syntax`` (an ``import`` line that
    cannot be parsed), ``nspkg`` (a namespace whose folder is gone), ``undecodable`` (no UTF-8), ``customize``
    (``sitecustomize`` or ``usercustomize`` that cannot be parsed). ``owner`` is the ``info_path`` of the distribution
    that needs it, ``alone`` says that the file holds nothing else.
    """

    kind: FaultKind
    path: str
    name: str
    detail: str
    line: int | None = None
    owner: str = ""
    alone: bool = False


class Leftover(NamedTuple):
    """What an installation or its removal left behind.

    ``kind``: ``renamed`` (``~umpy``: pip moves a folder aside before it deletes it), ``nspkg`` (a ``-nspkg.pth`` of a
    distribution that is gone), ``emptied`` (a package's folder without any module in it).
    """

    kind: LeftoverKind
    paths: tuple[str, ...]
    name: str
    version: str = ""


class Hidden(NamedTuple):
    """An import name that is found in one place although a module of another place is meant.

    ``path`` is what is imported, below ``folder``; ``behind`` what is not. The owners are ``info_path`` of visible
    distributions, empty for files of none.
    """

    name: str
    place: PlaceKind
    folder: str
    path: str
    owner: str
    behind_place: PlaceKind
    behind: str
    behind_owner: str


class Twin(NamedTuple):
    """One of several metadata folders of a distribution in one site folder.

    ``fitting`` of the ``listed`` files of its RECORD are on disk in the size that RECORD states. ``seen`` says that
    the folder's listing names it first, which is what ``importlib.metadata`` goes by; ``None`` where that is not known.
    """

    info_path: str
    fitting: int
    listed: int
    seen: bool | None


class Script(NamedTuple):
    """A script of the environment and the interpreter its first line names."""

    path: str
    python: str


class CondaRecord(NamedTuple):
    """What conda believes to have installed: ``path`` is its record, ``owner`` the ``info_path`` of what is there."""

    name: str
    version: str
    path: str
    owner: str


class Layout(NamedTuple):
    """What lies around the distributions: what starts with Python, what hides what, what was left behind.

    ``scripts`` are those that another environment's interpreter runs, ``activate`` the folder that the activation
    script names when it is not this one. ``open_folders`` are site folders in which everybody may write, with their
    permissions.
    """

    startup: tuple[StartupFault, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    twins: tuple[Twin, ...] = ()
    scripts: tuple[Script, ...] = ()
    activate: str = ""
    conda: tuple[CondaRecord, ...] = ()
    open_folders: tuple[tuple[str, int], ...] = ()
