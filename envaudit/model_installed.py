"""The values that say how the files of a distribution differ from what was installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Literal

    Change = Literal["empty", "zeros", "zero-tail", "size", "content"]


class ChangedFile(NamedTuple):
    """A file that is there and is not what RECORD describes; sizes in bytes.

    ``change``: ``empty`` (nothing is left of it), ``zeros`` (as long as it should be or not, there are only zeros in
    it), ``zero-tail`` (its end is zeros), ``size`` (another size), ``content`` (the same size and another digest).
    ``recorded`` is ``None`` where RECORD states no size. ``hard_linked`` means that the file has other names: a change
    in place has changed those as well, as in the cache of the installer.
    """

    path: str
    change: Change
    size: int
    recorded: int | None = None
    hard_linked: bool = False


class StrayModule(NamedTuple):
    """An extension module that no RECORD lists, beside files that RECORD lists.

    ``instead_of`` is the listed file of the same module; ``wins`` says that Python loads the stray one and not that.
    """

    path: str
    instead_of: str = ""
    wins: bool = False


class ChangedFiles(NamedTuple):
    """What of the files of one distribution is not as its RECORD says; paths are relative to its site folder.

    ``owner`` is an ``info_path``, ``listed`` the number of files that RECORD lists. ``gone`` are the folders in which
    RECORD lists files and that are not there any more. ``stated`` is the version that changed files of the
    distribution state, and ``stated_in`` the file that does, when it is another release than the metadata's.
    ``outside`` are files that were not opened because a link leads out of the environment. ``bytecode`` are the
    ``.pyc`` that are not there, of ``bytecode_listed`` ones; they are not among ``missing``.
    """

    owner: str
    listed: int = 0
    missing: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[ChangedFile, ...] = ()
    stray: tuple[StrayModule, ...] = ()
    stated: str = ""
    stated_in: str = ""
    outside: tuple[str, ...] = ()
    bytecode: tuple[str, ...] = ()
    bytecode_listed: int = 0


class Claim(NamedTuple):
    """What one distribution says of a file: its ``info_path``, the hash as written and the size."""

    owner: str
    hash: str
    size: int | None


class SharedFile(NamedTuple):
    """A file that several distributions of one site folder say is theirs, with different content.

    ``winner`` is the owner of the content that is on disk, empty when it is nobody's or not there.
    """

    path: str
    site_dir: str
    claims: tuple[Claim, ...]
    winner: str = ""
