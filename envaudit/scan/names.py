"""Names and versions of distributions, judged without importing ``packaging`` where a look is enough.

``packaging.version`` costs 15 ms to import, and nearly every installed version is digits and dots.
"""

from __future__ import annotations

from envaudit.plain_versions import normalised as normalised  # noqa: PLC0414  all about names is to be had here
from envaudit.plain_versions import release_of

_ALPHANUMERIC = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_IN_NAME = _ALPHANUMERIC | frozenset("-_.")
# The longest name on the index has about 200 characters; a longer one is not a name.
_NAME_LIMIT = 512


def is_name(name: str) -> bool:
    """Say whether this is a valid name of a distribution (letters, digits, ``-_.``; ends with letter or digit)."""
    lower = name.lower()
    return (
        0 < len(lower) <= _NAME_LIMIT
        and lower[0] in _ALPHANUMERIC
        and lower[-1] in _ALPHANUMERIC
        and _IN_NAME.issuperset(lower)
    )


def is_version(version: str) -> bool:
    """Say whether this is a version by PEP 440."""
    if len(version) > _NAME_LIMIT:
        return False
    if release_of(version):
        return True
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415  # only what a look cannot decide

    try:
        Version(version)
    except InvalidVersion:
        return False
    return True


def of_info_name(file_name: str) -> tuple[str, str]:
    """Return name and version from the name of a ``.dist-info``, ``.egg-info`` or ``.egg``; either may be empty.

    ``pandas-2.0.3.dist-info``, ``PyYAML-6.0-py3.11.egg-info``, ``six.egg-info``. Installers write a dash in a name as
    ``_``; some old ones did not, therefore the version starts at the first dash that a digit follows. Bytes that are
    not UTF-8 are written as escapes, so that the name can stand in any report.
    """
    stem, _, _ = file_name.encode("utf-8", "backslashreplace").decode().rpartition(".")
    start = stem.find("-")
    while start != -1 and not stem[start + 1 : start + 2].isdigit():
        start = stem.find("-", start + 1)
    if start == -1:
        name, _, version = stem.partition("-")
        return name, version
    name, version = stem[:start], stem[start + 1 :]
    return name, version if file_name.endswith(".dist-info") else version.partition("-")[0]


def short(text: str, limit: int = 120) -> str:
    """Cut a text out of a file for a message."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
