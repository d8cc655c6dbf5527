"""What setuptools wrote before wheels: requires.txt of an ``.egg-info`` folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

# Enough to satisfy every version of importlib-metadata that there is something to look requirements up for.
_NO_METADATA = "Metadata-Version: 1.0\nName: unknown\nVersion: 0\n\n"


def requires_dist(requires_txt: str) -> tuple[str, ...]:
    """Translate requires.txt (sections ``[extra]``, ``[:marker]``, ``[extra:marker]``) to Requires-Dist strings.

    importlib-metadata knows how, and takes any text; it gets it from here, so that it opens no file of the target.
    """
    import importlib_metadata  # noqa: PLC0415  # 31 ms, for the few environments that still have such a file

    class InMemory(importlib_metadata.Distribution):
        """An egg-info whose only content is the text at hand."""

        def read_text(self, filename: str) -> str | None:
            return {"requires.txt": requires_txt, "PKG-INFO": _NO_METADATA}.get(filename)

        def locate_file(self, path: str | PathLike[str]) -> importlib_metadata.SimplePath:
            raise FileNotFoundError(path)

    return tuple(InMemory().requires or ())
