"""The frozen values about Python names: what a source file asks for that is not there."""

from __future__ import annotations

from typing import NamedTuple


class MissingName(NamedTuple):
    """One name, or module, that a source file of a distribution asks for and that is not there.

    ``owner`` is the ``info_path`` of the distribution that asks, ``path`` its file relative to ``site_dir``, ``line``
    where it asks. ``form`` is ``from`` (``from module import name``), ``import`` (``import module``, no name),
    ``attribute`` (``module.name``) or ``member`` (``name`` of an object of the class ``module``). ``at_import`` says
    that it runs when the file is imported, else when a function is called. ``start`` is the top-level module whose
    import runs into it, by way of the modules ``through``; empty when no such way was found. ``of_part`` says that
    ``start`` is not the package but a part of it that users import by itself; of a call, that only such a part leads to
    the file it is in. ``provider`` is the normalised name of the distribution that has the module, ``python`` for the
    standard library, empty when nobody has it. ``absent`` is the module that is not there, empty when only the name is
    missing. ``removed_in`` is the release of the provider that no longer had it, and ``instead`` what there is in its
    place, where they are known.
    """

    owner: str
    site_dir: str
    path: str
    line: int
    module: str
    name: str
    form: str
    at_import: bool
    start: str = ""
    through: tuple[str, ...] = ()
    provider: str = ""
    absent: str = ""
    removed_in: str = ""
    instead: str = ""
    of_part: bool = False

    @property
    def dotted(self) -> str:
        """The full name of what is missing."""
        if self.absent:
            return self.absent
        return f"{self.module}.{self.name}" if self.name else self.module
