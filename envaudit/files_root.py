"""Where paths of the target lie on this machine: the same place, or inside the folder of an unpacked image."""

from __future__ import annotations

import os
import stat

from envaudit.files_seen import real_path, type_of

_LINKS_LIMIT = 40  # what Linux itself follows before it says ELOOP


class Root:
    """A root folder; ``Root("")`` is this machine's own.

    Paths *inside* are what a process with this root would use, paths *outside* are what can be opened here. Links are
    resolved inside: one to ``/lib`` in an image leads to the ``/lib`` of the image, never to the one of this machine.
    """

    __slots__ = ("_given", "_prefix")

    def __init__(self, prefix: str = "") -> None:
        real = os.path.realpath(prefix) if prefix else ""
        self._prefix = "" if real == "/" else real
        self._given = os.path.abspath(prefix) if self._prefix else ""

    @property
    def foreign(self) -> bool:
        """Whether this is not the root of this machine."""
        return bool(self._prefix)

    @property
    def prefix(self) -> str:
        """The folder on this machine, without links; empty for the root of this machine."""
        return self._prefix

    def inside(self, path: str) -> str:
        """Return the path that a process with this root would use for a path of this machine."""
        if not self._prefix:
            return path
        for prefix in (self._prefix, self._given):
            if path == prefix or path.startswith(prefix + "/"):
                return path[len(prefix) :] or "/"
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        return real[len(self._prefix) :] if real.startswith(self._prefix + "/") else path

    def outside(self, path: str) -> str:
        """Return the path on this machine of a path inside; nothing tells whether it exists."""
        if not self._prefix:
            return path
        return self._prefix + (self._resolve(path) or os.path.normpath("/" + path.lstrip("/"))).rstrip("/")

    def find(self, path: str) -> str:
        """Return the path on this machine of a regular file inside, empty when there is none."""
        resolved = self._resolve(path) if self._prefix else path
        place = self._prefix + resolved if resolved else ""
        return place if place and type_of(place) == stat.S_IFREG else ""

    def real(self, path: str) -> str:
        """Return a path inside without links."""
        return self._resolve(path) or path if self._prefix else real_path(path)

    def follow(self, path: str) -> str:
        """Return where a path of this machine leads when its links are resolved inside; empty for a loop.

        A path that does not lie in the root leads nowhere. The last part need not exist.
        """
        if not self._prefix:
            return path
        if path != self._prefix and not path.startswith(self._prefix + "/"):
            return ""
        resolved = self._resolve(path[len(self._prefix) :])
        return self._prefix + resolved.rstrip("/") if resolved else ""

    def _resolve(self, path: str) -> str:
        """Follow the links of an absolute path inside the root; empty for a loop."""
        waiting = path.split("/")[::-1]
        done: list[str] = []
        links = 0
        while waiting:
            part = waiting.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                done[-1:] = []
                continue
            try:
                target = os.readlink("/".join([self._prefix, *done, part]))
            except (OSError, ValueError):  # no link, or nothing there
                done.append(part)
                continue
            links += 1
            if links > _LINKS_LIMIT:
                return ""
            if target.startswith("/"):
                done.clear()
            waiting += target.split("/")[::-1]
        return "/" + "/".join(done)
