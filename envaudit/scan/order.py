"""Which of two distributions of one name the interpreter finds."""

from __future__ import annotations

from functools import cmp_to_key
from typing import TYPE_CHECKING

from envaudit.errors import ReadError
from envaudit.files import is_there, read_bytes
from envaudit.model import replace
from envaudit.scan.names import is_version
from envaudit.scan.twins import count_fitting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envaudit.model import Distribution

# Files of a RECORD that are looked for, to see whether it describes what is on disk.
_LOOKED_FOR = 500


def mark_hidden(distributions: Iterable[Distribution]) -> tuple[Distribution, ...]:
    """Set ``hidden_by`` where a distribution of the same name comes first; the order given is that of ``sys.path``.

    The first folder wins, as it does in an import. Inside one folder importlib.metadata takes whichever info folder
    the operating system lists first, which is not defined and differs between machines. What is imported is what lies
    on disk; therefore the one whose RECORD fits the files better comes first, then the newer version.
    """
    groups: dict[str, dict[str, list[Distribution]]] = {}
    everything = list(distributions)
    for dist in everything:
        groups.setdefault(dist.key, {}).setdefault(dist.site_dir, []).append(dist)
    winners: dict[str, str] = {}
    for key, folders in groups.items():
        first = next(iter(folders.values()))
        winners[key] = (first[0] if len(first) == 1 else min(first, key=cmp_to_key(_compare))).info_path
    return tuple(
        dist if winners[dist.key] == dist.info_path else replace(dist, hidden_by=winners[dist.key])
        for dist in everything
    )


def _compare(one: Distribution, other: Distribution) -> int:
    """Return a negative number when ``one`` comes before ``other``."""
    difference = _absent(one) - _absent(other)
    if difference:
        return -1 if difference < 0 else 1
    if one.version != other.version and is_version(one.version) and is_version(other.version):
        from packaging.version import Version  # noqa: PLC0415  # only where a distribution is there twice

        return -1 if Version(one.version) > Version(other.version) else 1
    return -1 if one.info_path < other.info_path else 1


def _absent(dist: Distribution) -> float:
    """Return the share of files that are not as RECORD says; 1.0 without a RECORD, 2.0 without metadata as well.

    Sizes tell two releases apart whose files have the same names. A RECORD without sizes is held against the names.
    """
    if not dist.has_record:
        return 1.0 if dist.metadata_path else 2.0
    fitting, listed = count_fitting(dist)
    if listed:
        return 1.0 - fitting / listed
    try:
        data = read_bytes(f"{dist.info_path}/RECORD")
    except ReadError:
        return 1.0
    info = dist.info_path.rpartition("/")[2]
    paths = [line.partition(b",")[0].decode("utf-8", "surrogateescape") for line in data.splitlines()]
    paths = [path for path in paths if path and "\0" not in path and not path.startswith((info, "..", "/", '"'))]
    step = len(paths) // _LOOKED_FOR + 1
    looked_for = paths[::step]
    absent = sum(not is_there(f"{dist.site_dir}/{path}") for path in looked_for)
    return absent / len(looked_for) if looked_for else 1.0
