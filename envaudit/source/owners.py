"""Which distribution has a module, what it is known to have removed, and whether it makes names while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import read_bytes, read_each
from envaudit.source.candidates import source_files
from envaudit.source.parse import SIZE_LIMIT
from envaudit.source.removed import PROJECTS, STANDARD_LIBRARY, removed
from envaudit.source.stdlib import STANDARD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envaudit.model import Distribution
    from envaudit.source.modules import Modules

_RECORD_LIMIT = 64 * 1024 * 1024
# A file that has one of these may give names to modules, or put modules into place, that no source shows.
# Where setuptools keeps the distutils that its hook puts in the place of Python's.
_SETUPTOOLS_COPY = "/setuptools/_distutils/"
_DYNAMIC = (b"setattr(", b"__dict__", b"sys.modules", b"globals()", b"ModuleType(", b"meta_path")


class Owners:
    """The distributions of a target, asked by module."""

    def __init__(self, visible: Sequence[Distribution], python: str) -> None:
        """``python`` is the version of the target."""
        self._python = python
        self._by_key = {str(dist.key): dist for dist in visible}
        self._by_top: dict[str, list[Distribution]] = {}
        for dist in visible:
            for top in dist.top_level:
                self._by_top.setdefault(top, []).append(dist)
        self._records: dict[str, bytes] = {}
        self._dynamic: dict[str, tuple[bytes, ...]] = {}
        self._brought: dict[tuple[str, str], bool] = {}

    def dist_of(self, module: str, modules: Modules) -> Distribution | None:
        """Return the distribution that has a module, or where a missing one would belong."""
        dists = self._by_top.get(module.partition(".")[0], [])
        if len(dists) < 2:
            return dists[0] if dists else None
        name = module
        while name:
            place = modules.find(name)
            if place is not None and place.path:
                for dist in dists:
                    if place.path.startswith(f"{dist.site_dir}/") and self._lists(dist, place.path):
                        return dist
            name = name.rpartition(".")[0]
        return None

    def of(self, module: str, modules: Modules) -> str:
        """Return the normalised name of the distribution, ``python`` for the standard library, else empty."""
        dist = self.dist_of(module, modules)
        if dist is not None:
            return dist.key
        if module.partition(".")[0] == "distutils" and _SETUPTOOLS_COPY in getattr(
            modules.find("distutils"), "path", ""
        ):
            return "setuptools"
        return "python" if module.partition(".")[0] in STANDARD else ""

    def removed(self, module: str, name: str, modules: Modules) -> tuple[str, str] | None:
        """Return the release that removed a name and what there is instead, as far as the measured table knows."""
        top = module.partition(".")[0]
        project = PROJECTS.get(top, STANDARD_LIBRARY if top in STANDARD else "")
        if not project:
            return None
        version = self._python
        if project != STANDARD_LIBRARY:
            dist = self._by_key.get(project)
            if dist is None or top not in dist.top_level:
                return None
            version = dist.version
        elif top == "distutils" and modules.find(top) is not None:
            return None
        known = removed(project, version, f"{module}.{name}" if name else module)
        return (known.first_without, known.instead) if known is not None and known.sure else None

    def brings(self, dist: Distribution, module: str) -> bool:
        """Whether a distribution has a module of this name somewhere inside: a copy that it puts on the path itself."""
        key = (dist.info_path, module.rpartition(".")[2])
        known = self._brought.get(key)
        if known is None:
            last, record = key[1].encode(), self._record(dist)
            known = self._brought[key] = b"/" + last + b"/" in record or b"/" + last + b"." in record
        return known

    def makes_at_run_time(self, module: str, last: str, asking: Distribution | None, modules: Modules) -> bool:
        """Say whether a file of the distribution that has a module, or of the asking one, may make a name in it."""
        word = last.encode()
        dist = self.dist_of(module, modules)
        if module.partition(".")[0] == "torch" and last.endswith(("Tensor", "Storage")):
            return True  # made by compiled code, for the devices that there are
        assigned = b"." + word + b" = "
        for text in self._dynamic_files(dist) if dist is not None else ():
            if b"meta_path" in text or _quoted(word, text) or assigned in text:
                return True
        return asking is not None and any(assigned in text for text in self._dynamic_files(asking))

    def _dynamic_files(self, dist: Distribution) -> tuple[bytes, ...]:
        """Return the sources of a distribution that may make names or modules while they run."""
        known = self._dynamic.get(dist.info_path)
        if known is None:
            read = read_each(dist.site_dir, source_files(dist)[0], SIZE_LIMIT)
            texts = (text for text in read if text is not None and any(mark in text for mark in _DYNAMIC))
            known = self._dynamic[dist.info_path] = tuple(texts)
        return known

    def _lists(self, dist: Distribution, path: str) -> bool:
        """Whether the RECORD of a distribution lists a file."""
        relative = path[len(dist.site_dir) + 1 :].encode()
        return b"\n" + relative + b"," in b"\n" + self._record(dist)

    def _record(self, dist: Distribution) -> bytes:
        if dist.info_path not in self._records:
            try:
                self._records[dist.info_path] = read_bytes(f"{dist.info_path}/RECORD", _RECORD_LIMIT)
            except ReadError:
                self._records[dist.info_path] = b""
        return self._records[dist.info_path]


def _quoted(word: bytes, text: bytes) -> bool:
    return b"'" + word + b"'" in text or b'"' + word + b'"' in text
