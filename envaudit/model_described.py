"""What is known of a target that is only described by files, and what package indexes say about releases."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from envaudit.model_stated import Stated


class Admitted(NamedTuple):
    """A distribution that will be installed in one of several versions: those that ``specifier`` admits."""

    name: str
    key: NormalizedName
    specifier: str
    path: str
    line: int | None


class Described(NamedTuple):
    """What a file says about its target, beyond the distributions whose version is settled.

    ``complete`` says that nothing else will be installed. ``stated`` are the requirements that apply to the target,
    constraints among them. ``ranges`` are the distributions whose version is not settled. ``unsolvable`` is what the
    resolver said when the requirements contradict each other, else empty. ``tool`` is the kind of file. ``wheels`` are
    the names of wheels that were read, by the key of their distribution, ``whole`` are those of which all was.
    """

    path: str
    tool: str
    complete: bool
    stated: tuple[Stated, ...] = ()
    ranges: tuple[Admitted, ...] = ()
    unsolvable: str = ""
    wheels: tuple[tuple[NormalizedName, str], ...] = ()
    whole: frozenset[str] = frozenset()


class Advisory(NamedTuple):
    """One known vulnerability of a release; ``fixed_in`` are versions without it, ``link`` is where it is described."""

    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    fixed_in: tuple[str, ...] = ()
    link: str = ""


class OnIndex(NamedTuple):
    """What indexes, or the lock file that was made of them, say about one release.

    ``known`` is false when there is no such version, ``exists`` when there is not even such a project. ``yanked`` is
    the reason (perhaps empty) when it was withdrawn, else ``None``. ``files`` are the names of what is offered.
    ``missing`` are the digests that the file demands, where no index offers one of them; empty when it demands none,
    or the index gives no digest of the same kind. ``status`` is that of PEP 792, empty when no index says one.
    ``advisories`` are the known vulnerabilities that an index tells. ``asked`` says who was asked.
    """

    name: str
    key: NormalizedName
    version: str
    asked: str
    exists: bool = True
    known: bool = True
    yanked: str | None = None
    files: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    status: str = ""
    status_reason: str = ""
    advisories: tuple[Advisory, ...] = ()
