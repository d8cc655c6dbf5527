"""The NumPy that a target would import, as its own files describe it.

Its header ``_numpyconfig.h`` states the numbers that its C API reports at run time; it is installed with every NumPy.
Sizes of its types stand in no file, so they are known only for releases in the table.
"""

from __future__ import annotations

import re

from envaudit.binary.numpy_releases import release_of
from envaudit.errors import ReadError
from envaudit.files import read_text
from envaudit.model import RunningNumpy, StructSizes

_FILE_LIMIT = 256 * 1024  # both files have a few hundred lines at most
_HEADERS = ("_core/include/numpy/_numpyconfig.h", "core/include/numpy/_numpyconfig.h")

# ``version = "2.2.6"`` (1.26, 2.x), ``version = '1.19.5'`` and ``version: str = '1.20.3'`` (before); the name that
# carries everything comes first. 1.21 to 1.25 keep it in ``_version.py``, as JSON: ``"version": "1.24.4"``.
_VERSION_NAMES = ("full_version", "version", "short_version")
_ASSIGNED = r"""^{name}(?:[ \t]*:[ \t]*str)?[ \t]*=[ \t]*["']([0-9][0-9A-Za-z.+!_-]{{0,63}})["']"""
_JSON = re.compile(r'^[ \t]*"version":[ \t]*"([0-9][0-9A-Za-z.+!_-]{0,63})"', re.MULTILINE)
_DEFINED = re.compile(r"^[ \t]*#[ \t]*define[ \t]+NPY_(ABI|API)_VERSION[ \t]+0[xX]([0-9A-Fa-f]{1,8})\b", re.MULTILINE)


def running_numpy(package_dir: str, metadata_version: str, info_path: str) -> RunningNumpy:
    """Describe the NumPy whose package is the folder ``package_dir``.

    ``metadata_version`` is used when its files do not state a version. ``source`` of the answer is the header that
    states the numbers, or ``release table``, or empty when neither knows them: then ``abi`` and ``feature`` are
    ``None``, never guessed. Nothing is raised: a file that cannot be read states nothing.
    """
    version = _stated_version(package_dir) or metadata_version
    release = release_of(version)
    sizes = release.sizes if release else StructSizes()
    # Files of a NumPy 2 that was once there may still lie beside those of a NumPy 1, and the other way round.
    for name in reversed(_HEADERS) if version.startswith(("0.", "1.")) else _HEADERS:
        header = f"{package_dir}/{name}"
        defined = {key: int(digits, 16) for key, digits in _DEFINED.findall(_text(header))}
        if len(defined) == 2:
            return RunningNumpy(version, defined["ABI"], defined["API"], sizes, header, info_path)
    if release is None:
        return RunningNumpy(version, None, None, sizes, "", info_path)
    return RunningNumpy(version, release.abi, release.feature, sizes, "release table", info_path)


def _stated_version(package_dir: str) -> str:
    """Return the version that NumPy's own files state, empty when they do not."""
    text = _text(f"{package_dir}/version.py")
    for name in _VERSION_NAMES:
        found = re.search(_ASSIGNED.format(name=name), text, re.MULTILINE)
        if found:
            return found[1]
    found = _JSON.search(_text(f"{package_dir}/_version.py"))
    return found[1] if found else ""


def _text(path: str) -> str:
    """Return the text of a file, empty when it cannot be read."""
    try:
        return read_text(path, _FILE_LIMIT)
    except ReadError:
        return ""
