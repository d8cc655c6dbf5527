"""pyvenv.cfg: what venv, virtualenv and uv write about an environment they make."""

from __future__ import annotations

import os
from typing import NamedTuple

from envaudit.errors import ReadError
from envaudit.files import outside, read_bytes
from envaudit.locate.library import plain_version

_LIMIT = 256 * 1024


class PyvenvCfg(NamedTuple):
    """``home`` is the folder of the interpreter the environment was made from, as a path of this machine.

    ``version`` is empty when not given.
    """

    home: str = ""
    version: str = ""
    implementation: str = ""
    system_site_packages: bool = False


def read_pyvenv_cfg(path: str) -> PyvenvCfg:
    """Read pyvenv.cfg; one that cannot be read says nothing.

    The version is under ``version`` (venv) or ``version_info`` (virtualenv ``3.11.7.final.0``, uv ``3.11.7``).
    """
    try:
        text = read_bytes(path, _LIMIT).decode("utf-8", "replace")
    except ReadError:
        return PyvenvCfg()
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, sign, value = line.partition("=")
        if sign:
            values.setdefault(name.strip().lower(), value.strip())
    home = values.get("home", "")
    if "\0" in home or not os.path.isabs(home):
        home = ""  # also the C:\Python of an environment from another system: nothing can be said about it here
    return PyvenvCfg(
        home=outside(home.rstrip("/\\") or home) if home else "",
        version=plain_version(values.get("version_info") or values.get("version", "")),
        implementation=values.get("implementation", ""),
        system_site_packages=values.get("include-system-site-packages", "").lower() == "true",
    )
